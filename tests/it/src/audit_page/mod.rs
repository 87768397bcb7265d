//! The audit log as people read it (LM-79, OB-26): their own, whole or filtered, one entry, its proof and a
//! file of it; and who must not, or sees less.

mod entries;
mod file;
mod readers;
mod refusals;

use std::{collections::BTreeSet, process::Command};

use audit::Sealer;
use chrono::TimeDelta;
use kernel::{Principal, TenantId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{console_desk::Desk, live::until};

const PLATFORM: &str = "tenant_00000000000000000000000000000000";

/// Some entries of each outcome.
async fn busy(desk: &Desk) -> Vec<String> {
    let reps = desk.reps();
    desk.router().await;
    let pool = json!({ "name": "Everyone", "members": [{ "rep_id": reps[0], "weight": 2 }] });
    let pool = desk.post("/pools", pool).await;
    let id = pool["id"].as_str().unwrap().to_owned();
    let change = json!({ "name": "Nobody", "members": [], "version": 1 });
    desk.put(&format!("/pools/{id}"), change).await;
    vec![id]
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    let id = |item: &Value| item["id"].as_str().unwrap().to_owned();
    items.iter().map(id).collect()
}

fn texts(page: &Value, place: &str) -> BTreeSet<String> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            item.pointer(place)
                .and_then(Value::as_str)
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// Seals everything, as the daemon does.
async fn seal(desk: &Desk) {
    let (db, vault) = (&desk.house.bed.db, &desk.house.bed.vault);
    let sealer = Sealer::new(db.clone(), vault.clone());
    let who = Principal::system(TenantId::PLATFORM, None);
    until("entries wait to be sealed", async || {
        let fence = db
            .run_unsealed(&who, |tx| {
                jobs::lease_acquire(tx, audit::LEASE, "test", TimeDelta::seconds(60))
            })
            .await
            .unwrap()
            .expect("somebody else holds the lease");
        sealer.seal("test", fence.number()).await.unwrap();
        db.run_unsealed(&who, move |tx| {
            jobs::lease_release(tx, audit::LEASE, "test", fence)
        })
        .await
        .unwrap();
        let loose = desk.rows(
            "SELECT count(*) FROM audit_log WHERE audit_id NOT IN (SELECT audit_id FROM audit_leaves)",
        );
        if loose == ["0"] { Ok(()) } else { Err(format!("{loose:?}")) }
    })
    .await;
}
