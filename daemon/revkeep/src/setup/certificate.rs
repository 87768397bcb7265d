//! The certificate to begin with: the organisation's files, or one that signs itself, with a request for
//! the organisation's authority beside it. One that is there is never replaced.

use std::{fs, path::Path};

use kernel::{Clock as _, Secret, SystemClock};

use super::{
    Ground, Made, SetupError,
    answers::Certificate,
    system::{self, ROOT},
};
use crate::certificate::{
    bring::{self, Brought},
    make,
};

/// Long enough for an authority to sign, short enough to be missed when nobody asks it to.
const DAYS: u32 = 90;

pub(super) fn look(ground: &Ground) -> Result<Option<String>, SetupError> {
    let server = ground.config()?.server;
    if server.certificate.exists() && server.private_key.exists() {
        return Ok(None);
    }
    let what = match &ground.answers.certificate {
        Certificate::SelfSigned => format!(
            "make a certificate for {} that signs itself, good for {DAYS} days",
            ground.answers.host_name
        ),
        Certificate::Files { certificate, .. } => format!("copy {}", certificate.display()),
        Certificate::Acme { directory, .. } => format!(
            "make a certificate for {} that signs itself, until {directory} has issued one,",
            ground.answers.host_name
        ),
    };
    Ok(Some(format!("{what} to {}", server.certificate.display())))
}

pub(super) fn apply(ground: &Ground, _: &mut Made) -> Result<(), SetupError> {
    let server = ground.config()?.server;
    let daemon = system::account("revkeep")?;
    let owner = system::Account {
        group: daemon.group,
        ..ROOT
    };
    let name = &ground.answers.host_name;
    let (certificate, key) = match &ground.answers.certificate {
        Certificate::Files {
            certificate,
            private_key,
            password_file,
        } => {
            let key = private_key.as_deref();
            let brought = brought(certificate, key, password_file.as_deref())?;
            brought.judge(name, SystemClock.now())?;
            (
                brought.certificate_pem()?,
                brought.key_pem()?.expose().clone(),
            )
        }
        Certificate::SelfSigned => {
            let key = make::key()?;
            let request = server.certificate.with_file_name("request.csr");
            let asked = make::request(&[name], &key)?.to_pem()?;
            system::write(&request, &asked, 0o640, owner)?;
            (
                make::self_signed(name, &key, DAYS)?.to_pem()?,
                key.private_key_to_pem_pkcs8()?,
            )
        }
        Certificate::Acme { .. } => {
            let key = make::key()?;
            let mut both = key.private_key_to_pem_pkcs8()?;
            both.extend(make::self_signed(name, &key, DAYS)?.to_pem()?);
            return system::write(&server.certificate, &both, 0o600, daemon);
        }
    };
    system::write(&server.private_key, &key, 0o640, owner)?;
    system::write(&server.certificate, &certificate, 0o640, owner)
}

/// What the organisation's files hold.
fn brought(
    certificate: &Path,
    key: Option<&Path>,
    password: Option<&Path>,
) -> Result<Brought, SetupError> {
    let read = |path: &Path| {
        fs::read(path)
            .map(Secret::new)
            .map_err(|error| SetupError::File(path.to_owned(), error))
    };
    let content = read(certificate)?;
    if let Some(file) = password {
        let password = read(file)?;
        let password = String::from_utf8_lossy(password.expose());
        let password = Secret::new(password.trim_end_matches(['\r', '\n']).to_owned());
        return Ok(Brought::from_pkcs12(
            certificate,
            content.expose(),
            &password,
        )?);
    }
    let keys = match key {
        Some(file) => vec![bring::key(file)?],
        None => Vec::new(),
    };
    Ok(Brought::from_pem(certificate, content.expose(), keys)?)
}
