//! A program of others that a person let in, at the machines' door: its access token, which is for this door alone,
//! and where its request says that it comes from and goes to (OB-19, RFC 6750, RFC 9728).

use std::{
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{
        StatusCode,
        header::{HOST, HeaderName, ORIGIN},
    },
};
use identity::{Caller, oauth::CLIENT_SCOPES};
use kernel::{
    Actor, Principal, Roles,
    port::{KeyRefusal, MCP_PATH, TokenCheck},
};

use super::{
    Access,
    admit::{Who, admitted, bearer, charge},
};
use crate::{problem::Problem, rate::Key, shared::Shared};

/// Below it stands what a program reads to find its way (RFC 9728 section 3).
const METADATA: &str = "/.well-known/oauth-protected-resource";

/// A program that a person let in, for what they let it do and may do themselves at this moment.
#[derive(Clone, Debug)]
pub struct Granted {
    principal: Principal,
    scopes: Vec<String>,
    site: String,
}

impl Granted {
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// The refusal of a token without `scope`, which names all that it would need: what it has, and this.
    pub fn lacks(&self, scope: &'static str) -> Problem {
        let mut needed: Vec<&str> = self.scopes.iter().map(String::as_str).collect();
        needed.push(scope);
        Problem::new(
            StatusCode::FORBIDDEN,
            "scope_missing",
            "This token may not be used for that. Ask the person for the scope that is named here.",
        )
        .with("scope", serde_json::Value::from(scope))
        .challenging(challenge(
            &self.site,
            Some("insufficient_scope"),
            &needed.join(" "),
        ))
    }
}

impl Deref for Granted {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl FromRequest for Granted {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match admitted(request, Access::Grant) {
            Ok(Who::Granted(granted)) => Ok(granted),
            Ok(Who::Anyone | Who::Provisioner(_) | Who::Program(_) | Who::Person(_)) => {
                Err(Problem::internal())
            }
            Err(problem) => Err(problem),
        })
    }
}

/// Whoever is behind an access token for this door.
pub(super) async fn granted(
    shared: &Shared,
    request: &HttpRequest,
    caller: &Caller,
) -> Result<Granted, Problem> {
    let site = site(shared)?;
    let shown = bearer(request);
    let resource = format!("{site}{MCP_PATH}");
    let checked = shared.identity();
    let holder = match checked
        .check_token(shown.unwrap_or_default(), &resource)
        .await
    {
        Ok(holder) => holder,
        Err(KeyRefusal::Unknown) => {
            let error = shown.map(|_| "invalid_token");
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "token_invalid",
                "This needs a valid access token for this address. The person lets the program in again.",
            )
            .challenging(challenge(site, error, &all_scopes())));
        }
        Err(KeyRefusal::Unavailable) => {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "token_unchecked",
                "The token cannot be checked just now. Try again in a moment.",
            ));
        }
    };
    charge(shared, Key::Grant(holder.grant))?;
    Ok(Granted {
        principal: Principal {
            tenant: holder.tenant,
            actor: Actor::Client {
                grant: holder.grant,
            },
            roles: Roles::default(),
            request: caller.request,
            origin: Some(caller.origin()),
        },
        scopes: holder.scopes,
        site: site.to_owned(),
    })
}

/// A page of another site, and a name that somebody had point at us (DNS rebinding), are refused before anything
/// is looked up.
pub(super) fn refuse_elsewhere(shared: &Shared, request: &HttpRequest) -> Result<(), Problem> {
    let site = site(shared)?;
    let ours = authority(site);
    let to_us = match said(request, &HOST) {
        Said::Once(host) => same_authority(host, ours),
        Said::Never | Said::Otherwise => false,
    };
    let from_us = match said(request, &ORIGIN) {
        Said::Never => true,
        Said::Once(origin) => origin
            .strip_prefix("https://")
            .is_some_and(|origin| same_authority(origin, ours)),
        Said::Otherwise => false,
    };
    if to_us && from_us {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "foreign_request",
        "Programs reach this by the appliance's own address, and not from another site's page.",
    ))
}

fn site(shared: &Shared) -> Result<&str, Problem> {
    let site = shared.inner.site.get().map(String::as_str);
    site.ok_or_else(Problem::internal)
}

enum Said<'a> {
    Never,
    Once(&'a str),
    /// Twice, or in no readable form.
    Otherwise,
}

fn said<'a>(request: &'a HttpRequest, name: &HeaderName) -> Said<'a> {
    let mut values = request.headers().get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Said::Never,
        (Some(value), None) => value.to_str().map_or(Said::Otherwise, Said::Once),
        (Some(_), Some(_)) => Said::Otherwise,
    }
}

fn authority(site: &str) -> &str {
    site.strip_prefix("https://").unwrap_or(site)
}

/// The port of HTTPS may be said or left out.
fn same_authority(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        text.strip_suffix(":443")
            .unwrap_or(text)
            .to_ascii_lowercase()
    };
    plain(one) == plain(other)
}

fn all_scopes() -> String {
    CLIENT_SCOPES.map(|scope| scope.name).join(" ")
}

/// RFC 6750 section 3, with the parameter of RFC 9728 section 5.1. What stands in it is ours and needs no quoting.
fn challenge(site: &str, error: Option<&str>, scope: &str) -> String {
    let error = error.map_or_else(String::new, |error| format!("error=\"{error}\", "));
    format!("Bearer {error}resource_metadata=\"{site}{METADATA}{MCP_PATH}\", scope=\"{scope}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_ours_letter_by_letter_whatever_its_case() {
        let ours = authority("https://revkeep.example");
        for host in ["revkeep.example", "REVKEEP.example", "revkeep.example:443"] {
            assert!(same_authority(host, ours), "{host}");
        }
        for host in [
            "",
            "revkeep.example.evil.example",
            "evil.example",
            "127.0.0.1",
            "revkeep.example:8443",
            "revkeep.example.",
            "revkeep.example@evil.example",
            "localhost",
        ] {
            assert!(!same_authority(host, ours), "{host}");
        }
        assert!(same_authority(
            "a.example:8443",
            authority("https://a.example:8443")
        ));
    }

    #[test]
    fn a_challenge_says_where_the_way_is_described() {
        let told = challenge("https://revkeep.example", Some("invalid_token"), "a b");
        assert_eq!(
            told,
            "Bearer error=\"invalid_token\", resource_metadata=\"https://revkeep.example/.well-known/oauth-protected-resource/mcp\", scope=\"a b\""
        );
    }
}
