//! What anybody on the network gets: TLS, headers, and the closed doors.

use http::Access;
use kernel::{Clock, SystemClock};
use openssl::{asn1::Asn1Time, ssl::SslVersion};

use super::face::{Answer, Face};
use crate::verify::{
    Sight,
    verdict::{Trouble, Verdict},
};

const BASE: &str = "/api/console/v1";
/// A page, an address of the interface, one that no route has, and those beside it.
const PLACES: [&str; 5] = [
    "/",
    "/api/console/v1/setup",
    "/api/console/v1/no-such-route",
    "/health/live",
    "/.well-known/jwks.json",
];
/// Days before its end at which a certificate must have been renewed.
const RENEWED_BY: i32 = 14;
const YEAR_SECONDS: u64 = 31_536_000;
/// Signed by nobody: {"alg":"none"} and a subject.
const UNSIGNED: &str = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyXzAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwIiwiZXhwIjo0MTAyNDQ0ODAwfQ.";

pub(in crate::verify) async fn tls_versions(sight: &Sight) -> Result<Verdict, Trouble> {
    let face = Face::new(&sight.config)?;
    let mut findings = Vec::new();
    for (name, version, wanted) in [
        ("TLS 1.0", SslVersion::TLS1, false),
        ("TLS 1.1", SslVersion::TLS1_1, false),
        ("TLS 1.2", SslVersion::TLS1_2, true),
        ("TLS 1.3", SslVersion::TLS1_3, true),
    ] {
        match (face.speaks(version).await?, wanted) {
            (true, false) => findings.push(format!("{name} is spoken")),
            (false, true) => findings.push(format!("{name} is not spoken")),
            _ => {}
        }
    }
    Ok(Verdict::of(
        &findings,
        "handshakes in TLS 1.0 and 1.1 were refused, in 1.2 and 1.3 they succeeded",
    ))
}

pub(in crate::verify) async fn plain_http_refused(sight: &Sight) -> Result<Verdict, Trouble> {
    let said = Face::new(&sight.config)?.in_clear().await?;
    Ok(if said.starts_with(b"HTTP/") {
        Verdict::Fails("a request without TLS was answered".to_owned())
    } else {
        Verdict::Holds("a request without TLS was not answered, nor redirected".to_owned())
    })
}

pub(in crate::verify) async fn certificate_days(sight: &Sight) -> Result<Verdict, Trouble> {
    let shown = Face::new(&sight.config)?.certificate().await?;
    let today = Asn1Time::from_unix(SystemClock.now().timestamp())?;
    let days = today.diff(shown.not_after())?.days;
    Ok(if days < RENEWED_BY {
        Verdict::Fails(format!(
            "the certificate ends in {days} days; {RENEWED_BY} before its end it must have been renewed"
        ))
    } else {
        Verdict::Holds(format!("the certificate is valid for {days} more days"))
    })
}

/// Each place's answer, judged; findings name the place.
async fn everywhere(
    sight: &Sight,
    judge: impl Fn(&Answer) -> Vec<String>,
) -> Result<Vec<String>, Trouble> {
    let face = Face::new(&sight.config)?;
    let mut findings = Vec::new();
    for place in PLACES {
        let answer = face.ask("GET", place, &[]).await?;
        let named = judge(&answer)
            .into_iter()
            .map(|finding| format!("{place}: {finding}"));
        findings.extend(named);
    }
    Ok(findings)
}

pub(in crate::verify) async fn security_headers(sight: &Sight) -> Result<Verdict, Trouble> {
    let findings = everywhere(sight, missing_headers).await?;
    Ok(Verdict::of(
        &findings,
        format!(
            "HSTS for a year, nosniff, DENY, referrer, permissions, COOP and CORP on {} kinds of answer",
            PLACES.len()
        ),
    ))
}

/// LM-32, LM-35, LR-44.
fn missing_headers(answer: &Answer) -> Vec<String> {
    let exact = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    let mut findings: Vec<String> = exact
        .into_iter()
        .filter(|(name, value)| answer.header(name) != Some(value))
        .map(|(name, value)| format!("{name} is not {value}"))
        .collect();
    let hsts = answer
        .header("strict-transport-security")
        .unwrap_or_default();
    let age = hsts
        .split(';')
        .find_map(|part| part.trim().strip_prefix("max-age="))
        .and_then(|seconds| seconds.parse::<u64>().ok())
        .unwrap_or(0);
    if age < YEAR_SECONDS || !hsts.contains("includeSubDomains") {
        findings.push("strict-transport-security does not cover a year and sub-domains".to_owned());
    }
    let permissions = answer.header("permissions-policy").unwrap_or_default();
    for feature in ["camera=()", "microphone=()", "geolocation=()"] {
        if !permissions.contains(feature) {
            findings.push(format!("permissions-policy lacks {feature}"));
        }
    }
    findings
}

pub(in crate::verify) async fn content_security_policy(sight: &Sight) -> Result<Verdict, Trouble> {
    let findings = everywhere(sight, loose_policy).await?;
    Ok(Verdict::of(
        &findings,
        "scripts, styles, connections and images of this origin alone; no inline, no eval, no frame",
    ))
}

/// LM-36 as CX-23 narrows it.
fn loose_policy(answer: &Answer) -> Vec<String> {
    let Some(policy) = answer.header("content-security-policy") else {
        return vec!["no content-security-policy".to_owned()];
    };
    let directives: Vec<(&str, Vec<&str>)> = policy
        .split(';')
        .filter_map(|part| {
            let mut words = part.split_whitespace();
            Some((words.next()?, words.collect()))
        })
        .collect();
    let mut findings = Vec::new();
    for (name, wanted) in [
        ("default-src", "'self'"),
        ("script-src", "'self'"),
        ("object-src", "'none'"),
        ("base-uri", "'none'"),
        ("frame-ancestors", "'none'"),
    ] {
        let found = directives.iter().find(|(known, _)| *known == name);
        if found.is_none_or(|(_, sources)| sources.as_slice() != [wanted]) {
            findings.push(format!("{name} is not {wanted} alone"));
        }
    }
    for (name, sources) in &directives {
        let known = |source: &&str| ["'self'", "'none'", "data:"].contains(source);
        if let Some(loose) = sources.iter().find(|source| !known(source)) {
            findings.push(format!("{name} lets {loose} in"));
        }
    }
    findings
}

/// A page of another origin is not told that it may read an answer.
pub(in crate::verify) async fn one_origin(sight: &Sight) -> Result<Verdict, Trouble> {
    let face = Face::new(&sight.config)?;
    let origin = [
        ("origin", "https://elsewhere.example"),
        ("access-control-request-method", "POST"),
    ];
    let mut findings = Vec::new();
    for (method, place) in [
        ("GET", "/api/console/v1/setup"),
        ("OPTIONS", "/api/console/v1/session"),
    ] {
        let answer = face.ask(method, place, &origin).await?;
        if let Some(allowed) = answer.header("access-control-allow-origin") {
            findings.push(format!("{method} {place} lets the origin {allowed} read"));
        }
    }
    Ok(Verdict::of(
        &findings,
        "no answer lets a page of another origin read it",
    ))
}

/// Addresses that take a session, without ids in them.
fn closed() -> Vec<String> {
    let routes = console::routes::all();
    let closed = routes.list().iter().filter(|route| {
        matches!(route.access, Access::SignedIn | Access::Permission(_))
            && route.method == "GET"
            && !route.path.contains('{')
    });
    closed
        .map(|route| format!("{BASE}{}", route.path))
        .collect()
}

async fn opened_with(
    sight: &Sight,
    headers: &[(&str, &str)],
) -> Result<(usize, Vec<String>), Trouble> {
    let face = Face::new(&sight.config)?;
    let places = closed();
    let mut findings = Vec::new();
    for place in &places {
        match face.ask("GET", place, headers).await?.status {
            401 => {}
            429 => return Err("too many requests from this machine just now".into()),
            status => findings.push(format!("{place} answered {status}")),
        }
    }
    Ok((places.len(), findings))
}

pub(in crate::verify) async fn signed_out_refused(sight: &Sight) -> Result<Verdict, Trouble> {
    let (tried, findings) = opened_with(sight, &[]).await?;
    Ok(Verdict::of(
        &findings,
        format!("{tried} addresses answered 401 to somebody without a session"),
    ))
}

pub(in crate::verify) async fn forged_token_refused(sight: &Sight) -> Result<Verdict, Trouble> {
    let (tried, findings) = opened_with(sight, &[("authorization", UNSIGNED)]).await?;
    Ok(Verdict::of(
        &findings,
        format!("{tried} addresses answered 401 to a token that nobody signed"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&str, &str)]) -> Answer {
        Answer {
            status: 200,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn our_own_policy_is_tight_and_each_loosening_is_named() {
        let ours = http::CONTENT_SECURITY_POLICY;
        let judged = |policy: &str| loose_policy(&answer(&[("content-security-policy", policy)]));
        assert_eq!(judged(ours), Vec::<String>::new());
        for (from, to, finding) in [
            (
                "script-src 'self'",
                "script-src 'self' 'unsafe-inline'",
                "script-src",
            ),
            (
                "connect-src 'self'",
                "connect-src *",
                "connect-src lets * in",
            ),
            (
                "frame-ancestors 'none'",
                "frame-ancestors 'self'",
                "frame-ancestors",
            ),
            (
                "img-src 'self' data:",
                "img-src https:",
                "img-src lets https: in",
            ),
        ] {
            let found = judged(&ours.replace(from, to));
            assert!(found.iter().any(|line| line.contains(finding)), "{found:?}");
        }
        assert_eq!(loose_policy(&answer(&[])).len(), 1);
    }

    #[test]
    fn a_short_hsts_counts_as_none() {
        let found = missing_headers(&answer(&[(
            "strict-transport-security",
            "max-age=300; includeSubDomains",
        )]));
        assert!(
            found.iter().any(|line| line.contains("a year")),
            "{found:?}"
        );
    }

    #[test]
    fn many_addresses_take_a_session() {
        let closed = closed();
        assert!(closed.len() > 20, "{closed:?}");
        assert!(closed.iter().all(|place| !place.contains('{')));
    }
}
