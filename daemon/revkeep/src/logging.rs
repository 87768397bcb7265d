//! Where log records go: journald with fields, or a terminal in plain text.

use std::io::Write;

use log::{
    LevelFilter, Log, Metadata, Record,
    kv::{Key, Value, VisitSource},
};
use systemd_journal_logger::{JournalLog, connected_to_journal};

use crate::config::{self, LogTarget};

/// Installs the logger, once. Our own records carry fields such as `REVKEEP_TENANT` and
/// `REVKEEP_ACTION`, so that `journalctl REVKEEP_ACTION=...` finds them.
pub(crate) fn install(config: &config::Log) -> Result<(), Box<dyn std::error::Error>> {
    let journal = match config.target {
        LogTarget::Journal => true,
        LogTarget::Terminal => false,
        LogTarget::Auto => connected_to_journal(),
    };
    let sink: Box<dyn Log> = if journal {
        Box::new(JournalLog::new()?.with_syslog_identifier(String::from("revkeep")))
    } else {
        Box::new(Terminal)
    };
    log::set_boxed_logger(Box::new(Ours { sink }))?;
    log::set_max_level(config.level.into());
    Ok(())
}

/// Crates that tell each request and each refusal of the secrets backend, addresses included. What
/// of it matters is told by `vault` in its own words.
const SILENT: [&str; 2] = ["rustify", "vaultrs"];
/// Other libraries' inner life is not an administrator's.
const LIBRARIES: LevelFilter = LevelFilter::Warn;
const OURS: [&str; 14] = [
    "audit",
    "connections",
    "console",
    "db",
    "delivery",
    "egress",
    "http",
    "identity",
    "jobs",
    "layer",
    "revkeep",
    "routing",
    "salesforce",
    "vault",
];

/// Lets our own records through, and warnings of libraries.
struct Ours {
    sink: Box<dyn Log>,
}

impl Log for Ours {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let of = metadata.target().split("::").next().unwrap_or_default();
        let most = if OURS.contains(&of) {
            log::max_level()
        } else if SILENT.contains(&of) {
            LevelFilter::Off
        } else {
            LIBRARIES
        };
        metadata.level() <= most && self.sink.enabled(metadata)
    }
    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.sink.log(record);
        }
    }
    fn flush(&self) {
        self.sink.flush();
    }
}

/// Plain lines on standard error: `info  message  FIELD=value`.
struct Terminal;

impl Log for Terminal {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut line = format!(
            "{:5} {}",
            record.level().as_str().to_ascii_lowercase(),
            record.args()
        );
        let _ = record.key_values().visit(&mut Fields(&mut line));
        let mut line = one_line(&line);
        line.push('\n');
        // One write, so that lines of several threads do not mix.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

/// A record is one line, whatever stands in it: a line break or an escape sequence in somebody's text
/// must not pass for a record of its own, nor reach the terminal (ASVS 16.4.1).
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

struct Fields<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
        self.0.push_str(&format!("  {key}={value}"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn no_text_makes_a_second_line_or_commands_a_terminal() {
        let smuggled = one_line("Ada\ninfo  signed in\r\x1b[2J\u{2028}Zürich");
        assert_eq!(
            smuggled,
            "Ada\\ninfo  signed in\\r\\u{1b}[2J\\u{2028}Zürich"
        );
    }
}
