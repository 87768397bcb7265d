//! CX-36: a backup brings old truth back. Nothing acts on it before somebody has looked, and what was taken
//! away since stays away.

use std::collections::{BTreeMap, HashSet};

use stack::{console::Console, scenario};

use super::*;
use crate::live;

/// How often Salesforce was told each record's owner.
async fn writes(world: &World) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for write in world.salesforce.writes(0).await.unwrap() {
        if write.field == "OwnerId" && write.code == "OK" {
            *found.entry(write.id.to_string()).or_default() += 1;
        }
    }
    found
}

fn rows(world: &World, sql: &str) -> Vec<String> {
    column(&mut superuser(world), sql)
}

async fn stop(daemon: Daemon) {
    assert!(daemon.stop().await.unwrap().success());
}

/// A daemon that routed, and an archive of it in which five of the leads are still to be written.
async fn archived(world: &World) -> (Daemon, Console, String) {
    let (daemon, console) = live::configured(world).await;
    scenario::activate(&console).await.unwrap();
    scenario::arrive(world, 4_001, 33).await.unwrap();
    live::all_routed(world, &console, &daemon).await;
    is_sealed(world).await;
    run(
        world,
        "INSERT INTO oauth_clients (tenant_id, client_id, name, redirect_uris, scopes, created_by, created_at) \
         SELECT tenant_id, tenant_id, 'Assistant', '{http://127.0.0.1/callback}', '{reps:read}', user_id, now() FROM memberships LIMIT 1; \
         INSERT INTO oauth_grants (tenant_id, grant_id, client_id, user_id, scopes, resource, created_at, expires_at) \
         SELECT tenant_id, client_id, client_id, created_by, scopes, 'https://revkeep.example/mcp', now(), now() + interval '7 days' FROM oauth_clients",
    );
    let (program, config) = (daemon.program().to_owned(), daemon.config.clone());
    stop(daemon).await;
    let moved = |from: &str, to: &str| {
        run(
            world,
            &format!(
                "WITH r AS (UPDATE routing_records SET state = '{to}' WHERE (tenant_id, object, record_id) IN \
                   (SELECT tenant_id, object, record_id FROM routing_records WHERE state = '{from}' ORDER BY record_id LIMIT 5) RETURNING *) \
                 UPDATE assignments a SET state = '{to}' FROM r WHERE a.assignment_id = r.assignment_id"
            ),
        );
    };
    moved("assigned", "proposed");
    let made = ask(&program, &config, &["backup", "create"], "");
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let archive = made["file"].as_str().unwrap().to_owned();
    moved("proposed", "assigned");
    let (daemon, console) = live::daemon(world).await;
    (daemon, console, archive)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_appliance_writes_nothing_twice_and_presents_no_old_token() {
    let world = live::world().await;
    let (daemon, console, archive) = archived(&world).await;
    // Further assignments, under tokens that were renewed since.
    world.salesforce.expire_sessions().await.unwrap();
    scenario::arrive(&world, 4_002, 1_000).await.unwrap();
    live::all_routed(&world, &console, &daemon).await;
    let before = writes(&world).await;
    let refreshes = world.salesforce.stats().await.unwrap().refreshes;
    assert!(refreshes > 0);
    let (program, config) = (daemon.program().to_owned(), daemon.config.clone());
    let port = daemon.url.rsplit(':').next().unwrap().parse().ok();
    let answer = console.answer_of_sign_in().await.unwrap();
    let session: Value = answer.json().await.unwrap();
    assert_eq!(opened_by(&daemon, &session).await, 200);
    stop(daemon).await;

    // Each daemon of a test has a port of its own, so its settings are not those of the archive.
    let arguments = [&archive, "--replace", "--differing", "keep"];
    let back = restored(&program, &config, &arguments);
    assert_eq!(back["replaced"], true, "{back}");
    assert_eq!(back["told"]["records_in_doubt"], 5, "{back}");
    assert_eq!(back["told"]["connections_to_reconnect"], 1, "{back}");
    assert_eq!(back["told"]["program_grants_ended"], 1, "{back}");
    let same = DaemonOptions {
        port,
        ..DaemonOptions::default()
    };
    let daemon = world.daemon(same).await.unwrap();
    says_so(&daemon).await;
    assert_eq!(opened_by(&daemon, &session).await, 401);
    let console = Console::sign_in(&daemon).await.unwrap();
    assert_eq!(
        live::connection(&console).await,
        ("broken".to_owned(), Some("restored".to_owned()))
    );
    let held = rows(&world, "SELECT count(*) FROM jobs WHERE state = 'running'");
    assert_eq!(
        (held, writes(&world).await),
        (vec!["0".to_owned()], before.clone())
    );

    resume(&daemon);
    scenario::authorize(&world, &console).await.unwrap();
    until("the router does not begin anew", async || {
        match rows(&world, "SELECT state FROM routers")[0].as_str() {
            "active" => Ok(()),
            other => Err(format!("{other}\n{}", daemon.log())),
        }
    })
    .await;
    let known = scenario::enrolled(&world).await.unwrap();
    scenario::arrive(&world, 4_003, 20).await.unwrap();
    let all = scenario::enrolled(&world).await.unwrap();
    let new: HashSet<&String> = all.difference(&known).collect();
    until("what comes in now is not routed", async || {
        let now = writes(&world).await;
        if new.iter().all(|record| now.contains_key(*record)) {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        }
    })
    .await;
    let after = writes(&world).await;
    assert!(after.values().all(|times| *times == 1), "{after:?}");
    assert_eq!(after.len(), before.len() + new.len());
    assert_eq!(
        rows(
            &world,
            "SELECT count(*) FROM routing_records WHERE state IN ('proposed', 'claimed', 'in_doubt')"
        ),
        ["0"]
    );
    live::no_token_was_reused(&world).await;
    let verified = daemon.command(&["audit", "verify"]).unwrap();
    assert_eq!(verified["holds"], true, "{verified}");
    stop(daemon).await;
}

/// What a session's token of access gets.
async fn opened_by(daemon: &Daemon, session: &Value) -> u16 {
    let token = session["access_token"].as_str().unwrap();
    let client = daemon.client().unwrap();
    let answer = client
        .get(format!("{}/api/console/v1/connections", daemon.url))
        .header("X-Revkeep", "1")
        .bearer_auth(token);
    answer.send().await.unwrap().status().as_u16()
}

/// Everything that tells how the appliance is tells this, and it is on record under the log's seal.
async fn says_so(daemon: &Daemon) {
    let status = daemon.command(&["status"]).unwrap();
    assert_eq!(status["quarantine"]["quarantined"], true, "{status}");
    assert_eq!(status["ready"], true, "{status}");
    let client = daemon.client().unwrap();
    let answer = client.get(format!("{}/health/ready", daemon.url));
    let ready: Value = answer.send().await.unwrap().json().await.unwrap();
    assert_eq!(ready["notes"][0]["code"], "quarantined", "{ready}");
    for command in ["check", "doctor"] {
        let told = daemon.command(&[command]).unwrap();
        let findings = told["findings"].as_array().unwrap();
        let found = findings
            .iter()
            .find(|found| found["subject"] == "quarantine");
        assert_eq!(found.unwrap()["verdict"], "warn", "{told}");
    }
}

fn resume(daemon: &Daemon) {
    let plan = daemon.command(&["resume", "--plan"]).unwrap();
    assert_eq!(plan["quarantined"], true, "{plan}");
    let refused = daemon.command_with(&["resume"], "yes\n").unwrap();
    assert_eq!(refused["error"]["code"], "not_confirmed", "{refused}");
    let done = daemon.command_with(&["resume"], "resume\n").unwrap();
    assert_eq!(done["quarantined"], false, "{done}");
    let again = daemon.command(&["resume", "--yes"]).unwrap();
    assert_eq!(again["quarantined"], false, "{again}");
}

const TENANT: &str = "0190d3c0-0000-7000-8000-00000000aaaa";
const ERASED: &str = "0190d3c0-0000-7000-8000-00000000bbbb";
const SHUT_OUT: &str = "0190d3c0-0000-7000-8000-00000000cccc";
const NAME: &str = "Zyxerased Person";
const LEAD: &str = "00Qzyx000000001AAA";

/// Two people, a key, and a record of a CRM, as they were at the backup.
fn people(world: &World) {
    run(
        world,
        &format!(
            "INSERT INTO tenants (tenant_id, name) VALUES ('{TENANT}', 'Acme'); \
             INSERT INTO users (user_id, email_hash, email_sealed, name, password_hash) VALUES \
               ('{ERASED}', '\\x01', '\\x01', '{NAME}', 'then'), ('{SHUT_OUT}', '\\x02', '\\x02', 'Stayer', 'then'); \
             INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{TENANT}', '{ERASED}', '{{member}}'), ('{TENANT}', '{SHUT_OUT}', '{{admin}}'); \
             INSERT INTO api_keys (tenant_id, key_id, name, secret_hash, scopes, created_by, created_at) VALUES \
               ('{TENANT}', '{ERASED}', 'revoked', 'x', '{{read}}', '{SHUT_OUT}', now()), ('{TENANT}', '{SHUT_OUT}', 'kept', 'x', '{{read}}', '{SHUT_OUT}', now()); \
             INSERT INTO layer_records (tenant_id, object, record_id, fields, source_modified_at, imported_at) VALUES ('{TENANT}', 'Lead', '{LEAD}', '{{}}', now(), now())"
        ),
    );
}

/// What happened to them since.
fn since(world: &World) {
    run(
        world,
        &format!(
            "INSERT INTO person_cases (tenant_id, case_id, kind, subject, asked_by, asked_at, state, whole) \
               VALUES ('{TENANT}', gen_random_uuid(), 'account', '{ERASED}', '{SHUT_OUT}', now(), 'erased', true); \
             DELETE FROM memberships WHERE user_id = '{ERASED}'; DELETE FROM users WHERE user_id = '{ERASED}'; \
             INSERT INTO erased_records VALUES ('{TENANT}', 'Lead', '{LEAD}', now()); DELETE FROM layer_records WHERE record_id = '{LEAD}'; \
             UPDATE users SET password_hash = 'since' WHERE user_id = '{SHUT_OUT}'; \
             UPDATE memberships SET state = 'deactivated', roles = '{{member}}' WHERE user_id = '{SHUT_OUT}'; \
             UPDATE api_keys SET revoked_at = now() WHERE name = 'revoked'"
        ),
    );
}

struct Access {
    erased: Vec<String>,
    records: Vec<String>,
    passwords: Vec<String>,
    members: Vec<String>,
    keys: Vec<String>,
}

fn access(world: &World) -> Access {
    Access {
        erased: rows(
            world,
            &format!("SELECT name FROM users WHERE name = '{NAME}'"),
        ),
        records: rows(world, "SELECT record_id FROM layer_records"),
        passwords: rows(
            world,
            &format!("SELECT coalesce(password_hash, '') FROM users WHERE user_id = '{SHUT_OUT}'"),
        ),
        members: rows(
            world,
            &format!("SELECT state || roles::text FROM memberships WHERE user_id = '{SHUT_OUT}'"),
        ),
        keys: rows(world, "SELECT name FROM api_keys WHERE revoked_at IS NULL"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_erased_or_shut_out_since_does_not_come_back() {
    let (world, daemon) = sealed().await;
    people(&world);
    let archive = created(&daemon, &[]).0.to_str().unwrap().to_owned();
    since(&world);
    let (program, config) = (daemon.program().to_owned(), daemon.config.clone());
    stop(daemon).await;
    let back = restored(&program, &config, &[&archive, "--replace"]);
    assert_eq!(back["told"]["erased_people"], 1, "{back}");
    let now = access(&world);
    assert_eq!((now.erased, now.records), (vec![], vec![]));
    assert_eq!(now.passwords, ["since"]);
    assert_eq!(now.members, ["deactivated{member}"]);
    assert_eq!(now.keys, ["kept"]);
    let dump = world.postgres.dump("postgres", "revkeep", &["--data-only"]);
    assert!(!dump.unwrap().contains(NAME));
    let recorded =
        "SELECT action || ' ' || resource_id FROM audit_log WHERE action = 'appliance_restore'";
    assert_eq!(
        rows(&world, recorded),
        [format!("appliance_restore {}", back["head"])]
    );

    // Nobody knows any more what happened since: what they come in by does not work, and it says so.
    let mut admin = db::setup::Setup::connect(&world.postgres.dsn("postgres", "postgres")).unwrap();
    admin.drop_database("revkeep").unwrap();
    let back = restored(&program, &config, &[&archive]);
    assert_eq!(back["replaced"], false, "{back}");
    let now = access(&world);
    assert_eq!((now.erased.len(), now.records.len()), (1, 1));
    assert_eq!(now.passwords, [""]);
    assert_eq!(now.keys, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_whose_key_is_gone_does_not_come_back_with_its_people() {
    let (world, daemon) = sealed().await;
    people(&world);
    let setup = world.directory().join("setup/revkeep.toml");
    let vault = vault::Vault::new(
        live::section(&setup, "secrets"),
        std::sync::Arc::new(kernel::SystemClock),
    )
    .unwrap();
    let tenant = kernel::TenantId::from_uuid(TENANT.parse().unwrap());
    vault.ensure_tenant_key(tenant).await.unwrap();
    let archive = created(&daemon, &[]).0.to_str().unwrap().to_owned();
    vault.destroy_tenant_key(tenant).await.unwrap();
    let (program, config) = (daemon.program().to_owned(), daemon.config.clone());
    stop(daemon).await;
    let mut admin = db::setup::Setup::connect(&world.postgres.dsn("postgres", "postgres")).unwrap();
    admin.drop_database("revkeep").unwrap();
    let back = restored(&program, &config, &[&archive]);
    assert_eq!(back["told"]["erased_organisations"], 1, "{back}");
    assert_eq!(names(&world), [CANARY]);
    assert_eq!(rows(&world, "SELECT count(*) FROM users"), ["0"]);
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    stop(daemon).await;
}
