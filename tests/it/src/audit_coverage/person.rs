//! What is held of one person: taken along, searched for, erased.

use serde_json::{Value, json};

use super::{
    custody::work,
    people::join,
    walk::{Walk, id},
};

/// One's own archive, and the erasure that is asked for and taken back.
pub(super) async fn own_data(walk: &mut Walk) {
    let first = id(&walk.plain("POST /me/exports", json!({})).await);
    walk.good(
        "POST /me/exports/{id}/cancel",
        &format!("/me/exports/{first}/cancel"),
        Value::Null,
    )
    .await;
    let second = id(&walk.plain("POST /me/exports", json!({})).await);
    work(walk).await;
    walk.good(
        "POST /me/exports/{id}/download",
        &format!("/me/exports/{second}/download"),
        Value::Null,
    )
    .await;
    walk.plain("POST /me/erasure", Value::Null).await;
    walk.plain("DELETE /me/erasure", Value::Null).await;
}

/// Somebody without an account is looked for, exported and erased; a member is erased.
pub(super) async fn of_others(walk: &mut Walk) {
    let term = json!({ "term": "canary-zoe@acme.example" });
    let case = id(&walk.plain("POST /person-cases", term.clone()).await);
    work(walk).await;
    for (verb, body) in [
        ("export", json!({})),
        (
            "erase",
            json!({ "confirm": "canary-zoe@acme.example", "mentions": true }),
        ),
    ] {
        let route = format!("POST /person-cases/{{id}}/{verb}");
        walk.good(&route, &format!("/person-cases/{case}/{verb}"), body)
            .await;
    }
    work(walk).await;
    let other = id(&walk.plain("POST /person-cases", term).await);
    walk.good(
        "POST /person-cases/{id}/close",
        &format!("/person-cases/{other}/close"),
        Value::Null,
    )
    .await;
    let erin = json!({ "email": "canary-erin@acme.example", "roles": ["member"] });
    let invited = id(&walk.plain("POST /invitations", erin).await);
    join(walk, &invited, "canary-erin").await;
    let erin = walk.desk.rows(
        "SELECT 'user_' || replace(user_id::text, '-', '') FROM users WHERE name = 'canary-erin'",
    );
    let confirm = json!({ "confirm": "canary-erin@acme.example" });
    walk.good(
        "POST /members/{id}/erase",
        &format!("/members/{}/erase", erin[0]),
        confirm,
    )
    .await;
}
