//! Must hold 6: every key gets new versions, and everything that is sealed is moved to them by
//! `revkeep keys rewrap`, while leads are routed and through the death of the daemon (OB-07).

use serde_json::{Value, json};
use simulators::wire::{Effect, Fault};
use stack::{
    daemon::{Daemon, DaemonOptions},
    scenario,
    world::World,
};

use crate::{
    harness::column,
    live::{
        all_routed, claims_run_out, configured, connection, counted, daemon, no_token_was_reused,
        superuser, until, world,
    },
};

const LEADS: u32 = 20;

/// Every column that is rewrapped, with the byte of its values at which the version of the key ends.
fn rewrapped_columns() -> Vec<(&'static str, &'static str, &'static str)> {
    include_str!("../../golden/sealed-columns.txt")
        .lines()
        .filter_map(|line| {
            let (place, byte) = line.split_once(" rewrapped ")?;
            let (table, column) = place.split_once('.')?;
            Some((table, column, byte))
        })
        .collect()
}

/// `table.column: versions` for each column that is rewrapped, in the database as it stands.
fn versions(world: &World) -> Vec<String> {
    let mut conn = superuser(world);
    rewrapped_columns()
        .into_iter()
        .map(|(table, name, byte)| {
            let found = column(
                &mut conn,
                &format!("SELECT DISTINCT get_byte({name}, {byte}) FROM {table} WHERE {name} IS NOT NULL ORDER BY 1"),
            );
            format!("{table}.{name}: {}", found.join(" "))
        })
        .collect()
}

/// Every column has values, and all of them have `version`.
fn all_at(world: &World, version: u32) -> Result<(), String> {
    let found = versions(world);
    let wrong: Vec<&String> = found
        .iter()
        .filter(|line| !line.ends_with(&format!(": {version}")))
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("not at {version}: {wrong:?}"))
    }
}

fn rewrap(daemon: &Daemon) -> Value {
    let told = daemon.command(&["keys", "rewrap"]).unwrap();
    assert_eq!(told["done"], told["jobs"], "{told}");
    assert_eq!(told["dead"], 0, "{told}");
    told
}

/// A grant that Salesforce cannot be told of, an invitation that waits, an identity provider and somebody
/// whom it provisioned, a target of the log, so that every sealed column has a value.
async fn every_sealed_value(world: &World, daemon: &Daemon, console: &stack::console::Console) {
    let deaf = Fault {
        method: None,
        path: Some("/services/oauth2/revoke".to_owned()),
        record: None,
        skip: 0,
        count: None,
        effect: Effect::DropBefore,
    };
    world.salesforce.fault(&deaf).await.unwrap();
    scenario::authorize(world, console).await.unwrap();
    let invitation = json!({ "email": "bob@acme.example", "roles": ["member"] });
    console.post("/invitations", invitation).await.unwrap();
    let provider = serde_json::json!({
        "kind": "oidc", "name": "P", "enabled": true, "issuer": "https://idp.example",
        "client_id": "c", "client_secret": "s", "create_members": true,
    });
    let (status, told) = console
        .request(reqwest::Method::POST, "/sso/providers", Some(provider))
        .await
        .unwrap();
    assert!(status.is_success(), "{told}");
    provision(daemon, console, &told["id"]).await;
    let pem = |name| std::fs::read_to_string(world.directory().join(name)).unwrap();
    let target = json!({
        "name": "Collector", "transport": "https", "format": "json", "enabled": false,
        "address": format!("https://{}/services/collector", world.salesforce_host()),
        "client_certificate": pem("server.pem"), "client_key": pem("server.key"), "token": "t",
        "actions": [], "outcomes": [],
    });
    console.post("/siem/targets", target).await.unwrap();
    let webhook = json!({ "name": "W", "url": "https://hooks.example.com/", "enabled": false });
    let made = console.post("/webhooks", webhook).await.unwrap();
    let rotate = format!("/webhooks/{}/rotate", made["id"].as_str().unwrap());
    console.post(&rotate, json!({})).await.unwrap();
}

async fn provision(daemon: &Daemon, console: &stack::console::Console, provider: &Value) {
    let domain = json!({ "domain": "acme.example", "provider": provider });
    console.post("/sso/domains", domain).await.unwrap();
    let waiting = console.get("/platform/sso/domains").await.unwrap();
    let word = json!({ "tenant": waiting["items"][0]["tenant"], "domain": "acme.example" });
    let verify = console.request(
        reqwest::Method::POST,
        "/platform/sso/domains/verify",
        Some(word),
    );
    assert!(verify.await.unwrap().0.is_success());
    let token = json!({ "name": "P", "expires_at": null });
    let token = console.post("/sso/scim/tokens", token).await.unwrap();
    let person = daemon
        .client()
        .unwrap()
        .post(format!("{}/scim/v2/Users", daemon.url))
        .bearer_auth(token["secret"].as_str().unwrap())
        .json(&json!({ "userName": "eve@acme.example" }));
    let made = person.send().await.unwrap();
    assert_eq!(made.status().as_u16(), 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_rotates_while_leads_are_routed() {
    let world = world().await;
    let (first, console) = configured(&world).await;
    every_sealed_value(&world, &first, &console).await;
    scenario::activate(&console).await.unwrap();
    all_at(&world, 1).unwrap();
    for turn in 0..3 {
        scenario::arrive(&world, 4_000 + turn, LEADS).await.unwrap();
        if turn % 2 == 0 {
            world.salesforce.expire_sessions().await.unwrap();
        }
        let told = rewrap(&first);
        assert!(told["moved"].as_i64().unwrap() >= 8, "{told}");
    }
    let arrived = usize::try_from(LEADS).unwrap();
    let account = all_routed(&world, &console, &first).await;
    assert_eq!(counted(&account, "assigned"), 3 * arrived, "{account:#?}");
    rewrap(&first);
    all_at(&world, 5).unwrap();
    // Nothing is older, so nothing is moved; and no version is added when none is asked for.
    let told = first.command(&["keys", "rewrap", "--no-rotate"]).unwrap();
    assert_eq!(told["moved"], 0, "{told}");
    all_at(&world, 5).unwrap();
    assert!(first.stop().await.unwrap().success());

    // A daemon that remembers no key opens everything: it signs people in, and refreshes.
    let (second, console) = daemon(&world).await;
    world.salesforce.expire_sessions().await.unwrap();
    scenario::arrive(&world, 4_010, LEADS).await.unwrap();
    let account = all_routed(&world, &console, &second).await;
    assert_eq!(counted(&account, "assigned"), 4 * arrived, "{account:#?}");
    assert_eq!(connection(&console).await, ("connected".to_owned(), None));
    no_token_was_reused(&world).await;
    let audited = column(
        &mut superuser(&world),
        "SELECT DISTINCT action || ' ' || actor_kind FROM audit_log WHERE action LIKE 'key%' ORDER BY 1",
    );
    assert_eq!(audited, ["key_rewrap system", "key_rotate system"]);
    assert!(second.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewrap_that_was_cut_short_goes_on_and_rotates_once() {
    let world = world().await;
    let (first, console) = configured(&world).await;
    every_sealed_value(&world, &first, &console).await;
    assert!(first.stop().await.unwrap().success());
    let mut version = 1;
    for point in ["key_rotated", "rewrap_page"] {
        let options = DaemonOptions {
            failpoints: Some(format!("{point}=1*panic")),
            ..DaemonOptions::default()
        };
        let mut doomed = world.daemon(options).await.unwrap();
        let cut = doomed.command(&["keys", "rewrap"]).unwrap();
        assert_eq!(cut["error"]["code"], "daemon_not_running", "{cut}");
        assert!(!doomed.wait_ended().await.unwrap().success());
        assert!(doomed.log().contains(point), "{}", doomed.log());
        claims_run_out(&world);
        version += 1;
        assert!(all_at(&world, version).is_err(), "{point} came too late");

        let (after, _) = daemon(&world).await;
        until("the rewrap does not go on", async || {
            all_at(&world, version)
        })
        .await;
        assert!(after.stop().await.unwrap().success());
    }
}
