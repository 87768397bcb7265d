//! OB-26, OB-32: an owner takes everything of the organisation along: whole, once, and nobody else does.

use std::{collections::BTreeMap, path::Path, process::Command, sync::Arc};

pub(crate) use bytes_of::{Archive, unpacked};
use chrono::TimeDelta;
use custody::{Class, Custody, CustodyError, Export};
use jobs::{Worker, WorkerConfig};
use kernel::{ExportId, Principal, Role};
use sha2::{Digest, Sha256};

use crate::{
    console_desk::custody_of,
    harness::{Bed, column, connect},
    members::Company,
};

mod bytes_of;
mod crash;
mod download;
mod size;

/// Tables that tell of the export itself, so that two exports of the same data differ in them.
pub(crate) const OF_ITSELF: [&str; 4] = ["audit_keys", "audit_log", "jobs", "tenant_exports"];

/// A company whose data can be taken along, and the files of that.
pub(crate) struct Office {
    pub(crate) company: Company,
    pub(crate) custody: Custody,
    pub(crate) directory: tempfile::TempDir,
}

impl Office {
    pub(crate) async fn open() -> Self {
        let company = Company::open().await;
        let directory = tempfile::tempdir().unwrap();
        let custody = custody_of(&company.house, directory.path());
        Self {
            company,
            custody,
            directory,
        }
    }

    pub(crate) fn bed(&self) -> &Bed {
        &self.company.house.bed
    }

    pub(crate) fn worker(&self) -> Worker {
        Worker::new(
            self.bed().db.clone(),
            "test".to_owned(),
            WorkerConfig::default(),
            self.custody.handlers(),
        )
    }

    pub(crate) async fn work(&self) {
        self.worker().run_due().await.unwrap();
    }

    /// Asks for an export and lets it be made.
    pub(crate) async fn made(&self, who: &Principal) -> ExportId {
        let asked = self.custody.export_create(who).await.unwrap();
        self.work().await;
        let made = self.export(who, asked.id).await;
        assert_eq!(
            (made.state.as_str(), made.error_code),
            ("ready", None),
            "{:?}",
            self.company
                .house
                .rows("SELECT kind || ' ' || state || ' ' || coalesce(error_code, '') || ' ' || coalesce(error_detail, '') FROM jobs")
        );
        asked.id
    }

    pub(crate) async fn export(&self, who: &Principal, id: ExportId) -> Export {
        let all = self.custody.export_list(who).await.unwrap();
        all.into_iter().find(|export| export.id == id).unwrap()
    }

    /// The whole archive, as `tar` itself unpacks it.
    pub(crate) async fn taken(&self, who: &Principal) -> Archive {
        let id = self.made(who).await;
        unpacked(self.custody.export_download(who, id).await.unwrap()).await
    }

    /// An archive that was ready held somebody who was erased: it is no longer there, and neither is its key.
    pub(crate) async fn gone_with_somebody(&self, who: &Principal, id: ExportId) {
        let export = self.export(who, id).await;
        assert_eq!(
            (export.state.as_str(), export.error_code.as_deref()),
            ("expired", Some("person_erased"))
        );
        let keys = format!(
            "SELECT count(wrapped) FROM tenant_exports WHERE export_id = '{}'",
            id.uuid()
        );
        assert_eq!(self.company.house.rows(&keys), ["0"]);
        let directory = id.uuid().as_simple().to_string();
        let files = files_below(self.directory.path());
        assert!(
            !files.iter().any(|file| file.contains(&directory)),
            "{files:?}"
        );
    }

    /// Gives a tenant a row in every table that holds no ciphertext, each text with `word` in it.
    pub(crate) fn fill(&self, who: &Principal, word: &str) {
        let user = who.user().unwrap().uuid();
        let lines = include_str!("../seed.sql").lines().filter(|line| {
            FILLED
                .iter()
                .any(|table| line.starts_with(&format!("INSERT INTO {table} (")))
        });
        let sql = lines
            .collect::<Vec<_>>()
            .join("\n")
            .replace("{t}", &who.tenant.uuid().to_string())
            .replace("{u}", &user.to_string())
            .replace("{h}", &user.as_simple().to_string())
            .replace("{{", "{")
            .replace("}}", "}")
            .replace("'n'", &format!("'{word} n'"))
            .replace("'v'", &format!("'{word} v'"));
        self.bed().owner(&sql);
    }
}

const FILLED: [&str; 15] = [
    "layer_fields",
    "layer_records",
    "layer_values",
    "routers",
    "reps",
    "queues",
    "pools",
    "holiday_calendars",
    "time_off",
    "pool_members",
    "rules",
    "routing_records",
    "assignments",
    "api_keys",
    "leases",
];

fn denied(result: Result<impl Sized, CustodyError>) -> String {
    match result {
        Ok(_) => panic!("it was allowed"),
        Err(error) => kernel::Classified::code(&error).to_owned(),
    }
}

#[tokio::test]
async fn an_owner_takes_every_table_along_with_what_is_sealed_of_people_opened() {
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    office.fill(&ada, "Filled");
    let joined = office
        .company
        .join(&ada, "mel@acme.example", &[Role::Member])
        .await;
    office
        .company
        .house
        .identity
        .invitation_create(&ada, "ivy@acme.example", vec![Role::Member])
        .await
        .unwrap();
    let archive = office.taken(&ada).await;

    let tables = office.company.house.rows(
        "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'tenant' \
         WHERE NOT c.relispartition ORDER BY 1",
    );
    let mut expected: Vec<String> = tables
        .iter()
        .map(|table| format!("{table}.jsonl"))
        .collect();
    expected.extend(["manifest.json".to_owned(), "people.jsonl".to_owned()]);
    expected.sort();
    assert_eq!(archive.files.keys().cloned().collect::<Vec<_>>(), expected);
    for file in &archive.manifest.files {
        let content = &archive.files[&file.name];
        assert_eq!(file.bytes, content.len() as u64, "{}", file.name);
        assert_eq!(file.rows, content.lines().count() as u64, "{}", file.name);
        assert_eq!(file.sha256, hex(content), "{}", file.name);
    }
    for table in FILLED {
        assert!(
            !archive.files[&format!("{table}.jsonl")].is_empty(),
            "{table}"
        );
    }
    let people = &archive.files["people.jsonl"];
    assert!(people.contains("canary-ada@acme.example") && people.contains("mel@acme.example"));
    assert!(people.contains(&joined.user().uuid().to_string()));
    assert!(archive.files["invitations.jsonl"].contains("ivy@acme.example"));
    let log = &archive.files["audit_log.jsonl"];
    assert!(
        log.contains("canary-agent/1.0"),
        "the origin stayed closed: {log}"
    );
    assert!(!log.contains("_sealed"), "{log}");
}

#[tokio::test]
async fn what_is_secret_stays_and_the_manifest_says_so() {
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    office.fill(&ada, "Filled");
    let binding = vault::Binding {
        provider: "salesforce",
        owner: "x",
        column: "connections.refresh_token",
    };
    let sealed = office
        .bed()
        .vault
        .seal(ada.tenant, &binding, b"a refresh token")
        .await
        .unwrap()
        .to_bytes();
    let sealed: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
    office.bed().owner(&format!(
        "INSERT INTO connections (tenant_id, connection_id, provider, kind, state, environment, login_host, consumer_key, refresh_sealed, created_at, updated_at) \
         VALUES ('{}', gen_random_uuid(), 'salesforce', 'routing', 'connected', 'production', 'h', 'k', '\\x{sealed}', now(), now())",
        ada.tenant.uuid()
    ));
    let archive = office.taken(&ada).await;
    let whole: String = archive.files.values().cloned().collect();
    assert!(!whole.contains(&sealed), "a sealed token was exported");
    assert!(!whole.contains("a refresh token"));
    for file in &archive.manifest.files {
        let table = file.name.trim_end_matches(".jsonl");
        let content = &archive.files[&file.name];
        for column in &file.withheld {
            assert!(custody::class_of(table, column).unwrap().is_withheld());
            assert!(
                !content.contains(&format!("\"{column}\":")),
                "{table}.{column}"
            );
        }
    }
    let connections = archive
        .manifest
        .files
        .iter()
        .find(|file| file.name == "connections.jsonl")
        .unwrap();
    assert!(connections.withheld.contains(&"refresh_sealed".to_owned()));
}

#[tokio::test]
async fn one_at_a_time_can_be_cancelled_and_is_gone_after_its_days() {
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    let first = office.custody.export_create(&ada).await.unwrap();
    assert_eq!(
        denied(office.custody.export_create(&ada).await),
        "export_running"
    );
    office.custody.export_cancel(&ada, first.id).await.unwrap();
    office.work().await;
    assert_eq!(office.export(&ada, first.id).await.state, "cancelled");
    assert_eq!(
        denied(office.custody.export_cancel(&ada, first.id).await),
        "export_ended"
    );
    assert_eq!(
        denied(office.custody.export_download(&ada, first.id).await),
        "export_not_ready"
    );

    let second = office.made(&ada).await;
    assert!(!files_below(office.directory.path()).is_empty());
    office.company.house.advance(TimeDelta::days(7));
    office.work().await;
    assert_eq!(office.export(&ada, second).await.state, "expired");
    assert_eq!(files_below(office.directory.path()), Vec::<String>::new());
    let keys = office
        .company
        .house
        .rows("SELECT count(wrapped) FROM tenant_exports");
    assert_eq!(keys, ["0"]);
}

#[tokio::test]
async fn a_new_tenant_table_cannot_be_forgotten() {
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    office.bed().owner(
        "CREATE TABLE forgotten (tenant_id uuid NOT NULL, x text, PRIMARY KEY (tenant_id, x)); \
         SELECT place_tenant_table('forgotten'); GRANT SELECT ON forgotten TO revkeep_app",
    );
    let asked = office.custody.export_create(&ada).await.unwrap();
    office.work().await;
    let failed = office.export(&ada, asked.id).await;
    assert_eq!(
        (failed.state.as_str(), failed.error_code.as_deref()),
        ("failed", Some("column_without_class"))
    );
}

/// CX-09: no column of the database is without a class, and none is classed that is not there.
fn unclassed(bed: &Bed) -> (Vec<String>, Vec<String>) {
    let there = column(
        &mut connect(&bed.database, "revkeep_owner"),
        "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
         AND a.attnum > 0 AND NOT a.attisdropped AND c.relname NOT LIKE '\\_\\_diesel%' ORDER BY 1",
    );
    let classed: Vec<String> = custody::registered().map(str::to_owned).collect();
    let missing = there.iter().filter(|column| !classed.contains(column));
    let stale = classed.iter().filter(|column| !there.contains(column));
    let mut stale: Vec<String> = stale.cloned().collect();
    stale.sort();
    (missing.cloned().collect(), stale)
}

#[test]
fn every_column_has_a_class_and_a_new_one_is_found() {
    let bed = Bed::new();
    assert_eq!(unclassed(&bed), (Vec::new(), Vec::new()));
    bed.owner("ALTER TABLE reps ADD COLUMN shoe_size text; ALTER TABLE queues DROP COLUMN objects");
    assert_eq!(
        unclassed(&bed),
        (
            vec!["reps.shoe_size".to_owned()],
            vec!["queues.objects".to_owned()]
        )
    );
}

/// CX-32: what is of people with accounts stands sealed, or as a name in `users`; what is of leads and reps
/// in the layer's tables and theirs; audit, jobs, assignments and notices carry ids.
#[test]
fn personal_data_stands_where_it_may_and_nowhere_else() {
    let mut at: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for place in custody::registered() {
        let (table, column) = place.split_once('.').unwrap();
        let kind = match custody::class_of(table, column).unwrap() {
            Class::Personal => "personal",
            Class::CrmPersonal => "crm_personal",
            _ => continue,
        };
        at.entry(kind).or_default().push(place);
    }
    at.values_mut().for_each(|places| places.sort_unstable());
    assert_eq!(
        at["personal"],
        [
            "passkeys.name",
            "person_cases.place",
            "person_finds.row_key",
            "sso_identities.subject",
            "sso_links.subject",
            "users.name"
        ]
    );
    assert_eq!(
        at["crm_personal"],
        [
            "decision_inputs.cells",
            "layer_records.fields",
            "layer_values.value",
            "reps.name",
            "tenant_exports.files",
            "time_off.reason"
        ]
    );
}

#[tokio::test]
async fn the_same_data_is_the_same_archive() {
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    office.fill(&ada, "Filled");
    let first = office.taken(&ada).await;
    office.company.house.advance(TimeDelta::minutes(5));
    let second = office.taken(&ada).await;
    assert_eq!(differing(&first, &second), Vec::<String>::new());
    let (before, after) = (
        &first.files["audit_log.jsonl"],
        &second.files["audit_log.jsonl"],
    );
    let after: Vec<&str> = after.lines().collect();
    assert!(
        before.lines().all(|line| after.contains(&line)),
        "an entry of before is not as it was"
    );
}

/// Members that are not byte for byte the same, besides those that tell of the export itself.
pub(crate) fn differing(first: &Archive, second: &Archive) -> Vec<String> {
    let names = first.files.keys().chain(second.files.keys());
    let mut differ: Vec<String> = names
        .filter(|name| {
            let table = name.trim_end_matches(".jsonl");
            *name != "manifest.json" && !OF_ITSELF.contains(&table)
        })
        .filter(|name| first.files.get(*name) != second.files.get(*name))
        .cloned()
        .collect();
    differ.sort();
    differ.dedup();
    differ
}

pub(crate) fn files_below(directory: &Path) -> Vec<String> {
    let found = Command::new("find")
        .arg(directory)
        .args(["-type", "f"])
        .output();
    let text = String::from_utf8(found.unwrap().stdout).unwrap();
    let mut files: Vec<String> = text.lines().map(str::to_owned).collect();
    files.sort();
    files
}

fn hex(content: &str) -> String {
    let hash = Sha256::digest(content.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Two workers on one archive: the second does nothing, and what the first makes is whole.
#[tokio::test]
async fn two_workers_make_one_archive() {
    let office = Arc::new(Office::open().await);
    let ada = office.company.ada.clone();
    office.fill(&ada, "Filled");
    office.custody.export_create(&ada).await.unwrap();
    let (one, two) = (office.worker(), office.worker());
    let (a, b) = futures_util::join!(one.run_due(), two.run_due());
    assert!(a.unwrap() + b.unwrap() >= 1);
    let made = office.custody.export_list(&ada).await.unwrap();
    assert_eq!(made[0].state, "ready");
}
