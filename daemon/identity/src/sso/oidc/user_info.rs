//! The UserInfo endpoint: OpenID Connect Core 1.0 section 5.3.

use egress::{Method, Request};
use kernel::Secret;
use serde_json::{Map, Value};

use super::{Client, MOST_TOKEN_BYTES, Metadata, Oidc, token::groups};
use crate::sso::{error::SsoError, model::Proven};

impl Oidc {
    /// Some providers tell address and groups at the UserInfo endpoint alone (Core section 5.3). Its
    /// answer counts for the ID token's subject only.
    pub(super) async fn ask_user_info(
        &self,
        metadata: &Metadata,
        client: &Client<'_>,
        access: Option<&Secret<String>>,
        proven: &mut Proven,
    ) -> Result<(), SsoError> {
        let (Some(endpoint), Some(access)) = (metadata.userinfo_endpoint(), access) else {
            return Ok(());
        };
        let request = Request::new(Method::Get, endpoint.to_string())
            .bearer(access)
            .header("accept", "application/json")
            .most_response_bytes(MOST_TOKEN_BYTES);
        let response = self.http.send(request).await?;
        let told: Option<Map<String, Value>> = response
            .is_success()
            .then(|| serde_json::from_slice(response.body()).ok())
            .flatten();
        let Some(told) = told else {
            return Ok(());
        };
        if told.get("sub").and_then(Value::as_str) != Some(proven.subject.as_str()) {
            return Err(SsoError::Token(String::from(
                "UserInfo is about somebody else",
            )));
        }
        let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
        if proven.email.is_none() && told.get("email_verified") != Some(&Value::Bool(false)) {
            proven.email = text("email");
        }
        if proven.name.is_none() {
            proven.name = text("name");
        }
        if proven.groups.is_empty() {
            proven.groups = groups(told.get(client.groups_claim));
        }
        Ok(())
    }
}
