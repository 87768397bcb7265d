//! Reads the workspace: its members and the edges between them, from `cargo metadata`, and each
//! member's opt-in to the lints, from its manifest.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// What an edge is for. A build dependency counts as a normal one: its code runs on our machines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Use {
    Product,
    Tests,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) by: Use,
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// Whether the manifest says `[lints] workspace = true`.
    pub(crate) lints: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    pub(crate) members: Vec<Member>,
    /// Edges between members only, sorted, without repetition.
    pub(crate) edges: Vec<Edge>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    /// The package's own name, also where the manifest renames it.
    name: String,
    kind: Option<String>,
    /// Set for dependencies in this repository only.
    path: Option<PathBuf>,
}

pub(crate) fn read(root: &Path) -> Result<Workspace> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root)
        .output()
        .context("cargo metadata did not start")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let metadata = String::from_utf8(output.stdout).context("cargo metadata is not UTF-8")?;
    parse(&metadata, |manifest| {
        std::fs::read_to_string(manifest).with_context(|| manifest.display().to_string())
    })
}

/// `metadata` is the JSON of `cargo metadata --no-deps`; `manifest` reads one Cargo.toml.
pub(crate) fn parse(
    metadata: &str,
    manifest: impl Fn(&Path) -> Result<String>,
) -> Result<Workspace> {
    let metadata: Metadata = serde_json::from_str(metadata).context("cargo metadata")?;
    let mut members = Vec::new();
    let mut edges = Vec::new();
    for package in metadata.packages {
        for dependency in package.dependencies.iter().filter(|d| d.path.is_some()) {
            edges.push(Edge {
                from: package.name.clone(),
                to: dependency.name.clone(),
                by: match dependency.kind.as_deref() {
                    Some("dev") => Use::Tests,
                    _ => Use::Product,
                },
            });
        }
        members.push(Member {
            lints: opts_in(&manifest(&package.manifest_path)?)?,
            folder: package
                .manifest_path
                .parent()
                .unwrap_or(Path::new(""))
                .to_path_buf(),
            name: package.name,
        });
    }
    members.sort_by(|a, b| a.name.cmp(&b.name));
    edges.sort();
    edges.dedup();
    Ok(Workspace { members, edges })
}

fn opts_in(manifest: &str) -> Result<bool> {
    let manifest: toml::Table = manifest.parse().context("a member's manifest")?;
    let lints = manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"));
    Ok(lints.and_then(toml::Value::as_bool) == Some(true))
}
