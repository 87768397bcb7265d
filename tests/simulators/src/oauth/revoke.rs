//! `/services/oauth2/revoke`: an access token alone, or a refresh token with all of its grant.

use super::OAuth;
use crate::call::{Answer, Call, find};

pub(crate) fn revoke(oauth: &mut OAuth, call: &Call) -> Answer {
    let form = call.form();
    let token = find(&form, "token").unwrap_or_default();
    let live = |grant: &usize| {
        oauth
            .grants
            .get(*grant)
            .is_some_and(|grant| grant.ended.is_none())
    };
    let Some(grant) = oauth.grant_of(token).filter(live) else {
        // A form, not JSON: clients parse it so.
        let body = "error=invalid_token&error_description=invalid%20token%3A%20unknown";
        return Answer::new(
            400,
            "application/x-www-form-urlencoded",
            body.as_bytes().to_vec(),
        );
    };
    if oauth.access_tokens.remove(token).is_none() {
        oauth.end(grant, "revoked by the application");
    }
    Answer::empty(200)
}
