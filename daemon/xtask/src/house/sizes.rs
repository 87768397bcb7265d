//! Names that say nothing, which are refused, and the soft limits on size, which are notes: passing
//! one is a reason to look, not to split blindly.

use std::path::Path;

use super::sources::{Source, code_only};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 60;
const CRATE_LINES: usize = 4_000;

/// Names under which anything could stand, and so everything ends up.
const EMPTY_NAMES: &[&str] = &[
    "common", "core", "helper", "helpers", "misc", "util", "utils",
];

pub(crate) fn empty_names(file: &Path, text: &str) -> Vec<String> {
    let stem = |part: &std::ffi::OsStr| part.to_string_lossy().trim_end_matches(".rs").to_owned();
    let mut names: Vec<String> = file.iter().map(stem).collect();
    names.extend(code_only(text).lines().filter_map(module));
    let empty = names
        .iter()
        .filter(|name| EMPTY_NAMES.contains(&name.as_str()));
    empty
        .map(|name| format!("{}: `{name}` names no subject", file.display()))
        .collect()
}

/// The name in `mod name;` or `mod name {`.
fn module(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().skip_while(|word| *word != "mod");
    words.next()?;
    Some(words.next()?.trim_end_matches([';', '{']).to_owned())
}

/// Notes on one crate's files, whose paths are shown as they are.
pub(crate) fn notes(name: &str, sources: &[Source]) -> Vec<String> {
    let mut notes = Vec::new();
    let mut total = 0;
    for source in sources {
        let lines = source.text.lines().count();
        total += lines;
        let path = source.path.display();
        if lines > FILE_LINES {
            notes.push(format!(
                "{path} has {lines} lines (soft limit {FILE_LINES})"
            ));
        }
        for (at, length) in long_functions(&source.text) {
            notes.push(format!(
                "{path}:{at}: {length} lines (soft limit {FUNCTION_LINES})"
            ));
        }
    }
    if total > CRATE_LINES {
        notes.push(format!(
            "{name} has {total} lines (soft limit {CRATE_LINES})"
        ));
    }
    notes
}

/// First line and length of each function over the limit. rustfmt closes a function at the
/// indentation that it opened at, so no parser is needed.
fn long_functions(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let indent = line.len() - line.trim_start().len();
        match open {
            None if begins_function(line) && !line.trim_end().ends_with(['}', ';']) => {
                open = Some((number, indent));
            }
            Some((begin, at)) if indent == at && line.trim_start().starts_with('}') => {
                let length = number - begin + 1;
                found.extend((length > FUNCTION_LINES).then_some((begin, length)));
                open = None;
            }
            _ => {}
        }
    }
    found
}

fn begins_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let qualifier =
        |word: &str| matches!(word, "async" | "const" | "unsafe") || word.starts_with("pub");
    words.find(|word| !qualifier(word)) == Some("fn")
}
