//! What an entry costs its change.

use super::*;
use crate::statements;

/// In the change's own transaction, and one round trip more.
#[tokio::test]
async fn an_entry_costs_its_change_one_statement() {
    statements::begin();
    let bed = Bed::new();
    let (who, name) = (bed.tenant(), bed.database.config().name);
    let cost = async |on_record: bool| {
        let before = statements::sent(&name);
        bed.db
            .run(&who, move |tx| {
                if on_record {
                    Entry::new(Action::RuleUpdate, "rule", "rule_1")
                        .before(serde_json::json!({ "name": "Before" }))
                        .after(serde_json::json!({ "name": "After" }))
                        .write(tx)?;
                }
                Ok::<_, audit::AuditError>(())
            })
            .await
            .unwrap();
        statements::sent(&name) - before
    };
    // The audit key is fetched once.
    cost(true).await;
    let (with, without) = (cost(true).await, cost(false).await);
    assert!(without > 1, "statements were counted: {without}");
    assert_eq!(with - without, 1);
}
