//! Rust sources as the table and size checks read them: which files a crate has, and its text
//! without comments and string literals.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Every .rs file under `folder`, sorted by path; none if the folder is not there.
pub(crate) fn under(folder: &Path) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut ahead = vec![folder.to_path_buf()];
    while let Some(folder) = ahead.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                ahead.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text =
                    std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The text with comments, strings and character literals blanked; line breaks stay.
pub(crate) fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (skipped, keep) = match token(rest) {
            Some(length) => (length, false),
            None => (first.len_utf8(), true),
        };
        let (head, tail) = rest.split_at_checked(skipped).unwrap_or((rest, ""));
        if keep {
            code.push_str(head);
        } else {
            code.push(' ');
            code.extend(head.chars().filter(|c| *c == '\n'));
        }
        rest = tail;
    }
    code
}

/// The length in bytes of the comment or literal that `rest` begins with, if it does.
fn token(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if let Some(body) = rest.strip_prefix("/*") {
        return Some(body.find("*/").map_or(rest.len(), |end| end + 4));
    }
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw.trim_start_matches('#').strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = body
            .find(&close)
            .map_or(body.len(), |end| end + close.len());
        return Some(1 + hashes + 1 + end);
    }
    if let Some(body) = rest.strip_prefix('"') {
        return Some(1 + quoted(body));
    }
    if rest.starts_with("'\"'") {
        return Some(3);
    }
    rest.starts_with("'\\\"'").then_some(4)
}

/// The length of a string's rest, its closing quote included.
fn quoted(body: &str) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    body.len()
}
