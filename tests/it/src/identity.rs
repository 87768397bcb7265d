//! Identity against a real database: set-up, sign-in, lockouts, refresh and its theft, revocation,
//! keys (LR-04 to LR-13, LM-04 to LM-14, CX-01 to CX-03, CX-13, CX-15, CX-27).

use std::{net::IpAddr, sync::Arc};

use chrono::TimeDelta;
use db::Db;
use futures_util::future::join_all;
use identity::{Caller, Config, Grant, Identity, IdentityError, SetupClaim, SignIn, SignInStep};
use kernel::{Principal, Role, Secret, SharedClock, TenantId, UserId};

use crate::harness::{Bed, column, connect, local, open};

pub(crate) const EMAIL: &str = "canary-ada@acme.example";
pub(crate) const PASSWORD: &str = "Canary-horse-7-battery";
pub(crate) const WRONG: &str = "Canary-horse-8-battery";

pub(crate) struct House {
    pub(crate) bed: Bed,
    pub(crate) identity: Identity,
}

impl House {
    pub(crate) async fn empty() -> Self {
        let bed = Bed::new();
        let identity = Identity::new(bed.db.clone(), bed.vault.clone(), Config::default());
        identity.unlock().await.unwrap();
        Self { bed, identity }
    }

    /// With its first account, and the session that made it.
    pub(crate) async fn set_up() -> (Self, Grant) {
        let house = Self::empty().await;
        let code = house.identity.setup_code_create(&local()).await.unwrap();
        let grant = house.claim(code.expose(), "192.0.2.1").await.unwrap();
        (house, grant)
    }

    pub(crate) async fn claim(&self, code: &str, from: &str) -> Result<Grant, IdentityError> {
        let claim = SetupClaim {
            code: code.to_owned(),
            organisation: String::from("Acme"),
            name: String::from("Ada Lovelace"),
            email: EMAIL.to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
        };
        self.identity.setup_claim(claim, &caller(from)).await
    }

    pub(crate) async fn sign_in(
        &self,
        email: &str,
        password: &str,
        from: &str,
    ) -> Result<Grant, IdentityError> {
        match self.sign_in_step(email, password, from).await? {
            SignInStep::Done(grant) => Ok(*grant),
            SignInStep::Factor(_) => panic!("a factor is asked for"),
        }
    }

    pub(crate) async fn sign_in_step(
        &self,
        email: &str,
        password: &str,
        from: &str,
    ) -> Result<SignInStep, IdentityError> {
        let input = SignIn {
            email: email.to_owned(),
            password: Secret::new(password.to_owned()),
            tenant: None,
        };
        self.identity.sign_in(input, &caller(from)).await
    }

    pub(crate) async fn who(&self, grant: &Grant) -> Result<Principal, IdentityError> {
        self.identity
            .authenticate(&grant.access_token, &caller("192.0.2.1"))
            .await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<Grant, IdentityError> {
        self.identity
            .session_refresh(token, &caller("192.0.2.1"))
            .await
    }

    /// Another daemon on the same database: its own pools, caches and keys.
    pub(crate) async fn second_daemon(&self) -> Identity {
        let clock: SharedClock = self.bed.clock.clone();
        let db: Db = open(&self.bed.database.config(), clock);
        db.set_audit_keyring(Arc::new(audit::Keyring::new(
            db.clone(),
            self.bed.vault.clone(),
        )));
        let identity = Identity::new(db, self.bed.vault.clone(), Config::default());
        identity.unlock().await.unwrap();
        identity
    }

    pub(crate) async fn rotate(&self) -> Result<identity::SigningKeys, IdentityError> {
        let by = kernel::Actor::Local {
            os_user: String::from("root"),
        };
        self.identity.signing_key_rotate(&by, None, None).await
    }

    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        column(&mut connect(&self.bed.database, "revkeep_owner"), sql)
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.bed.clock.advance(by);
    }
}

pub(crate) fn caller(address: &str) -> Caller {
    Caller {
        address: address.parse::<IpAddr>().unwrap(),
        user_agent: String::from("canary-agent/1.0"),
        request: None,
    }
}

pub(crate) fn token(grant: &Grant) -> String {
    grant.refresh.as_ref().unwrap().token.expose().clone()
}

pub(crate) fn is_revoked(result: Result<Grant, IdentityError>) -> bool {
    matches!(result, Err(IdentityError::SessionRevoked))
}

#[tokio::test]
async fn the_first_account_owns_everything_and_is_the_only_one_made_so() {
    let house = House::empty().await;
    assert!(house.identity.setup_needed().await.unwrap());
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    let grant = house.claim(code.expose(), "192.0.2.1").await.unwrap();
    let who = house.who(&grant).await.unwrap();
    assert!(who.roles.has(Role::SuperAdmin) && who.roles.has(Role::Admin) && who.roles.is_owner());
    assert_eq!(grant.view.email.as_deref(), Some(EMAIL));
    assert_eq!(grant.view.tenant.name, "Acme");
    assert!(!house.identity.setup_needed().await.unwrap());

    let again = house.claim(code.expose(), "192.0.2.2").await;
    assert!(matches!(again, Err(IdentityError::SetupDone)));
    let another = house.identity.setup_code_create(&local()).await;
    assert!(matches!(another, Err(IdentityError::SetupDone)));
    assert_eq!(
        house.rows("SELECT action FROM audit_log ORDER BY action"),
        [
            "setup_claim",
            "setup_code_create",
            "sign_in",
            "tenant_create",
            "user_create"
        ]
    );
}

#[tokio::test]
async fn a_setup_code_is_one_of_ours_fresh_and_the_latest() {
    let house = House::empty().await;
    let first = house.identity.setup_code_create(&local()).await.unwrap();
    let second = house.identity.setup_code_create(&local()).await.unwrap();
    let refused = house.claim(first.expose(), "192.0.2.1").await;
    assert!(
        matches!(refused, Err(IdentityError::SetupCode)),
        "a newer code voids the older"
    );
    house.advance(TimeDelta::hours(24));
    let refused = house.claim(second.expose(), "192.0.2.1").await;
    assert!(
        matches!(refused, Err(IdentityError::SetupCode)),
        "a day old"
    );
    assert_eq!(house.rows("SELECT count(*) FROM users"), ["0"]);
}

#[tokio::test]
async fn guessing_setup_codes_ends_after_five() {
    let house = House::empty().await;
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    for _ in 0..5 {
        let refused = house
            .claim("00000-00000-00000-00000-00000", "192.0.2.66")
            .await;
        assert!(matches!(refused, Err(IdentityError::SetupCode)));
    }
    let locked = house.claim(code.expose(), "192.0.2.66").await;
    assert!(
        matches!(locked, Err(IdentityError::RateLimited { .. })),
        "even with the right code"
    );
    assert!(
        house.claim(code.expose(), "192.0.2.1").await.is_ok(),
        "others are not held up"
    );
}

#[tokio::test]
async fn of_two_claims_at_once_one_wins() {
    let house = House::empty().await;
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    let claims = join_all([
        house.claim(code.expose(), "192.0.2.1"),
        house.claim(code.expose(), "192.0.2.2"),
    ])
    .await;
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    assert_eq!(house.rows("SELECT count(*) FROM users"), ["1"]);
    assert_eq!(house.rows("SELECT count(*) FROM tenants"), ["1"]);
}

#[tokio::test]
async fn a_weak_password_is_refused_and_the_code_stays_good() {
    let house = House::empty().await;
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    let claim = SetupClaim {
        code: code.expose().clone(),
        organisation: String::from("Acme"),
        name: String::from("Ada"),
        email: EMAIL.to_owned(),
        password: Secret::new(String::from("short")),
    };
    let refused = house
        .identity
        .setup_claim(claim, &caller("192.0.2.1"))
        .await;
    assert!(matches!(
        refused,
        Err(IdentityError::Input {
            field: "password",
            ..
        })
    ));
    assert!(house.claim(code.expose(), "192.0.2.1").await.is_ok());
}

/// LR-12: same answer, same rows, same work.
#[tokio::test]
async fn an_unknown_address_cannot_be_told_from_a_wrong_password() {
    let (house, _) = House::set_up().await;
    let known = house.sign_in(EMAIL, WRONG, "192.0.2.10").await;
    let unknown = house
        .sign_in("nobody@acme.example", WRONG, "192.0.2.11")
        .await;
    for refused in [known, unknown] {
        assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    }
    let traces = house.rows(
        "SELECT actor_kind || actor_id || outcome || code || resource_type || length(resource_id) || length(origin_sealed) || tenant_id \
         FROM audit_log WHERE action = 'sign_in_refuse'",
    );
    assert_eq!(traces.len(), 2);
    assert_eq!(traces.first(), traces.last());
    let counters = house.rows(
        "SELECT scope || failures || (locked_until IS NULL) FROM attempt_counters WHERE scope LIKE 'sign_in%' AND failures > 0 ORDER BY 1",
    );
    assert_eq!(
        counters,
        [
            "sign_in_account1true",
            "sign_in_account1true",
            "sign_in_address1true",
            "sign_in_address1true"
        ]
    );
}

#[tokio::test]
async fn a_deactivated_account_is_an_unknown_one_and_its_sessions_end() {
    let (house, grant) = House::set_up().await;
    house.bed.owner("UPDATE users SET state = 'deactivated'");
    let refused = house.sign_in(EMAIL, PASSWORD, "192.0.2.10").await;
    assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    assert!(is_revoked(house.refresh(&token(&grant)).await));
    assert!(matches!(
        house.who(&grant).await,
        Err(IdentityError::SessionRevoked)
    ));
}

/// LM-09, LM-12.
#[tokio::test]
async fn five_failures_lock_the_account_for_that_network_for_a_quarter_of_an_hour() {
    let (house, _) = House::set_up().await;
    for _ in 0..5 {
        let refused = house.sign_in(EMAIL, WRONG, "2001:db8:1:2::1").await;
        assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    }
    let sibling = house.sign_in(EMAIL, PASSWORD, "2001:db8:1:2:aaaa::9").await;
    let Err(IdentityError::RateLimited { retry_after }) = sibling else {
        panic!("the right password from the same /64 must wait");
    };
    assert!(
        (890..=901).contains(&retry_after.as_secs()),
        "{retry_after:?}"
    );
    assert_eq!(
        house.rows("SELECT code || count(*) FROM audit_log WHERE action = 'sign_in_refuse' GROUP BY code ORDER BY 1"),
        ["invalid_credentials4", "locked_out1"]
    );
    assert!(
        house
            .sign_in(EMAIL, PASSWORD, "2001:db8:1:3::1")
            .await
            .is_ok(),
        "nobody else is locked out"
    );
    house.advance(TimeDelta::minutes(15));
    assert!(
        house
            .sign_in(EMAIL, PASSWORD, "2001:db8:1:2::1")
            .await
            .is_ok()
    );
}

/// Failures that are spread over the quarter of an hour lock for a whole one, not for what is left of it.
#[tokio::test]
async fn a_lock_lasts_from_the_failure_that_made_it() {
    let (house, _) = House::set_up().await;
    for wait in [0, 0, 0, 0, 14] {
        house.advance(TimeDelta::minutes(wait));
        let refused = house.sign_in(EMAIL, WRONG, "192.0.2.10").await;
        assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    }
    house.advance(TimeDelta::minutes(14));
    let held = house.sign_in(EMAIL, PASSWORD, "192.0.2.10").await;
    assert!(matches!(held, Err(IdentityError::RateLimited { .. })));
    house.advance(TimeDelta::minutes(1));
    assert!(house.sign_in(EMAIL, PASSWORD, "192.0.2.10").await.is_ok());
}

/// A hundred guesses at once are a hundred guesses.
#[tokio::test]
async fn guessing_in_parallel_gains_nothing_on_two_daemons() {
    let (house, _) = House::set_up().await;
    let other = house.second_daemon().await;
    let guesses = (0..40).map(|n| {
        let identity = if n % 2 == 0 {
            house.identity.clone()
        } else {
            other.clone()
        };
        async move {
            let input = SignIn {
                email: EMAIL.to_owned(),
                password: Secret::new(format!("{WRONG}{n}")),
                tenant: None,
            };
            identity.sign_in(input, &caller("192.0.2.66")).await
        }
    });
    let answers = join_all(guesses).await;
    let judged = answers
        .iter()
        .filter(|answer| matches!(answer, Err(IdentityError::InvalidCredentials)))
        .count();
    let held = answers
        .iter()
        .filter(|answer| matches!(answer, Err(IdentityError::RateLimited { .. })))
        .count();
    assert_eq!((judged, held), (5, 35));
    assert_eq!(
        house.rows("SELECT count(*) FROM audit_log WHERE code = 'locked_out'"),
        ["1"]
    );
}

/// LR-09: many accounts from one network.
#[tokio::test]
async fn twenty_failures_of_one_network_lock_it_whatever_the_accounts() {
    let (house, _) = House::set_up().await;
    for n in 0..20 {
        let refused = house
            .sign_in(&format!("user{n}@acme.example"), WRONG, "192.0.2.66")
            .await;
        assert!(
            matches!(refused, Err(IdentityError::InvalidCredentials)),
            "{n}"
        );
    }
    let locked = house.sign_in(EMAIL, PASSWORD, "192.0.2.66").await;
    assert!(matches!(locked, Err(IdentityError::RateLimited { .. })));
    assert!(house.sign_in(EMAIL, PASSWORD, "192.0.2.67").await.is_ok());
}

#[tokio::test]
async fn success_clears_the_accounts_count_and_is_not_a_failure_of_the_network() {
    let (house, _) = House::set_up().await;
    for _ in 0..4 {
        let _ = house.sign_in(EMAIL, WRONG, "192.0.2.10").await;
    }
    assert!(house.sign_in(EMAIL, PASSWORD, "192.0.2.10").await.is_ok());
    assert_eq!(
        house.rows(
            "SELECT scope || failures FROM attempt_counters WHERE scope LIKE 'sign_in%' ORDER BY 1"
        ),
        ["sign_in_account0", "sign_in_address4"]
    );
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_once_and_a_lost_answer_is_sent_again() {
    let (house, grant) = House::set_up().await;
    let first = token(&grant);
    let second = token(&house.refresh(&first).await.unwrap());
    assert_ne!(first, second);
    house.advance(TimeDelta::seconds(30));
    let again = token(&house.refresh(&first).await.unwrap());
    assert_eq!(again, second, "the answer was lost: the same successor");
    let third = token(&house.refresh(&second).await.unwrap());
    assert_ne!(third, second);
}

#[tokio::test]
async fn a_tab_that_lost_the_race_gets_an_access_token_and_no_refresh_token() {
    let (house, grant) = House::set_up().await;
    let first = token(&grant);
    let second = token(&house.refresh(&first).await.unwrap());
    let third = token(&house.refresh(&second).await.unwrap());
    house.advance(TimeDelta::seconds(30));
    let late = house.refresh(&first).await.unwrap();
    assert!(late.refresh.is_none());
    assert!(house.who(&late).await.is_ok());
    assert!(house.refresh(&third).await.is_ok(), "the chain goes on");
}

async fn assert_theft(house: &House, stolen: &str, alive: &[&Grant]) {
    assert!(is_revoked(house.refresh(stolen).await));
    for grant in alive {
        assert!(matches!(
            house.who(grant).await,
            Err(IdentityError::SessionRevoked)
        ));
        assert!(
            is_revoked(house.refresh(&token(grant)).await),
            "every device"
        );
    }
    assert_eq!(
        house.rows("SELECT outcome || code FROM audit_log WHERE action = 'session_theft'"),
        ["refusedrefresh_token_reused"]
    );
    assert_eq!(
        house.rows("SELECT payload->>'event' FROM jobs WHERE kind = 'event.session_theft'"),
        ["session_theft"]
    );
    assert_eq!(
        house.rows("SELECT count(*) FROM sessions WHERE ended_at IS NULL"),
        ["0"]
    );
}

/// LR-07, LM-06, CX-02.
#[tokio::test]
async fn a_token_that_comes_back_late_ends_every_session() {
    let (house, grant) = House::set_up().await;
    let elsewhere = house.sign_in(EMAIL, PASSWORD, "192.0.2.20").await.unwrap();
    let stolen = token(&grant);
    let current = house.refresh(&stolen).await.unwrap();
    house.advance(TimeDelta::seconds(31));
    assert_theft(&house, &stolen, &[&current, &elsewhere]).await;
}

#[tokio::test]
async fn a_token_two_steps_back_ends_every_session_within_the_grace_too() {
    let (house, grant) = House::set_up().await;
    let elsewhere = house.sign_in(EMAIL, PASSWORD, "192.0.2.20").await.unwrap();
    let stolen = token(&grant);
    let second = token(&house.refresh(&stolen).await.unwrap());
    let third = token(&house.refresh(&second).await.unwrap());
    let current = house.refresh(&third).await.unwrap();
    assert_theft(&house, &stolen, &[&current, &elsewhere]).await;
}

/// LR-08, on two daemons: all get the one successor.
#[tokio::test]
async fn refreshes_at_once_share_one_result() {
    let (house, grant) = House::set_up().await;
    let other = house.second_daemon().await;
    let first = token(&grant);
    let answers = join_all((0..20).map(|n| {
        let identity = if n % 2 == 0 {
            house.identity.clone()
        } else {
            other.clone()
        };
        let first = first.clone();
        async move { identity.session_refresh(&first, &caller("192.0.2.1")).await }
    }))
    .await;
    let successors: std::collections::BTreeSet<String> = answers
        .iter()
        .map(|answer| token(answer.as_ref().unwrap()))
        .collect();
    assert_eq!(successors.len(), 1);
    assert_eq!(house.rows("SELECT count(*) FROM refresh_tokens"), ["2"]);
}

#[tokio::test]
async fn an_unknown_or_malformed_token_opens_nothing_and_ends_nothing() {
    let (house, grant) = House::set_up().await;
    for forged in [
        String::new(),
        String::from("x"),
        "A".repeat(43),
        grant.access_token.clone(),
    ] {
        assert!(is_revoked(house.refresh(&forged).await));
    }
    assert!(house.refresh(&token(&grant)).await.is_ok());
}

/// CX-01: seven days, however busy.
#[tokio::test]
async fn no_chain_outlives_seven_days() {
    let (house, grant) = House::set_up().await;
    let mut current = token(&grant);
    for _ in 0..(7 * 24 * 2 - 1) {
        house.advance(TimeDelta::minutes(30));
        current = token(&house.refresh(&current).await.unwrap());
    }
    house.advance(TimeDelta::minutes(20));
    let last = house.refresh(&current).await.unwrap();
    assert_eq!(
        last.expires_in.as_secs(),
        600,
        "no access token outlives its session"
    );
    current = token(&last);
    house.advance(TimeDelta::minutes(10));
    assert!(matches!(
        house.refresh(&current).await,
        Err(IdentityError::SessionExpired)
    ));
    assert!(house.who(&last).await.is_err());
}

#[tokio::test]
async fn an_hour_without_use_ends_a_session_and_use_keeps_it() {
    let (house, grant) = House::set_up().await;
    house.advance(TimeDelta::minutes(14));
    assert!(house.who(&grant).await.is_ok(), "use is written down");
    house.advance(TimeDelta::minutes(59));
    let renewed = house.refresh(&token(&grant)).await.unwrap();
    house.advance(TimeDelta::minutes(60));
    let refused = house.refresh(&token(&renewed)).await;
    assert!(matches!(refused, Err(IdentityError::SessionExpired)));
}

#[tokio::test]
async fn a_session_that_was_ended_is_refused_everywhere_within_five_seconds() {
    let (house, grant) = House::set_up().await;
    let other = house.second_daemon().await;
    let who = house.who(&grant).await.unwrap();
    assert!(
        other
            .authenticate(&grant.access_token, &caller("192.0.2.1"))
            .await
            .is_ok()
    );
    house.identity.sign_out(&who).await.unwrap();
    assert!(
        matches!(house.who(&grant).await, Err(IdentityError::SessionRevoked)),
        "here at once"
    );
    house.advance(TimeDelta::seconds(5));
    let there = other
        .authenticate(&grant.access_token, &caller("192.0.2.1"))
        .await;
    assert!(matches!(there, Err(IdentityError::SessionRevoked)));
    assert!(is_revoked(house.refresh(&token(&grant)).await));
    assert_eq!(
        house.rows("SELECT count(*) FROM audit_log WHERE action = 'sign_out'"),
        ["1"]
    );
}

#[tokio::test]
async fn a_change_of_roles_voids_older_access_tokens() {
    let (house, grant) = House::set_up().await;
    assert!(house.who(&grant).await.unwrap().roles.has(Role::Admin));
    house
        .bed
        .owner("UPDATE memberships SET roles = ARRAY['member'], owner = false, epoch = epoch + 1");
    house.advance(TimeDelta::seconds(5));
    assert!(matches!(
        house.who(&grant).await,
        Err(IdentityError::InvalidToken(_))
    ));
    let renewed = house.refresh(&token(&grant)).await.unwrap();
    assert!(!house.who(&renewed).await.unwrap().roles.has(Role::Admin));
}

#[tokio::test]
async fn leaving_the_tenant_ends_its_sessions() {
    let (house, grant) = House::set_up().await;
    house.bed.owner("DELETE FROM memberships");
    house.advance(TimeDelta::seconds(5));
    assert!(matches!(
        house.who(&grant).await,
        Err(IdentityError::SessionRevoked)
    ));
    assert!(is_revoked(house.refresh(&token(&grant)).await));
}

#[tokio::test]
async fn a_session_moves_between_its_own_tenants_and_no_others() {
    let (house, grant) = House::set_up().await;
    // Of a super_admin every tenant asks for a factor; that is another test.
    house.bed.owner("UPDATE users SET super_admin = false");
    let who = house.who(&grant).await.unwrap();
    let foreign = house.bed.tenant().tenant;
    let refused = house.identity.tenant_switch(&who, foreign).await;
    assert!(matches!(refused, Err(IdentityError::NotMember)));

    let own = house.bed.tenant().tenant;
    join(&house, own, who.user().unwrap());
    let other = house.second_daemon().await;
    let here = caller("192.0.2.1");
    assert!(other.authenticate(&grant.access_token, &here).await.is_ok());
    let moved = house.identity.tenant_switch(&who, own).await.unwrap();
    let at_once = other.authenticate(&moved.access_token, &here).await;
    assert!(
        at_once.is_ok(),
        "a daemon that remembers the older tenant looks again"
    );
    assert!(moved.refresh.is_none(), "the cookie stays");
    let there = house.who(&moved).await.unwrap();
    assert_eq!(there.tenant, own);
    assert!(there.roles.has(Role::Member) && !there.roles.has(Role::Admin));
    let old = house.who(&grant).await;
    assert!(
        matches!(old, Err(IdentityError::InvalidToken(_))),
        "the older token names the other tenant"
    );
    let renewed = house.refresh(&token(&grant)).await.unwrap();
    assert_eq!(house.who(&renewed).await.unwrap().tenant, own);
}

fn join(house: &House, tenant: TenantId, user: UserId) {
    house.bed.owner(&format!(
        "INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{}', '{}', ARRAY['member'])",
        tenant.uuid(),
        user.uuid()
    ));
}

/// LM-07: keys are shared by daemons, rotate while tokens live, and their private halves are sealed.
#[tokio::test]
async fn keys_rotate_under_two_daemons_without_anyone_noticing() {
    let (house, grant) = House::set_up().await;
    let other = house.second_daemon().await;
    assert_eq!(house.identity.jwks().unwrap(), other.jwks().unwrap());
    house.rotate().await.unwrap();
    assert!(
        house.who(&grant).await.is_ok(),
        "the previous key still counts"
    );
    let renewed = house.refresh(&token(&grant)).await.unwrap();
    let there = other
        .authenticate(&renewed.access_token, &caller("192.0.2.1"))
        .await;
    assert!(there.is_ok(), "the next key was known in advance");
    house.rotate().await.unwrap();
    assert!(
        matches!(house.who(&grant).await, Err(IdentityError::InvalidToken(_))),
        "two keys back"
    );
    house.advance(TimeDelta::seconds(10));
    let newest = house.refresh(&token(&renewed)).await.unwrap();
    assert!(
        other
            .authenticate(&newest.access_token, &caller("192.0.2.1"))
            .await
            .is_ok()
    );
    let states = house.rows("SELECT state FROM signing_keys ORDER BY state");
    assert_eq!(states, ["current", "next", "previous", "retired"]);
}

/// Before the secrets backend has spoken nobody signs in, and nothing says why to whom.
#[tokio::test]
async fn without_its_keys_identity_does_nothing() {
    let bed = Bed::new();
    let identity = Identity::new(bed.db.clone(), bed.vault.clone(), Config::default());
    let input = SignIn {
        email: EMAIL.to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
        tenant: None,
    };
    let refused = identity.sign_in(input, &caller("192.0.2.1")).await;
    assert!(matches!(refused, Err(IdentityError::Locked)));
    assert!(matches!(identity.jwks(), Err(IdentityError::Locked)));
    let refused = identity
        .session_refresh(&"A".repeat(43), &caller("192.0.2.1"))
        .await;
    assert!(matches!(refused, Err(IdentityError::Locked)));
}

/// LR-04, LM-64: a copy of the database holds no address, password, token, code or browser in clear.
#[tokio::test]
async fn a_dump_of_identitys_rows_tells_nothing() {
    let house = House::empty().await;
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    let grant = house.claim(code.expose(), "203.0.113.77").await.unwrap();
    let renewed = house.refresh(&token(&grant)).await.unwrap();
    let _ = house.sign_in(EMAIL, WRONG, "203.0.113.77").await;
    let mut dump = String::new();
    for table in [
        "users",
        "sessions",
        "refresh_tokens",
        "memberships",
        "signing_keys",
        "known_devices",
        "password_history",
        "reset_links",
        "device_grants",
        "authorization_codes",
        "setup_codes",
        "attempt_counters",
        "audit_log",
        "audit_keys",
        "jobs",
    ] {
        for row in house.rows(&format!("SELECT t::text FROM {table} t")) {
            dump.push_str(&row);
        }
    }
    assert!(dump.contains("Ada Lovelace"), "the search sees the rows");
    let clear = |text: &str| {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        dump.contains(text) || dump.contains(&hex)
    };
    for secret in [
        EMAIL,
        PASSWORD,
        WRONG,
        "canary",
        "203.0.113.77",
        code.expose().as_str(),
        token(&grant).as_str(),
        token(&renewed).as_str(),
        grant.access_token.as_str(),
        "BEGIN PRIVATE KEY",
    ] {
        assert!(!clear(secret), "{secret}");
    }
}
