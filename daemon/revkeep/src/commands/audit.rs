//! `revkeep audit`: whether the audit log still says what it said. The command reads the database itself,
//! as the role revkeep_auditor, which can read the log and nothing else; the daemon tells it the public
//! keys, and puts on record who looked.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use audit::{Finding, Hash, Head, Report};
use clap::Subcommand;
use db::{Auditor, DbError, setup::Setup};
use kernel::AuditId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    admin::{self, Question, Reply},
    config::Config,
};

/// How often `heads --follow` looks for a new one.
const LOOK: Duration = Duration::from_secs(2);
/// Heads that are read at a time.
const PAGE: i64 = 500;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Look at every row, leaf, head and signature; say what is not as it was sealed, and where.
    Verify {
        /// Trust the public keys of this file (of `revkeep audit keys`) rather than ask the daemon.
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
    },
    /// Prove that one entry stands in the log; docs/audit-verify.py checks it without Revkeep.
    Prove {
        /// The entry's id.
        id: String,
    },
    /// Compare with an archive of heads, JSON lines as `heads` and the journal give them; - reads standard
    /// input. Finds a database that was put back to an earlier state.
    Compare {
        archive: PathBuf,
        /// Trust the public keys of this file rather than ask the daemon.
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
    },
    /// Print the heads, each as JSON on a line: what an archive keeps.
    Heads {
        /// Only those after this number.
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// Go on with new ones.
        #[arg(long)]
        follow: bool,
    },
    /// Print the public keys whose signatures count, to be kept apart from the machine.
    Keys,
    /// Drop the months that are older than audit.keep_months, after a signed head has said so. Runs as the
    /// role revkeep_owner.
    Prune,
}

/// Exit code 0 when the log is as it was sealed, 1 when it is not, 2 when that cannot be told.
pub(super) fn run(config: &Config, command: &Command, json: bool) -> ExitCode {
    let done = match command {
        Command::Verify { keys } => verify(config, keys.as_deref(), json),
        Command::Prove { id } => prove(config, id, json),
        Command::Compare { archive, keys } => compare(config, archive, keys.as_deref(), json),
        Command::Heads { after, follow } => heads(config, *after, *follow),
        Command::Keys => keys(config, json),
        Command::Prune => prune(config, json),
    };
    done.unwrap_or_else(|Stop { code, message }| super::fail(json, code, &message))
}

/// Why it cannot be told.
struct Stop {
    code: &'static str,
    message: String,
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::new("database", super::setup::reason(&error))
    }
}

impl Stop {
    fn new(code: &'static str, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }
}

fn verify(config: &Config, keys: Option<&Path>, json: bool) -> Result<ExitCode, Stop> {
    let trusted = trusted(config, keys, "verify")?;
    let mut auditor = Auditor::open(&config.database)?;
    let mut bar = Bar::new(json);
    let report = audit::verify(&mut auditor, &trusted, |stage, done, total| {
        bar.show(
            match stage {
                audit::Stage::Tree => "rows and heads",
                audit::Stage::Loose => "rows without a place",
            },
            done,
            total,
        );
    })?;
    bar.end();
    let findings = u64::try_from(report.findings.len()).unwrap_or(u64::MAX);
    let told = Question::AuditVerified {
        heads: report.heads,
        leaves: report.leaves,
        findings: findings.saturating_add(report.more),
    };
    if !matches!(
        admin::ask(&config.admin.socket, &told),
        Ok(Reply::Answer(_))
    ) {
        super::complain("The daemon did not put this verification on record.");
    }
    if json {
        let mut answer = serde_json::to_value(&report).unwrap_or_default();
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("holds".to_owned(), report.holds().into());
        }
        super::say(&answer.to_string());
    } else {
        super::say(&screen(&report));
    }
    Ok(verdict(report.holds()))
}

fn prove(config: &Config, id: &str, json: bool) -> Result<ExitCode, Stop> {
    let id: AuditId = id
        .parse()
        .ok()
        .or_else(|| Uuid::try_parse(id).ok().map(AuditId::from_uuid))
        .ok_or_else(|| Stop::new("bad_id", "An entry's id reads audit_<uuid>."))?;
    let asked = admin::ask(&config.admin.socket, &opening("prove"));
    if !matches!(asked, Ok(Reply::Answer(_))) {
        super::complain("The daemon did not put on record that this entry was read.");
    }
    let mut auditor = Auditor::open(&config.database)?;
    let proof = audit::prove(&mut auditor, id).map_err(|error| Stop::new("not_proven", error))?;
    if json {
        super::say(&serde_json::to_string(&proof).unwrap_or_default());
    } else {
        super::say(&format!(
            "{id} stands at position {} of {}, under head {} of {}.\nNext step: `revkeep audit prove {id} --json > proof.json`, then `audit-verify.py proof.json KEY` on any machine.",
            proof.position, proof.head.size, proof.head.number, proof.head.at
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(
    config: &Config,
    archive: &Path,
    keys: Option<&Path>,
    json: bool,
) -> Result<ExitCode, Stop> {
    let lines: Box<dyn BufRead> = if archive == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(archive)
            .map_err(|error| Stop::new("archive", format!("{}: {error}", archive.display())))?;
        Box::new(BufReader::new(file))
    };
    let trusted = trusted(config, keys, "compare")?;
    let mut auditor = Auditor::open(&config.database)?;
    let mut bar = Bar::new(json);
    let compared = audit::compare(&mut auditor, &trusted, lines, |done| {
        bar.show("heads of the archive", done, done);
    })
    .map_err(|error| Stop::new("compare", error))?;
    bar.end();
    if compared.heads == 0 && compared.holds() {
        return Err(Stop::new(
            "archive_empty",
            "There is no head in this archive, so nothing was compared.",
        ));
    }
    if json {
        let mut answer = serde_json::to_value(&compared).unwrap_or_default();
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("holds".to_owned(), compared.holds().into());
        }
        super::say(&answer.to_string());
    } else {
        let mut text: Vec<String> = compared.findings.iter().map(line).collect();
        text.push(format!(
            "Compared {} heads of the archive; {} other lines were passed over.",
            compared.heads, compared.other_lines
        ));
        super::say(&text.join("\n"));
    }
    Ok(verdict(compared.holds()))
}

fn heads(config: &Config, after: u64, follow: bool) -> Result<ExitCode, Stop> {
    let mut auditor = Auditor::open(&config.database)?;
    let mut last = i64::try_from(after).unwrap_or(i64::MAX);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| Stop::new("internal", error))?;
    loop {
        let page = auditor.heads_after(last, PAGE)?;
        for row in &page {
            last = row.number;
            let line = Head::stored(row)
                .and_then(|head| serde_json::to_string(&head.line()).ok())
                .ok_or_else(|| {
                    let text =
                        format!("Head {last} cannot be read. Next step: `revkeep audit verify`.");
                    Stop::new("head_unreadable", text)
                })?;
            super::say(&line);
        }
        if page.is_empty() {
            if !follow {
                return Ok(ExitCode::SUCCESS);
            }
            runtime.block_on(async { tokio::time::sleep(LOOK).await });
        }
    }
}

fn keys(config: &Config, json: bool) -> Result<ExitCode, Stop> {
    let keys = trusted(config, None, "keys")?;
    let keys: Vec<String> = keys.iter().map(|key| audit::hex(key)).collect();
    super::say(&if json {
        json!({ "keys": keys }).to_string()
    } else {
        keys.join("\n")
    });
    Ok(ExitCode::SUCCESS)
}

fn prune(config: &Config, json: bool) -> Result<ExitCode, Stop> {
    let answer = match admin::ask(&config.admin.socket, &Question::AuditPrune) {
        Ok(Reply::Answer(answer)) => answer,
        Ok(Reply::Refusal { message, .. }) => return Err(Stop::new("refused", message)),
        Err(error) => return Err(Stop::new("daemon_not_running", error)),
    };
    let before = answer
        .get("before")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let moment = before
        .parse()
        .map_err(|_| Stop::new("internal", "the daemon named no time"))?;
    let dropped = Setup::open(&config.database, "revkeep_owner", &config.database.name)
        .and_then(|mut owner| owner.audit_prune(moment))?;
    super::say(&if json {
        json!({ "before": before, "dropped": dropped }).to_string()
    } else if dropped.is_empty() {
        format!("Nothing is older than {before}.")
    } else {
        format!(
            "Dropped {}: rows before {before} are gone, their leaves stay.",
            dropped.join(", ")
        )
    });
    Ok(ExitCode::SUCCESS)
}

fn opening(purpose: &str) -> Question {
    Question::AuditOpen {
        purpose: purpose.to_owned(),
    }
}

/// The public keys that count: of the file, or else as the daemon says, which has them from the secrets
/// backend. Never those of the database, which is what is in question.
fn trusted(config: &Config, file: Option<&Path>, purpose: &str) -> Result<Vec<Hash>, Stop> {
    let told = admin::ask(&config.admin.socket, &opening(purpose));
    let texts: Vec<String> = match (file, told) {
        (Some(file), told) => {
            if !matches!(told, Ok(Reply::Answer(_))) {
                super::complain("The daemon did not put on record that the audit log is read.");
            }
            let text = std::fs::read_to_string(file)
                .map_err(|error| Stop::new("keys", format!("{}: {error}", file.display())))?;
            text.lines()
                .map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .collect()
        }
        (None, Ok(Reply::Answer(answer))) => answer
            .get("keys")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|key| key.get("public_key")?.as_str().map(str::to_owned))
            .collect(),
        (None, Ok(Reply::Refusal { message, .. })) => return Err(Stop::new("refused", message)),
        (None, Err(error)) => {
            return Err(Stop::new(
                "daemon_not_running",
                format!(
                    "The daemon, which knows the public keys, does not answer on {}: {error}.\nNext step: start it, or give the keys with --keys FILE.",
                    config.admin.socket.display()
                ),
            ));
        }
    };
    texts
        .iter()
        .map(|text| {
            audit::key(text).ok_or_else(|| {
                Stop::new(
                    "keys",
                    format!("{text:?} is no public key: 64 hexadecimal digits."),
                )
            })
        })
        .collect()
}

fn screen(report: &Report) -> String {
    let mut lines: Vec<String> = report.findings.iter().map(line).collect();
    if report.more > 0 {
        lines.push(format!("... and {} more", report.more));
    }
    lines.extend(report.notices.iter().cloned());
    lines.push(format!(
        "{} rows under {} heads were looked at; {} went by retention; {} wait to be sealed.",
        report.leaves, report.heads, report.pruned, report.pending
    ));
    if let Some(last) = &report.last {
        lines.push(format!(
            "The last head is {} of {}, over {} rows.",
            last.number, last.at, last.size
        ));
    }
    lines.push(
        if report.holds() {
            "The audit log is as it was sealed."
        } else {
            "The audit log is NOT as it was sealed. Next step: docs/audit.md, \"When something is found\"."
        }
        .to_owned(),
    );
    lines.join("\n")
}

fn line(finding: &Finding) -> String {
    let fault = serde_json::to_value(finding.fault)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default();
    let to = if finding.from == finding.to {
        String::new()
    } else {
        format!(" to {}", finding.to)
    };
    let id = finding
        .audit_id
        .map(|id| format!(" ({id})"))
        .unwrap_or_default();
    format!(
        "FOUND  {fault:14} {} {}{to}{id}: {}",
        finding.of, finding.from, finding.detail
    )
}

fn verdict(holds: bool) -> ExitCode {
    ExitCode::from(u8::from(!holds))
}

/// One line that counts up, on a terminal.
struct Bar {
    shown: bool,
}

impl Bar {
    fn new(json: bool) -> Self {
        Self {
            shown: !json && std::io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, what: &str, done: u64, total: u64) {
        if self.shown {
            let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
            // A closed stderr is no reason to stop.
            let _ = write!(
                std::io::stderr(),
                "\r{percent:3} %  {done} of {total} {what}   "
            );
        }
    }

    fn end(&mut self) {
        if self.shown {
            let _ = writeln!(std::io::stderr());
        }
    }
}
