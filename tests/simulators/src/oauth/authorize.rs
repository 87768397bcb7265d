//! The authorization endpoint: what a browser is led through, ending in a code or a denial.

use url::Url;

use super::{OAuth, pages};
use crate::{
    call::{Answer, Call, find},
    model::id::Id,
    wire::Settings,
};

/// How long a code can be redeemed.
const CODE_MILLIS: i64 = 15 * 60 * 1_000;
const SCOPES: &[&str] = &[
    "api",
    "refresh_token",
    "offline_access",
    "id",
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "web",
    "full",
    "chatter_api",
    "custom_permissions",
];

/// A request whose person has not decided yet.
#[derive(Clone)]
pub(crate) struct Pending {
    client: String,
    redirect: Url,
    state: Option<String>,
    scope: String,
    challenge: Option<String>,
    user: Option<Id>,
}

pub(crate) struct Code {
    pub(super) client: String,
    pub(super) redirect: String,
    pub(super) challenge: Option<String>,
    pub(super) scope: String,
    pub(super) user: Id,
    pub(super) expires: i64,
}

/// `GET` and `POST /services/oauth2/authorize`.
pub(crate) fn start(oauth: &mut OAuth, settings: &Settings, call: &Call) -> Answer {
    let form = call.form();
    let param = |name: &str| find(&form, name).filter(|value| !value.is_empty());
    let Some(client) = param("client_id").and_then(|id| oauth.client(id)).cloned() else {
        return wrong("invalid_client_id", "client identifier invalid");
    };
    let registered = |uri: &&str| {
        client.redirect_uris.is_empty() || client.redirect_uris.iter().any(|known| known == uri)
    };
    let redirect = param("redirect_uri")
        .filter(registered)
        .and_then(|uri| Url::parse(uri).ok());
    let Some(redirect) = redirect else {
        return wrong(
            "redirect_uri_mismatch",
            "redirect_uri must match configuration",
        );
    };
    let state = param("state").map(str::to_owned);
    let refuse = |error: &str, text: &str| back(&redirect, state.as_deref(), &refusal(error, text));
    if param("response_type") != Some("code") {
        return refuse("unsupported_response_type", "response type must be code");
    }
    let challenge = param("code_challenge").map(str::to_owned);
    if param("code_challenge_method").is_some_and(|method| method != "S256") {
        return refuse("invalid_request", "code challenge method not supported");
    }
    if settings.require_pkce && challenge.is_none() {
        return refuse("invalid_request", "missing required code challenge");
    }
    let scope = param("scope").unwrap_or("api refresh_token id").to_owned();
    if !scope.split_whitespace().all(|name| SCOPES.contains(&name)) {
        return refuse("invalid_scope", "the requested scope is not allowed");
    }
    let hint = param("login_hint").unwrap_or_default();
    let pending = Pending {
        client: client.id,
        redirect,
        state,
        scope,
        challenge,
        user: None,
    };
    let context = oauth.random.text(32);
    oauth.pending.insert(context.clone(), pending);
    html(200, &pages::login(&context, hint, None))
}

/// The login page's form.
pub(crate) fn login(oauth: &mut OAuth, call: &Call) -> Answer {
    let form = call.form();
    let field = |name: &str| find(&form, name).unwrap_or_default();
    let context = field("context");
    let Some(mut pending) = oauth.pending.get(context).cloned() else {
        return wrong("invalid_request", "this login page has expired");
    };
    let username = field("username");
    let known = oauth.logins.iter().find(|(login, _)| {
        login.username.eq_ignore_ascii_case(username) && login.password == field("password")
    });
    let Some((login, user)) = known.cloned() else {
        let error = "Please check your username and password.";
        return html(200, &pages::login(context, username, Some(error)));
    };
    if oauth.frozen.contains(&user) {
        let error = "Your user is frozen. Please contact your administrator.";
        return html(200, &pages::login(context, username, Some(error)));
    }
    pending.user = Some(user);
    let page = pages::consent(context, &pending.client, &login.username, &pending.scope);
    oauth.pending.insert(context.to_owned(), pending);
    html(200, &page)
}

/// The consent page's form.
pub(crate) fn consent(oauth: &mut OAuth, call: &Call, now: i64) -> Answer {
    let form = call.form();
    let field = |name: &str| find(&form, name).unwrap_or_default();
    let decided = oauth
        .pending
        .get(field("context"))
        .and_then(|pending| pending.user);
    let (Some(user), Some(pending)) = (decided, oauth.pending.remove(field("context"))) else {
        return wrong("invalid_request", "this page has expired");
    };
    let state = pending.state.as_deref();
    if field("decision") != "allow" {
        let denied = refusal("access_denied", "end-user denied authorization");
        return back(&pending.redirect, state, &denied);
    }
    let code = format!("aPrx{}", oauth.random.text(60));
    let answer = back(&pending.redirect, state, &[("code", code.clone())]);
    oauth.codes.insert(
        code,
        Code {
            client: pending.client,
            redirect: pending.redirect.to_string(),
            challenge: pending.challenge,
            scope: pending.scope,
            user,
            expires: now.saturating_add(CODE_MILLIS),
        },
    );
    answer
}

fn refusal(error: &str, description: &str) -> [(&'static str, String); 2] {
    [
        ("error", error.to_owned()),
        ("error_description", description.to_owned()),
    ]
}

/// Sends the browser back to the application.
fn back(redirect: &Url, state: Option<&str>, fields: &[(&str, String)]) -> Answer {
    let mut target = redirect.clone();
    {
        let mut query = target.query_pairs_mut();
        query.extend_pairs(fields);
        query.extend_pairs(state.map(|state| ("state", state)));
    }
    html(302, "").with("Location", target.to_string())
}

fn wrong(code: &str, description: &str) -> Answer {
    html(400, &pages::error(code, description))
}

fn html(status: u16, text: &str) -> Answer {
    Answer::text(status, text)
        .with("Cache-Control", "no-store")
        .with("Referrer-Policy", "origin")
        .with("X-Frame-Options", "DENY")
}
