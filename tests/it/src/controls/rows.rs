//! LM-18, LR-47, LR-48, CX-06: rows that the database itself refuses, attacked with SQL.

#![expect(
    clippy::disallowed_methods,
    reason = "the attacks are hand-written SQL"
)]

use db::{DbError, Unit};
use diesel::connection::SimpleConnection;
use kernel::Principal;

use crate::harness::{Bed, column, connect};

fn tenant_tables() -> Vec<&'static str> {
    include_str!("../../../golden/table-classes.txt")
        .lines()
        .filter_map(|line| line.split('#').next()?.trim().strip_suffix(" tenant"))
        .map(str::trim)
        .collect()
}

#[test]
fn a_row_without_a_tenant_is_refused_by_every_tenant_table() {
    let bed = Bed::new();
    let tables = tenant_tables();
    assert!(tables.len() > 15, "{tables:?}");
    for role in ["revkeep_owner", "revkeep_app"] {
        let mut conn = connect(&bed.database, role);
        for table in &tables {
            let refused = conn
                .batch_execute(&format!("INSERT INTO {table} (tenant_id) VALUES (NULL)"))
                .unwrap_err()
                .to_string();
            if role == "revkeep_owner" {
                assert!(
                    refused.contains("null value in column \"tenant_id\""),
                    "{table}: {refused}"
                );
            }
        }
    }
}

/// LR-48: what was routed stays known, or everything would be routed again.
#[tokio::test]
async fn nobody_takes_a_row_out_of_the_routing_log() {
    let bed = Bed::new();
    let (tenant, _) = bed.seeded();
    for table in ["assignments", "routing_records"] {
        for statement in [format!("DELETE FROM {table}"), format!("TRUNCATE {table}")] {
            let attack = statement.clone();
            // With the tenant's own context, as an injection into the daemon would run it.
            let within = bed
                .db
                .run(&Principal::system(tenant, None), move |tx| {
                    Ok::<_, DbError>(tx.conn().batch_execute(&attack)?)
                })
                .await;
            assert!(within.is_err(), "{statement}");
            for role in [
                "revkeep_app",
                "revkeep_auth",
                "revkeep_gateway",
                "revkeep_agents",
                "revkeep_auditor",
            ] {
                let refused = connect(&bed.database, role).batch_execute(&statement);
                assert!(refused.is_err(), "{role}: {statement}");
            }
        }
        let mut owner = connect(&bed.database, "revkeep_owner");
        assert_eq!(
            column(&mut owner, &format!("SELECT count(*) FROM {table}")),
            ["1"]
        );
    }
}

/// LR-47: an entry cannot be without its time, record, rule's version, target and new owner, and what
/// it says of the decision cannot be said otherwise later.
#[tokio::test]
async fn what_the_routing_log_says_of_a_decision_stays_as_it_was() {
    let bed = Bed::new();
    let (tenant, _) = bed.seeded();
    let who = Principal::system(tenant, None);
    let run = async |statement: String| {
        bed.db
            .run(&who, move |tx| {
                Ok::<_, DbError>(tx.conn().batch_execute(&statement)?)
            })
            .await
    };
    for change in [
        "decided_at = now()",
        "record_id = '00Q000000000001AAA'",
        "rep_id = gen_random_uuid()",
        "rule_id = gen_random_uuid()",
        "rule_version = 7",
        "previous_owner = '005000000000001AAA'",
        "new_owner = '005000000000001AAA'",
        "reasons = '{}'",
    ] {
        let refused = run(format!("UPDATE assignments SET {change}")).await;
        let said = format!("{:?}", refused.unwrap_err());
        assert!(said.contains("permission denied"), "{change}: {said}");
    }
    // What became of it is written later, by the same role.
    run("UPDATE assignments SET outcome_code = outcome_code".to_owned())
        .await
        .unwrap();
    for column in [
        "decided_at",
        "record_id",
        "router_id",
        "rules_version",
        "target_id",
        "new_owner",
        "reasons",
    ] {
        let refused = run(format!(
            "INSERT INTO assignments (tenant_id, decided_at, assignment_id, object, record_id, router_id, rules_version, target_kind, target_id, new_owner, state, reasons) \
             SELECT a.tenant_id, a.decided_at, gen_random_uuid(), a.object, a.record_id, a.router_id, a.rules_version, a.target_kind, a.target_id, a.new_owner, a.state, a.reasons \
             FROM (SELECT (jsonb_populate_record(b, jsonb_build_object('{column}', NULL))).* FROM assignments b) AS a"
        ))
        .await;
        let said = format!("{:?}", refused.unwrap_err());
        assert!(
            said.contains("null value") || said.contains("no partition"),
            "{column}: {said}"
        );
    }
}

#[test]
fn a_routing_connection_is_the_tenants_and_the_only_one() {
    let bed = Bed::new();
    let (tenant, person) = bed.seeded();
    let (tenant, person) = (tenant.uuid(), person.uuid());
    let mut owner = connect(&bed.database, "revkeep_owner");
    let mut insert = |kind: &str, held_by: &str| {
        let id = kernel::id::uuid_at(&kernel::SystemClock);
        owner
            .batch_execute(&format!(
                "INSERT INTO connections (tenant_id, connection_id, provider, kind, owner_id, state, environment, login_host, consumer_key, created_at, updated_at) \
                 VALUES ('{tenant}', '{id}', 'salesforce', '{kind}', {held_by}, 'configured', 'production', 'h', 'k', now(), now())"
            ))
            .map_err(|error| error.to_string())
    };
    let owned = format!("'{person}'");
    assert!(
        insert("routing", &owned)
            .unwrap_err()
            .contains("check constraint")
    );
    assert!(
        insert("pipeline", "NULL")
            .unwrap_err()
            .contains("check constraint")
    );
    // The seed made one; a second one would be a second writer of owners.
    assert!(
        insert("routing", "NULL")
            .unwrap_err()
            .contains("connections_one_routing")
    );
    insert("pipeline", &owned).unwrap();
    assert!(
        insert("pipeline", &owned)
            .unwrap_err()
            .contains("connections_one_per_owner")
    );
}
