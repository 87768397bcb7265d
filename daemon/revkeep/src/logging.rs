//! Where log records go: journald with fields, or a terminal in plain text.

use std::io::Write;

use log::{
    Log, Metadata, Record,
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
    if journal {
        JournalLog::new()?
            .with_syslog_identifier(String::from("revkeep"))
            .install()?;
    } else {
        log::set_boxed_logger(Box::new(Terminal))?;
    }
    log::set_max_level(config.level.into());
    Ok(())
}

/// Plain lines on standard error: `info  message  FIELD=value`.
struct Terminal;

impl Log for Terminal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut line = format!(
            "{:5} {}",
            record.level().as_str().to_ascii_lowercase(),
            record.args()
        );
        let _ = record.key_values().visit(&mut Fields(&mut line));
        line.push('\n');
        // One write, so that lines of several threads do not mix.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

struct Fields<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
        self.0.push_str(&format!("  {key}={value}"));
        Ok(())
    }
}
