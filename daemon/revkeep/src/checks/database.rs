//! The database: whether it answers as each role, how it is set up, and which migrations it has had.

use std::sync::Arc;

use db::{Db, DbConfig, DbError, DbRole, ServerFacts};
use kernel::{Clock, SystemClock};
use vault::{Vault, VaultError};

use super::{Finding, cause, clock, upkeep};
use crate::{config::Config, unlock};

const SUBJECT: &str = "database";
/// The oldest that every statement here is written for.
const OLDEST: u32 = 15;

pub(super) async fn look(config: &Config, vault: &Result<Vault, VaultError>) -> Vec<Finding> {
    let asked = SystemClock.now();
    let opened = async {
        let db = open(config, vault).await?;
        let facts = db
            .system(|tx| tx.server_facts())
            .await
            .map_err(|error: DbError| cause(&error))?;
        Ok::<_, String>((db, facts))
    };
    let (db, facts) = match opened.await {
        Ok(opened) => opened,
        Err(why) => {
            return vec![Finding::fail(
                SUBJECT,
                why,
                "run `revkeep setup` once, and check [database] and pg_ident.conf",
            )];
        }
    };
    let answered = SystemClock.now();
    let mut findings = vec![
        roles(&config.database, &db).await,
        settings(&config.database, &facts),
        migrations(&db).await,
        clock::against("the database", facts.now, asked, answered),
    ];
    if let Ok(vault) = vault {
        findings.extend(vault_clock(vault).await);
    }
    findings.extend(quarantine(&db).await);
    findings.extend(upkeep::look(&db).await);
    findings
}

async fn open(config: &Config, vault: &Result<Vault, VaultError>) -> Result<Db, String> {
    let vault = vault.as_ref().map_err(ToString::to_string)?;
    let key = unlock::context_key(vault)
        .await
        .map_err(|error| error.to_string())?;
    let db = Db::new(&config.database, Arc::new(SystemClock)).map_err(|error| cause(&error))?;
    db.unlock(key);
    Ok(db)
}

/// The daemon becomes four roles.
async fn roles(config: &DbConfig, db: &Db) -> Finding {
    let mut closed: Vec<&str> = Vec::new();
    for role in [DbRole::Auth, DbRole::Gateway] {
        if db.probe(role, |_| Ok(())).await.is_err() {
            closed.push(role.name());
        }
    }
    let own = config.clone();
    let auditor = tokio::task::spawn_blocking(move || db::reachable(&own, "revkeep_auditor"));
    if !auditor.await.unwrap_or(false) {
        closed.push("revkeep_auditor");
    }
    if closed.is_empty() {
        return Finding::pass(
            SUBJECT,
            "answers as revkeep_app, revkeep_auth, revkeep_gateway and revkeep_auditor",
        );
    }
    Finding::fail(
        SUBJECT,
        format!("does not let this account become {}", closed.join(" and ")),
        "compare pg_ident.conf with `revkeep setup --print-sql` and the guide's chapter on the database",
    )
}

fn settings(config: &DbConfig, facts: &ServerFacts) -> Finding {
    let mut faults = Vec::new();
    let major = facts.version.split('.').next().unwrap_or_default();
    if major.parse::<u32>().is_ok_and(|major| major < OLDEST) {
        faults.push(format!(
            "PostgreSQL {} is older than {OLDEST}",
            facts.version
        ));
    }
    for (name, value) in [
        ("fsync", &facts.fsync),
        ("full_page_writes", &facts.full_page_writes),
    ] {
        if value != "on" {
            faults.push(format!(
                "{name} is {value}: a power cut can lose or tear what was written"
            ));
        }
    }
    if !config.host.starts_with('/') && !facts.encrypted {
        faults.push("the connection is not encrypted".to_owned());
    }
    if facts.standby {
        faults.push("it is a standby and takes no change".to_owned());
    }
    if faults.is_empty() {
        return Finding::pass(
            SUBJECT,
            format!("PostgreSQL {}, set up to keep what it took", facts.version),
        );
    }
    Finding::fail(
        SUBJECT,
        faults.join("; "),
        "correct postgresql.conf and reload; database.host names the primary",
    )
}

async fn migrations(db: &Db) -> Finding {
    match db.system(|tx| tx.migrations_run()).await {
        Ok(run) => compared(&run, &db::schema_versions()),
        Err(error) => Finding::fail(SUBJECT, cause(&error), "`revkeep migrate`"),
    }
}

fn compared(run: &[String], brought: &[String]) -> Finding {
    let unknown: Vec<&str> = run
        .iter()
        .filter(|version| !brought.contains(version))
        .map(String::as_str)
        .collect();
    let pending = brought.iter().filter(|version| !run.contains(version));
    match (unknown.is_empty(), pending.count()) {
        (false, _) => Finding::warn(
            SUBJECT,
            format!(
                "has migrations that this program, version {}, does not know: {}",
                env!("CARGO_PKG_VERSION"),
                unknown.join(", ")
            ),
            "well while an upgrade is under way; else install the version that migrated the database, or a newer one",
        ),
        (true, 0) => Finding::pass(SUBJECT, format!("has had all {} migrations", run.len())),
        (true, pending) => Finding::fail(
            SUBJECT,
            format!("lacks {pending} migrations of this program"),
            "`revkeep migrate --plan` says what they lock, `revkeep migrate` runs them",
        ),
    }
}

/// A restored database that nobody has looked at yet.
async fn quarantine(db: &Db) -> Option<Finding> {
    let found = db.system(|tx| tx.quarantine_standing()).await;
    let found = found.ok().flatten()?;
    Some(Finding::warn(
        "quarantine",
        format!(
            "restored {} from a backup of {}: nothing acts by itself",
            found.restored_at.format("%Y-%m-%d %H:%M UTC"),
            found.taken_at.format("%Y-%m-%d %H:%M UTC")
        ),
        "`revkeep resume --plan` says what came of it, `revkeep resume` ends it",
    ))
}

async fn vault_clock(vault: &Vault) -> Option<Finding> {
    let asked = SystemClock.now();
    let its = vault.server_time().await.ok()??;
    let answered = SystemClock.now();
    // It tells whole seconds.
    let asked = asked - chrono::TimeDelta::seconds(1);
    Some(clock::against("the secrets backend", its, asked, answered))
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    fn versions(of: &[&str]) -> Vec<String> {
        of.iter().map(|version| (*version).to_owned()).collect()
    }

    #[test]
    fn a_database_of_another_version_is_told_which_way() {
        let brought = versions(&["1", "2", "3"]);
        let told = |run: &[&str]| compared(&versions(run), &brought);
        assert_eq!(told(&["1", "2", "3"]).verdict, Verdict::Pass);
        let older = told(&["1"]);
        assert_eq!(older.verdict, Verdict::Fail);
        assert!(older.detail.contains("lacks 2"), "{older:?}");
        let newer = told(&["1", "2", "3", "4"]);
        assert_eq!(newer.verdict, Verdict::Warn);
        assert!(newer.detail.ends_with("does not know: 4"), "{newer:?}");
    }

    #[test]
    fn a_server_that_can_lose_what_it_took_is_told_of() {
        let config = |host: &str| DbConfig {
            host: host.to_owned(),
            port: 5432,
            name: "revkeep".to_owned(),
            tls_ca: None,
            tls_certificate: None,
            tls_key: None,
            app_connections: 1,
            auth_connections: 1,
            gateway_connections: 1,
        };
        let sound = ServerFacts {
            version: "15.6 (Debian 15.6-0+deb12u1)".to_owned(),
            fsync: "on".to_owned(),
            full_page_writes: "on".to_owned(),
            encrypted: false,
            address: None,
            standby: false,
            now: SystemClock.now(),
        };
        let local = config("/run/postgresql");
        assert_eq!(settings(&local, &sound).verdict, Verdict::Pass);
        let broken = [
            (
                ServerFacts {
                    fsync: "off".to_owned(),
                    ..sound.clone()
                },
                "fsync is off",
            ),
            (
                ServerFacts {
                    full_page_writes: "off".to_owned(),
                    ..sound.clone()
                },
                "full_page_writes is off",
            ),
            (
                ServerFacts {
                    standby: true,
                    ..sound.clone()
                },
                "standby",
            ),
            (
                ServerFacts {
                    version: "14.2".to_owned(),
                    ..sound.clone()
                },
                "older than 15",
            ),
        ];
        for (facts, names) in broken {
            let told = settings(&local, &facts);
            assert_eq!(told.verdict, Verdict::Fail, "{names}");
            assert!(told.detail.contains(names), "{told:?}");
        }
        let remote = config("db.corp.example");
        assert_eq!(settings(&remote, &sound).verdict, Verdict::Fail);
        let encrypted = ServerFacts {
            encrypted: true,
            ..sound
        };
        assert_eq!(settings(&remote, &encrypted).verdict, Verdict::Pass);
    }
}
