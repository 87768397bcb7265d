//! Who owns which table. The schema crate says which tables exist, tests/golden/table-owners.txt
//! says whose each one is, and a room's code may name `schema::<table>` for its own tables alone.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Plan;
use super::sources::code_only;

/// The owner that stands for "every room may read it": views made for that.
const EVERYONE: &str = "*";

pub(crate) type Owners = BTreeMap<String, String>;

/// Lines of `table owner`; blank lines and lines that begin with # say nothing.
pub(crate) fn parse_owners(golden: &str) -> (Owners, Vec<String>) {
    let mut owners = Owners::new();
    let mut findings = Vec::new();
    for line in golden
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            [table, owner] => {
                if owners
                    .insert((*table).to_owned(), (*owner).to_owned())
                    .is_some()
                {
                    findings.push(format!("table {table} has two owners"));
                }
            }
            _ => findings.push(format!("table-owners.txt: not `table owner`: {line}")),
        }
    }
    (owners, findings)
}

/// The names in `table! { [schema.]name ...` and `view! { ...` of the schema crate's source.
pub(crate) fn declared(source: &str) -> BTreeSet<String> {
    let code = code_only(source);
    let bodies = code.split("table!").chain(code.split("view!")).skip(1);
    let mut tables = BTreeSet::new();
    for body in bodies.filter_map(|body| body.trim_start().strip_prefix('{')) {
        let mut words = body.split_whitespace().filter(|word| *word != "use");
        let name = words.find(|word| !word.contains("::") && !word.ends_with(';'));
        let name = name.map(|name| name.split('(').next().unwrap_or(name));
        tables.extend(
            name.and_then(|name| name.split('.').next_back())
                .map(str::to_owned),
        );
    }
    tables
}

/// Every table has an owner that is a room, and every row is about a table.
pub(crate) fn owned(plan: &Plan, tables: &BTreeSet<String>, owners: &Owners) -> Vec<String> {
    let orphan = tables.iter().filter(|table| !owners.contains_key(*table));
    let orphan = orphan.map(|t| format!("table {t} has no owner in tests/golden/table-owners.txt"));
    let gone = owners.keys().filter(|table| !tables.contains(*table));
    let gone = gone.map(|t| format!("table-owners.txt names {t}, which the schema does not have"));
    let stranger = owners
        .iter()
        .filter(|(_, o)| *o != EVERYONE && plan.room(o).is_none());
    let stranger = stranger.map(|(t, o)| format!("table {t} is given to {o}, which is no room"));
    orphan.chain(gone).chain(stranger).collect()
}

/// Other rooms' tables that `source`, a file of `room`, names.
pub(crate) fn trespasses(room: &str, file: &str, source: &str, owners: &Owners) -> Vec<String> {
    let mut findings = Vec::new();
    for path in schema_paths(&code_only(source)) {
        match path {
            Named::All => findings.push(format!(
                "{file}: name the schema's tables one by one, so that their owner can be checked"
            )),
            Named::One(name) => {
                let owner = owners.get(&name).filter(|o| *o != room && *o != EVERYONE);
                findings.extend(owner.map(|owner| {
                    format!("{file}: {room} names the table {name}, which is {owner}'s")
                }));
            }
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

#[derive(PartialEq, Eq, Debug)]
enum Named {
    One(String),
    /// A glob or another name for the crate: what it is used for can't be seen.
    All,
}

/// What follows each `schema::`: names, groups and, for `schema::name::*`, the name.
fn schema_paths(code: &str) -> Vec<Named> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices("schema") {
        let (before, rest) = code.split_at_checked(at).unwrap_or((code, ""));
        let rest = rest.strip_prefix("schema").unwrap_or(rest);
        if before.ends_with(is_name) || rest.starts_with(is_name) {
            continue;
        }
        let imported = before.trim_end().ends_with("use") || before.trim_end().ends_with("use ::");
        match rest.trim_start().strip_prefix("::") {
            Some(path) => first_names(path.trim_start(), &mut named),
            None if imported => named.push(Named::All),
            None => {}
        }
    }
    named
}

/// The first segment of a path, or of each path in a group.
fn first_names(path: &str, named: &mut Vec<Named>) {
    if path.starts_with('*') {
        named.push(Named::All);
    } else if let Some(group) = path.strip_prefix('{') {
        for member in members(group) {
            first_names(member.trim_start(), named);
        }
    } else {
        let name: String = path.chars().take_while(|c| is_name(*c)).collect();
        match name.as_str() {
            "self" => named.push(Named::All),
            "" => {}
            _ => named.push(Named::One(name)),
        }
    }
}

/// The comma-separated members of a group, up to its closing brace; inner groups stay whole.
fn members(group: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let mut begin = 0;
    let mut found = Vec::new();
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.extend(group.get(begin..at));
                begin = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
