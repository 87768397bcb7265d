//! The server's certificate as browsers will see it: key, chain, names, days.

use std::{fs, path::Path};

use chrono::{DateTime, Utc};
use openssl::{
    asn1::Asn1Time,
    error::ErrorStack,
    stack::Stack,
    x509::{
        X509, X509StoreContext, X509VerifyResult,
        store::{X509Store, X509StoreBuilder},
        verify::X509VerifyFlags,
    },
};

use super::{Finding, cause};
use crate::{
    certificate::{covers, host, signs_itself},
    config::Config,
};

const SUBJECT: &str = "certificate";
/// Days before its end at which a certificate is warned of.
const RENEW_WITHIN: i64 = 14;

pub(super) fn look(config: &Config, now: DateTime<Utc>) -> Vec<Finding> {
    let (certificate, key) = (&config.server.certificate, &config.server.private_key);
    if let Err(error) = http::Certificate::load(certificate, key) {
        return vec![Finding::fail(
            SUBJECT,
            cause(&error),
            "correct server.certificate and server.private_key",
        )];
    }
    let read = fs::read(certificate)
        .map_err(|error| error.to_string())
        .and_then(|pem| X509::stack_from_pem(&pem).map_err(|error| error.to_string()));
    let chain = match read {
        Ok(chain) => chain,
        Err(error) => return vec![Finding::fail(SUBJECT, error, "correct server.certificate")],
    };
    let Some((leaf, others)) = chain.split_first() else {
        return Vec::new();
    };
    let before = config.verify.address.is_some();
    vec![
        days(&chain, certificate, now),
        name(leaf, host(&config.site.public_url), before),
        authorities(
            leaf,
            others,
            config.egress.ca_file.as_deref(),
            config.acme.is_some(),
        ),
    ]
}

/// Days until the first certificate of the file ends; negative when it has.
fn days_left(chain: &[X509], now: DateTime<Utc>) -> Result<i64, ErrorStack> {
    let today = Asn1Time::from_unix(now.timestamp())?;
    let mut least = i64::MAX;
    for one in chain {
        least = least.min(i64::from(today.diff(one.not_after())?.days));
    }
    Ok(least)
}

fn days(chain: &[X509], file: &Path, now: DateTime<Utc>) -> Finding {
    match days_left(chain, now) {
        Ok(days) if days < 0 => Finding::fail(
            SUBJECT,
            format!("{} has expired, or an authority in it has", file.display()),
            "put the renewed certificate in its place, then `systemctl reload revkeep`",
        ),
        Ok(days) if days < RENEW_WITHIN => Finding::warn(
            SUBJECT,
            format!("ends in {days} days"),
            "renew it; a reload picks the new files up",
        ),
        Ok(days) => Finding::pass(SUBJECT, format!("is valid for {days} more days")),
        Err(error) => Finding::fail(SUBJECT, error.to_string(), "correct server.certificate"),
    }
}

fn name(leaf: &X509, host: &str, something_before: bool) -> Finding {
    if covers(leaf, host) {
        return Finding::pass(SUBJECT, format!("names {host}"));
    }
    let detail = format!("does not name {host}, which site.public_url says");
    if something_before {
        return Finding::warn(
            SUBJECT,
            detail,
            "well if what stands before the daemon has a certificate that does",
        );
    }
    Finding::fail(
        SUBJECT,
        detail,
        "have it issued for that name (subjectAltName), or correct site.public_url: browsers refuse it",
    )
}

/// Browsers build no chain of their own: what is missing between the certificate and a root that they know
/// makes some of them refuse it.
fn authorities(leaf: &X509, others: &[X509], own: Option<&Path>, renewed: bool) -> Finding {
    if signs_itself(leaf) {
        let step = if renewed {
            "the daemon asks the authority of [acme] for another one; `journalctl -u revkeep REVKEEP_ACTION=certificate_renew` says how that goes"
        } else {
            "have the request beside it (request.csr) signed by an authority that your browsers know, then `revkeep certificate install`"
        };
        return Finding::warn(SUBJECT, "signs itself: browsers warn of it", step);
    }
    let mut below = leaf;
    for (nth, one) in others.iter().enumerate() {
        if one.issued(below) != X509VerifyResult::OK {
            return Finding::fail(
                SUBJECT,
                format!(
                    "the certificate at place {} of the file did not sign the one before it",
                    nth.saturating_add(2)
                ),
                "order server.certificate: the server's first, then each authority above it",
            );
        }
        below = one;
    }
    match verified(leaf, others, own) {
        Ok(X509VerifyResult::OK) => Finding::pass(
            SUBJECT,
            "its chain ends at an authority that this machine knows",
        ),
        Ok(why) => Finding::warn(
            SUBJECT,
            format!("its chain does not end at an authority that this machine knows: {why}"),
            "add the intermediate authorities to server.certificate; a root of your own goes into egress.ca_file or this system's store",
        ),
        Err(error) => Finding::fail(SUBJECT, error.to_string(), "correct egress.ca_file"),
    }
}

/// Days are told of by themselves, so they do not count here.
fn verified(
    leaf: &X509,
    others: &[X509],
    own: Option<&Path>,
) -> Result<X509VerifyResult, Box<dyn std::error::Error>> {
    let mut chain = Stack::new()?;
    for one in others {
        chain.push(one.clone())?;
    }
    let store = roots(own)?;
    let mut context = X509StoreContext::new()?;
    Ok(context.init(&store, leaf, &chain, |context| {
        context.verify_cert()?;
        Ok(context.error())
    })?)
}

fn roots(own: Option<&Path>) -> Result<X509Store, Box<dyn std::error::Error>> {
    let mut store = X509StoreBuilder::new()?;
    store.set_default_paths()?;
    store.set_flags(X509VerifyFlags::NO_CHECK_TIME)?;
    if let Some(file) = own {
        for root in X509::stack_from_pem(&fs::read(file)?)? {
            store.add_cert(root)?;
        }
    }
    Ok(store.build())
}

#[cfg(test)]
mod tests;
