//! `revkeep certificate`: what the server shows browsers; a request for the organisation's authority; its
//! answer, put in place without a restart; and back.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use kernel::{Clock as _, SystemClock};
use openssl::x509::{X509, X509NameRef};
use serde_json::{Value, json};

use crate::{
    admin::{self, Question, Reply},
    certificate::{
        CertificateError,
        bring::{self, Brought},
        covers, fingerprint, host, make, names, period,
        place::Place,
    },
    checks,
    config::Config,
    setup::system::{self, Account},
};

#[derive(Subcommand)]
pub(super) enum Command {
    /// The certificate in the daemon's files: names, issuer, days left. Exit code 1 when it has ended, ends
    /// within 14 days, or is for another name.
    Show,
    /// Make a key and a request that your authority signs. What is served stays until `install`.
    Request {
        /// A further name or address to be issued for, beside that of site.public_url.
        #[arg(long = "name", value_name = "NAME")]
        names: Vec<String>,
    },
    /// Put a certificate in place and have the running daemon take it, without a restart. The former one is
    /// kept.
    Install(Install),
    /// Go back to the certificate that the last `install` replaced.
    Undo,
}

#[derive(Args)]
pub(super) struct Install {
    /// PEM with the authorities between it and the root, or PKCS#12 with the key in it.
    file: PathBuf,
    /// Its private key, PEM. Without it the key of the last request is taken, or the one in use.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Fewer days left than these are told as not well.
const RENEW_WITHIN: i64 = 14;

pub(super) fn run(config: &Config, command: &Command, json: bool) -> ExitCode {
    let done = match command {
        Command::Show => return show(config, json),
        Command::Request { names } => request(config, names),
        Command::Install(install) => installed(config, install),
        Command::Undo => undone(config),
    };
    match done {
        Ok((told, _)) if json => super::say(&told.to_string()),
        Ok((_, words)) => super::say(&words),
        Err(error) => return super::fail(json, code(&error), &checks::cause(&error)),
    }
    ExitCode::SUCCESS
}

const fn code(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::File(..) => "certificate_file",
        CertificateError::Unreadable(_) => "certificate_unreadable",
        CertificateError::Password => "password_wrong",
        CertificateError::ForeignKey => "key_of_another",
        CertificateError::Weak(_) => "key_weak",
        CertificateError::OtherName { .. } => "other_name",
        CertificateError::NotNow { .. } => "not_valid_now",
        CertificateError::NothingBefore => "nothing_before",
        CertificateError::Renewed => "renewed_by_daemon",
        CertificateError::Openssl(_) | CertificateError::Unusable(_) => "certificate_unusable",
    }
}

fn show(config: &Config, json: bool) -> ExitCode {
    let now = SystemClock.now();
    let told = match described(config, now) {
        Ok(told) => told,
        Err(error) => return super::fail(json, code(&error), &checks::cause(&error)),
    };
    super::say(&if json {
        told.to_string()
    } else {
        screen(&told)
    });
    if told.get("well").and_then(Value::as_bool) == Some(true) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

fn described(config: &Config, now: DateTime<Utc>) -> Result<Value, CertificateError> {
    let file = &config.server.certificate;
    let pem = fs::read(file).map_err(CertificateError::of(file))?;
    let chain = X509::stack_from_pem(&pem).unwrap_or_default();
    let Some(leaf) = chain.first() else {
        return Err(CertificateError::Unreadable(file.display().to_string()));
    };
    let (from, until) = period(leaf)?;
    let days = (until - now).num_days();
    let host = host(&config.site.public_url);
    let key = leaf.public_key()?;
    Ok(json!({
        "file": file,
        "names": names(leaf),
        "issuer": common_name(leaf.issuer_name()),
        "not_before": from.to_rfc3339(),
        "not_after": until.to_rfc3339(),
        "days_left": days,
        "key": format!("{:?} {} bits", key.id(), key.bits()),
        "fingerprint": fingerprint(leaf)?,
        "authorities": chain.iter().skip(1).map(|one| common_name(one.subject_name())).collect::<Vec<_>>(),
        "renewed_from": config.acme.as_ref().map(|acme| &acme.directory),
        "well": days >= RENEW_WITHIN && from <= now && covers(leaf, host),
    }))
}

fn common_name(name: &X509NameRef) -> String {
    name.entries_by_nid(openssl::nid::Nid::COMMONNAME)
        .chain(name.entries_by_nid(openssl::nid::Nid::ORGANIZATIONNAME))
        .find_map(|entry| String::from_utf8(entry.data().as_slice().to_vec()).ok())
        .unwrap_or_default()
}

fn screen(told: &Value) -> String {
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or("");
    let list = |name: &str| {
        let items = told.get(name).and_then(Value::as_array);
        let items: Vec<_> = items
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        items.join(", ")
    };
    let days = told.get("days_left").and_then(Value::as_i64).unwrap_or(0);
    let renewed = match text("renewed_from") {
        "" => "by hand: `revkeep certificate request`, then `install`".to_owned(),
        from => format!("by the daemon itself, from {from}"),
    };
    [
        ("for", list("names")),
        ("issued by", text("issuer").to_owned()),
        (
            "valid",
            format!("{days} more days, until {}", text("not_after")),
        ),
        ("key", text("key").to_owned()),
        ("above it", list("authorities")),
        ("sha256", text("fingerprint").to_owned()),
        ("renewed", renewed),
        ("file", text("file").to_owned()),
    ]
    .iter()
    .map(|(name, said)| format!("{name:10} {said}"))
    .collect::<Vec<_>>()
    .join("\n")
}

type Told = Result<(Value, String), CertificateError>;

fn request(config: &Config, more: &[String]) -> Told {
    let place = place(config)?;
    let mut wanted = vec![host(&config.site.public_url)];
    wanted.extend(more.iter().map(String::as_str));
    let key = make::key()?;
    let request = make::request(&wanted, &key)?.to_pem()?;
    let file = place.request();
    place.write(&place.next_key(), &key.private_key_to_pem_pkcs8()?)?;
    place.write(&file, &request)?;
    let words = format!(
        "{}\nNext step: have {} signed by your authority for {}, then `revkeep certificate install FILE` with what it sends, the chain included.",
        String::from_utf8_lossy(&request).trim_end(),
        file.display(),
        wanted.join(", ")
    );
    Ok((json!({ "request": file, "names": wanted }), words))
}

fn installed(config: &Config, install: &Install) -> Told {
    let place = place(config)?;
    let brought = brought(&place, install)?;
    brought.judge(host(&config.site.public_url), SystemClock.now())?;
    place.put(&brought)?;
    taken(config)
}

fn undone(config: &Config) -> Told {
    place(config)?.back()?;
    taken(config)
}

fn brought(place: &Place, install: &Install) -> Result<Brought, CertificateError> {
    let file = &install.file;
    let content = fs::read(file).map_err(CertificateError::of(file))?;
    let is_pem = content.windows(5).any(|part| part == b"-----");
    if !is_pem {
        let password = super::secret::read("password of the PKCS#12 file: ")
            .map_err(CertificateError::of(file))?;
        return Brought::from_pkcs12(file, &content, &password);
    }
    let keys = match &install.key {
        Some(named) => vec![bring::key(named)?],
        None => place.keys(),
    };
    Brought::from_pem(file, &content, keys)
}

/// Has the daemon read the files again, if it runs.
fn taken(config: &Config) -> Told {
    let now = described(config, SystemClock.now())?;
    let until = now.get("not_after").and_then(Value::as_str).unwrap_or("");
    let words = match admin::ask(&config.admin.socket, &Question::CertificateReload) {
        Ok(Reply::Answer(_)) => {
            format!(
                "In place, and the daemon serves it: valid until {until}. `revkeep certificate undo` takes it back."
            )
        }
        Ok(Reply::Refusal { message, .. }) => {
            return Err(CertificateError::File(
                config.server.certificate.clone(),
                message,
            ));
        }
        Err(_) => format!(
            "In place: valid until {until}. The daemon does not run, and takes it when it starts."
        ),
    };
    Ok((now, words))
}

/// The files that the configuration names, as whoever they belong to.
fn place(config: &Config) -> Result<Place, CertificateError> {
    if config.acme.is_some() {
        return Err(CertificateError::Renewed);
    }
    let server = &config.server;
    Ok(Place {
        certificate: server.certificate.clone(),
        private_key: server.private_key.clone(),
        owner: owner(&server.private_key),
    })
}

fn owner(file: &Path) -> Account {
    fs::metadata(file).map_or_else(
        |_| system::own(),
        |there| Account {
            user: there.uid(),
            group: there.gid(),
        },
    )
}
