//! `cargo xtask house`: the structure of the workspace, proven. A finding fails the run; a note
//! (soft limits) only tells.

mod plan;
mod sizes;
mod sources;
mod structure;
mod tables;
#[cfg(test)]
mod tests;
mod workspace;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::say;
use plan::HOUSE;
use sources::Source;
use workspace::Workspace;

const EDGES: &str = "tests/golden/house-edges.txt";
const OWNERS: &str = "tests/golden/table-owners.txt";

/// Prints notes and findings; true if there is no finding.
pub(crate) fn run(root: &Path, bless: bool) -> Result<bool> {
    let workspace = workspace::read(root)?;
    if bless {
        std::fs::write(root.join(EDGES), structure::edge_list(&HOUSE, &workspace))
            .context(EDGES)?;
    }
    let mut findings = structure::members(&HOUSE, &workspace);
    findings.extend(structure::ranks(&HOUSE, &workspace));
    findings.extend(structure::seals(&HOUSE, &workspace));
    findings.extend(structure::lints(&workspace));
    findings.extend(structure::golden_edges(
        &HOUSE,
        &workspace,
        &golden(root, EDGES)?,
    ));
    let owners = golden(root, OWNERS)?;
    let (notes, in_sources) = read_sources(root, &workspace, &owners)?;
    findings.extend(in_sources);

    for note in &notes {
        say(&format!("note: {note}"))?;
    }
    for finding in &findings {
        say(&format!("error: {finding}"))?;
    }
    let (crates, edges) = (workspace.members.len(), workspace.edges.len());
    let (findings, notes) = (findings.len(), notes.len());
    say(&format!(
        "house: {crates} crates, {edges} edges, {findings} findings, {notes} notes"
    ))?;
    Ok(findings == 0)
}

fn golden(root: &Path, file: &str) -> Result<String> {
    std::fs::read_to_string(root.join(file)).with_context(|| file.to_owned())
}

/// Notes and findings that need the crates' text.
fn read_sources(
    root: &Path,
    workspace: &Workspace,
    owners: &str,
) -> Result<(Vec<String>, Vec<String>)> {
    let (owners, mut findings) = tables::parse_owners(owners);
    let mut notes = Vec::new();
    let mut declared = BTreeSet::new();
    for member in &workspace.members {
        let mut files = sources::under(&member.folder.join("src"))?;
        for Source { path, .. } in &mut files {
            *path = path.strip_prefix(root).unwrap_or(path).to_path_buf();
        }
        for Source { path, text } in &files {
            findings.extend(sizes::empty_names(path, text));
            if member.name == "schema" {
                declared.extend(tables::declared(text));
            } else if HOUSE.room(&member.name).is_some() {
                let path = path.display().to_string();
                findings.extend(tables::trespasses(&member.name, &path, text, &owners));
            }
        }
        // The generated tables have no subject to split by.
        if member.name != "schema" {
            notes.extend(sizes::notes(&member.name, &files));
        }
    }
    findings.extend(tables::owned(&HOUSE, &declared, &owners));
    Ok((notes, findings))
}
