//! The appliance and its organisations: made, entered, left, consented to and ended.

use kernel::InvitationId;
use serde_json::{Value, json};

use super::{
    custody::deletions,
    people::join,
    walk::{Walk, id},
};
use crate::{
    console_desk::{EMAIL, PASSWORD},
    phone::Phone,
};

/// The appliance and its organisations: made, entered, left, consented to and ended.
pub(super) async fn appliance(walk: &mut Walk) {
    walk.plain("POST /platform/signing-keys/rotate", json!({}))
        .await;
    let beta = json!({ "name": "Beta", "owner_email": "canary-bob@beta.example" });
    let beta = id(&walk.plain("POST /platform/tenants", beta).await);
    let invited = walk.desk.rows("SELECT 'inv_' || replace(invitation_id::text, '-', '') FROM invitations ORDER BY created_at DESC LIMIT 1");
    join(walk, &invited[0], "canary-bob").await;
    let phone = Phone::new(std::sync::Arc::clone(&walk.desk.house.bed.clock));
    let bob = phone
        .sign_in(("canary-bob@beta.example", PASSWORD), async |ask| {
            walk.desk.ask(ask).await
        })
        .await
        .0;
    walk.desk.owner("UPDATE tenants SET state = 'trial', trial_ends_at = now() + interval '9 days' WHERE name = 'Beta'");
    walk.good(
        "POST /platform/tenants/{id}/activate",
        &format!("/platform/tenants/{beta}/activate"),
        json!({}),
    )
    .await;
    deletions(walk, &beta, &bob).await;
    let enter = json!({ "reason": "They asked us to look", "mode": "write" });
    let enter_path = format!("/platform/tenants/{beta}/enter");
    for verb in ["consent", "end"] {
        let inside = walk
            .good(
                "POST /platform/tenants/{id}/enter",
                &enter_path,
                enter.clone(),
            )
            .await;
        let inside = inside["access_token"].as_str().unwrap().to_owned();
        let visit = walk.desk.rows("SELECT 'visit_' || replace(visit_id::text, '-', '') FROM support_visits ORDER BY started_at DESC, visit_id DESC LIMIT 1");
        let route = format!("POST /support-visits/{{id}}/{verb}");
        let path = format!("/support-visits/{}/{verb}", visit[0]);
        let (status, answer, _) = walk
            .ask(&route, &path, Value::Null, (Some(&bob), None))
            .await;
        assert!(status < 300, "{route}: {answer}");
        if verb == "consent" {
            let (status, answer, _) = walk
                .ask(
                    "POST /session/leave",
                    "/session/leave",
                    json!({}),
                    (Some(&inside), None),
                )
                .await;
            assert!(status < 300, "{answer}");
        }
        walk.fresh().await;
    }
    let end = json!({ "confirm": "Beta", "keep_own": true });
    walk.good(
        "POST /platform/tenants/{id}/sessions/end",
        &format!("/platform/tenants/{beta}/sessions/end"),
        end,
    )
    .await;
    belongs_elsewhere(walk, &beta).await;
    let end = json!({ "confirm": "every session", "keep_own": true });
    walk.plain("POST /platform/sessions/end", end).await;
}

/// Ada joins the other organisation too, and goes there.
async fn belongs_elsewhere(walk: &mut Walk, beta: &str) {
    let phone = Phone::new(std::sync::Arc::clone(&walk.desk.house.bed.clock));
    walk.desk.owner("DELETE FROM totp_factors t USING users u WHERE u.user_id = t.user_id AND u.name = 'canary-bob'; DELETE FROM recovery_codes r USING users u WHERE u.user_id = r.user_id AND u.name = 'canary-bob'");
    let bob = phone
        .sign_in(("canary-bob@beta.example", PASSWORD), async |ask| {
            walk.desk.ask(ask).await
        })
        .await
        .0;
    let invite = json!({ "email": EMAIL, "roles": ["member"] });
    let (status, invited, _) = walk
        .ask(
            "POST /invitations",
            "/invitations",
            invite,
            (Some(&bob), None),
        )
        .await;
    assert!(status < 300, "{invited}");
    let invitation: InvitationId = id(&invited).parse().unwrap();
    let letter = walk
        .desk
        .house
        .identity
        .invitation_letter(beta.parse().unwrap(), invitation)
        .await;
    let token = letter.unwrap().unwrap().token.expose().clone();
    let joined = walk
        .plain("POST /me/invitations/accept", json!({ "token": token }))
        .await;
    // It moves the session there.
    walk.desk.token = joined["access_token"].as_str().unwrap().to_owned();
    let moved = walk
        .plain("POST /session/tenant", json!({ "tenant": beta }))
        .await;
    assert_eq!(moved["tenant"]["name"], "Beta", "{:?}", walk.faults);
    walk.fresh().await;
}
