//! Somebody who has no account: found in everything of the tenant by an address, exported, erased.

use std::collections::BTreeMap;

use chrono::Utc;
use custody::Case;
use kernel::{CaseId, Principal, Role};
use layer::{ImportRow, Object};

use super::{code, places, whole};
use crate::{
    canary::{Canary, found},
    export::{Office, differing, unpacked},
    members::Joined,
};

pub(crate) const ADDRESS: &str = "zyx.prospect@canary.example";

pub(crate) struct Crm {
    pub(crate) office: Office,
    other: Joined,
}

impl Crm {
    /// The person stands in a lead of their own, is named in another's, in an invitation and in a rule; in two
    /// organisations. Beside them stands somebody whose address only begins alike.
    pub(crate) async fn open() -> Self {
        let office = Office::open().await;
        let other = office
            .company
            .other("Beside Works", "owner@beside.example")
            .await;
        for who in [&office.company.ada, &other.who] {
            office.fill(who, "Filled");
            let tenant = who.tenant.uuid();
            office.bed().owner(&format!(
                "INSERT INTO layer_records (tenant_id, object, record_id, fields, source_modified_at, imported_at) VALUES \
                 ('{tenant}', 'Lead', 'own', '{{\"Email\": \"Zyx.Prospect@canary.example\", \"Name\": \"Zyxname of theirs\"}}', now(), now()), \
                 ('{tenant}', 'Lead', 'named', '{{\"Note\": \"knows {ADDRESS}, says so\"}}', now(), now()), \
                 ('{tenant}', 'Lead', 'alike', '{{\"Email\": \"{ADDRESS}.org\"}}', now(), now()); \
                 INSERT INTO layer_values (tenant_id, field_id, value, record_id) SELECT '{tenant}', field_id, '{ADDRESS}', 'own' FROM layer_fields WHERE tenant_id = '{tenant}'; \
                 INSERT INTO assignments (tenant_id, decided_at, assignment_id, object, record_id, router_id, rules_version, target_kind, target_id, new_owner, state, reasons) \
                 SELECT '{tenant}', '2026-01-05', gen_random_uuid(), 'Lead', 'own', router_id, 1, 'user', router_id, 'x', 'assigned', '{{}}' FROM routers WHERE tenant_id = '{tenant}' LIMIT 1; \
                 INSERT INTO decision_inputs (tenant_id, decided_at, page_id, field_id, cells) \
                 SELECT '{tenant}', '2026-01-05', gen_random_uuid(), field_id, '{{\"own\": \"{ADDRESS}\", \"alike\": \"x\"}}' FROM layer_fields WHERE tenant_id = '{tenant}' LIMIT 1; \
                 UPDATE rules SET condition = '{{\"note\": \"{ADDRESS}\"}}' WHERE tenant_id = '{tenant}'"
            ));
            let identity = &office.company.house.identity;
            let invited = identity.invitation_create(who, ADDRESS, vec![Role::Member]);
            invited.await.unwrap();
        }
        Self { office, other }
    }

    fn ada(&self) -> &Principal {
        &self.office.company.ada
    }

    pub(crate) async fn searched(&self, term: &str) -> Case {
        let asked = self.office.custody.person_search(self.ada(), term).await;
        let id = asked.unwrap().id;
        self.office.work().await;
        let case = self.case(id).await;
        assert_eq!(
            (case.state.as_str(), case.error_code.as_deref()),
            ("found", None)
        );
        case
    }

    async fn case(&self, id: CaseId) -> Case {
        let all = self.office.custody.case_list(self.ada()).await.unwrap();
        all.into_iter().find(|case| case.id == id).unwrap()
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        self.office.company.house.rows(sql)
    }
}

fn expected() -> Vec<(String, bool)> {
    [
        ("invitations", true),
        ("layer_records", true),
        ("rules", true),
        ("layer_records", false),
    ]
    .map(|(place, own)| (place.to_owned(), own))
    .into()
}

#[tokio::test]
async fn somebody_is_found_exported_and_erased_and_the_others_are_as_before() {
    let crm = Crm::open().await;
    let (custody, ada) = (&crm.office.custody, crm.ada());
    let beside = crm.office.taken(&crm.other.who).await;
    let case = crm.searched(" Zyx.PROSPECT@canary.example ").await;
    assert_eq!(case.term.as_deref(), Some(ADDRESS));
    let (_, finds) = custody.case_show(ada, case.id).await.unwrap();
    assert_eq!(places(&finds), expected());
    assert_eq!(finds[1].fields, ["fields.Email"]);

    let asked = custody.person_export(ada, case.id).await.unwrap();
    crm.office.work().await;
    let taken = unpacked(custody.export_download(ada, asked.id).await.unwrap()).await;
    assert_eq!(taken.manifest.scope, "person");
    let whole_tenant = crm.office.made(ada).await;
    let neighbours = crm.office.made(&crm.other.who).await;
    let leads: Vec<&str> = taken.files["layer_records.jsonl"].lines().collect();
    assert_eq!(leads.len(), 2, "{leads:?}");
    assert!(whole(&taken).contains("Zyxname of theirs"));
    assert!(!whole(&taken).contains(".org"));

    assert_eq!(
        code(
            custody
                .person_erase(ada, case.id, "zyx.prospect", false)
                .await
        ),
        "confirm_wrong"
    );
    custody
        .person_erase(ada, case.id, ADDRESS, false)
        .await
        .unwrap();
    crm.office.work().await;
    crm.office.gone_with_somebody(ada, whole_tenant).await;
    assert_eq!(
        crm.office.export(&crm.other.who, neighbours).await.state,
        "ready"
    );
    let done = crm.case(case.id).await;
    assert_eq!((done.state.as_str(), done.term), ("erased", None));
    let counted: BTreeMap<String, i64> = [("invitations", 1), ("layer_records", 1)]
        .map(|(place, rows)| (place.to_owned(), rows))
        .into();
    assert_eq!(done.counts, counted);
    let here = format!("tenant_id = '{}'", ada.tenant.uuid());
    let left = crm.rows(&format!("SELECT record_id FROM layer_records WHERE {here} AND record_id IN ('own', 'named', 'alike') ORDER BY 1"));
    assert_eq!(
        left,
        ["alike", "named"],
        "a row that only names them stays until that is asked for"
    );
    assert_eq!(
        crm.rows(&format!(
            "SELECT count(*) FROM layer_values WHERE {here} AND record_id = 'own'"
        )),
        ["0"]
    );
    // What decisions read of the record is gone with it; what they read of others is not.
    let read = crm.rows(&format!(
        "SELECT (cells ? 'own')::text || ' ' || (cells ? 'alike')::text FROM decision_inputs WHERE {here} AND decided_at = '2026-01-05'"
    ));
    assert_eq!(read, ["false true"]);
    assert_eq!(
        crm.rows(&format!("SELECT count(*) FROM person_finds WHERE {here}")),
        ["0"]
    );

    // The second search has the rest; with `mentions` that goes too, and the rule is left to its author.
    let again = crm.searched(ADDRESS).await;
    let (_, finds) = custody.case_show(ada, again.id).await.unwrap();
    assert_eq!(
        places(&finds),
        [
            ("rules".to_owned(), true),
            ("layer_records".to_owned(), false)
        ]
    );
    custody
        .person_erase(ada, again.id, ADDRESS, true)
        .await
        .unwrap();
    crm.office.work().await;
    crm.office
        .bed()
        .owner(&format!("UPDATE rules SET condition = '{{}}' WHERE {here}"));
    let archive = crm.office.taken(ada).await;
    let canaries = [
        Canary::new("the name", "Zyxname of theirs"),
        Canary::new("the address in quotes", format!("\"{ADDRESS}\"")),
    ];
    assert_eq!(
        found(&canaries, &[("the tenant's data", whole(&archive))]),
        Vec::<String>::new()
    );
    let after = crm.office.taken(&crm.other.who).await;
    assert_eq!(differing(&beside, &after), Vec::<String>::new());
}

#[tokio::test]
async fn no_trace_of_somebody_who_was_erased_is_in_a_dump() {
    let crm = Crm::open().await;
    // Here they stand in one organisation alone.
    crm.office.bed().owner(&format!(
        "DELETE FROM layer_values WHERE tenant_id = '{0}'; DELETE FROM decision_inputs WHERE tenant_id = '{0}'; DELETE FROM layer_records WHERE tenant_id = '{0}'; \
         DELETE FROM invitations WHERE tenant_id = '{0}' AND accepted_at IS NULL; \
         DELETE FROM layer_records WHERE record_id = 'alike'; UPDATE rules SET condition = '{{}}'",
        crm.other.who.tenant.uuid()
    ));
    let canaries = [
        Canary::new("the name", "Zyxname of theirs"),
        Canary::new("the address", ADDRESS),
        Canary::new("the address as it came", "Zyx.Prospect@canary.example"),
    ];
    let dump = crm.office.bed().database.dump().unwrap();
    assert_eq!(
        found(&canaries, &[("the dump", dump)]).len(),
        3,
        "nothing was planted"
    );
    let case = crm.searched(ADDRESS).await;
    crm.office
        .custody
        .person_erase(crm.ada(), case.id, ADDRESS, true)
        .await
        .unwrap();
    crm.office.work().await;
    assert_eq!(crm.case(case.id).await.state, "erased");
    let dump = crm.office.bed().database.dump().unwrap();
    assert!(dump.contains("Filled n"), "the dump is empty");
    assert_eq!(
        found(&canaries, &[("the dump", dump)]),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn who_was_erased_is_not_brought_in_again() {
    let crm = Crm::open().await;
    let case = crm.searched(ADDRESS).await;
    crm.office
        .custody
        .person_erase(crm.ada(), case.id, ADDRESS, false)
        .await
        .unwrap();
    crm.office.work().await;
    let row = |id: &str| ImportRow {
        record_id: id.to_owned(),
        owner_id: None,
        source_created_at: None,
        source_modified_at: Utc::now() + chrono::TimeDelta::days(1),
        fields: serde_json::Map::new(),
    };
    let rows = [row("own"), row("fresh")];
    let imported = crm
        .office
        .bed()
        .db
        .run(crm.ada(), move |tx| layer::import(tx, Object::Lead, &rows))
        .await
        .unwrap();
    assert_eq!(imported.records, 1);
    let there = crm.rows(&format!(
        "SELECT record_id FROM layer_records WHERE tenant_id = '{}' AND record_id IN ('own', 'fresh')",
        crm.ada().tenant.uuid()
    ));
    assert_eq!(there, ["fresh"]);
    // The other organisation's record of the same id is another matter.
    let rows = [row("own")];
    let imported = crm
        .office
        .bed()
        .db
        .run(&crm.other.who, move |tx| {
            layer::import(tx, Object::Lead, &rows)
        })
        .await;
    assert_eq!(imported.unwrap().records, 1);
}

#[tokio::test]
async fn a_rep_keeps_an_id_and_loses_the_name_for_good() {
    let crm = Crm::open().await;
    let here = format!("tenant_id = '{}'", crm.ada().tenant.uuid());
    crm.office.bed().owner(&format!("UPDATE reps SET name = 'Zyxrep Person' WHERE {here}; UPDATE time_off SET reason = 'Zyxrep Person is ill' WHERE {here}"));
    let external = crm.rows(&format!("SELECT external_id FROM reps WHERE {here}"));
    let case = crm.searched("zyxrep person").await;
    crm.office
        .custody
        .person_erase(crm.ada(), case.id, "Zyxrep Person", true)
        .await
        .unwrap();
    crm.office.work().await;
    let synced = [routing::SyncedRep {
        external_id: external[0].clone(),
        name: "Zyxrep Person".to_owned(),
        active: true,
    }];
    crm.office
        .bed()
        .db
        .run(crm.ada(), move |tx| routing::reps_sync(tx, &synced))
        .await
        .unwrap();
    assert_eq!(
        crm.rows(&format!("SELECT name FROM reps WHERE {here}")),
        ["Erased person"]
    );
    assert_eq!(
        crm.rows(&format!("SELECT reason FROM time_off WHERE {here}")),
        ["erased"]
    );
}

#[tokio::test]
async fn only_the_owner_searches_and_only_at_home() {
    let crm = Crm::open().await;
    let custody = &crm.office.custody;
    let admin = crm
        .office
        .company
        .join(crm.ada(), "admin@acme.example", &[Role::Admin])
        .await;
    assert_eq!(
        code(custody.person_search(&admin.who, ADDRESS).await),
        "not_owner"
    );
    for odd in ["", "ann", "say \"ann\""] {
        assert_eq!(
            code(custody.person_search(crm.ada(), odd).await),
            "term_invalid",
            "{odd:?}"
        );
    }
    let case = crm.searched(ADDRESS).await;
    for refused in [
        code(custody.case_show(&admin.who, case.id).await),
        code(custody.person_export(&admin.who, case.id).await),
        code(
            custody
                .person_erase(&admin.who, case.id, ADDRESS, true)
                .await,
        ),
        code(custody.case_close(&admin.who, case.id).await),
    ] {
        assert_eq!(refused, "not_owner");
    }
    let listed = custody.case_list(&admin.who).await.unwrap();
    assert_eq!(
        listed[0].term, None,
        "an administrator sees that there is a case, and not about whom"
    );
    for refused in [
        code(custody.case_show(&crm.other.who, case.id).await),
        code(custody.person_export(&crm.other.who, case.id).await),
        code(
            custody
                .person_erase(&crm.other.who, case.id, ADDRESS, true)
                .await,
        ),
        code(custody.case_close(&crm.other.who, case.id).await),
    ] {
        assert_eq!(refused, "not_found");
    }
    // Forgotten by hand, or by itself after its days: what was looked for is gone with it.
    custody.case_close(crm.ada(), case.id).await.unwrap();
    assert_eq!(
        code(
            custody
                .person_erase(crm.ada(), case.id, ADDRESS, true)
                .await
        ),
        "case_ended"
    );
    let second = crm.searched(ADDRESS).await;
    crm.office.company.house.advance(chrono::TimeDelta::days(7));
    crm.office.work().await;
    assert_eq!(crm.case(second.id).await.state, "closed");
    assert_eq!(
        crm.rows("SELECT count(term_sealed) FROM person_cases"),
        ["0"]
    );
    assert_eq!(crm.rows("SELECT count(*) FROM person_finds"), ["0"]);
}

/// A search that was cut short goes on after the last page that it noted, and finds each row once.
#[tokio::test]
async fn a_search_that_was_cut_short_goes_on() {
    let crm = Crm::open().await;
    crm.office.bed().owner(&format!(
        "INSERT INTO layer_records (tenant_id, object, record_id, fields, source_modified_at, imported_at) \
         SELECT '{}', 'Lead', 'r' || lpad(i::text, 5, '0'), '{{\"Email\": \"{ADDRESS}\"}}', now(), now() FROM generate_series(1, 1200) i",
        crm.ada().tenant.uuid()
    ));
    let asked = crm
        .office
        .custody
        .person_search(crm.ada(), ADDRESS)
        .await
        .unwrap();
    // As a run left it that died in the middle of the records, with the finds of its first page noted.
    crm.office.bed().owner(&format!(
        "UPDATE person_cases SET place = '{{\"table\": \"layer_records\", \"after\": [\"Lead\", \"r00600\"]}}', scanned = 600, generation = 1 WHERE case_id = '{0}'; \
         INSERT INTO person_finds (tenant_id, case_id, place, row_key, own, fields) SELECT tenant_id, '{0}', 'layer_records', ARRAY[object, record_id], true, '{{}}' FROM layer_records WHERE tenant_id = '{1}' AND record_id LIKE 'r0%' AND record_id <= 'r00601'",
        asked.id.uuid(),
        crm.ada().tenant.uuid()
    ));
    crm.office.work().await;
    assert_eq!(crm.case(asked.id).await.state, "found");
    let found = crm.rows(
        "SELECT count(*) FROM person_finds WHERE place = 'layer_records' AND row_key[2] LIKE 'r0%'",
    );
    assert_eq!(found, ["1200"]);
}
