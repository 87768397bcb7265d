//! `revkeep support-bundle`: one file for somebody who helps. `--preview` prints each line that would be in it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use super::check;
use crate::{
    admin::{self, Question, Reply},
    bundle::{Bundle, Facts, Settings, Sources},
    config::Config,
};

#[derive(Args)]
pub(super) struct Options {
    /// The file to write, a tar.gz. One that is there is not replaced.
    #[arg(long, value_name = "FILE", required_unless_present = "preview")]
    to: Option<PathBuf>,
    /// Print every line that would be written, and write nothing.
    #[arg(long, conflicts_with = "to")]
    preview: bool,
}

pub(super) fn run(config: &Config, file: &Path, options: &Options, json: bool) -> ExitCode {
    let bundle = match gather(config, file) {
        Ok(bundle) => bundle,
        Err(error) => return super::fail(json, "internal", &error.to_string()),
    };
    let Some(to) = options.to.as_deref().filter(|_| !options.preview) else {
        super::say(&bundle.preview());
        return ExitCode::SUCCESS;
    };
    if let Err(error) = bundle.write(to) {
        let message = format!("{}: {error}", to.display());
        return super::fail(json, "not_written", &message);
    }
    super::say(&if json {
        json!({ "written": to, "files": bundle.names() }).to_string()
    } else {
        format!(
            "Wrote {} with {}. `revkeep support-bundle --preview` shows every line of it.",
            to.display(),
            bundle.names().join(", ")
        )
    });
    ExitCode::SUCCESS
}

fn gather(config: &Config, file: &Path) -> Result<Bundle, Box<dyn std::error::Error>> {
    let findings = match admin::ask(&config.admin.socket, &Question::Doctor) {
        Ok(Reply::Answer(answer)) => check::findings(answer)?,
        Ok(Reply::Refusal { message, .. }) => return Err(message.into()),
        Err(_) => check::look(config, file)?,
    };
    let facts = match admin::ask(&config.admin.socket, &Question::Facts) {
        Ok(Reply::Answer(answer)) => {
            serde_json::from_value::<Facts>(answer).map_err(|_| "is of another version".to_owned())
        }
        Ok(Reply::Refusal { code, .. }) => Err(format!("refused: {code}")),
        Err(error) => Err(format!("does not answer: {}", error.kind())),
    };
    Ok(Bundle::gather(Sources {
        settings: Settings::of(config),
        findings: &findings,
        facts,
    })?)
}
