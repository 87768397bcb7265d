//! The server's certificate and its key, on their way in: made here, asked for from an authority, brought by
//! the administrator, and put in place. What browsers will think of one is looked at by `checks`.
//!
//! | Module | What |
//! |---|---|
//! | `make` | keys, requests, certificates that sign themselves |
//! | `bring` | PEM and PKCS#12 as they come, judged |
//! | `place` | into the files that the daemon reads, and back |

pub(crate) mod bring;
pub(crate) mod make;
pub(crate) mod place;

use std::path::Path;

use chrono::{DateTime, Utc};
use openssl::{asn1::Asn1Time, error::ErrorStack, hash::MessageDigest, x509::X509Ref};

/// Why a certificate is not taken. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("{file}: {why}", file = .0.display(), why = .1)]
    File(std::path::PathBuf, String),
    #[error(
        "{0} holds neither PEM certificates nor PKCS#12. Next step: ask the authority for PEM, the chain included."
    )]
    Unreadable(String),
    #[error(
        "The PKCS#12 file does not open with this password. Next step: check the password; a file of an old program may need `openssl pkcs12 -legacy` to be written anew."
    )]
    Password,
    #[error(
        "None of the keys here belongs to the certificate. Next step: name its key with --key, or have the request signed that `revkeep certificate request` wrote last."
    )]
    ForeignKey,
    #[error("The certificate's key is too weak: {0}. Next step: make a new request.")]
    Weak(String),
    #[error(
        "The certificate names {names}, and browsers ask for {host}. Next step: have it issued for that name, or correct site.public_url."
    )]
    OtherName { host: String, names: String },
    #[error("The certificate is not valid now: it is from {from} until {until}.")]
    NotNow { from: String, until: String },
    #[error(
        "There is no former certificate to go back to: none was replaced since, or it was taken back already."
    )]
    NothingBefore,
    #[error(
        "The daemon renews this certificate itself ([acme] of the configuration). Next step: take that section out first."
    )]
    Renewed,
    #[error("the certificate could not be worked with")]
    Openssl(#[from] ErrorStack),
    #[error(transparent)]
    Unusable(#[from] http::HttpError),
}

impl CertificateError {
    pub(crate) fn of(file: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::File(file.to_owned(), error.to_string())
    }
}

/// As browsers and `openssl x509 -fingerprint -sha256` show it, in lower case.
pub(crate) fn fingerprint(certificate: &X509Ref) -> Result<String, ErrorStack> {
    let digest = certificate.digest(MessageDigest::sha256())?;
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The DNS names and addresses that it is for.
pub(crate) fn names(certificate: &X509Ref) -> Vec<String> {
    let mut names = Vec::new();
    for name in certificate.subject_alt_names().iter().flatten() {
        if let Some(name) = name.dnsname() {
            names.push(name.to_owned());
        } else if let Some(address) = name.ipaddress().and_then(address) {
            names.push(address.to_string());
        }
    }
    names
}

fn address(bytes: &[u8]) -> Option<std::net::IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(std::net::IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from))
        .ok()
}

/// Whether a browser that was told `host` takes it. A wildcard stands for one label (RFC 9525, section 6.3).
pub(crate) fn covers(certificate: &X509Ref, host: &str) -> bool {
    let wanted: Option<std::net::IpAddr> = host.parse().ok();
    names(certificate).iter().any(|name| {
        name.eq_ignore_ascii_case(host)
            || wanted.is_some() && name.parse().ok() == wanted
            || name.strip_prefix("*.").is_some_and(|rest| {
                host.split_once('.')
                    .is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(rest))
            })
    })
}

/// Whether nobody but itself signed it, as what set-up makes to begin with. Not asked of
/// `X509_check_issued`, which finds that no leaf may sign, itself included.
pub(crate) fn signs_itself(certificate: &X509Ref) -> bool {
    let (issuer, subject) = (certificate.issuer_name(), certificate.subject_name());
    let same = issuer.try_cmp(subject).is_ok_and(std::cmp::Ordering::is_eq);
    let own = || {
        let key = certificate.public_key()?;
        certificate.verify(&key)
    };
    same && own().unwrap_or(false)
}

/// From when until when it is valid.
pub(crate) fn period(certificate: &X509Ref) -> Result<(DateTime<Utc>, DateTime<Utc>), ErrorStack> {
    let epoch = Asn1Time::from_unix(0)?;
    let at = |time: &openssl::asn1::Asn1TimeRef| {
        let since = epoch.diff(time)?;
        let seconds = i64::from(since.days)
            .saturating_mul(86_400)
            .saturating_add(i64::from(since.secs));
        Ok::<_, ErrorStack>(DateTime::from_timestamp(seconds, 0).unwrap_or_default())
    };
    Ok((at(certificate.not_before())?, at(certificate.not_after())?))
}

/// The host of a URL, without its port.
pub(crate) fn host(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or(authority);
    match authority
        .strip_prefix('[')
        .and_then(|v6| v6.split_once(']'))
    {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or(authority),
    }
}
