//! Who reads is on record, and who must not read does not.

use super::*;

#[tokio::test]
async fn who_reads_is_in_the_log_without_what_they_typed() {
    let desk = Desk::open().await;
    desk.get("/audit/entries?q=canary-typed&outcome=refused")
        .await;
    desk.house.bed.clock.advance(TimeDelta::seconds(1));
    desk.get("/members?q=canary-typed").await;
    desk.get("/api-keys").await;
    desk.get("/platform/signing-keys").await;
    desk.get("/invitations").await;
    for action in [
        "audit_read",
        "member_read",
        "api_key_read",
        "signing_key_read",
        "invitation_read",
    ] {
        let page = desk.get(&format!("/audit/entries?action={action}")).await;
        let entry = &page["items"].as_array().unwrap().last().unwrap()["id"];
        let entry = desk
            .get(&format!("/audit/entries/{}", entry.as_str().unwrap()))
            .await;
        assert_eq!(entry["actor"]["name"], "Ada Lovelace", "{action}");
        assert!(
            entry["address"].is_string() && entry["user_agent"].is_string(),
            "{entry}"
        );
        assert!(!entry.to_string().contains("canary-typed"), "{entry}");
    }
    let read = desk.get("/audit/entries?action=audit_read&limit=200").await;
    let first = ids(&read).pop().unwrap();
    let told = desk.get(&format!("/audit/entries/{first}")).await;
    assert_eq!(
        told["after"],
        json!({ "for": "list", "filter": { "words": "[personal]", "outcome": "refused" } })
    );
    desk.running.stop().await;
}

/// A member, a reviewer, and an administrator of another organisation.
#[tokio::test]
async fn nobody_else_reads_it_and_the_attempt_is_in_it() {
    let mut desk = Desk::open().await;
    let mine = ids(&desk.get("/audit/entries").await).remove(0);
    let (theirs, user) = desk.house.bed.seeded();
    let foreign = format!("audit_{}", user.uuid().as_simple());
    for role in ["member", "reviewer"] {
        desk.become_role(role).await;
        for path in [
            "/audit/entries".to_owned(),
            format!("/audit/entries/{mine}"),
            format!("/audit/entries/{mine}/proof"),
            "/audit/integrity".to_owned(),
            "/audit/export?format=csv".to_owned(),
            "/platform/audit/entries".to_owned(),
        ] {
            let (status, answer) = desk.call(Method::GET, &path, None).await;
            assert_eq!(
                (status, answer["code"].as_str()),
                (403, Some("not_permitted")),
                "{path}"
            );
        }
    }
    desk.become_role("admin").await;
    for path in [
        format!("/audit/entries/{foreign}"),
        format!("/audit/entries/{foreign}/proof"),
        "/audit/entries/audit_00000000000000000000000000000007".to_owned(),
    ] {
        let (status, _) = desk.call(Method::GET, &path, None).await;
        assert_eq!(status, 404, "{path}");
    }
    let (status, _) = desk
        .call(
            Method::GET,
            &format!("/platform/audit/entries/{foreign}"),
            None,
        )
        .await;
    assert_eq!(status, 403);
    let aimed = desk
        .get(&format!("/audit/entries?tenant={theirs}&limit=200"))
        .await;
    assert!(!aimed.to_string().contains(&foreign) && !ids(&aimed).is_empty());
    let denied = desk
        .get("/audit/entries?action=access_deny&outcome=refused&limit=200")
        .await;
    assert!(ids(&denied).len() >= 13, "{denied}");
    desk.running.stop().await;
}

/// CX-33: the operator sees that something happened, and not what an organisation keeps in it.
#[tokio::test]
async fn across_organisations_the_content_stays_sealed() {
    let mut desk = Desk::open().await;
    busy(&desk).await;
    let (theirs, user) = desk.house.bed.seeded();
    desk.become_role("super_admin").await;
    let (status, _) = desk.call(Method::GET, "/audit/entries", None).await;
    assert_eq!(
        status, 403,
        "a super_admin is no administrator of any organisation"
    );
    let all = desk.get("/platform/audit/entries?limit=200").await;
    let tenants = texts(&all, "/tenant");
    assert!(tenants.contains(PLATFORM) && tenants.contains(&theirs.to_string()));
    assert!(tenants.contains(&desk.tenant().to_string()));
    let one = desk
        .get(&format!("/platform/audit/entries?tenant={theirs}"))
        .await;
    assert_eq!(ids(&one), [format!("audit_{}", user.uuid().as_simple())]);

    let change = desk.get("/platform/audit/entries?action=pool_update").await;
    let change = &ids(&change)[0];
    let shown = desk.get(&format!("/platform/audit/entries/{change}")).await;
    assert_eq!(shown["closed"], true);
    for sealed in ["before", "after", "address", "user_agent"] {
        assert!(shown[sealed].is_null(), "{sealed}: {shown}");
    }
    assert!(shown["actor"]["name"].is_null());
    let file = desk
        .send(
            Method::GET,
            "/platform/audit/export?format=jsonl",
            None,
            Some(&desk.token),
        )
        .await;
    let file = file.text().await.unwrap();
    assert!(!file.contains("Everyone") && file.contains("pool_update"));
    // What the appliance itself keeps is the operator's. Entries of one moment have no order of their own.
    let mut read = BTreeSet::new();
    for id in ids(&desk.get("/platform/audit/entries?action=audit_read").await) {
        let own = desk.get(&format!("/platform/audit/entries/{id}")).await;
        assert_eq!(
            (own["closed"].as_bool(), own["tenant"].as_str()),
            (Some(false), Some(PLATFORM))
        );
        read.insert(own["after"]["for"].as_str().unwrap().to_owned());
    }
    assert!(read.contains("list") && read.contains("entry"), "{read:?}");
    desk.running.stop().await;
}
