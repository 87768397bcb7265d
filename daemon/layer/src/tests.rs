//! The layer against a real database.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use kernel::{
    Classified, Clock, FieldId, ManualClock, Principal, SystemClock, TenantId, UserId,
    port::{AuditKeyring, AuditSeals, Sealer},
};
use schema::{layer_records, layer_values};
use serde_json::{Value as Json, json};
use stack::database::{Database, context_key, shared};

use crate::{
    DataClass, FieldType, ImportRow, LayerError, NewField, Object, field_add, field_list,
    field_remove, import, owner_set, record_list, records_last, required_ensure,
};

/// A database of its own, and the daemon in one tenant of it.
struct Bed {
    db: Db,
    clock: Arc<ManualClock>,
    who: Principal,
    _database: Database,
}

/// Audit details are not what these tests are about: they are kept as they are.
struct Clear;

impl Sealer for Clear {
    fn seal(&self, _: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        Some(plaintext.to_vec())
    }
}

#[async_trait::async_trait]
impl AuditKeyring for Clear {
    async fn seals(&self, _: TenantId, person: Option<UserId>) -> AuditSeals {
        let of_person = |user| -> (UserId, Arc<dyn Sealer>) { (user, Arc::new(Self)) };
        AuditSeals {
            tenant: Some(Arc::new(Self)),
            person: person.map(of_person),
        }
    }
}

impl Bed {
    fn new() -> Self {
        let database = shared().unwrap().database().unwrap();
        let clock = Arc::new(ManualClock::at(SystemClock.now().timestamp()));
        let db = Db::new(&database.config(), clock.clone()).unwrap();
        db.unlock(context_key());
        db.set_audit_keyring(Arc::new(Clear));
        let who = Principal::system(TenantId::generate(&SystemClock), None);
        Self {
            db,
            clock,
            who,
            _database: database,
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut TenantTx<'_>) -> Result<T, LayerError> + Send + 'static,
    ) -> Result<T, LayerError> {
        self.db.run(&self.who, work).await
    }

    /// Country and Company, searchable, and Employees.
    async fn policy(&self) {
        self.run(|tx| {
            required_ensure(tx, Object::Lead)?;
            field_add(tx, &field("Country", FieldType::Picklist))?;
            field_add(tx, &field("Company", FieldType::String))?;
            field_add(
                tx,
                &NewField {
                    searchable: false,
                    ..field("Employees", FieldType::Number)
                },
            )
        })
        .await
        .unwrap();
    }

    fn row(&self, id: &str, fields: Json) -> ImportRow {
        ImportRow {
            record_id: id.to_owned(),
            owner_id: Some(String::from("005xx0000000001AAA")),
            source_created_at: Some(self.clock.now()),
            source_modified_at: self.clock.now(),
            fields: fields.as_object().unwrap().clone(),
        }
    }

    /// Everything that the layer's tables hold of values.
    async fn stored(&self) -> String {
        self.run(|tx| {
            let fields: Vec<Json> = layer_records::table
                .select(layer_records::fields)
                .load(tx.conn())?;
            let values: Vec<String> = layer_values::table
                .select(layer_values::value)
                .load(tx.conn())?;
            Ok(format!("{fields:?} {values:?}"))
        })
        .await
        .unwrap()
    }
}

fn field(name: &str, kind: FieldType) -> NewField {
    NewField {
        object: Object::Lead,
        name: name.to_owned(),
        label: name.to_owned(),
        kind,
        class: DataClass::CrmBusiness,
        reason: String::from("Territory rules"),
        searchable: true,
    }
}

const LEAD: &str = "00Qxx0000000001AAA";

#[tokio::test]
async fn a_field_outside_the_policy_never_lands() {
    let bed = Bed::new();
    bed.policy().await;
    let sent = bed.row(
        LEAD,
        json!({"Country": "DE", "SSN__c": "canary-9137", "Owner": {"Email": "canary-9137"}}),
    );
    let imported = bed
        .run(move |tx| import(tx, Object::Lead, &[sent]))
        .await
        .unwrap();
    assert_eq!((imported.records, imported.mistyped), (1, 0));
    let stored = bed.stored().await;
    assert!(stored.contains("DE") && stored.contains("de"), "{stored}");
    assert!(
        !stored.contains("canary-9137") && !stored.contains("SSN__c"),
        "{stored}"
    );
}

#[tokio::test]
async fn a_value_of_another_type_is_left_out_and_counted() {
    let bed = Bed::new();
    bed.policy().await;
    let sent = bed.row(
        LEAD,
        json!({"Country": {"nested": "canary"}, "Employees": "many"}),
    );
    let imported = bed
        .run(move |tx| import(tx, Object::Lead, &[sent]))
        .await
        .unwrap();
    assert_eq!((imported.records, imported.mistyped), (1, 2));
    assert!(!bed.stored().await.contains("canary"));
}

#[tokio::test]
async fn a_removed_field_takes_its_values_along() {
    let bed = Bed::new();
    bed.policy().await;
    let rows = [bed.row(LEAD, json!({"Country": "Freedonia", "Company": "Acme"}))];
    bed.run(move |tx| import(tx, Object::Lead, &rows))
        .await
        .unwrap();
    assert!(bed.stored().await.contains("freedonia"));
    let id = |fields: &[crate::Field], name: &str| {
        fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.id())
            .unwrap()
    };
    let fields = bed.run(|tx| field_list(tx, Object::Lead)).await.unwrap();
    let country: FieldId = id(&fields, "Country");
    bed.run(move |tx| field_remove(tx, country)).await.unwrap();
    let stored = bed.stored().await;
    assert!(!stored.to_lowercase().contains("freedonia"), "{stored}");
    assert!(stored.contains("Acme"));

    let owner = id(&fields, "OwnerId");
    let refused = bed
        .run(move |tx| field_remove(tx, owner))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "field_required");
}

#[tokio::test]
async fn a_failed_transaction_erases_nothing() {
    let bed = Bed::new();
    bed.policy().await;
    let rows = [bed.row(LEAD, json!({"Country": "Freedonia"}))];
    bed.run(move |tx| import(tx, Object::Lead, &rows))
        .await
        .unwrap();
    let fields = bed.run(|tx| field_list(tx, Object::Lead)).await.unwrap();
    let country = fields
        .iter()
        .find(|field| field.name == "Country")
        .unwrap()
        .id();
    let cut: Result<(), _> = bed
        .run(move |tx| {
            field_remove(tx, country)?;
            Err(LayerError::Reason)
        })
        .await;
    assert!(cut.is_err());
    assert!(bed.stored().await.contains("Freedonia"));
}

#[tokio::test]
async fn the_newest_row_wins_in_a_page_and_against_the_layer() {
    let bed = Bed::new();
    bed.policy().await;
    let at = |row: ImportRow, by: i64| ImportRow {
        source_modified_at: row.source_modified_at + TimeDelta::seconds(by),
        ..row
    };
    let page = [
        at(bed.row(LEAD, json!({"Country": "FR"})), 5),
        at(bed.row(LEAD, json!({"Country": "DE"})), 9),
        at(bed.row(LEAD, json!({"Country": "IT"})), 1),
    ];
    let imported = bed
        .run(move |tx| import(tx, Object::Lead, &page))
        .await
        .unwrap();
    assert_eq!(imported.records, 1);
    let late = [at(bed.row(LEAD, json!({"Country": "ES"})), 3)];
    let imported = bed
        .run(move |tx| import(tx, Object::Lead, &late))
        .await
        .unwrap();
    assert_eq!(imported.records, 0);
    let stored = bed.stored().await;
    assert!(
        stored.contains("DE") && !stored.contains("ES") && !stored.contains("es"),
        "{stored}"
    );
}

#[tokio::test]
async fn records_are_found_by_the_beginning_of_a_value_and_by_id() {
    let bed = Bed::new();
    bed.policy().await;
    let rows = [
        bed.row(LEAD, json!({"Company": "École Élan", "Country": "FR"})),
        bed.row(
            "00Qxx0000000002AAA",
            json!({"Company": "Ecole", "Country": "FR"}),
        ),
    ];
    bed.run(move |tx| import(tx, Object::Lead, &rows))
        .await
        .unwrap();
    let find = |text: &'static str| {
        let found = bed.run(move |tx| record_list(tx, Object::Lead, Some(text), None, 10));
        async {
            found
                .await
                .unwrap()
                .items
                .into_iter()
                .map(|row| row.record_id)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(find("ÉCOLE").await, [LEAD]);
    assert_eq!(find("00Qxx0000000001").await, [LEAD]);
    assert_eq!(find("fr").await.len(), 2);
    for nothing in ["lan", "00Qxx", "%", "ecole' OR '1'='1"] {
        assert!(find(nothing).await.is_empty(), "{nothing}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let bed = Bed::new();
    bed.policy().await;
    for part in 0..3 {
        let rows: Vec<_> = (0..5)
            .map(|n| {
                bed.row(
                    &format!("00Qxx00000000{part}{n}AAA"),
                    json!({"Country": "DE"}),
                )
            })
            .collect();
        bed.run(move |tx| import(tx, Object::Lead, &rows))
            .await
            .unwrap();
        bed.clock.advance(TimeDelta::seconds(1));
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = bed
            .run(move |tx| record_list(tx, Object::Lead, None, cursor.as_ref(), 4))
            .await
            .unwrap();
        seen.extend(page.items.into_iter().map(|row| row.record_id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 15);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    assert_eq!(
        bed.run(|tx| records_last(tx, Object::Lead, 7))
            .await
            .unwrap()
            .len(),
        7
    );
}

#[tokio::test]
async fn a_written_owner_is_known_at_once() {
    let bed = Bed::new();
    bed.policy().await;
    let rows = [bed.row(
        LEAD,
        json!({"OwnerId": "005xx0000000001AAA", "Country": "DE"}),
    )];
    bed.run(move |tx| import(tx, Object::Lead, &rows))
        .await
        .unwrap();
    bed.run(|tx| owner_set(tx, Object::Lead, &[(LEAD, "005xx0000000002AAA")]))
        .await
        .unwrap();
    let record = bed
        .run(|tx| records_last(tx, Object::Lead, 1))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(record.owner_id.as_deref(), Some("005xx0000000002AAA"));
    assert_eq!(record.fields["OwnerId"], "005xx0000000002AAA");
}

#[tokio::test]
async fn bad_names_missing_reasons_and_doubles_are_refused() {
    let bed = Bed::new();
    bed.policy().await;
    let code = |new: NewField| {
        let outcome = bed.run(move |tx| field_add(tx, &new));
        async { outcome.await.unwrap_err().code() }
    };
    assert_eq!(
        code(field("Owner.Email", FieldType::String)).await,
        "field_name_invalid"
    );
    assert_eq!(
        code(field("Country", FieldType::Picklist)).await,
        "field_exists"
    );
    let silent = NewField {
        reason: String::from("  "),
        ..field("Region__c", FieldType::String)
    };
    assert_eq!(code(silent).await, "reason_invalid");
}

#[tokio::test]
async fn another_tenant_sees_and_erases_nothing() {
    let bed = Bed::new();
    bed.policy().await;
    let rows = [bed.row(LEAD, json!({"Country": "Freedonia"}))];
    bed.run(move |tx| import(tx, Object::Lead, &rows))
        .await
        .unwrap();
    let fields = bed.run(|tx| field_list(tx, Object::Lead)).await.unwrap();
    let country = fields
        .iter()
        .find(|field| field.name == "Country")
        .unwrap()
        .id();
    let stranger = Principal::system(TenantId::generate(&SystemClock), None);
    let seen: Result<_, LayerError> = bed
        .db
        .run(&stranger, |tx| {
            record_list(tx, Object::Lead, Some("freedonia"), None, 9)
        })
        .await;
    assert!(seen.unwrap().items.is_empty());
    let erased: Result<(), LayerError> = bed
        .db
        .run(&stranger, move |tx| field_remove(tx, country))
        .await;
    assert_eq!(erased.unwrap_err().code(), "not_found");
    assert!(bed.stored().await.contains("Freedonia"));
}

#[tokio::test]
async fn times_of_the_source_are_kept() {
    let bed = Bed::new();
    bed.policy().await;
    let rows = [bed.row(LEAD, json!({"Country": "DE"}))];
    let expected = rows[0].source_modified_at;
    bed.run(move |tx| import(tx, Object::Lead, &rows))
        .await
        .unwrap();
    let stored: DateTime<Utc> = bed
        .run(|tx| {
            let tenant = tx.tenant().uuid();
            Ok(layer_records::table
                .filter(layer_records::tenant_id.eq(tenant))
                .select(layer_records::source_modified_at)
                .first(tx.conn())?)
        })
        .await
        .unwrap();
    assert_eq!(stored, expected);
}

/// For a minute after a change a record is fetched again and again.
#[tokio::test]
async fn a_record_that_has_not_changed_is_not_written() {
    let bed = Bed::new();
    bed.policy().await;
    let put = async |row: ImportRow| {
        bed.clock.advance(TimeDelta::seconds(1));
        let imported = bed.run(move |tx| import(tx, Object::Lead, &[row])).await;
        let stored = bed
            .run(|tx| records_last(tx, Object::Lead, 1))
            .await
            .unwrap();
        (imported.unwrap().records, stored[0].imported_at)
    };
    let row = bed.row(LEAD, json!({"Country": "DE", "Employees": 7}));
    let (first, at) = put(row.clone()).await;
    assert_eq!((put(row.clone()).await, first), ((0, at), 1));

    // A stamp is as fine as a second: another value under the same one is a change.
    let other = ImportRow {
        fields: json!({"Country": "FR", "Employees": 7})
            .as_object()
            .unwrap()
            .clone(),
        ..row.clone()
    };
    let (changed, later) = put(other).await;
    assert!(changed == 1 && later > at);
    let stored = bed.stored().await;
    assert!(
        stored.contains("fr") && !stored.contains("\"de\""),
        "{stored}"
    );
    let owned = ImportRow {
        owner_id: Some(String::from("005xx0000000009AAA")),
        ..row.clone()
    };
    assert_eq!(put(owned).await.0, 1);
    // What is older than what the layer has stays out.
    let stale = ImportRow {
        source_modified_at: row.source_modified_at - TimeDelta::seconds(1),
        ..row
    };
    assert_eq!(put(stale).await.0, 0);
}
