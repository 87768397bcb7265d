//! What a router is shown, how it is paused, and one that can give nobody a record (LR-50).

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_see_the_fields_and_counts_of_salesforce_itself() {
    use connections::RoutingSource;
    let routed = Routed::active(40).await;
    let source = salesforce::SalesforceSource::new(routed.org.bed.db.clone(), routed.org.client());
    let fields = source
        .available_fields(&routed.org.person, "Lead")
        .await
        .unwrap();
    let email = fields.iter().find(|field| field.name == "Email").unwrap();
    assert!(email.personal && email.kind == "string");
    let counts = source
        .enrollment_counts(&routed.org.person, "Lead", ENROLLMENT)
        .await
        .unwrap();
    assert_eq!((counts.matching, counts.total), (40, 40));
    let hostile = source
        .enrollment_counts(
            &routed.org.person,
            "Lead",
            "SELECT Id FROM Opportunity WHERE Amount > 1",
        )
        .await;
    assert_eq!(hostile.unwrap_err().code, "enrollment_refused");
    assert!(
        source
            .available_fields(&routed.org.person, "Opportunity")
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_that_was_paused_routes_nothing_and_resumes_with_a_new_baseline() {
    let routed = Routed::active(5).await;
    let change =
        async |verb: fn(&mut db::TenantTx<'_>, Object) -> Result<routing::Router, RoutingError>| {
            routed
                .org
                .bed
                .db
                .run(&routed.org.person, move |tx| verb(tx, Object::Lead))
                .await
                .unwrap();
        };
    change(routing::router_pause).await;
    routed.arrive(2, 12).await;
    routed.cycle().await;
    change(routing::router_resume).await;
    routed.cycle().await;
    routed.arrive(3, 7).await;
    routed.cycle().await;
    let accounting = routed.accounting().await;
    assert_eq!((accounting.baseline, accounting.assigned), (17, 7));
}

/// LR-50: a router that can give nobody a record says so, record by record, and sends nothing.
/// Makes the draft decide.
fn publish(tx: &mut db::TenantTx<'_>) -> Result<(), RoutingError> {
    let draft = routing::rules_draft(tx, Object::Lead)?.draft_version;
    routing::rules_publish(tx, Object::Lead, draft, "").map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_rule_and_fallback_each_lead_is_told_as_an_error_in_the_configuration() {
    let routed = Routed::active(5).await;
    let org = &routed.org;
    let configure = async |fallback: fn(Option<Target>) -> Option<Target>| {
        let work = move |tx: &mut db::TenantTx<'_>| {
            let router = routing::router_get(tx, Object::Lead)?.unwrap();
            let pool = routing::pool_list(tx)?.remove(0).pool.id();
            let input = RouterInput {
                object: Object::Lead,
                enrollment: router.enrollment.clone(),
                canonical: router.canonical.clone(),
                fallback: fallback(Some(Target::Pool { pool_id: pool })),
                cycle_seconds: 2,
                version: Some(router.version),
            };
            routing::router_configure(tx, &input)?;
            publish(tx)
        };
        org.bed.db.run(&org.person, work).await.unwrap();
    };
    configure(|_| None).await;
    // The rules that there are must not help: one is off, the other matches nothing.
    let rules = |tx: &mut db::TenantTx<'_>| {
        let pool = routing::pool_list(tx)?.remove(0).pool.id();
        for (name, enabled, status) in [
            ("Off", false, "Open - Not Contacted"),
            ("Nothing", true, "No such status"),
        ] {
            let input = routing::RuleInput {
                unavailable: routing::Unavailable::Wait,
                name: name.to_owned(),
                enabled,
                condition: json!({"all": [{"field": "OwnerId", "op": "eq", "value": status}]}),
                target: Target::Pool { pool_id: pool }.into(),
            };
            routing::rule_create(tx, Object::Lead, &input)?;
        }
        publish(tx)
    };
    org.bed.db.run(&org.person, rules).await.unwrap();
    routed.arrive(2, 7).await;
    for _ in 0..2 {
        routed.cycle().await;
    }
    assert!(routed.writes().await.is_empty());
    assert_eq!(
        rows(
            org,
            "SELECT state || ' ' || reason_code || ' ' || count(*) FROM routing_records WHERE state <> 'baseline' GROUP BY state, reason_code"
        ),
        ["failed no_rule_no_fallback 7"]
    );
    let said = routing::explain("no_rule_no_fallback");
    assert!(said.reason.starts_with("Configuration error"), "{said:?}");
    // Mended, each of them gets its owner.
    configure(|pool| pool).await;
    for _ in 0..2 {
        routed.cycle().await;
    }
    assert_eq!(routed.accounting().await.assigned, 7);
    agrees(org, &routed.writes().await);
}
