//! The token endpoint: a code or a refresh token becomes an access token.
//!
//! What a request changes, it changes at once; its code or refresh token then stays in hand until
//! the answer leaves, and meets any other request that presents it.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{OAuth, has_scope, pkce};
use crate::{
    call::{Answer, Call, find},
    model::id::Id,
    wire::{Client, Granted, Settings},
};

/// Where identity addresses and instances are.
pub(crate) struct Place<'a> {
    pub(crate) url: &'a str,
    pub(crate) organisation: &'a str,
}

/// What the endpoint answers, and the token to hold until it is sent.
pub(crate) struct TokenAnswer {
    pub(crate) answer: Answer,
    pub(crate) in_hand: Option<String>,
}

struct Refused(&'static str, &'static str);

const SPENT: Refused = Refused("invalid_grant", "expired access/refresh token");
const IN_HAND: Refused = Refused("invalid_grant", "token request is already being processed");

/// `POST /services/oauth2/token`
pub(crate) fn token(
    oauth: &mut OAuth,
    settings: &Settings,
    place: &Place<'_>,
    call: &Call,
    now: i64,
) -> TokenAnswer {
    let form = call.form();
    let outcome = client_of(oauth, settings, call, &form).and_then(|client| {
        let key = match find(&form, "grant_type") {
            Some("authorization_code") => "code",
            Some("refresh_token") => "refresh_token",
            _ => {
                return Err(Refused(
                    "unsupported_grant_type",
                    "grant type not supported",
                ));
            }
        };
        let presented = find(&form, key).unwrap_or_default().to_owned();
        if oauth.in_hand.contains(&presented) {
            oauth.note_collision(&presented);
            return Err(IN_HAND);
        }
        let grant = match key {
            "code" => oauth.redeem(&client, &presented, &form, now)?,
            _ => oauth.refresh(&client, &presented)?,
        };
        let first = key == "code";
        let body = oauth.tokens(grant, place, &client, (first, settings.rotation), now)?;
        Ok((presented, body))
    });
    match outcome {
        Ok((presented, body)) => {
            oauth.in_hand.insert(presented.clone());
            let answer = Answer::new(200, "application/json;charset=UTF-8", body)
                .with("Cache-Control", "no-store");
            TokenAnswer {
                answer,
                in_hand: Some(presented),
            }
        }
        Err(Refused(error, description)) => TokenAnswer {
            answer: Answer::oauth_error(400, error, description),
            in_hand: None,
        },
    }
}

/// The client, by its secret in the body or by HTTP Basic.
fn client_of(
    oauth: &OAuth,
    settings: &Settings,
    call: &Call,
    form: &[(String, String)],
) -> Result<Client, Refused> {
    let basic = call.header("authorization").and_then(|value| {
        let bytes = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
        let (id, secret) = String::from_utf8(bytes).ok()?.split_once(':').map(owned)?;
        Some((id, Some(secret)))
    });
    let body = || {
        let id = find(form, "client_id").unwrap_or_default().to_owned();
        (id, find(form, "client_secret").map(str::to_owned))
    };
    let (id, secret) = basic.unwrap_or_else(body);
    let client = oauth
        .client(&id)
        .ok_or(Refused("invalid_client_id", "client identifier invalid"))?;
    let right = match secret {
        Some(secret) => secret == client.secret,
        None => !settings.require_secret,
    };
    if right {
        Ok(client.clone())
    } else {
        Err(Refused("invalid_client", "invalid client credentials"))
    }
}

fn owned((left, right): (&str, &str)) -> (String, String) {
    (left.to_owned(), right.to_owned())
}

impl OAuth {
    /// The answer to a token request has left, or its client went away.
    pub(crate) fn release(&mut self, presented: &str) {
        self.in_hand.remove(presented);
    }

    fn note_collision(&mut self, presented: &str) {
        let grant = self.refresh_tokens.get(presented).map(|token| token.grant);
        if let Some(grant) = grant.and_then(|grant| self.grants.get_mut(grant)) {
            grant.collisions = grant.collisions.saturating_add(1);
        }
    }

    fn redeem(
        &mut self,
        client: &Client,
        presented: &str,
        form: &[(String, String)],
        now: i64,
    ) -> Result<usize, Refused> {
        const EXPIRED: Refused = Refused("invalid_grant", "expired authorization code");
        // Whatever the outcome, a code is presented once.
        let code = self.codes.remove(presented).ok_or(EXPIRED)?;
        if code.client != client.id || now > code.expires {
            return Err(EXPIRED);
        }
        if find(form, "redirect_uri")
            .and_then(|uri| url::Url::parse(uri).ok())
            .map(String::from)
            != Some(code.redirect)
        {
            let text = "redirect_uri must match configuration";
            return Err(Refused("redirect_uri_mismatch", text));
        }
        match pkce::check(code.challenge.as_deref(), find(form, "code_verifier")) {
            pkce::Proof::Holds => Ok(self.new_grant(&client.id, code.user, &code.scope)),
            pkce::Proof::Missing => Err(Refused("invalid_grant", "missing code verifier")),
            pkce::Proof::Wrong => Err(Refused("invalid_request", "invalid code verifier")),
        }
    }

    /// Counts the refresh, or ends the grant when its token was used before.
    fn refresh(&mut self, client: &Client, presented: &str) -> Result<usize, Refused> {
        let token = self.refresh_tokens.get(presented).ok_or(SPENT)?;
        let (at, spent) = (token.grant, token.spent);
        let grant = self.grants.get_mut(at).ok_or(SPENT)?;
        if grant.client != client.id {
            return Err(Refused("invalid_grant", "authentication failure"));
        }
        if spent {
            grant.reuses = grant.reuses.saturating_add(1);
            let user = grant.user;
            self.end(at, "a used refresh token was presented again");
            self.frozen.insert(user);
            return Err(SPENT);
        }
        if grant.ended.is_some() {
            return Err(SPENT);
        }
        if self.frozen.contains(&grant.user) {
            return Err(Refused("invalid_grant", "inactive user"));
        }
        grant.refreshes = grant.refreshes.saturating_add(1);
        grant.generation = grant.generation.saturating_add(1);
        Ok(at)
    }

    /// Issues tokens for a grant and writes the answer. `(first, rotation)`: the grant is new;
    /// a refresh gives a new refresh token.
    fn tokens(
        &mut self,
        grant: usize,
        place: &Place<'_>,
        client: &Client,
        (first, rotation): (bool, bool),
        now: i64,
    ) -> Result<Vec<u8>, Refused> {
        let (user, scope) = self
            .grants
            .get(grant)
            .map(|grant| (grant.user, grant.scope.clone()))
            .ok_or(SPENT)?;
        let lasting = has_scope(&scope, &["refresh_token", "offline_access"]);
        if rotation && !first {
            for token in self
                .refresh_tokens
                .values_mut()
                .filter(|token| token.grant == grant)
            {
                token.spent = true;
            }
        }
        let refresh = (lasting && (first || rotation)).then(|| self.issue_refresh(grant));
        let access = self.issue_access(grant, now);
        let id = identity_url(place, user);
        let issued = now.to_string();
        let mut body = serde_json::json!({
            "access_token": access, "signature": signature(client, &id, &issued),
            "scope": scope, "instance_url": place.url, "id": id, "token_type": "Bearer",
            "issued_at": issued,
        });
        if let (Some(refresh), Some(map)) = (refresh, body.as_object_mut()) {
            map.insert("refresh_token".to_owned(), refresh.into());
        }
        Ok(serde_json::to_vec(&body).unwrap_or_default())
    }

    /// A grant without the login page.
    pub(crate) fn grant_directly(
        &mut self,
        place: &Place<'_>,
        username: &str,
        client: &str,
        scope: &str,
        now: i64,
    ) -> Option<Granted> {
        let client = self.client(client)?.clone();
        let known = self
            .logins
            .iter()
            .find(|(login, _)| login.username == username);
        let user = known.map(|(_, user)| *user)?;
        let grant = self.new_grant(&client.id, user, scope);
        let body = self.tokens(grant, place, &client, (true, true), now).ok()?;
        serde_json::from_slice(&body).ok()
    }
}

pub(super) fn identity_url(place: &Place<'_>, user: Id) -> String {
    format!("{}/id/{}/{user}", place.url, place.organisation)
}

/// Covers the identity address and the time, under the client's secret.
fn signature(client: &Client, id: &str, issued: &str) -> String {
    Hmac::<Sha256>::new_from_slice(client.secret.as_bytes()).map_or(String::new(), |mut mac| {
        mac.update(id.as_bytes());
        mac.update(issued.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    })
}
