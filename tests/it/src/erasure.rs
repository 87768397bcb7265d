//! OB-32, CX-25, CX-35: the end of an organisation. It is asked for with its name, can be taken back, and
//! then nothing of it is left but what the audit log did, said by ids, and a signed certificate.

use audit::Sealer;
use chrono::TimeDelta;
use custody::CustodyError;
use kernel::{Action, Classified, Principal, Role, TenantId};
use serde_json::json;
use vault::{Binding, VaultError, Wrapped};

use crate::{
    canary::{Canary, found},
    export::{Office, differing, files_below},
    harness::Bed,
    live::until,
    members::{Joined, PASSWORD},
};

mod crash;
mod together;

/// Names of the organisation that is erased; each is a canary.
const ORGANISATION: &str = "Zyxcanary Works";
const OWNER: &str = "zyx.owner@canary.example";
const MEMBER: &str = "zyx.member@canary.example";
const INVITED: &str = "zyx.invited@canary.example";
const WORD: &str = "Zyxfield";
const DETAIL: &str = "Zyxdetail-of-an-entry";
const SECRET: &str = "Zyxsecret-refresh-token";

fn code(result: Result<impl Sized, CustodyError>) -> String {
    match result {
        Ok(_) => panic!("it was allowed"),
        Err(error) => error.code().to_owned(),
    }
}

/// An organisation of which there is a trace in every place where there can be one, and one beside it.
pub(crate) struct Ends {
    pub(crate) office: Office,
    owner: Joined,
    /// A member of both.
    shared: Joined,
}

impl Ends {
    pub(crate) async fn open() -> Self {
        let office = Office::open().await;
        let company = &office.company;
        let owner = company.other(ORGANISATION, OWNER).await;
        company.join(&owner.who, MEMBER, &[Role::Member]).await;
        let shared = company
            .join(&company.ada, "shared@acme.example", &[Role::Member])
            .await;
        office.bed().owner(&format!(
            "INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{}', '{}', '{{member}}')",
            owner.who.tenant.uuid(),
            shared.user().uuid()
        ));
        let identity = &company.house.identity;
        identity
            .invitation_create(&owner.who, INVITED, vec![Role::Member])
            .await
            .unwrap();
        office.fill(&owner.who, WORD);
        office.fill(&company.ada, "Beside");
        let ends = Self {
            office,
            owner,
            shared,
        };
        ends.plant().await;
        ends
    }

    fn tenant(&self) -> TenantId {
        self.owner.who.tenant
    }

    /// A sealed token, a program that somebody let in, an entry with a detail, and leads.
    async fn plant(&self) {
        let (bed, tenant) = (self.office.bed(), self.tenant());
        let sealed = bed
            .vault
            .seal(tenant, &SECRET_PLACE, SECRET.as_bytes())
            .await;
        let hex: String = sealed
            .unwrap()
            .to_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        bed.owner(&format!(
            "INSERT INTO connections (tenant_id, connection_id, provider, kind, state, environment, login_host, consumer_key, refresh_sealed, created_at, updated_at) \
             VALUES ('{0}', gen_random_uuid(), 'salesforce', 'routing', 'connected', 'production', 'h', 'k', '\\x{hex}', now(), now()); \
             INSERT INTO oauth_clients (tenant_id, client_id, name, redirect_uris, scopes, created_by, created_at) \
             VALUES ('{0}', '{0}', '{WORD} program', '{{http://127.0.0.1/{WORD}}}', '{{reps:read}}', '{0}', now()); \
             INSERT INTO oauth_grants (tenant_id, grant_id, client_id, user_id, scopes, resource, created_at, expires_at) \
             VALUES ('{0}', '{0}', '{0}', '{0}', '{{reps:read}}', '{WORD}', now(), now()); \
             INSERT INTO oauth_codes (tenant_id, hash, grant_id, redirect_uri, challenge, expires_at) \
             VALUES ('{0}', '{WORD}', '{0}', '{WORD}', repeat('x', 43), now()); \
             INSERT INTO oauth_tokens (tenant_id, hash, grant_id, kind, expires_at) VALUES ('{0}', '{WORD}', '{0}', 'access', now()); \
             INSERT INTO layer_records (tenant_id, object, record_id, fields, source_modified_at, imported_at) \
             SELECT '{0}', 'Lead', 'zyx' || i, '{{\"Name\": \"{WORD} lead\"}}', now(), now() FROM generate_series(1, 4500) i",
            tenant.uuid()
        ));
        bed.db
            .run(&self.owner.who, |tx| {
                audit::Entry::new(Action::RuleUpdate, "rule", "rule_x")
                    .after(json!({ "name": DETAIL }))
                    .write(tx)
            })
            .await
            .unwrap();
    }

    pub(crate) async fn ask(&self) {
        let asked = self
            .office
            .custody
            .tenant_delete(&self.owner.who, ORGANISATION);
        asked.await.unwrap();
    }

    /// Its day comes, and everything that follows.
    pub(crate) async fn erase(&self) {
        self.erase_due(1).await;
    }

    /// The day of as many organisations comes.
    async fn erase_due(&self, organisations: usize) {
        let house = &self.office.company.house;
        house.advance(TimeDelta::days(14));
        assert_eq!(
            self.office.custody.erasures_begin().await.unwrap(),
            organisations
        );
        self.office.work().await;
        house.advance(TimeDelta::minutes(3));
        self.office.work().await;
        let jobs = house.rows(
            "SELECT state || ' ' || coalesce(error_code, '') || coalesce(error_detail, '') FROM jobs WHERE kind = 'tenant.erase'",
        );
        assert!(jobs.iter().all(|job| job == "done "), "{jobs:?}");
    }

    fn canaries(&self) -> Vec<Canary> {
        [
            ("the name", ORGANISATION),
            ("the owner", OWNER),
            ("a member", MEMBER),
            ("who was invited", INVITED),
            ("a field of a lead", WORD),
            ("a detail of the log", DETAIL),
            ("a secret", SECRET),
        ]
        .map(|(what, value)| Canary::new(what, value))
        .into()
    }
}

const SECRET_PLACE: Binding<'static> = Binding {
    provider: "salesforce",
    owner: "conn_x",
    column: "connections.refresh_token",
};

#[tokio::test]
async fn nothing_of_an_erased_organisation_is_left_and_the_other_is_as_before() {
    let ends = Ends::open().await;
    let (bed, company) = (ends.office.bed(), &ends.office.company);
    let before = ends.office.taken(&company.ada).await;
    // An archive of the erased one waits on disk.
    ends.office.made(&ends.owner.who).await;
    let backup = bed.database.dump().unwrap();
    assert!(
        found(&ends.canaries(), &[("the dump", backup)]).len() >= 3,
        "nothing was planted"
    );
    let keys = company.house.rows(&format!(
        "SELECT subject || ' ' || encode(wrapped, 'hex') FROM audit_keys WHERE tenant_id = '{}'",
        ends.tenant().uuid()
    ));
    assert!(keys.len() >= 2, "{keys:?}");
    let entries = rows_of(&ends);
    ends.ask().await;
    ends.erase().await;

    let dump = bed.database.dump().unwrap();
    assert!(dump.contains("Beside n"), "the dump is empty");
    assert_eq!(
        found(&ends.canaries(), &[("the dump", dump)]),
        Vec::<String>::new()
    );
    let of_tenant = format!("exports/{}", ends.tenant().uuid().as_simple());
    let files = files_below(ends.office.directory.path());
    assert!(
        !files.iter().any(|file| file.contains(&of_tenant)),
        "{files:?}"
    );
    everything_sealed_is_closed(&ends, &keys).await;

    assert!(rows_of(&ends) >= entries, "the log lost entries");
    let after = ends.office.taken(&company.ada).await;
    assert_eq!(differing(&before, &after), Vec::<String>::new());
    let people = company.house.rows("SELECT count(*) FROM users");
    assert_eq!(people, ["2"], "Ada and who belongs to both stay");
    let shared = format!(
        "SELECT count(*) FROM memberships WHERE user_id = '{}'",
        ends.shared.user().uuid()
    );
    assert_eq!(company.house.rows(&shared), ["1"]);
    let enters = async |email: &str| {
        let entered = company.house.sign_in(email, PASSWORD, "192.0.2.7").await;
        entered.is_ok()
    };
    assert!(enters("shared@acme.example").await);
    assert!(!enters(OWNER).await);
    assert!(!enters(MEMBER).await);
}

fn rows_of(ends: &Ends) -> u64 {
    let count = ends.office.company.house.rows(&format!(
        "SELECT count(*) FROM audit_log WHERE tenant_id = '{}'",
        ends.tenant().uuid()
    ));
    count[0].parse().unwrap()
}

/// Every key that was ever stored for it, taken from a backup, opens nothing any more.
async fn everything_sealed_is_closed(ends: &Ends, keys: &[String]) {
    let bed = ends.office.bed();
    let tenant = ends.tenant();
    for key in keys {
        let (subject, hex) = key.split_once(' ').unwrap();
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let place = Binding {
            provider: "audit",
            owner: subject,
            column: "audit_keys.wrapped",
        };
        let wrapped = Wrapped::parse(&bytes).unwrap();
        let opened = bed.vault.data_key(tenant, &place, &wrapped).await;
        assert!(matches!(opened, Err(VaultError::NoKey(_))), "{opened:?}");
        // Nor under a key that is still there: that of the platform, or of the other tenant.
        for other in [TenantId::PLATFORM, ends.office.company.ada.tenant] {
            let opened = bed.vault.data_key(other, &place, &wrapped).await;
            assert!(opened.is_err());
        }
    }
    let left = ends.office.company.house.rows(&format!(
        "SELECT count(*) FROM audit_keys WHERE tenant_id = '{}'",
        tenant.uuid()
    ));
    assert_eq!(left, ["0"]);
}

#[tokio::test]
async fn the_chain_of_the_audit_log_verifies_after_an_erasure_and_the_certificate_is_signed() {
    let ends = Ends::open().await;
    let bed = ends.office.bed();
    let sealer = Sealer::new(bed.db.clone(), bed.vault.clone());
    seal(bed, &sealer).await;
    ends.ask().await;
    ends.erase().await;
    seal(bed, &sealer).await;
    let keys: Vec<_> = sealer
        .keys()
        .await
        .unwrap()
        .iter()
        .map(|key| key.bytes)
        .collect();
    let mut auditor = db::Auditor::open(&bed.database.config()).unwrap();
    let report = audit::verify(&mut auditor, &keys, |_, _, _| {}).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert!(report.leaves > 10, "{}", report.leaves);

    let certificate = ends
        .office
        .custody
        .erasure_show(ends.tenant())
        .await
        .unwrap();
    let statement = certificate.statement.unwrap();
    let signature = certificate.signature.unwrap();
    assert!(vault::signature_holds(
        &keys[0],
        statement.as_bytes(),
        &signature
    ));
    assert!(!vault::signature_holds(
        &keys[0],
        statement.replace("layer_records", "reps").as_bytes(),
        &signature
    ));
    for line in [
        "revkeep erasure certificate 1".to_owned(),
        format!("tenant {}", ends.tenant()),
        "asked-by owner".to_owned(),
        "erased layer_records 4501".to_owned(),
        "erased people 2".to_owned(),
        "key-destroyed yes".to_owned(),
    ] {
        assert!(
            statement.lines().any(|found| found == line),
            "{line} is not in\n{statement}"
        );
    }
    assert!(statement.contains("backups-until "), "{statement}");
    let unknown = ends
        .office
        .custody
        .erasure_show(ends.office.company.ada.tenant);
    assert_eq!(code(unknown.await), "not_found");
}

pub(crate) async fn seal(bed: &Bed, sealer: &Sealer) {
    let platform = Principal::system(TenantId::PLATFORM, None);
    until("rows wait to be sealed", async || {
        let fence = bed
            .db
            .run_unsealed(&platform, |tx| {
                jobs::lease_acquire(tx, audit::LEASE, "test", TimeDelta::seconds(60))
            })
            .await
            .unwrap()
            .expect("somebody else holds the lease");
        sealer.seal("test", fence.number()).await.unwrap();
        bed.db
            .run_unsealed(&platform, move |tx| {
                jobs::lease_release(tx, audit::LEASE, "test", fence)
            })
            .await
            .unwrap();
        let waiting = sealer.standing().await.unwrap().waiting;
        if waiting == 0 {
            Ok(())
        } else {
            Err(waiting.to_string())
        }
    })
    .await;
}

#[tokio::test]
async fn it_takes_the_owner_and_the_name_and_can_be_taken_back_until_its_day() {
    let ends = Ends::open().await;
    let custody = &ends.office.custody;
    let company = &ends.office.company;
    let owner = &ends.owner.who;
    for wrong in ["zyxcanary works", "Zyxcanary", "", "Acme"] {
        assert_eq!(
            code(custody.tenant_delete(owner, wrong).await),
            "confirm_wrong",
            "{wrong:?}"
        );
    }
    let visitor = Principal {
        roles: kernel::Roles::new([Role::SuperAdmin], false),
        ..owner.clone()
    };
    assert_eq!(
        code(custody.tenant_delete(&visitor, ORGANISATION).await),
        "not_owner"
    );
    assert_eq!(code(custody.tenant_keep(owner).await), "deletion_not_asked");
    // Ada runs the appliance and belongs to her own organisation alone.
    assert_eq!(
        code(custody.tenant_delete(&company.ada, "Acme").await),
        "operators_home"
    );

    ends.ask().await;
    assert_eq!(
        code(custody.tenant_delete(owner, ORGANISATION).await),
        "deletion_asked"
    );
    assert_eq!(code(custody.tenant_keep(&visitor).await), "not_owner");
    company.house.advance(TimeDelta::days(13));
    assert_eq!(custody.erasures_begin().await.unwrap(), 0, "before its day");
    assert!(custody.deletion_show(owner).await.unwrap().is_some());
    custody.tenant_keep(owner).await.unwrap();
    assert!(custody.deletion_show(owner).await.unwrap().is_none());
    company.house.advance(TimeDelta::days(30));
    assert_eq!(
        custody.erasures_begin().await.unwrap(),
        0,
        "it was taken back"
    );

    let operator = custody.tenant_delete_as_operator(&company.ada, ends.tenant(), ORGANISATION);
    assert!(operator.await.unwrap().by_operator);
    company.house.advance(TimeDelta::days(14));
    assert_eq!(
        code(custody.tenant_keep(owner).await),
        "deletion_not_asked",
        "its day has come"
    );
    let mails = company.house.rows(
        "SELECT kind FROM jobs WHERE kind IN ('event.tenant_deletion', 'event.tenant_kept') ORDER BY run_at, job_id",
    );
    assert_eq!(mails.len(), 3, "{mails:?}");
}

#[tokio::test]
async fn the_database_itself_erases_nobody_who_did_not_ask() {
    let ends = Ends::open().await;
    let bed = ends.office.bed();
    let (target, now) = (ends.tenant(), kernel::Clock::now(bed.clock.as_ref()));
    let count = || {
        ends.office
            .company
            .house
            .rows("SELECT count(*) FROM layer_records")
    };
    let before = count();
    // Asked for, and not yet due.
    ends.ask().await;
    let begun = bed
        .db
        .system(move |tx| tx.tenant_erase_begin(target, now))
        .await;
    assert_eq!(begun.unwrap(), None);
    let batch = bed
        .db
        .system(move |tx| tx.tenant_erase_batch(target, 10))
        .await;
    assert_eq!(batch.unwrap(), None);
    let people = bed
        .db
        .system(move |tx| tx.tenant_erase_people(target, 10))
        .await;
    assert_eq!(people.unwrap(), None);
    let end = bed
        .db
        .system(move |tx| tx.tenant_erase_end(target, now, "x", b"x"))
        .await;
    assert!(!end.unwrap());
    assert_eq!(count(), before);
    // Due, but from inside a tenant's own unit of work.
    let later = "now() + interval '1 year'";
    for (role, statement) in [
        (
            "revkeep_app",
            format!("SELECT tenant_erase_begin('{}', {later})", target.uuid()),
        ),
        (
            "revkeep_app",
            format!("SELECT * FROM tenant_erase_batch('{}', 10)", target.uuid()),
        ),
    ] {
        let mut conn = crate::harness::connect(&bed.database, role);
        let said = crate::harness::column(&mut conn, &statement);
        assert!(said.iter().all(String::is_empty), "{said:?}");
    }
    assert_eq!(count(), before);
    for role in [
        "revkeep_auth",
        "revkeep_gateway",
        "revkeep_agents",
        "revkeep_auditor",
    ] {
        let mut conn = crate::harness::connect(&bed.database, role);
        let refused = diesel::connection::SimpleConnection::batch_execute(
            &mut conn,
            &format!("SELECT tenant_erase_begin('{}', {later})", target.uuid()),
        );
        assert!(refused.is_err(), "{role}");
    }
}

#[tokio::test]
async fn cut_short_anywhere_it_goes_on_and_counts_each_row_once() {
    let ends = Ends::open().await;
    let bed = ends.office.bed();
    let target = ends.tenant();
    ends.ask().await;
    let house = &ends.office.company.house;
    house.advance(TimeDelta::days(14));
    let now = kernel::Clock::now(bed.clock.as_ref());
    // What a daemon that died had done: shut, some batches, some people.
    bed.db
        .system(move |tx| tx.tenant_erase_begin(target, now))
        .await
        .unwrap()
        .expect("not due");
    for _ in 0..5 {
        bed.db
            .system(move |tx| tx.tenant_erase_batch(target, 100))
            .await
            .unwrap();
    }
    assert!(
        !ends.office.company.alive(&ends.owner.grant).await,
        "somebody is still in"
    );
    house.advance(TimeDelta::minutes(3));
    assert_eq!(ends.office.custody.erasures_begin().await.unwrap(), 1);
    ends.office.work().await;
    let certificate = ends.office.custody.erasure_show(target).await.unwrap();
    assert_eq!(certificate.counts["layer_records"], 4_501);
    assert_eq!(certificate.counts["people"], 2);
    // And again: nothing more happens.
    assert_eq!(ends.office.custody.erasures_begin().await.unwrap(), 0);
    let told = house.rows("SELECT count(*) FROM audit_log WHERE action = 'tenant_erase'");
    assert_eq!(told, ["1"]);
}
