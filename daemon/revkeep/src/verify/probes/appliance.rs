//! The appliance around the program: open ports, the unit's sandbox, the way to the database, and what
//! ages (LM-68, LM-69, LM-72, LM-73, LM-95, CX-22).

use std::{fs, io::ErrorKind};

use db::{DbConfig, ServerFacts};

use crate::{
    backup::{self, BackupError, Lock},
    checks::{
        listening,
        unit::{self, Sandbox},
    },
    verify::{
        Sight,
        verdict::{Trouble, Verdict},
    },
};

pub(in crate::verify) async fn ports_closed(sight: &Sight) -> Result<Verdict, Trouble> {
    Ok(Verdict::of(
        &listening::open_to_network(&sight.config)?,
        "the daemon listens where its settings say; plain HTTP and data services of this machine are closed to the network",
    ))
}

pub(in crate::verify) async fn unit_confined(sight: &Sight) -> Result<Verdict, Trouble> {
    Ok(match unit::look(&sight.config)? {
        Sandbox::NoUnit => Verdict::Unknown(
            "the daemon was not started as revkeep.service, so there is no sandbox to look at"
                .to_owned(),
        ),
        Sandbox::Gaps(gaps) => Verdict::of(&gaps, unit::CONFINED),
    })
}

pub(in crate::verify) async fn database_unread_on_the_way(
    sight: &Sight,
) -> Result<Verdict, Trouble> {
    let facts = sight.db.system(|tx| tx.server_facts()).await?;
    Ok(way(&sight.config.database, &facts))
}

fn way(config: &DbConfig, facts: &ServerFacts) -> Verdict {
    if config.host.starts_with('/') {
        return Verdict::Holds("PostgreSQL is reached by a socket of this machine".to_owned());
    }
    if facts.encrypted {
        return Verdict::Holds(
            "PostgreSQL is reached over TLS, with its certificate verified".to_owned(),
        );
    }
    Verdict::Fails(format!(
        "the connection to PostgreSQL at {} is in clear",
        config.host
    ))
}

pub(in crate::verify) async fn interface_keys_young(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "interface_keys_old",
        "no interface key in use is older than 180 days",
        "interface keys in use are older than 180 days",
    )
    .await
}

pub(in crate::verify) async fn tokens_renewed(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "tokens_not_renewed",
        "each connection's token was renewed within 90 days, and no renewal is in doubt",
        "connections have a token that was not renewed for 90 days, or a renewal that was never settled",
    )
    .await
}

/// Archives are for keys that are keys, and lie where the daemon cannot read them.
pub(in crate::verify) async fn archives_closed(sight: &Sight) -> Result<Verdict, Trouble> {
    Ok(archives(&sight.config.backup))
}

fn archives(config: &backup::Config) -> Verdict {
    let whom = match Lock::recipients(config) {
        Ok(_) => format!("encrypted for {} keys", config.recipients.len()),
        Err(BackupError::NoRecipients) => {
            "made by a passphrase alone, as backup.recipients names nobody".to_owned()
        }
        Err(error) => return Verdict::Fails(error.to_string()),
    };
    let folder = config.directory.display();
    match fs::read_dir(&config.directory) {
        Ok(_) => Verdict::Fails(format!(
            "the daemon can read {folder}, which is root's alone"
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Verdict::Holds(format!(
            "archives are {whom}; there is none in {folder} yet"
        )),
        Err(_) => Verdict::Holds(format!(
            "archives are {whom}; {folder} is closed to the daemon"
        )),
    }
}

async fn counted(sight: &Sight, rule: &str, kept: &str, broken: &str) -> Result<Verdict, Trouble> {
    let now = sight.db.clock().now();
    let census = sight.db.system(move |tx| tx.upkeep_census(now)).await?;
    super::rows::judged(&census, rule, kept, broken)
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, SystemClock};

    use super::*;

    /// The daemon itself asks for verified TLS, so that no test can break this on a live one.
    #[test]
    fn a_connection_in_clear_over_a_network_is_found() {
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
        let facts = |encrypted| ServerFacts {
            version: "15.6".to_owned(),
            fsync: "on".to_owned(),
            full_page_writes: "on".to_owned(),
            encrypted,
            standby: false,
            now: SystemClock.now(),
        };
        for (host, encrypted, word) in [
            ("/run/postgresql", false, "holds"),
            ("db.corp.example", true, "holds"),
            ("db.corp.example", false, "fails"),
        ] {
            assert_eq!(way(&config(host), &facts(encrypted)).word(), word, "{host}");
        }
    }
}
