//! The structural rules: who stands where, which way the edges go, what is sealed, who opts into
//! the lints, and the golden edge list. Each returns its findings as sentences; none means it holds.

use std::collections::BTreeSet;
use std::path::Path;

use super::plan::{Plan, Standing};
use super::workspace::{Edge, Use, Workspace};

/// Every member is in the plan and in its folder; every room that should stand does, under the
/// name that the plan uses. So a check on a misspelt name cannot pass.
pub(crate) fn members(plan: &Plan, workspace: &Workspace) -> Vec<String> {
    let mut findings = Vec::new();
    for member in &workspace.members {
        let name = member.name.as_str();
        let folder = if plan.tests.contains(&name) {
            "tests"
        } else {
            "daemon"
        };
        if plan.room(name).is_none() && !plan.tools.contains(&name) && !plan.tests.contains(&name) {
            findings.push(format!(
                "{name} has no rank: add it to daemon/xtask/src/house/plan.rs"
            ));
        } else if !member.folder.ends_with(Path::new(folder).join(name)) {
            findings.push(format!("{name} must stand in {folder}/{name}"));
        }
    }
    let stands = |name: &str| workspace.members.iter().any(|member| member.name == name);
    for room in plan.rooms {
        match (room.standing, stands(room.name)) {
            (Standing::Now, false) => {
                findings.push(format!("{} should stand and does not", room.name))
            }
            (Standing::Later, true) => {
                findings.push(format!("{} stands: mark it so in the plan", room.name))
            }
            _ => {}
        }
    }
    for name in plan
        .tools
        .iter()
        .chain(plan.tests)
        .filter(|name| !stands(name))
    {
        findings.push(format!("{name} should stand and does not"));
    }
    findings
}

/// A product edge goes to a strictly lower rank. A test edge may also go to a crate of tests/.
pub(crate) fn ranks(plan: &Plan, workspace: &Workspace) -> Vec<String> {
    workspace
        .edges
        .iter()
        .filter_map(|edge| rank_finding(plan, edge))
        .collect()
}

fn rank_finding(plan: &Plan, edge: &Edge) -> Option<String> {
    let Edge { from, to, by } = edge;
    if plan.tests.contains(&from.as_str()) {
        return None;
    }
    if plan.tools.contains(&from.as_str()) {
        return Some(format!(
            "{from} names {to}: a tool names no crate of the workspace"
        ));
    }
    let from_rank = plan.room(from)?.rank;
    match plan.room(to) {
        Some(room) if room.rank < from_rank => None,
        Some(room) => Some(format!(
            "{from} (rank {from_rank}) names {to} (rank {}): an edge goes to a strictly lower rank",
            room.rank
        )),
        None if *by == Use::Tests && plan.tests.contains(&to.as_str()) => None,
        None => Some(format!(
            "{from} names {to}, which is not a room: only tests may"
        )),
    }
}

/// Seals and walls, followed through any number of crates. Test edges count as well, except those
/// of the crates under tests/, which are the listed exceptions.
pub(crate) fn seals(plan: &Plan, workspace: &Workspace) -> Vec<String> {
    let mut findings = Vec::new();
    let named = plan
        .seals
        .iter()
        .flat_map(|seal| seal.by.iter().chain([&seal.sealed]));
    let walled = plan
        .walls
        .iter()
        .flat_map(|wall| wall.never.iter().chain([&wall.from]));
    for name in named.chain(walled).collect::<BTreeSet<_>>() {
        if plan.room(name).is_none() {
            findings.push(format!("a seal names {name}, which is no room of the plan"));
        }
    }
    for room in plan.rooms {
        for (sealed, path) in reached(plan, workspace, room.name) {
            let sealed_to_it = plan
                .seals
                .iter()
                .any(|seal| seal.sealed == sealed && !seal.by.contains(&room.name));
            let walled_off = plan
                .walls
                .iter()
                .any(|wall| wall.from == room.name && wall.never.contains(&sealed.as_str()));
            if sealed_to_it {
                findings.push(format!("{} reaches the sealed {sealed}: {path}", room.name));
            }
            if walled_off {
                findings.push(format!("{} must never reach {sealed}: {path}", room.name));
            }
        }
    }
    findings
}

/// Every room that `from` reaches, with one path to it, as `a -> b -> c`.
fn reached(plan: &Plan, workspace: &Workspace, from: &str) -> Vec<(String, String)> {
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut ahead = vec![(from.to_owned(), from.to_owned())];
    while let Some((at, path)) = ahead.pop() {
        for edge in workspace.edges.iter().filter(|edge| edge.from == at) {
            let known = edge.to == from || seen.iter().any(|(name, _)| *name == edge.to);
            if known || plan.tests.contains(&edge.to.as_str()) {
                continue;
            }
            let path = format!("{path} -> {}", edge.to);
            seen.push((edge.to.clone(), path.clone()));
            ahead.push((edge.to.clone(), path));
        }
    }
    seen
}

pub(crate) fn lints(workspace: &Workspace) -> Vec<String> {
    let silent = workspace.members.iter().filter(|member| !member.lints);
    silent
        .map(|member| format!("{} lacks `[lints] workspace = true`", member.name))
        .collect()
}

/// The edge list as the golden file holds it: one `from -> to` a line, sorted. The crates under tests/
/// may name anything, so theirs are not in it.
pub(crate) fn edge_list(plan: &Plan, workspace: &Workspace) -> String {
    let edges = workspace.edges.iter();
    let edges = edges.filter(|edge| !plan.tests.contains(&edge.from.as_str()));
    let lines = edges.map(|edge| match edge.by {
        Use::Product => format!("{} -> {}\n", edge.from, edge.to),
        Use::Tests => format!("{} -> {} (tests)\n", edge.from, edge.to),
    });
    lines.collect()
}

pub(crate) fn golden_edges(plan: &Plan, workspace: &Workspace, golden: &str) -> Vec<String> {
    let now = edge_list(plan, workspace);
    let now: BTreeSet<&str> = now.lines().collect();
    let golden: BTreeSet<&str> = golden.lines().collect();
    let added = now
        .difference(&golden)
        .map(|edge| format!("new edge {edge}"));
    let gone = golden
        .difference(&now)
        .map(|edge| format!("edge gone {edge}"));
    let advice = "review it, then run `cargo xtask house --bless`";
    added
        .chain(gone)
        .map(|finding| format!("{finding}: {advice}"))
        .collect()
}
