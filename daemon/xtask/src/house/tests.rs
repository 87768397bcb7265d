//! Each rule against a small workspace of its own: a sound one passes, and each attack on it fails
//! for the reason that it should.

use std::path::Path;

use super::plan::{HOUSE, Plan, Room, Seal, Standing, Wall};
use super::workspace::{self, Workspace};
use super::{sizes, sources, structure, tables};

const fn room(name: &'static str, rank: u8) -> Room {
    Room {
        name,
        rank,
        standing: Standing::Now,
    }
}

const SMALL: Plan = Plan {
    rooms: &[
        room("floor", 0),
        room("link", 1),
        room("side", 1),
        room("vendor", 2),
        room("door", 3),
        room("roof", 4),
    ],
    seals: &[Seal {
        sealed: "vendor",
        by: &["roof"],
    }],
    walls: &[Wall {
        from: "door",
        never: &["link"],
    }],
    tools: &["task"],
    tests: &["stand"],
};

const LINTS: &str = "[lints]\nworkspace = true\n";

/// A workspace from `from -> to` and `from -> to (dev)` lines, by way of cargo's own JSON.
fn built(edges: &[&str]) -> Workspace {
    built_with(edges, |_| LINTS.to_owned())
}

fn built_with(edges: &[&str], manifest: impl Fn(&Path) -> String) -> Workspace {
    let package = |folder: &str, name: &str| {
        let dependencies: Vec<_> = edges
            .iter()
            .filter_map(|edge| edge.split_once(" -> "))
            .filter(|(from, _)| *from == name)
            .map(|(_, to)| {
                let (to, kind) = match to.split_once(' ') {
                    Some((to, "(dev)")) => (to, Some("dev")),
                    Some((to, "(build)")) => (to, Some("build")),
                    _ => (to, None),
                };
                serde_json::json!({
                    "name": to, "kind": kind, "path": format!("/w/daemon/{to}"), "rename": "x",
                })
            })
            .chain([serde_json::json!({"name": "serde", "kind": null})])
            .collect();
        serde_json::json!({
            "name": name,
            "manifest_path": format!("/w/{folder}/{name}/Cargo.toml"),
            "dependencies": dependencies,
        })
    };
    let mut packages: Vec<_> = SMALL
        .rooms
        .iter()
        .map(|room| package("daemon", room.name))
        .collect();
    packages.extend([package("daemon", "task"), package("tests", "stand")]);
    let metadata = serde_json::json!({ "packages": packages }).to_string();
    workspace::parse(&metadata, |path| Ok(manifest(path))).unwrap()
}

const SOUND: &[&str] = &[
    "link -> floor",
    "vendor -> link",
    "door -> floor",
    "roof -> vendor",
    "roof -> door",
    "floor -> stand (dev)",
    "stand -> roof",
    "stand -> vendor",
];

#[test]
fn a_sound_house_has_no_finding() {
    let house = built(SOUND);
    assert_eq!(structure::members(&SMALL, &house), Vec::<String>::new());
    assert_eq!(structure::ranks(&SMALL, &house), Vec::<String>::new());
    assert_eq!(structure::seals(&SMALL, &house), Vec::<String>::new());
    assert_eq!(structure::lints(&house), Vec::<String>::new());
    assert_eq!(
        structure::golden_edges(&SMALL, &house, &structure::edge_list(&SMALL, &house)),
        Vec::<String>::new()
    );
}

#[test]
fn an_edge_upwards_sideways_or_to_tests_is_refused() {
    for (attack, expected) in [
        ("floor -> link", "strictly lower rank"),
        ("link -> side", "strictly lower rank"),
        ("floor -> roof (build)", "strictly lower rank"),
        ("floor -> link (dev)", "strictly lower rank"),
        ("link -> stand", "only tests may"),
        ("task -> floor", "a tool names no crate"),
    ] {
        let findings = structure::ranks(&SMALL, &built(&[SOUND, &[attack]].concat()));
        assert_eq!(findings.len(), 1, "{attack}: {findings:?}");
        assert!(findings[0].contains(expected), "{attack}: {findings:?}");
    }
}

#[test]
fn a_sealed_room_is_refused_to_others_directly_and_through_them() {
    let direct = structure::seals(&SMALL, &built(&["door -> vendor"]));
    assert_eq!(direct, ["door reaches the sealed vendor: door -> vendor"]);

    // The ranks allow this path, so the seal alone stands against it.
    let plan = Plan {
        seals: &[Seal {
            sealed: "floor",
            by: &["link"],
        }],
        ..SMALL
    };
    let through = structure::seals(&plan, &built(&["link -> floor", "vendor -> link"]));
    assert_eq!(
        through,
        ["vendor reaches the sealed floor: vendor -> link -> floor"]
    );

    let in_tests = structure::seals(&SMALL, &built(&["door -> vendor (dev)"]));
    assert_eq!(in_tests.len(), 1);
}

#[test]
fn a_wall_holds_through_other_rooms() {
    let plan = Plan {
        seals: &[],
        ..SMALL
    };
    let findings = structure::seals(&plan, &built(&["door -> vendor", "vendor -> link"]));
    assert_eq!(
        findings,
        ["door must never reach link: door -> vendor -> link"]
    );
}

#[test]
fn a_misspelt_seal_is_a_finding_not_a_pass() {
    let plan = Plan {
        seals: &[Seal {
            sealed: "vendro",
            by: &["roof"],
        }],
        ..SMALL
    };
    let findings = structure::seals(&plan, &built(SOUND));
    assert_eq!(
        findings,
        ["a seal names vendro, which is no room of the plan"]
    );
}

#[test]
fn the_plan_and_the_folders_agree() {
    const ATTIC: &[Room] = &[room("floor", 0), room("attic", 1)];
    let missing = Plan {
        rooms: ATTIC,
        ..SMALL
    };
    let findings = structure::members(&missing, &built(SOUND)).join("\n");
    assert!(
        findings.contains("attic should stand and does not"),
        "{findings}"
    );
    assert!(findings.contains("vendor has no rank"), "{findings}");

    const EARLY: &[Room] = &[Room {
        name: "floor",
        rank: 0,
        standing: Standing::Later,
    }];
    let findings = structure::members(
        &Plan {
            rooms: EARLY,
            ..SMALL
        },
        &built(SOUND),
    )
    .join("\n");
    assert!(
        findings.contains("floor stands: mark it so in the plan"),
        "{findings}"
    );

    let elsewhere = Plan {
        tests: &["stand", "floor"],
        ..SMALL
    };
    let findings = structure::members(&elsewhere, &built(SOUND));
    assert_eq!(findings, ["floor must stand in tests/floor"]);
}

#[test]
fn a_crate_that_does_not_opt_into_the_lints_is_named() {
    for manifest in [
        "",
        "[lints]\nworkspace = false\n",
        "[lints.clippy]\nall = \"deny\"\n",
    ] {
        let house = built_with(SOUND, |path| {
            if path.starts_with("/w/daemon/link") {
                manifest.to_owned()
            } else {
                LINTS.to_owned()
            }
        });
        assert_eq!(
            structure::lints(&house),
            ["link lacks `[lints] workspace = true`"]
        );
    }
}

#[test]
fn a_new_edge_and_a_lost_edge_differ_from_the_golden_list() {
    let golden = structure::edge_list(&SMALL, &built(SOUND));
    let changed: Vec<&str> = SOUND
        .iter()
        .copied()
        .filter(|e| *e != "door -> floor")
        .collect();
    let changed = [changed.as_slice(), &["roof -> link"]].concat();
    let changed = [changed.as_slice(), &["stand -> door"]].concat();
    let findings = structure::golden_edges(&SMALL, &built(&changed), &golden).join("\n");
    assert!(!findings.contains("stand -> door"), "{findings}");
    assert!(findings.contains("new edge roof -> link"), "{findings}");
    assert!(findings.contains("edge gone door -> floor"), "{findings}");
}

#[test]
fn the_real_plan_names_every_seal_and_wall_correctly() {
    let none = Workspace {
        members: vec![],
        edges: vec![],
    };
    assert_eq!(structure::seals(&HOUSE, &none), Vec::<String>::new());
}

const OWNERS: &str = "# comment\nleads layer\nusers identity\njobs jobs\npeople *\n";

#[test]
fn tables_are_read_from_the_schema_and_each_has_an_owner() {
    let schema = "diesel::table! {\n    use diesel::sql_types::*;\n    use crate::Kind;\n\n    /// leads\n    leads (id) { id -> Uuid, }\n}\n\
                  diesel::table! { audit.entries (id, at) { id -> Uuid, } }\n\
                  diesel::view! { people (id) { id -> Uuid, } }\n\
                  // diesel::table! { ghost (id) {} }\n";
    let declared = tables::declared(schema);
    assert_eq!(
        declared.iter().collect::<Vec<_>>(),
        ["entries", "leads", "people"]
    );

    let (owners, findings) = tables::parse_owners("leads layer\nghost routing\npeople nobody\n");
    assert_eq!(findings, Vec::<String>::new());
    let findings = tables::owned(&HOUSE, &declared, &owners);
    assert_eq!(
        findings,
        [
            "table entries has no owner in tests/golden/table-owners.txt",
            "table-owners.txt names ghost, which the schema does not have",
            "table people is given to nobody, which is no room",
        ]
    );
}

#[test]
fn naming_another_rooms_table_is_refused_in_every_form() {
    let (owners, _) = tables::parse_owners(OWNERS);
    for attack in [
        "use schema::leads;",
        "use schema::{jobs, leads::dsl::*};",
        "use ::schema::{users::{self, id}};",
        "let q = schema :: leads::table.filter(x);",
        "use schema::*;",
        "use schema as s;",
        "use schema::{self as s};",
        "#[diesel(table_name = schema::leads)] struct Row;",
    ] {
        assert_eq!(
            tables::trespasses("jobs", "f.rs", attack, &owners).len(),
            1,
            "{attack}"
        );
    }
}

#[test]
fn naming_ones_own_table_a_shared_view_or_no_table_is_free() {
    let (owners, _) = tables::parse_owners(OWNERS);
    for sound in [
        "use schema::jobs;",
        "use schema::{jobs::{dsl, id}, people};",
        "// use schema::leads;",
        "let text = \"schema::leads\";",
        "let text = r#\"use \"schema::leads\"#; let q = '\"'; use schema::jobs;",
        "my_schema::leads; schema_of::leads;",
        "let schema = layer_schema();",
    ] {
        assert_eq!(
            tables::trespasses("jobs", "f.rs", sound, &owners),
            Vec::<String>::new(),
            "{sound}"
        );
    }
}

#[test]
fn a_name_that_says_nothing_is_refused() {
    for path in ["daemon/x/src/utils.rs", "daemon/x/src/helpers/mod.rs"] {
        assert_eq!(sizes::empty_names(Path::new(path), "").len(), 1, "{path}");
    }
    assert_eq!(
        sizes::empty_names(Path::new("a.rs"), "pub(crate) mod common {").len(),
        1
    );
    assert_eq!(
        sizes::empty_names(Path::new("daemon/x/src/score.rs"), "mod corella;").len(),
        0
    );
}

#[test]
fn sizes_over_the_soft_limits_are_notes() {
    let body = "    step();\n".repeat(59);
    let long = format!("pub(crate) async fn long() {{\n{body}}}\n");
    let text = long.repeat(7);
    let source = |text: String| {
        [sources::Source {
            path: "src/a.rs".into(),
            text,
        }]
    };
    let notes = sizes::notes("x", &source(text.clone()));
    assert!(
        notes.contains(&"src/a.rs has 427 lines (soft limit 400)".to_owned()),
        "{notes:?}"
    );
    assert!(
        notes.contains(&"src/a.rs:62: 61 lines (soft limit 60)".to_owned()),
        "{notes:?}"
    );
    assert_eq!(notes.len(), 8);
    let notes = sizes::notes("x", &source(text.repeat(10)));
    assert!(notes.contains(&"x has 4270 lines (soft limit 4000)".to_owned()));
    assert_eq!(
        sizes::notes("x", &source("fn short() {}\n".to_owned())),
        Vec::<String>::new()
    );
}
