//! Territories: what lies in them, the import, overlaps and gaps.

use proptest::prelude::*;

use crate::territory::{
    Area, Atlas, Facts, Gap, Imported, Located, MAX_ROWS, Naming, Place, PostalFlaw, PostalRange,
    RowError, Size, Territory, Unmet, Won, export, gaps, import, overlaps,
};

const HEADER: &str = "territory,owner,country,state,postal_from,postal_until,industry,employees_from,employees_until,field:Segment";

/// A layer with these fields beyond those of the columns; owners are called u and something.
struct Layer<F>(F);

impl<F: Fn(&str) -> bool> Naming for Layer<F> {
    type Owner = String;

    fn column(&self, _: &str) -> bool {
        true
    }

    fn country_codes(&self) -> bool {
        true
    }

    fn field(&self, name: &str) -> bool {
        (self.0)(name)
    }

    fn owner(&self, cell: &str) -> Result<String, (&'static str, String)> {
        if cell.starts_with('u') {
            Ok(cell.to_owned())
        } else {
            Err(("owner_unknown", String::from("Nobody is called so.")))
        }
    }
}

fn read(rows: &[&str]) -> Imported<String> {
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    import(&text, &Layer(|field: &str| field == "Segment"))
}

fn locate(territories: &[Territory<String>], facts: &Facts) -> Option<Place> {
    let found = Atlas::new(territories.to_vec()).locate(facts);
    found.map(|found| found.place)
}

fn right(rows: &[&str]) -> Imported<String> {
    let imported = read(rows);
    assert_eq!(imported.errors, []);
    imported
}

fn facts(country: &str, postal_code: &str, employees: Option<u64>) -> Facts {
    Facts {
        country: country.to_owned(),
        postal_code: postal_code.to_owned(),
        employees,
        ..Facts::default()
    }
}

#[test]
fn an_area_says_which_condition_is_not_met() {
    let imported = right(&["North,u1,DE,Hamburg,20000,22999,Software,50,499,Enterprise"]);
    let area = &imported.territories[0].areas[0];
    let mut record = facts(" de ", "D-20095", Some(50));
    record.state = String::from("HAMBURG");
    record.industry = String::from("software");
    let segment = String::from("Segment");
    assert_eq!(area.contains(&record), Err(Unmet::Postal));
    record.postal_code = String::from("20095");
    assert_eq!(area.contains(&record), Err(Unmet::Field(segment.clone())));
    record.fields.insert(segment, String::from("enterprise"));
    assert_eq!(area.contains(&record), Ok(()));
    for (change, unmet) in [
        (facts("AT", "20095", Some(50)), Unmet::Country),
        (facts("DE", "20095", Some(50)), Unmet::State),
    ] {
        assert_eq!(area.contains(&change), Err(unmet));
    }
    for employees in [None, Some(49), Some(500)] {
        record.employees = employees;
        assert_eq!(area.contains(&record), Err(Unmet::Size), "{employees:?}");
    }
}

#[test]
fn postal_codes_lie_in_a_range_by_their_beginning() {
    let range = |from: &str, until: &str| PostalRange::new(from, until);
    let berlin = range("10115", "14199").unwrap();
    assert!(berlin.contains("10115-0001") && berlin.contains("14199"));
    assert!(!berlin.contains("14200") && !berlin.contains("1011") && !berlin.contains(""));
    let london = range("SW1", "SW9").unwrap();
    assert!(london.contains("sw1a 1aa") && !london.contains("SE1 2AA"));
    assert_eq!(range("", "1"), Err(PostalFlaw::Empty));
    assert_eq!(range("1", "22"), Err(PostalFlaw::Lengths));
    assert_eq!(range("2", "1"), Err(PostalFlaw::Backwards));
    assert_eq!(
        range("1234567890123", "1234567890123"),
        Err(PostalFlaw::TooLong)
    );
}

#[test]
fn the_narrower_area_wins_and_the_earlier_when_equal() {
    let imported = right(&[
        "All,u1,DE,,,,,,,",
        "Berlin,u2,DE,,10115,14199,,,,",
        "Berlin too,u3,DE,,10115,14199,,,,",
    ]);
    let of = |code: &str| locate(&imported.territories, &facts("DE", code, None));
    assert_eq!(of("80331"), Some((0, 0)));
    assert_eq!(of("10999"), Some((1, 0)));
    assert_eq!(
        locate(&imported.territories, &facts("FR", "10999", None)),
        None
    );
}

#[test]
fn the_one_that_lost_is_told_with_why() {
    let imported = right(&[
        "All,u1,DE,,,,,,,",
        "Berlin,u2,DE,,10115,14199,,,,",
        "Berlin too,u3,DE,,10115,14199,,,,",
    ]);
    let atlas = Atlas::new(imported.territories);
    let of = |country, code| atlas.locate(&facts(country, code, None));
    let located = |place, beaten| Some(Located { place, beaten });
    assert_eq!(of("DE", "10999"), located((1, 0), Some((2, Won::Earlier))));
    assert_eq!(of("DE", "80331"), located((0, 0), None));
    assert_eq!(of("", "10999"), None);
}

#[test]
fn rows_of_one_name_are_areas_of_one_territory() {
    let imported = right(&[
        "South,u1,DE,Bayern,,,,,,",
        "south,u1,AT,,,,,,,",
        "\"North, far\",u2,NO,,,,,,,",
    ]);
    assert_eq!(imported.rows, 3);
    let names: Vec<_> = imported
        .territories
        .iter()
        .map(|t| (t.name.as_str(), t.areas.len()))
        .collect();
    assert_eq!(names, [("South", 2), ("North, far", 1)]);
}

#[test]
fn each_wrong_row_is_told_with_its_line_and_column() {
    let mut wrong = Vec::new();
    for (row, column, code) in [
        (",u1,DE,,,,,,,", "territory", "cell_missing"),
        ("T,anna,DE,,,,,,,", "owner", "owner_unknown"),
        ("T,,DE,,,,,,,", "owner", "cell_missing"),
        ("T,u1,Germany,,,,,,,", "country", "country_unknown"),
        ("T,u1,DE,,10115,101,,,,", "postal_from", "postal_lengths"),
        (
            "T,u1,DE,,20000,10115,,,,",
            "postal_from",
            "postal_backwards",
        ),
        ("T,u1,,,10115,10999,,,,", "country", "country_missing"),
        ("T,u1,DE,,,,,many,,", "employees_from", "number_unreadable"),
        ("T,u1,DE,,,,,10,9,", "employees_until", "size_backwards"),
        ("T,u1,,,,,,,,", "", "no_condition"),
        ("T,u1,DE", "", "cell_count"),
    ] {
        let imported = read(&["T,u1,DK,,,,,,,", row]);
        let told: Vec<_> = imported
            .errors
            .iter()
            .map(|e| (e.line, e.column.as_str(), e.code))
            .collect();
        assert_eq!(told, [(3, column, code)], "{row}");
        assert_eq!(imported.territories.len(), 1, "{row}");
        wrong.push(row);
    }
    let long = format!("T,u1,DE,{},,,,,,", "x".repeat(256));
    assert_eq!(read(&[&long]).errors[0].code, "cell_too_long");
    assert_eq!(
        read(&["T,u1,DE,,,,,,,", "T,u2,FR,,,,,,,"]).errors[0].code,
        "owner_differs"
    );
    assert_eq!(
        read(&["T,u1,DE,,,,,,,", "T,u1,de,,,,,,,"]).errors[0].code,
        "row_twice"
    );
}

#[test]
fn a_header_that_is_not_understood_stops_the_import() {
    let codes = |header: &str| -> Vec<(String, &'static str)> {
        let told = |error: RowError| (error.column, error.code);
        let imported = import(&format!("{header}\nT,u1\n"), &Layer(|_: &str| false));
        assert_eq!(imported.territories, []);
        imported.errors.into_iter().map(told).collect()
    };
    let one = |column: &str, code: &'static str| vec![(column.to_owned(), code)];
    assert_eq!(codes("territory,country"), one("owner", "column_missing"));
    assert_eq!(codes("territory,owner,owner"), one("owner", "column_twice"));
    assert_eq!(
        codes("territory,owner,region"),
        one("region", "column_unknown")
    );
    assert_eq!(
        codes("territory,owner,field:X"),
        one("field:X", "field_unknown")
    );
    assert_eq!(import("", &Layer(|_: &str| true)).errors.len(), 2);
    // What spreadsheets put before a file is no part of the first column's name.
    let marked = import(
        "\u{feff}territory,owner,country\nT,u1,DE\n",
        &Layer(|_: &str| false),
    );
    assert_eq!(marked.errors, []);
}

#[test]
fn ten_thousand_rows_of_which_37_are_wrong_are_told_one_by_one() {
    let is_wrong = |n: usize| n % 271 == 7;
    let row = |n: usize| {
        let country = if is_wrong(n) { "Germany" } else { "DE" };
        format!("T{n},u{},{country},,{n:05},{n:05},,,,", n % 50)
    };
    let rows: Vec<String> = (0..10_000).map(row).collect();
    let imported = read(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let lines: Vec<u64> = imported.errors.iter().map(|error| error.line).collect();
    let expected: Vec<u64> = (0..10_000)
        .filter(|n| is_wrong(*n))
        .map(|n| u64::try_from(n).unwrap() + 2)
        .collect();
    assert_eq!(lines, expected);
    assert_eq!(
        (lines.len(), imported.territories.len(), imported.rows),
        (37, 9_963, 10_000)
    );
    assert_eq!(imported.wrong, 37);
    let rows = vec!["T,u1,DE,,,,,,,"; MAX_ROWS + 1];
    assert_eq!(read(&rows).errors.last().unwrap().code, "too_many_rows");
}

#[test]
fn overlaps_are_areas_that_one_record_can_lie_in() {
    let imported = right(&[
        "A,u1,DE,,10000,19999,,,,",
        "B,u2,DE,,15000,25999,,,,",
        "C,u3,DE,,,,Software,,,",
        "D,u1,DE,,12000,12999,,,,",
        "E,u4,FR,,10000,19999,,,,",
    ]);
    let found = overlaps(&imported.territories, 100);
    let pairs: Vec<_> = found
        .iter()
        .map(|o| (o.first.0, o.second.0, o.nested))
        .collect();
    // A and D have one owner.
    assert_eq!(
        pairs,
        [(0, 1, false), (0, 2, false), (1, 2, false), (2, 3, false)]
    );
    assert_eq!(overlaps(&imported.territories, 2).len(), 2);
}

#[test]
fn gaps_are_sizes_and_codes_that_nobody_has() {
    let imported = right(&[
        "Small,u1,DE,,,,,1,49,",
        "Large,u2,DE,,,,,100,999,",
        "North,u1,SE,,10000,19999,,,,",
        "South,u2,SE,,30000,39999,,,,",
        "Middle,u2,SE,,15000,24999,,,,",
        "Inner,u3,SE,,11000,12000,,,,",
    ]);
    let found = gaps(&imported.territories);
    let size = |from, until| Gap::Size {
        like: (0, 0),
        gap: Size { from, until },
    };
    let codes = PostalRange::new("25000", "29999").unwrap();
    let postal = Gap::Postal {
        like: (2, 0),
        gap: codes,
    };
    assert_eq!(found, [size(50, Some(99)), size(1000, None), postal]);
    let whole = right(&["S,u1,DE,,,,,,49,", "L,u2,DE,,,,,50,,"]);
    assert_eq!(gaps(&whole.territories), []);
}

fn areas() -> impl Strategy<Value = Area> {
    let country = prop::option::of(prop::sample::select(vec!["DE", "FR"]).prop_map(str::to_owned));
    let postal = prop::option::of((0_u32..100, 0_u32..100).prop_map(|(a, b)| {
        PostalRange::new(&format!("{:02}", a.min(b)), &format!("{:02}", a.max(b))).unwrap()
    }));
    let size = prop::option::of((0_u64..20, prop::option::of(0_u64..20)).prop_map(
        |(from, more)| Size {
            from,
            until: more.map(|more| from + more),
        },
    ));
    (country, postal, size).prop_map(|(country, postal, size)| Area {
        country,
        postal,
        size,
        ..Area::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A record in two territories of different owners is an overlap that was told.
    #[test]
    fn every_record_in_two_territories_is_an_overlap(
        areas in proptest::collection::vec(areas(), 2..6), code in 0_u32..100, employees in 0_u64..45,
    ) {
        let record = facts("DE", &format!("{code:02}"), Some(employees));
        let territory = |(at, area): (usize, Area)| Territory {
            name: at.to_string(), owner: at.to_string(), areas: vec![area],
        };
        let territories: Vec<_> = areas.into_iter().enumerate().map(territory).collect();
        let told = overlaps(&territories, 1000);
        let inside: Vec<usize> = (0..territories.len())
            .filter(|at| territories[*at].areas[0].contains(&record).is_ok()).collect();
        for (place, first) in inside.iter().enumerate() {
            for second in &inside[place + 1..] {
                prop_assert!(told.iter().any(|o| (o.first.0, o.second.0) == (*first, *second)));
            }
        }
        prop_assert_eq!(locate(&territories, &record).is_some(), !inside.is_empty());
    }

    /// The index finds what a walk through all areas finds, and tells the closest other.
    #[test]
    fn the_territory_is_the_one_of_the_narrowest_area(
        areas in proptest::collection::vec((areas(), 0_usize..4), 0..8), code in 0_u32..100, employees in 0_u64..45,
    ) {
        let record = facts("de", &format!("{code:02}"), Some(employees));
        let mut territories: Vec<Territory<String>> = (0..4).map(|at: usize| Territory {
            name: at.to_string(), owner: String::from("u"), areas: Vec::new(),
        }).collect();
        for (area, at) in areas {
            territories[at].areas.push(area);
        }
        let mut holding = Vec::new();
        for (at, territory) in territories.iter().enumerate() {
            for (place, area) in territory.areas.iter().enumerate() {
                if area.contains(&record).is_ok() {
                    holding.push((usize::MAX - area.narrowness(), at, place));
                }
            }
        }
        holding.sort_unstable();
        let found = Atlas::new(territories).locate(&record);
        let best = holding.first().copied();
        prop_assert_eq!(found.map(|found| found.place), best.map(|(_, at, place)| (at, place)));
        let other = best.and_then(|best| holding.iter().find(|held| held.1 != best.1).map(|held| {
            (held.1, if held.0 > best.0 { Won::Narrower } else { Won::Earlier })
        }));
        prop_assert_eq!(found.and_then(|found| found.beaten), other);
    }

    /// What was exported is read as what it was.
    #[test]
    fn an_export_is_imported_as_it_was(
        areas in proptest::collection::vec(areas(), 1..6), name in "[a-z,\" \n]{1,12}", segment in "[a-z\",]{0,6}",
    ) {
        let name = name.trim().to_owned();
        prop_assume!(!name.is_empty());
        let mut kept: Vec<Area> = Vec::new();
        for mut area in areas {
            if !segment.is_empty() {
                area.fields.insert(String::from("Segment"), segment.clone());
            }
            area.country.get_or_insert_with(|| String::from("FR"));
            if !kept.contains(&area) {
                kept.push(area);
            }
        }
        let territories = vec![Territory { name, owner: String::from("u, 1"), areas: kept }];
        let text = export(&territories, Clone::clone);
        let again = import(&text, &Layer(|field: &str| field == "Segment"));
        prop_assert_eq!(&again.errors, &[]);
        prop_assert_eq!(again.territories, territories);
    }

    #[test]
    fn any_text_is_imported_or_told(text in any::<String>(), cells in "[ -~\n\",]{0,200}") {
        let _ = import(&text, &Layer(|_: &str| true));
        let imported = import(&format!("{HEADER}\n{cells}"), &Layer(|_: &str| true));
        let places: usize = imported.territories.iter().map(|t| t.areas.len()).sum();
        prop_assert!(places <= imported.rows);
    }
}
