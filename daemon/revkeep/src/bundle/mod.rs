//! `revkeep support-bundle`: what somebody who helps needs to know, and nobody's data. Nothing is taken out
//! of what is gathered: each file is made of the fields that stand in its type, and a field is a number, a
//! word of ours or a version. What people typed (names, addresses, hosts, paths, tokens) has no field.

mod facts;
mod journal;
mod machine;
mod settings;
mod write;

use facts::Judged;
pub(crate) use facts::{Count, Facts, Jobs, Server, Table, facts_of_metrics};
pub(crate) use settings::Settings;

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use crate::checks::Finding;

/// What stands in the archive, in its order.
#[derive(Debug)]
pub(crate) struct Bundle {
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    name: &'static str,
    text: String,
}

/// Where the parts of a bundle come from.
pub(crate) struct Sources<'s> {
    pub(crate) settings: Settings,
    pub(crate) findings: &'s [Finding],
    /// What the running daemon said of itself, or why it said nothing.
    pub(crate) facts: Result<Facts, String>,
}

impl Bundle {
    pub(crate) fn gather(sources: Sources<'_>) -> Result<Self, serde_json::Error> {
        let mut warnings = Vec::new();
        let findings: Vec<Judged> = sources.findings.iter().map(Judged::of).collect();
        let mut files = vec![
            File::json("settings.json", &sources.settings)?,
            File::json("findings.json", &findings)?,
        ];
        match &sources.facts {
            Ok(facts) => files.push(File::json("daemon.json", facts)?),
            Err(why) => warnings.push(format!(
                "daemon.json: status, metrics, migrations and tables are missing, because the daemon {why}"
            )),
        }
        match machine::look(Path::new("/")) {
            Ok(machine) => files.push(File::json("machine.json", &machine)?),
            Err(error) => warnings.push(format!("machine.json: {}", error.kind())),
        }
        match journal::last() {
            Ok(lines) => files.push(File::lines("journal.jsonl", &lines)?),
            Err(why) => warnings.push(format!("journal.jsonl: {why}")),
        }
        if warnings.is_empty() {
            warnings.push("nothing is missing".to_owned());
        }
        files.push(File {
            name: "warning.txt",
            text: format!("{}\n", warnings.join("\n")),
        });
        let mut bundle = Self { files };
        let manifest = bundle.manifest()?;
        bundle.files.insert(0, manifest);
        Ok(bundle)
    }

    fn manifest(&self) -> Result<File, serde_json::Error> {
        let files: Vec<_> = self
            .files
            .iter()
            .map(|file| json!({ "name": file.name, "bytes": file.text.len() }))
            .collect();
        let manifest = json!({
            "what": "revkeep support bundle 1",
            "version": env!("CARGO_PKG_VERSION"),
            "files": files,
        });
        File::json("manifest.json", &manifest)
    }

    /// Every line of every file, as it is written.
    pub(crate) fn preview(&self) -> String {
        let files: Vec<String> = self
            .files
            .iter()
            .map(|file| format!("==> {} <==\n{}", file.name, file.text))
            .collect();
        files.join("\n")
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.files.iter().map(|file| file.name).collect()
    }

    /// As a `tar.gz` that only its owner reads. A file that is there stays.
    pub(crate) fn write(&self, to: &Path) -> std::io::Result<()> {
        let files = self
            .files
            .iter()
            .map(|file| (file.name, file.text.as_bytes()));
        write::archive(to, files)
    }
}

impl File {
    fn json(name: &'static str, value: &impl Serialize) -> Result<Self, serde_json::Error> {
        let text = serde_json::to_string_pretty(value)?;
        Ok(Self {
            name,
            text: format!("{text}\n"),
        })
    }

    fn lines(name: &'static str, values: &[impl Serialize]) -> Result<Self, serde_json::Error> {
        let mut text = String::new();
        for value in values {
            text.push_str(&serde_json::to_string(value)?);
            text.push('\n');
        }
        Ok(Self { name, text })
    }
}
