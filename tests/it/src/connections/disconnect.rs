//! Disconnecting: the tokens are gone at once, and the grant ends at Salesforce as soon as it can be told
//! (LR-19, OB-33).

use chrono::TimeDelta;
use connections::State;
use diesel::connection::SimpleConnection;
use jobs::{Worker, WorkerConfig};
use kernel::principal::Origin;
use simulators::wire::{Effect, Fault};

use super::{code, on_token_endpoint, rows};
use crate::{
    gate::Gate,
    harness::{column, connect},
    live::until,
    org::Org,
};

/// Lets the time pass that the job leaves to whoever took the token out of use, and runs what is due.
pub(super) async fn background(org: &Org) {
    org.bed.clock.advance(TimeDelta::seconds(31));
    let handlers = org.connections.handlers();
    let worker = Worker::new(
        org.bed.db.clone(),
        "test".to_owned(),
        WorkerConfig::default(),
        handlers,
    );
    worker.run_due().await.unwrap();
}

fn deaf() -> Fault {
    Fault {
        path: Some("/services/oauth2/revoke".to_owned()),
        ..on_token_endpoint(Effect::DropBefore)
    }
}

fn tokens_left(org: &Org) -> Vec<String> {
    rows(
        org,
        "SELECT count(access_sealed) + count(refresh_sealed) FROM connections",
    )
}

fn audited(org: &Org) -> Vec<String> {
    rows(
        org,
        "SELECT action || ' ' || outcome || ' ' || coalesce(code, '') FROM audit_log \
         WHERE action IN ('connection_disconnect', 'connection_revoke') ORDER BY 1",
    )
}

async fn grant_ended(org: &Org) -> bool {
    org.admin.tokens().await.unwrap().grants[0].ended.is_some()
}

#[tokio::test]
async fn disconnecting_deletes_the_tokens_and_ends_the_grant() {
    let org = Org::connected().await;
    let connection = org
        .connections
        .connection_disconnect(&org.person)
        .await
        .unwrap();
    assert_eq!(connection.state, State::Disconnected);
    let left = rows(
        &org,
        "SELECT count(access_sealed) + count(refresh_sealed) FROM connections",
    );
    assert_eq!(left, ["0"]);
    let grants = org.admin.tokens().await.unwrap().grants;
    assert!(grants[0].ended.is_some());
    assert_eq!(
        code(org.tokens.for_routing(&org.daemon).await),
        "connection_not_connected"
    );
    let audited = rows(
        &org,
        "SELECT action || ' ' || outcome FROM audit_log WHERE action IN ('connection_disconnect', 'connection_revoke') ORDER BY 1",
    );
    assert_eq!(
        audited,
        ["connection_disconnect done", "connection_revoke done"]
    );
    assert_eq!(rows(&org, "SELECT count(*) FROM grants_ending"), ["0"]);
}

#[tokio::test]
async fn a_disconnect_that_salesforce_does_not_hear_still_deletes_and_is_told_again() {
    let org = Org::connected().await;
    org.admin.fault(&deaf()).await.unwrap();
    let connection = org
        .connections
        .connection_disconnect(&org.person)
        .await
        .unwrap();
    assert_eq!(connection.state, State::Disconnected);
    assert_eq!(tokens_left(&org), ["0"]);
    assert!(!grant_ended(&org).await);
    assert_eq!(
        audited(&org),
        [
            "connection_disconnect done ",
            "connection_revoke failed revoke_failed"
        ]
    );
    // What waits to be revoked is a token like any other: sealed, and given to nobody.
    assert_eq!(
        code(org.tokens.for_routing(&org.daemon).await),
        "connection_not_connected"
    );
    background(&org).await;
    assert!(grant_ended(&org).await, "the grant lives on");
    assert_eq!(rows(&org, "SELECT count(*) FROM grants_ending"), ["0"]);
    assert_eq!(audited(&org).len(), 3);
}

#[tokio::test]
async fn a_token_that_can_never_be_revoked_does_not_stay_for_ever() {
    let org = Org::connected().await;
    let for_ever = Fault {
        count: None,
        ..deaf()
    };
    org.admin.fault(&for_ever).await.unwrap();
    org.connections
        .connection_disconnect(&org.person)
        .await
        .unwrap();
    for _ in 0..3 {
        background(&org).await;
        assert_eq!(rows(&org, "SELECT count(*) FROM grants_ending"), ["1"]);
        org.bed.clock.advance(TimeDelta::minutes(10));
    }
    org.bed.clock.advance(TimeDelta::days(3));
    background(&org).await;
    assert_eq!(rows(&org, "SELECT count(*) FROM grants_ending"), ["0"]);
    assert_eq!(
        audited(&org).last().map(String::as_str),
        Some("connection_revoke failed revoke_given_up")
    );
}

#[tokio::test]
async fn a_disconnect_works_while_the_secrets_backend_is_sealed() {
    let org = Org::connected().await;
    org.bed.seal_vault();
    // Longer than any key stays in memory, the audit key included.
    org.bed.clock.advance(TimeDelta::minutes(11));
    let mut person = org.person.clone();
    person.origin = Some(Origin {
        address: "192.0.2.7".to_owned(),
        user_agent: "test".to_owned(),
    });
    let connection = org
        .connections
        .connection_disconnect(&person)
        .await
        .unwrap();
    assert_eq!(connection.state, State::Disconnected);
    assert_eq!(tokens_left(&org), ["0"]);
    assert_eq!(
        audited(&org)[0],
        "connection_disconnect done detail_not_kept"
    );
    background(&org).await;
    assert!(!grant_ended(&org).await);
    assert_eq!(
        rows(
            &org,
            "SELECT state || ' ' || attempts FROM jobs WHERE kind = 'connection.revoke'"
        ),
        ["queued 0"],
        "a sealed backend costs no attempt"
    );
    org.bed.unseal_vault();
    background(&org).await;
    assert!(grant_ended(&org).await, "the grant lives on");
    assert_eq!(rows(&org, "SELECT count(*) FROM grants_ending"), ["0"]);
}

/// A rotation between reading the token and deleting it must not leave the new one alive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_that_is_revoked_is_the_one_that_was_deleted() {
    let (org, gate) = Gate::before(Org::connected().await);
    let old = rows(
        &org,
        "SELECT encode(refresh_sealed, 'hex') FROM connections",
    )
    .remove(0);
    let token = org.token().await;
    org.tokens.refresh_after(&org.daemon, &token).await.unwrap();
    let new = rows(
        &org,
        "SELECT encode(refresh_sealed, 'hex') FROM connections",
    )
    .remove(0);
    assert_ne!(old, new);
    let newest = gate.granted().pop().unwrap();
    // The database as it was before the rotation, and a rotation that is about to commit.
    org.bed.owner(&format!(
        "UPDATE connections SET refresh_sealed = decode('{old}', 'hex')"
    ));
    let mut rotation = connect(&org.bed.database, "revkeep_owner");
    rotation
        .batch_execute(&format!(
            "BEGIN; UPDATE connections SET refresh_sealed = decode('{new}', 'hex'), generation = generation + 1"
        ))
        .unwrap();
    let disconnecting = tokio::spawn({
        let (connections, person) = (org.connections.clone(), org.person.clone());
        async move { connections.connection_disconnect(&person).await }
    });
    let mut watcher = connect(&org.bed.database, "revkeep_owner");
    until("the disconnect does not meet the rotation", async || {
        let waiting = column(
            &mut watcher,
            "SELECT count(*) FROM pg_locks WHERE NOT granted",
        );
        if waiting == ["0"] {
            Err("nobody waits".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    rotation.batch_execute("COMMIT").unwrap();
    disconnecting.await.unwrap().unwrap();
    assert_eq!(gate.revoked(), [newest]);
    assert_eq!(tokens_left(&org), ["0"]);
}

#[tokio::test]
async fn a_refresh_under_way_gives_its_new_pair_to_nobody_and_ends_it() {
    let (org, gate) = Gate::before(Org::connected().await);
    let token = org.token().await;
    gate.hold();
    let refreshing = tokio::spawn({
        let (tokens, who) = (org.tokens.clone(), org.daemon.clone());
        async move { tokens.refresh_after(&who, &token).await }
    });
    gate.reached().await;
    let deaf = Fault {
        count: Some(2),
        ..deaf()
    };
    org.admin.fault(&deaf).await.unwrap();
    org.connections
        .connection_disconnect(&org.person)
        .await
        .unwrap();
    gate.release();
    assert!(refreshing.await.unwrap().is_err(), "a pair was given out");
    assert_eq!(tokens_left(&org), ["0"], "a pair was stored");
    assert_eq!(org.connection().await.state, State::Disconnected);
    // Neither the old token nor the new pair could be revoked at once; both are, later.
    assert!(!grant_ended(&org).await);
    background(&org).await;
    assert!(grant_ended(&org).await);
    let revoked = gate.revoked();
    assert!(
        revoked.contains(&gate.granted().pop().unwrap()),
        "the new pair lives on"
    );
    assert_eq!(rows(&org, "SELECT count(*) FROM grants_ending"), ["0"]);
}
