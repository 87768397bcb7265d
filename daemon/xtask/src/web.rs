//! `cargo xtask web`: builds the console's web application. The daemon embeds the result, so it
//! must be there before `console` compiles; a build script never runs npm.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::say;

/// What the build makes or installs, and so no input of it.
const NOT_INPUT: &[&str] = &["dist", "node_modules", ".vite", "coverage"];

/// Holds the hash of the sources that `dist` was built from; not in `dist`, which is embedded whole.
const STAMP: &str = "node_modules/.revkeep-built";

/// Lines of npm's output that explain a failure; what follows is its manual.
const SHOWN: usize = 30;

pub(crate) fn run(root: &Path) -> Result<bool> {
    let web = root.join("daemon/console/web");
    if !web.join("package.json").is_file() {
        bail!("{} has no package.json", web.display());
    }
    let inputs = hash(&web)?;
    let stamp = web.join(STAMP);
    let built = web.join("dist/index.html");
    if built.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|built| built == inputs) {
        say("web: dist is up to date")?;
        return Ok(true);
    }
    // Installing is the slow half: a change of sources alone leaves the packages as they are.
    let lock = digest(&[web.join("package-lock.json")], &web)?;
    let installed = web.join("node_modules/.revkeep-lock");
    if !std::fs::read_to_string(&installed).is_ok_and(|installed| installed == lock) {
        install(&web)?;
        std::fs::write(&installed, &lock).with_context(|| installed.display().to_string())?;
    }
    npm(&web, &["run", "build"])?;
    if !built.is_file() {
        bail!("npm run build left no dist/index.html");
    }
    std::fs::write(&stamp, &inputs).with_context(|| stamp.display().to_string())?;
    say("web: dist is built")?;
    Ok(true)
}

/// Installs exactly what the lock file says. `npm ci` would do, but it refuses a lock file that lacks
/// another platform's optional packages, and not every registry carries those of all platforms.
fn install(web: &Path) -> Result<()> {
    let lock = web.join("package-lock.json");
    let before = std::fs::read(&lock).context("package-lock.json")?;
    npm(web, &["install", "--no-audit", "--no-fund"])?;
    if std::fs::read(&lock).context("package-lock.json")? != before {
        std::fs::write(&lock, before).context("package-lock.json")?;
        bail!("package-lock.json does not fit package.json: run npm install and commit it");
    }
    Ok(())
}

/// Runs npm quietly; a failure brings the first lines of what it said.
fn npm(web: &Path, arguments: &[&str]) -> Result<()> {
    let command = format!("npm {}", arguments.join(" "));
    say(&format!("web: {command}"))?;
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(web)
        .output();
    let output = output.context("npm did not start: is Node.js installed?")?;
    if !output.status.success() {
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said);
        let said: Vec<&str> = said
            .lines()
            .filter(|line| !line.is_empty())
            .take(SHOWN)
            .collect();
        bail!(
            "{command} failed in {}:\n{}",
            web.display(),
            said.join("\n")
        );
    }
    Ok(())
}

/// Hex SHA-256 over every input's path and content.
fn hash(web: &Path) -> Result<String> {
    let mut files = Vec::new();
    let mut ahead = vec![web.to_path_buf()];
    while let Some(folder) = ahead.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let name = entry.file_name();
            if NOT_INPUT.iter().any(|not| name == *not) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                ahead.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    digest(&files, web)
}

fn digest(files: &[PathBuf], base: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    for file in files {
        let content = std::fs::read(file).with_context(|| file.display().to_string())?;
        let name = file.strip_prefix(base).unwrap_or(file).to_string_lossy();
        // Lengths keep two files' bytes from passing for each other's.
        hasher.update(format!("{}:{name}{}:", name.len(), content.len()));
        hasher.update(&content);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
