//! `cargo xtask notices FOLDER`: what a package says about the software in it. Writes `licences.txt`, each
//! component with its licence and then every licence text and notice once, and `sbom.cdx.json`, the same
//! list as CycloneDX 1.5. Both are the same bytes for the same lock files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::say;

/// The program whose dependencies are meant; what only tests or builds use is in no package.
const PROGRAM: &str = "revkeep";
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Component {
    /// `cargo` or `npm`, as a package URL names them.
    kind: &'static str,
    name: String,
    version: String,
    licence: String,
    /// Where its licence texts are.
    folder: PathBuf,
}

pub(crate) fn run(root: &Path, folder: &Path) -> Result<bool> {
    let mut components = crates(root)?;
    components.extend(npm_packages(&root.join("daemon/console/web"))?);
    components.sort();
    let unknown: Vec<&str> = components
        .iter()
        .filter(|component| component.licence.is_empty())
        .map(|component| component.name.as_str())
        .collect();
    if !unknown.is_empty() {
        bail!("no licence is stated by: {}", unknown.join(", "));
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    std::fs::write(folder.join("licences.txt"), licences(&components)?)?;
    let bill = serde_json::to_string_pretty(&bill(&components))?;
    std::fs::write(folder.join("sbom.cdx.json"), bill + "\n")?;
    say(&format!("notices: {} components", components.len()))?;
    Ok(true)
}

/// Every crate that the program links, by normal edges from it.
fn crates(root: &Path) -> Result<Vec<Component>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", PLATFORM])
        .current_dir(root)
        .output()
        .context("cargo metadata did not start")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let resolve = metadata.get("resolve").unwrap_or(&Value::Null);
    let packages: BTreeMap<&str, &Value> = list(&metadata, "packages")
        .map(|package| (text(package, "id"), package))
        .collect();
    let edges: BTreeMap<&str, Vec<&str>> = list(resolve, "nodes")
        .map(|node| (text(node, "id"), normal_edges(node)))
        .collect();
    let mut waiting: Vec<&str> = packages
        .iter()
        .filter(|(_, package)| text(package, "name") == PROGRAM)
        .map(|(id, _)| *id)
        .collect();
    let mut linked = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if linked.insert(id) {
            waiting.extend(edges.get(id).into_iter().flatten());
        }
    }
    // Those of the workspace have no source: they are the product itself.
    Ok(linked
        .iter()
        .filter_map(|id| packages.get(id))
        .filter(|package| package["source"].is_string())
        .map(|package| Component {
            kind: "cargo",
            name: text(package, "name").to_owned(),
            version: text(package, "version").to_owned(),
            licence: text(package, "license").replace('/', " OR "),
            folder: Path::new(text(package, "manifest_path"))
                .parent()
                .unwrap_or(root)
                .to_owned(),
        })
        .collect())
}

fn normal_edges(node: &Value) -> Vec<&str> {
    list(node, "deps")
        .filter(|edge| list(edge, "dep_kinds").any(|kind| kind["kind"].is_null()))
        .map(|edge| text(edge, "pkg"))
        .collect()
}

/// What the web application is bundled from.
fn npm_packages(web: &Path) -> Result<Vec<Component>> {
    let lock: Value = serde_json::from_slice(&std::fs::read(web.join("package-lock.json"))?)?;
    let packages = lock
        .get("packages")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    Ok(packages
        .filter(|(place, package)| {
            !place.is_empty()
                && package["dev"] != true
                && package["optional"] != true
                && package["peer"] != true
        })
        .map(|(place, package)| Component {
            kind: "npm",
            name: place
                .rsplit_once("node_modules/")
                .map_or(place.as_str(), |(_, name)| name)
                .to_owned(),
            version: text(package, "version").to_owned(),
            licence: text(package, "license").to_owned(),
            folder: web.join(place),
        })
        .collect())
}

fn licences(components: &[Component]) -> Result<String> {
    let mut out = String::from(
        "Revkeep is licensed under the Apache License 2.0. It contains the components below, under the\n\
         licences that stand beside them; the texts follow.\n\n",
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for component in components {
        let name = format!("{} {}", component.name, component.version);
        out.push_str(&format!(
            "{name}  ({}, {})\n",
            component.kind, component.licence
        ));
        for text in texts_of(&component.folder)? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    for (text, of) in &texts {
        out.push_str(&format!(
            "\n{}\n{}\n\n{text}\n",
            "-".repeat(78),
            of.join(", ")
        ));
    }
    Ok(out)
}

/// The licence texts and notices in a component's folder.
fn texts_of(folder: &Path) -> Result<Vec<String>> {
    let mut found: Vec<PathBuf> = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_uppercase();
        let is_text = [
            "LICENSE",
            "LICENCE",
            "COPYING",
            "NOTICE",
            "COPYRIGHT",
            "UNLICENSE",
        ]
        .iter()
        .any(|begin| name.starts_with(begin));
        if is_text && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    let texts = found.iter().map(|path| {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        Ok(text.trim().to_owned())
    });
    texts.collect()
}

fn bill(components: &[Component]) -> Value {
    let listed: Vec<Value> = components
        .iter()
        .map(|component| {
            json!({
                "type": "library",
                "name": component.name,
                "version": component.version,
                "purl": format!(
                    "pkg:{}/{}@{}",
                    component.kind,
                    component.name.replace('@', "%40"),
                    component.version
                ),
                "licenses": [{ "expression": component.licence }],
            })
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": PROGRAM,
                "version": env!("CARGO_PKG_VERSION"),
                "licenses": [{ "expression": "Apache-2.0" }],
            }
        },
        "components": listed,
    })
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
