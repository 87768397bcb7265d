//! Colleagues, keys and the organisation; single sign-on and provisioning.

use kernel::InvitationId;
use serde_json::{Value, json};

use super::walk::{Walk, id};
use crate::console_desk::PASSWORD;

/// Colleagues, keys and the organisation.
pub(super) async fn people(walk: &mut Walk) {
    let carl = json!({ "email": "canary-carl@acme.example", "roles": ["member"] });
    let invited = id(&walk.plain("POST /invitations", carl).await);
    walk.good(
        "POST /invitations/{id}/resend",
        &format!("/invitations/{invited}/resend"),
        Value::Null,
    )
    .await;
    let dora = json!({ "email": "canary-dora@acme.example", "roles": ["member"] });
    let unwanted = id(&walk.plain("POST /invitations", dora).await);
    walk.good(
        "DELETE /invitations/{id}",
        &format!("/invitations/{unwanted}"),
        Value::Null,
    )
    .await;
    join(walk, &invited, "canary-carl").await;
    let members = walk.desk.get("/members").await;
    let carl = members["items"].as_array().unwrap().iter();
    let carl = carl
        .into_iter()
        .find(|member| member["name"] == "canary-carl")
        .unwrap();
    let (user, version) = (id(carl), carl["version"].clone());
    let roles = json!({ "roles": ["admin"], "version": version });
    walk.good("PATCH /members/{id}", &format!("/members/{user}"), roles)
        .await;
    for verb in ["factors/reset", "sign-out", "deactivate", "reactivate"] {
        let route = format!("POST /members/{{id}}/{verb}");
        walk.good(&route, &format!("/members/{user}/{verb}"), Value::Null)
            .await;
    }
    let key = json!({ "name": "Warehouse", "scopes": ["records:read"] });
    let key = id(&walk.plain("POST /api-keys", key).await);
    walk.good(
        "DELETE /api-keys/{id}",
        &format!("/api-keys/{key}"),
        Value::Null,
    )
    .await;
    let version = walk.desk.get("/tenant").await["version"].clone();
    walk.plain(
        "PATCH /tenant",
        json!({ "name": "Acme", "factor_for_all": false, "version": version }),
    )
    .await;
    let end = json!({ "confirm": "Acme", "keep_own": true });
    walk.plain("POST /tenant/sessions/end", end).await;
    let route = "POST /members/{id}/owner";
    walk.good(
        route,
        &format!("/members/{user}/owner"),
        json!({ "confirm": "Acme" }),
    )
    .await;
    walk.fresh().await;
}

/// Somebody opens an invitation's link and is in.
pub(super) async fn join(walk: &mut Walk, invitation: &str, name: &str) -> Value {
    let id: InvitationId = invitation.parse().unwrap();
    let tenant = walk.desk.rows(&format!(
        "SELECT 'tenant_' || replace(tenant_id::text, '-', '') FROM invitations WHERE invitation_id = '{}'",
        id.uuid()
    ));
    let identity = &walk.desk.house.identity;
    let letter = identity
        .invitation_letter(tenant[0].parse().unwrap(), id)
        .await;
    let token = letter.unwrap().unwrap().token.expose().clone();
    let accept = json!({ "token": token, "name": name, "password": PASSWORD });
    let (status, answer, _) = walk
        .ask(
            "POST /invitations/accept",
            "/invitations/accept",
            accept,
            (None, None),
        )
        .await;
    assert!(status < 300, "{answer}");
    answer
}

/// Providers, domains and provisioning, of the organisation and of the appliance.
pub(super) async fn single_sign_on(walk: &mut Walk) {
    let provider = |version: Option<i64>| {
        json!({
            "kind": "oidc", "name": "Corporate", "enabled": false, "issuer": "https://idp.example",
            "client_id": "c", "client_secret": "canary-secret", "create_members": false, "version": version,
        })
    };
    for base in ["", "/platform"] {
        let made = id(&walk
            .good(
                &format!("POST {base}/sso/providers"),
                &format!("{base}/sso/providers"),
                provider(None),
            )
            .await);
        let route = format!("{base}/sso/providers/{{id}}");
        let path = format!("{base}/sso/providers/{made}");
        walk.good(&format!("PUT {route}"), &path, provider(Some(1)))
            .await;
        let domain = json!({ "domain": format!("acme{}.example", base.len()), "provider": made });
        walk.good(
            &format!("POST {base}/sso/domains"),
            &format!("{base}/sso/domains"),
            domain,
        )
        .await;
        if base.is_empty() {
            let verify = json!({ "tenant": walk.desk.tenant(), "domain": "acme0.example" });
            walk.plain("POST /platform/sso/domains/verify", verify)
                .await;
        }
        let gone = format!("{base}/sso/domains/acme{}.example", base.len());
        walk.good(
            &format!("DELETE {base}/sso/domains/{{domain}}"),
            &gone,
            Value::Null,
        )
        .await;
        if !base.is_empty() {
            walk.desk.owner(&format!(
                "INSERT INTO sso_identities (tenant_id, issuer, subject, provider_id, user_id, created_at, last_used_at) \
                 SELECT tenant_id, 'https://idp.example', 'subject-7', provider_id, user_id, now(), now() \
                 FROM sso_providers, users WHERE tenant_id = '{}' AND super_admin",
                uuid::Uuid::nil()
            ));
            walk.good(
                "DELETE /platform/sso/links/{id}",
                &format!("/platform/sso/links/{made}"),
                Value::Null,
            )
            .await;
        }
        walk.good(&format!("DELETE {route}"), &path, Value::Null)
            .await;
    }
    walk.plain("PUT /sso/appliance", json!({ "allowed": true }))
        .await;
    walk.plain("PUT /sso/settings", json!({ "only": false }))
        .await;
    let token = id(&walk
        .plain("POST /sso/scim/tokens", json!({ "name": "Okta" }))
        .await);
    walk.good(
        "DELETE /sso/scim/tokens/{id}",
        &format!("/sso/scim/tokens/{token}"),
        Value::Null,
    )
    .await;
    let tenant = walk.desk.tenant().uuid();
    walk.desk.owner(&format!(
        "INSERT INTO scim_groups (tenant_id, group_id, name, created_at, updated_at) VALUES ('{tenant}', '{tenant}', 'n', now(), now())"
    ));
    let group = format!("/sso/scim/groups/group_{}", tenant.as_simple());
    walk.good(
        "PUT /sso/scim/groups/{id}",
        &group,
        json!({ "roles": ["reviewer"] }),
    )
    .await;
}
