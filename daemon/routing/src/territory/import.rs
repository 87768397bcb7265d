//! Territories out of CSV (RFC 4180, UTF-8, with a header), a row an area.
//!
//! Columns, in any order: `territory` and `owner` (both needed), `country`, `state`, `postal_from`,
//! `postal_until`, `industry`, `employees_from`, `employees_until`, and `field:NAME` for a field of the
//! layer. An empty cell is no condition. Nothing is taken over by itself: wrong rows are told one
//! by one, and the caller decides what to do with the others.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    area::{Area, Size, Territory, plain_text},
    postal::PostalRange,
};

pub const MAX_ROWS: usize = 50_000;
/// Longest cell, in characters.
const LONGEST: usize = 255;

/// Before the name of a field of the layer.
pub(super) const FIELD: &str = "field:";

pub(super) const COLUMNS: &[&str] = &[
    "territory",
    "owner",
    "country",
    "state",
    "postal_from",
    "postal_until",
    "industry",
    "employees_from",
    "employees_until",
];

/// What is wrong with a row: its line in the file (the header is 1), the column (empty: the row as a
/// whole), a stable code and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    pub line: u64,
    pub column: String,
    pub code: &'static str,
    pub detail: String,
}

/// The rows that are right, as territories in the order in which their names first come, and what is
/// wrong with each of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported<O> {
    pub territories: Vec<Territory<O>>,
    pub errors: Vec<RowError>,
    /// Rows read, right or wrong.
    pub rows: usize,
    /// How many of them are wrong.
    pub wrong: usize,
}

/// What the cells of a file can name.
pub trait Naming {
    type Owner: PartialEq;

    /// Whether the layer has a field out of which a column of this name is read.
    fn column(&self, column: &str) -> bool;

    /// Whether the field of the column `country` holds codes of two letters, not names.
    fn country_codes(&self) -> bool;

    /// Whether the layer has a field of this name.
    fn field(&self, name: &str) -> bool;

    /// Who is called so.
    ///
    /// # Errors
    /// A stable code, and what to do.
    fn owner(&self, cell: &str) -> Result<Self::Owner, (&'static str, String)>;
}

/// Reads a file as text.
pub fn import<N: Naming>(text: &str, naming: &N) -> Imported<N::Owner> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut imported = Imported {
        territories: Vec::new(),
        errors: Vec::new(),
        rows: 0,
        wrong: 0,
    };
    let header = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect(),
        Err(_) => Vec::new(),
    };
    imported.errors = header_errors(&header, naming);
    if !imported.errors.is_empty() {
        return imported;
    }
    let mut known = Known::default();
    for row in reader.records() {
        imported.rows = imported.rows.saturating_add(1);
        let line = match &row {
            Ok(row) => row.position().map_or(0, csv::Position::line),
            Err(error) => error.position().map_or(0, csv::Position::line),
        };
        if imported.rows > MAX_ROWS {
            let detail =
                format!("A file has at most {MAX_ROWS} rows; this one and the rest were not read.");
            imported
                .errors
                .push(error(line, "", "too_many_rows", detail));
            break;
        }
        let read = match row {
            Ok(row) => read_row(&header, &row, line, naming.country_codes()),
            Err(_) => Err(vec![error(
                line,
                "",
                "row_unreadable",
                "The row is not CSV in UTF-8.",
            )]),
        };
        let flaws = imported.errors.len();
        match read {
            Ok((name, owner, area)) => match naming.owner(&owner) {
                Ok(of) => imported.add(&mut known, (name, of), area, line),
                Err((code, detail)) => imported.errors.push(error(line, "owner", code, detail)),
            },
            Err(errors) => imported.errors.extend(errors),
        }
        let wrong = usize::from(imported.errors.len() > flaws);
        imported.wrong = imported.wrong.saturating_add(wrong);
    }
    imported
}

/// What the rows so far have brought: a look-up each, where a walk through all of them would be felt.
#[derive(Default)]
struct Known {
    /// Places of territories by their names.
    places: HashMap<String, usize>,
    areas: HashSet<(usize, Area)>,
}

impl<O: PartialEq> Imported<O> {
    fn add(&mut self, known: &mut Known, (name, owner): (String, O), area: Area, line: u64) {
        let next = self.territories.len();
        let at = *known.places.entry(plain_text(&name)).or_insert(next);
        let owned_by = self.territories.get(at).map(|known| &known.owner);
        if owned_by.is_some_and(|other| *other != owner) {
            let detail = format!("{name} has another owner further up.");
            self.errors
                .push(error(line, "owner", "owner_differs", detail));
            return;
        }
        if !known.areas.insert((at, area.clone())) {
            let detail = "The same row stands further up.";
            self.errors.push(error(line, "", "row_twice", detail));
            return;
        }
        match self.territories.get_mut(at) {
            Some(territory) => territory.areas.push(area),
            None => self.territories.push(Territory {
                name,
                owner,
                areas: vec![area],
            }),
        }
    }
}

fn error(line: u64, column: &str, code: &'static str, detail: impl Into<String>) -> RowError {
    RowError {
        line,
        column: column.to_owned(),
        code,
        detail: detail.into(),
    }
}

fn header_errors<N: Naming>(header: &[String], naming: &N) -> Vec<RowError> {
    let mut errors = Vec::new();
    for needed in ["territory", "owner"] {
        if !header.iter().any(|name| name == needed) {
            let detail = format!("The header has no column {needed}.");
            errors.push(error(1, needed, "column_missing", detail));
        }
    }
    for (at, name) in header.iter().enumerate() {
        let field = name.strip_prefix(FIELD);
        if header.iter().take(at).any(|earlier| earlier == name) {
            let detail = "The column stands in the header twice.";
            errors.push(error(1, name, "column_twice", detail));
        } else if field.is_some_and(|field| !naming.field(field)) {
            let detail = "The field is not in the data layer. Add it there first.";
            errors.push(error(1, name, "field_unknown", detail));
        } else if field.is_none() && !COLUMNS.contains(&name.as_str()) {
            let detail = "The column is not known; a field of the layer is field:NAME.";
            errors.push(error(1, name, "column_unknown", detail));
        } else if field.is_none() && !naming.column(name) {
            let detail = "The data layer has no field that this is read from. Add one there first.";
            errors.push(error(1, name, "column_unread", detail));
        }
    }
    errors
}

/// A row's cells by column, with what was found wrong on the way.
struct Cells<'a> {
    cells: BTreeMap<&'a str, &'a str>,
    line: u64,
    errors: Vec<RowError>,
}

impl<'a> Cells<'a> {
    fn get(&self, column: &str) -> Option<&'a str> {
        self.cells.get(column).copied()
    }

    fn text(&self, column: &str) -> Option<String> {
        self.get(column).map(str::to_owned)
    }

    fn wrong(&mut self, column: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.push(error(self.line, column, code, detail));
    }

    fn needed(&mut self, column: &str) -> String {
        let cell = self.text(column);
        if cell.is_none() {
            self.wrong(column, "cell_missing", format!("Give the {column}."));
        }
        cell.unwrap_or_default()
    }

    fn number(&mut self, column: &str) -> Option<u64> {
        let cell = self.get(column)?;
        let number = cell.parse().ok();
        if number.is_none() {
            self.wrong(
                column,
                "number_unreadable",
                "Give a whole number without signs.",
            );
        }
        number
    }

    fn country(&mut self, codes: bool) -> Option<String> {
        let country = self.get("country")?;
        if !codes {
            return Some(country.to_owned());
        }
        let code = country.len() == 2 && country.chars().all(|c| c.is_ascii_alphabetic());
        if !code {
            let detail = "Give the country as two letters, such as DE.";
            self.wrong("country", "country_unknown", detail);
        }
        Some(country.to_uppercase())
    }

    fn postal(&mut self) -> Option<PostalRange> {
        let (from, until) = (self.get("postal_from"), self.get("postal_until"));
        // One code alone is a range of one.
        let range = PostalRange::new(from.or(until)?, until.or(from)?);
        range
            .map_err(|flaw| {
                let detail = "Give two codes of one length, the lower one first.";
                self.wrong("postal_from", flaw.code(), detail);
            })
            .ok()
    }

    fn size(&mut self) -> Option<Size> {
        let (from, until) = (
            self.number("employees_from"),
            self.number("employees_until"),
        );
        if from.is_none() && until.is_none() {
            return None;
        }
        let from = from.unwrap_or(0);
        if until.is_some_and(|until| until < from) {
            let detail = "The upper end is below the lower one.";
            self.wrong("employees_until", "size_backwards", detail);
        }
        Some(Size { from, until })
    }
}

fn read_row(
    header: &[String],
    row: &csv::StringRecord,
    line: u64,
    codes: bool,
) -> Result<(String, String, Area), Vec<RowError>> {
    if row.len() != header.len() {
        let detail = format!(
            "The row has {} cells, the header {}.",
            row.len(),
            header.len()
        );
        return Err(vec![error(line, "", "cell_count", detail)]);
    }
    let filled = header
        .iter()
        .map(String::as_str)
        .zip(row.iter().map(str::trim))
        .filter(|(_, cell)| !cell.is_empty());
    let mut cells = Cells {
        cells: filled.collect(),
        line,
        errors: Vec::new(),
    };
    let long: Vec<&str> = cells
        .cells
        .iter()
        .filter(|(_, cell)| cell.chars().count() > LONGEST)
        .map(|(column, _)| *column)
        .collect();
    for column in long {
        cells.wrong(
            column,
            "cell_too_long",
            format!("A cell has at most {LONGEST} characters."),
        );
    }
    let (name, owner) = (cells.needed("territory"), cells.needed("owner"));
    let area = Area {
        country: cells.country(codes),
        state: cells.text("state"),
        postal: cells.postal(),
        industry: cells.text("industry"),
        size: cells.size(),
        fields: cells
            .cells
            .iter()
            .filter_map(|(column, cell)| Some((column.strip_prefix(FIELD)?, *cell)))
            .map(|(field, cell)| (field.to_owned(), cell.to_owned()))
            .collect(),
    };
    if area.postal.is_some() && area.country.is_none() && cells.errors.is_empty() {
        let detail = "Postal codes need a country: the same code stands in many.";
        cells.wrong("country", "country_missing", detail);
    }
    if area.narrowness() == 0 && cells.errors.is_empty() {
        let detail = "The row has no condition and would take in every record.";
        cells.wrong("", "no_condition", detail);
    }
    if cells.errors.is_empty() {
        Ok((name, owner, area))
    } else {
        Err(cells.errors)
    }
}
