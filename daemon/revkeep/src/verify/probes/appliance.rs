//! The appliance around the program: open ports, the unit's sandbox, the way to the database, and what
//! ages (LM-34, LM-68, LM-69, LM-70, LM-72, LM-73, LM-94, LM-95, CX-22).

use std::{fs, io::ErrorKind, net::IpAddr};

use db::{Admission, DbConfig, ServerFacts};

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

/// LM-70: there is no password of the database to rotate.
pub(in crate::verify) async fn database_without_password(
    sight: &Sight,
) -> Result<Verdict, Trouble> {
    let config = sight.config.database.clone();
    let knocked = tokio::task::spawn_blocking(move || {
        BECOMES.map(|role| (role, db::admission(&config, role)))
    });
    let mut findings = Vec::new();
    for (role, admission) in knocked.await? {
        match admission {
            Admission::WithoutPassword => {}
            Admission::PasswordAsked => {
                findings.push(format!("PostgreSQL asks {role} for a password"));
            }
            Admission::Refused(why) => return Err(format!("{role}: {why}").into()),
        }
    }
    let by = match &sight.config.database.tls_certificate {
        Some(_) => "the daemon's certificate",
        None => "the daemon's account",
    };
    Ok(Verdict::of(
        &findings,
        format!(
            "PostgreSQL lets {} in by {by}: no password is shown, kept or to be rotated",
            BECOMES.join(", ")
        ),
    ))
}

/// The roles that the daemon becomes.
const BECOMES: [&str; 3] = ["revkeep_app", "revkeep_auth", "revkeep_auditor"];

/// LM-94: the firewall is the customer's; what is seen from here is where the database answers.
pub(in crate::verify) async fn data_services_private(sight: &Sight) -> Result<Verdict, Trouble> {
    let facts = sight.db.system(|tx| tx.server_facts()).await?;
    place(facts.address.as_deref())
}

fn place(address: Option<&str>) -> Result<Verdict, Trouble> {
    let Some(text) = address else {
        return Ok(Verdict::Holds(
            "PostgreSQL answers on a socket of this machine".to_owned(),
        ));
    };
    Ok(if is_private(text.parse()?) {
        Verdict::Holds(format!("PostgreSQL answers at {text}, a private address"))
    } else {
        Verdict::Fails(format!(
            "PostgreSQL answers at {text}, which is no private address: put it into a private network"
        ))
    })
}

/// RFC 1918, RFC 4193, link-local and loopback.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => four.is_private() || four.is_loopback() || four.is_link_local(),
        IpAddr::V6(six) => {
            six.is_unique_local() || six.is_loopback() || six.is_unicast_link_local()
        }
    }
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

    /// No test has a public address to put a database at.
    #[test]
    fn a_database_at_a_public_address_is_found() {
        for (address, word) in [
            (None, "holds"),
            (Some("127.0.0.1"), "holds"),
            (Some("10.1.2.3"), "holds"),
            (Some("172.31.0.1"), "holds"),
            (Some("fd00::5"), "holds"),
            (Some("172.32.0.1"), "fails"),
            (Some("203.0.113.7"), "fails"),
            (Some("2001:db8::5"), "fails"),
            (Some("::ffff:203.0.113.7"), "fails"),
        ] {
            assert_eq!(place(address).unwrap().word(), word, "{address:?}");
        }
    }

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
            address: None,
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
