//! OB-35, CX-25, CX-32, CX-35: one person's data. A member takes their own along; an administrator erases a
//! member; an owner finds somebody in what came from the CRM, exports it and erases it. Nobody else's data
//! changes by any of it.

use audit::Sealer;
use chrono::TimeDelta;
use custody::{Case, CustodyError, Find};
use kernel::{CaseId, Classified, Clock, ExportId, Principal, Role};

use crate::{
    canary::{Canary, found},
    erasure::seal,
    export::{Archive, Office, differing, files_below, unpacked},
    members::{Joined, PASSWORD},
};

pub(crate) mod found_in_crm;

const LEAVER: &str = "zyx.leaver@canary.example";
const STAYER: &str = "stayer@acme.example";

pub(crate) fn code(result: Result<impl Sized, CustodyError>) -> String {
    match result {
        Ok(_) => panic!("it was allowed"),
        Err(error) => error.code().to_owned(),
    }
}

/// Two members of one organisation, each with something of their own in every place where there can be.
pub(crate) struct Two {
    pub(crate) office: Office,
    leaver: Joined,
    stayer: Joined,
}

impl Two {
    pub(crate) async fn open() -> Self {
        let office = Office::open().await;
        let company = &office.company;
        let leaver = company.join(&company.ada, LEAVER, &[Role::Member]).await;
        let stayer = company.join(&company.ada, STAYER, &[Role::Member]).await;
        for (joined, word) in [(&leaver, "Zyxleaver"), (&stayer, "Stayer")] {
            let (tenant, user) = (joined.who.tenant.uuid(), joined.user().uuid());
            office.bed().owner(&format!(
                "UPDATE users SET name = '{word} Person' WHERE user_id = '{user}'; \
                 INSERT INTO sso_links (user_id, provider_id, issuer, subject, expires_at) \
                 VALUES ('{user}', '{tenant}', 'i', '{word} key', now()); \
                 INSERT INTO sso_providers (tenant_id, provider_id, kind, name, enabled, issuer, client_id, create_members, created_at, updated_at) \
                 SELECT '{tenant}', '{tenant}', 'oidc', 'n', false, 'i', 'c', false, now(), now() \
                 WHERE NOT EXISTS (SELECT FROM sso_providers WHERE tenant_id = '{tenant}'); \
                 INSERT INTO sso_identities (tenant_id, issuer, subject, provider_id, user_id, created_at, last_used_at) \
                 VALUES ('{tenant}', 'i', '{word} subject', '{tenant}', '{user}', now(), now())"
            ));
        }
        Self {
            office,
            leaver,
            stayer,
        }
    }

    fn ada(&self) -> &Principal {
        &self.office.company.ada
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        self.office.company.house.rows(sql)
    }

    /// An archive of one's own data, asked for and taken.
    async fn own(&self, who: &Principal) -> Archive {
        let id = self.own_made(who).await;
        let download = self.office.custody.own_export_download(who, id).await;
        unpacked(download.unwrap()).await
    }

    async fn own_made(&self, who: &Principal) -> ExportId {
        let asked = self.office.custody.own_export_create(who).await.unwrap();
        self.office.work().await;
        let all = self.office.custody.own_export_list(who).await.unwrap();
        let made = all.iter().find(|export| export.id == asked.id).unwrap();
        assert_eq!(
            (made.state.as_str(), made.error_code.as_deref()),
            ("ready", None)
        );
        asked.id
    }

    pub(crate) async fn erase_leaver(&self) -> Case {
        let asked = self
            .office
            .custody
            .member_erase(self.ada(), self.leaver.user(), LEAVER);
        let case = asked.await.unwrap();
        assert_eq!(case.state, "erasing");
        self.office.company.house.advance(TimeDelta::minutes(3));
        self.office.work().await;
        self.case(case.id).await
    }

    async fn case(&self, id: CaseId) -> Case {
        let all = self.office.custody.case_list(self.ada()).await.unwrap();
        all.into_iter().find(|case| case.id == id).unwrap()
    }

    fn canaries() -> Vec<Canary> {
        [
            ("the address", LEAVER),
            ("a name", "Zyxleaver Person"),
            ("a link to a provider", "Zyxleaver key"),
            ("an id at a provider", "Zyxleaver subject"),
        ]
        .map(|(what, value)| Canary::new(what, value))
        .into()
    }
}

fn whole(archive: &Archive) -> String {
    archive.files.values().cloned().collect()
}

#[tokio::test]
async fn a_member_takes_their_own_data_along_and_nobody_elses() {
    let two = Two::open().await;
    let who = &two.stayer.who;
    let archive = two.own(who).await;
    assert_eq!(archive.manifest.scope, "account");
    let all = whole(&archive);
    for own in [
        STAYER,
        "Stayer Person",
        "Stayer key",
        "Stayer subject",
        // Where their session began, and what they did.
        "192.0.2.9",
        "invitation_accept",
    ] {
        assert!(all.contains(own), "{own} is missing in {all}");
    }
    assert_eq!(
        found(&Two::canaries(), &[("the archive", all.clone())]),
        Vec::<String>::new()
    );
    let ada = two.ada().user().unwrap();
    for (name, content) in &archive.files {
        for line in content.lines().filter(|_| name == "audit_log.jsonl") {
            assert!(!line.contains(&ada.to_string()), "{name}: {line}");
        }
    }
    for file in &archive.manifest.files {
        let table = file.name.trim_end_matches(".jsonl");
        for column in &file.withheld {
            assert!(custody::class_of(table, column).unwrap().is_withheld());
            assert!(!archive.files[&file.name].contains(&format!("\"{column}\":")));
        }
    }
    assert!(!all.contains("$2b$"), "a password's hash was exported");
}

#[tokio::test]
async fn an_archive_of_ones_own_is_there_for_oneself_alone() {
    let two = Two::open().await;
    let custody = &two.office.custody;
    let id = two.own_made(&two.stayer.who).await;
    // Neither the other member, nor the owner by either way.
    for (what, refused) in [
        (
            "the other",
            code(custody.own_export_download(&two.leaver.who, id).await),
        ),
        (
            "the owner",
            code(custody.own_export_download(two.ada(), id).await),
        ),
        (
            "the owner's list",
            code(custody.export_download(two.ada(), id).await),
        ),
        (
            "the owner's cancel",
            code(custody.export_cancel(two.ada(), id).await),
        ),
        (
            "the other's cancel",
            code(custody.own_export_cancel(&two.leaver.who, id).await),
        ),
    ] {
        assert_eq!(refused, "not_found", "{what}");
    }
    assert!(custody.export_list(two.ada()).await.unwrap().is_empty());
    let theirs = custody.own_export_list(&two.leaver.who).await.unwrap();
    assert!(theirs.is_empty());
    // One of the tenant is not reached by a member's own door.
    let tenants = two.office.made(two.ada()).await;
    assert_eq!(
        code(custody.own_export_download(two.ada(), tenants).await),
        "not_found"
    );
    custody
        .own_export_download(&two.stayer.who, id)
        .await
        .unwrap();
}

#[tokio::test]
async fn nothing_of_an_erased_member_is_left_and_the_other_is_as_before() {
    let two = Two::open().await;
    let bed = two.office.bed();
    let company = &two.office.company;
    let neighbour = company.other("Beside Works", "owner@beside.example").await;
    let sealer = Sealer::new(bed.db.clone(), bed.vault.clone());
    seal(bed, &sealer).await;
    let before = two.own(&two.stayer.who).await;
    let beside = two.office.taken(&neighbour.who).await;
    // An archive of theirs waits on disk.
    let waiting = two.own_made(&two.leaver.who).await;
    let whole_tenant = two.office.made(two.ada()).await;
    let backup = bed.database.dump().unwrap();
    assert!(
        found(&Two::canaries(), &[("the dump", backup)]).len() >= 3,
        "nothing was planted"
    );
    let user = two.leaver.user();
    let entries = format!("SELECT count(*) FROM audit_log WHERE actor_id = '{user}'");
    let acted = two.rows(&entries);
    assert_ne!(acted, ["0"]);

    let case = two.erase_leaver().await;
    assert_eq!(
        (case.state.as_str(), case.whole, case.error_code.as_deref()),
        ("erased", Some(true), None)
    );
    two.office.gone_with_somebody(two.ada(), whole_tenant).await;
    let dump = bed.database.dump().unwrap();
    assert!(dump.contains("Stayer key"), "the dump is empty");
    assert_eq!(
        found(&Two::canaries(), &[("the dump", dump)]),
        Vec::<String>::new()
    );
    let directory = waiting.uuid().as_simple().to_string();
    let files = files_below(two.office.directory.path());
    assert!(
        !files.iter().any(|file| file.contains(&directory)),
        "{files:?}"
    );

    let after = two.own(&two.stayer.who).await;
    assert_eq!(differing(&before, &after), Vec::<String>::new());
    let still = two.office.taken(&neighbour.who).await;
    assert_eq!(differing(&beside, &still), Vec::<String>::new());

    // What they did is on record under the id; the key of what was sealed of them is gone.
    assert_eq!(two.rows(&entries), acted);
    let key = format!(
        "SELECT count(*) FROM audit_keys WHERE subject = '{}'",
        user.uuid()
    );
    assert_eq!(two.rows(&key), ["0"]);
    let whole_log = two.office.taken(two.ada()).await;
    let theirs: Vec<&str> = whole_log.files["audit_log.jsonl"]
        .lines()
        .filter(|line| line.contains(&format!("\"actor_id\":\"{user}\"")))
        .collect();
    assert!(!theirs.is_empty());
    for line in theirs {
        assert!(line.contains("\"origin\":null"), "{line}");
    }
    seal(bed, &sealer).await;
    let keys: Vec<_> = sealer.keys().await.unwrap();
    let keys: Vec<_> = keys.iter().map(|key| key.bytes).collect();
    let mut auditor = db::Auditor::open(&bed.database.config()).unwrap();
    let report = audit::verify(&mut auditor, &keys, |_, _, _| {}).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);

    let enters = async |email: &str| {
        let entered = company.house.sign_in(email, PASSWORD, "192.0.2.7").await;
        entered.is_ok()
    };
    assert!(enters(STAYER).await);
    assert!(!enters(LEAVER).await);
    assert!(!company.alive(&two.leaver.grant).await);
}

/// Who looks at what an erased member did gives them no key again.
#[tokio::test]
async fn an_entry_of_an_erased_member_is_shown_closed_and_without_a_new_key() {
    let two = Two::open().await;
    let bed = two.office.bed();
    let mut acting = two.leaver.who.clone();
    acting.origin = Some(kernel::principal::Origin {
        address: "192.0.2.77".to_owned(),
        user_agent: "Zyxbrowser".to_owned(),
    });
    bed.db
        .run(&acting, |tx| {
            audit::Entry::new(kernel::Action::RuleUpdate, "rule", "rule_x").write(tx)
        })
        .await
        .unwrap();
    let user = two.leaver.user();
    let mut entry = two.rows(&format!(
        "SELECT audit_id FROM audit_log WHERE actor_id = '{user}' AND resource_id = 'rule_x'"
    ));
    let entry = kernel::AuditId::from_uuid(entry.remove(0).parse().unwrap());
    let keys = format!(
        "SELECT count(*) FROM audit_keys WHERE subject = '{}'",
        user.uuid()
    );
    let shown = async || {
        let reader = crate::console_desk::reader(bed);
        let whole = reader.entry_show(two.ada(), audit::Scope::Own, entry).await;
        whole.unwrap().content
    };
    assert_eq!(shown().await.address.as_deref(), Some("192.0.2.77"));
    assert_eq!(two.rows(&keys), ["1"]);
    two.erase_leaver().await;
    let content = shown().await;
    assert!(content.closed, "{content:?}");
    assert_eq!(content.address, None);
    assert_eq!(two.rows(&keys), ["0"]);
}

#[tokio::test]
async fn who_serves_another_organisation_keeps_the_account_there() {
    let two = Two::open().await;
    let company = &two.office.company;
    let neighbour = company.other("Beside Works", "owner@beside.example").await;
    two.office.bed().owner(&format!(
        "INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{}', '{}', '{{member}}')",
        neighbour.who.tenant.uuid(),
        two.leaver.user().uuid()
    ));
    let case = two.erase_leaver().await;
    assert_eq!((case.state.as_str(), case.whole), ("erased", Some(false)));
    let user = two.leaver.user().uuid();
    let count = |table: &str, and: &str| {
        two.rows(&format!(
            "SELECT count(*) FROM {table} WHERE user_id = '{user}'{and}"
        ))
    };
    let here = format!(" AND tenant_id = '{}'", two.ada().tenant.uuid());
    assert_eq!(count("users", ""), ["1"]);
    assert_eq!(count("memberships", ""), ["1"]);
    assert_eq!(count("memberships", &here), ["0"]);
    assert_eq!(count("sso_identities", &here), ["0"]);
    let entered = company.house.sign_in(LEAVER, PASSWORD, "192.0.2.7").await;
    assert!(entered.is_ok());
}

#[tokio::test]
async fn it_takes_the_address_and_not_every_member_can_be_erased() {
    let two = Two::open().await;
    let custody = &two.office.custody;
    let company = &two.office.company;
    let (ada, leaver) = (two.ada(), two.leaver.user());
    for wrong in ["", "stayer@acme.example", "zyx.leaver@canary.exampl"] {
        assert_eq!(
            code(custody.member_erase(ada, leaver, wrong).await),
            "confirm_wrong",
            "{wrong:?}"
        );
    }
    assert!(company.alive(&two.leaver.grant).await, "nothing was done");
    let own = custody.member_erase(ada, ada.user().unwrap(), "canary-ada@acme.example");
    assert_eq!(code(own.await), "operator");
    let neighbour = company.other("Beside Works", "owner@beside.example").await;
    let foreign = custody.member_erase(&neighbour.who, leaver, LEAVER);
    assert_eq!(code(foreign.await), "not_found");
    let themselves = custody.member_erase(&neighbour.who, neighbour.user(), "owner@beside.example");
    assert_eq!(code(themselves.await), "own_account");
    let second = company
        .join(&neighbour.who, "second@beside.example", &[Role::Admin])
        .await;
    let owner = custody.member_erase(&second.who, neighbour.user(), "owner@beside.example");
    assert_eq!(code(owner.await), "last_owner");

    custody
        .member_erase(ada, leaver, " ZYX.leaver@canary.example ")
        .await
        .unwrap();
    assert_eq!(
        code(custody.member_erase(ada, leaver, LEAVER).await),
        "erasure_running"
    );
    assert!(!company.alive(&two.leaver.grant).await, "shut out at once");
    // Let in again before its time: nothing is erased.
    company
        .house
        .identity
        .member_reactivate(ada, leaver)
        .await
        .unwrap();
    company.house.advance(TimeDelta::minutes(3));
    two.office.work().await;
    let all = custody.case_list(ada).await.unwrap();
    assert_eq!(
        (all[0].state.as_str(), all[0].error_code.as_deref()),
        ("failed", Some("person_still_in"))
    );
    let there = format!(
        "SELECT count(*) FROM users WHERE user_id = '{}'",
        leaver.uuid()
    );
    assert_eq!(two.rows(&there), ["1"]);
}

#[tokio::test]
async fn a_member_asks_for_it_takes_it_back_and_an_administrator_does_it() {
    let two = Two::open().await;
    let custody = &two.office.custody;
    let who = &two.leaver.who;
    assert!(custody.own_erasure(who).await.unwrap().is_none());
    assert_eq!(code(custody.erasure_withdraw(who).await), "not_found");
    assert_eq!(custody.erasure_ask(who).await.unwrap().state, "asked");
    assert_eq!(code(custody.erasure_ask(who).await), "erasure_running");
    assert!(
        custody
            .own_erasure(&two.stayer.who)
            .await
            .unwrap()
            .is_none()
    );
    custody.erasure_withdraw(who).await.unwrap();
    assert!(custody.own_erasure(who).await.unwrap().is_none());
    let asked = custody.erasure_ask(who).await.unwrap();
    two.office.work().await;
    assert_eq!(
        two.case(asked.id).await.state,
        "asked",
        "nobody has done it"
    );
    let case = two.erase_leaver().await;
    assert_eq!((case.id, case.state.as_str()), (asked.id, "erased"));
    let trail = two.rows(
        "SELECT DISTINCT action FROM audit_log WHERE action LIKE 'erasure_%' OR action = 'person_erase' ORDER BY 1",
    );
    assert_eq!(trail, ["erasure_ask", "erasure_withdraw", "person_erase"]);
}

#[tokio::test]
async fn the_database_itself_erases_no_member_whom_no_case_names() {
    let two = Two::open().await;
    let bed = two.office.bed();
    let target = two.ada().tenant;
    let asked = two
        .office
        .custody
        .erasure_ask(&two.leaver.who)
        .await
        .unwrap()
        .id;
    let erase = async |at| {
        let erased = bed.db.system(move |tx| tx.account_erase(target, asked, at));
        erased.await.unwrap()
    };
    let later = bed.clock.now() + TimeDelta::days(400);
    assert_eq!(erase(later).await, None, "asked by the member alone");
    two.office
        .custody
        .member_erase(two.ada(), two.leaver.user(), LEAVER)
        .await
        .unwrap();
    assert_eq!(erase(bed.clock.now()).await, None, "not due");
    // Due, but from inside a tenant's own unit of work, or by another role.
    let statement = format!(
        "SELECT account_erase('{}', '{}', now() + interval '1 year')::text",
        target.uuid(),
        asked.uuid()
    );
    let mut app = crate::harness::connect(&bed.database, "revkeep_app");
    let said = crate::harness::column(&mut app, &format!("SELECT coalesce(({statement}), '')"));
    assert!(said.iter().all(String::is_empty), "{said:?}");
    for role in ["revkeep_auth", "revkeep_gateway", "revkeep_agents"] {
        let mut conn = crate::harness::connect(&bed.database, role);
        let refused = diesel::connection::SimpleConnection::batch_execute(&mut conn, &statement);
        assert!(refused.is_err(), "{role}");
    }
    assert_eq!(two.rows("SELECT count(*) FROM users"), ["3"]);
}

/// A daemon that died after the rows were gone: the next run only says so, and counts them once.
#[tokio::test]
async fn cut_short_after_the_rows_it_is_ended_by_the_next_run() {
    let two = Two::open().await;
    let bed = two.office.bed();
    let target = two.ada().tenant;
    let asked = two
        .office
        .custody
        .member_erase(two.ada(), two.leaver.user(), LEAVER);
    let case = asked.await.unwrap().id;
    two.office.company.house.advance(TimeDelta::minutes(3));
    let now = bed.clock.now();
    let erased = bed
        .db
        .system(move |tx| tx.account_erase(target, case, now))
        .await;
    assert_eq!(erased.unwrap(), Some(true));
    let counted = two.case(case).await.counts;
    assert_eq!(two.case(case).await.state, "erasing");
    two.office.work().await;
    let done = two.case(case).await;
    assert_eq!(
        (
            done.state.as_str(),
            &done.counts,
            done.counts.get("memberships")
        ),
        ("erased", &counted, Some(&1))
    );
    let told = two.rows(
        "SELECT count(*) FROM audit_log WHERE action = 'person_erase' AND actor_kind = 'system'",
    );
    assert_eq!(told, ["1"]);
}

/// Where a search found somebody, said shortly.
fn places(finds: &[Find]) -> Vec<(String, bool)> {
    let places = finds.iter().map(|find| (find.place.clone(), find.own));
    places.collect()
}
