//! The chapter of error codes names every code that the sources can answer with.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const CHAPTER: &str = include_str!("../../../docs/errors.md");

/// Sources of the daemon, without their tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["tests", "web", "target"].contains(&name.as_str()) {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// Words of a code's form among the texts in quotation marks.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2).filter(|word| {
        word.len() > 2
            && word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    })
}

/// What `fn code` of an error may answer, and what a refusal of the faces is made with.
fn told(source: &str) -> BTreeSet<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut found = BTreeSet::new();
    for body in source.split("fn code(").skip(1) {
        let body = body.split("\n    }").next().unwrap();
        found.extend(codes(body).map(str::to_owned));
    }
    for call in source.split("Problem::new(").skip(1) {
        let arguments = call.split(')').next().unwrap();
        found.extend(codes(arguments).take(1).map(str::to_owned));
    }
    found
}

#[test]
fn every_code_stands_in_the_chapter() {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../daemon"),
        &mut files,
    );
    let mut all = BTreeSet::new();
    for file in files {
        all.extend(told(&fs::read_to_string(file).unwrap()));
    }
    assert!(all.len() > 200, "only {} codes were found", all.len());
    let missing: Vec<_> = all
        .iter()
        .filter(|code| !CHAPTER.contains(&format!("| `{code}` |")))
        .collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:?}");
    let gone: Vec<_> = CHAPTER
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|code| !all.contains(*code))
        .collect();
    assert!(
        gone.is_empty(),
        "docs/errors.md has {gone:?}, which nothing answers with"
    );
}

#[test]
fn a_code_that_nobody_described_is_found() {
    let source = "fn code(&self) -> &'static str {\n match self { Self::A => \"name_taken\", Self::B => \"never_told\" }\n    }\nfn x() { Problem::new(StatusCode::CONFLICT, \"also_new\", \"In words.\") }";
    let found: Vec<String> = told(source).into_iter().collect();
    assert_eq!(found, ["also_new", "name_taken", "never_told"]);
}
