//! Tenants of the appliance: signing up, trials and their end, and the operators' list (LR-55, CX-27).

use chrono::TimeDelta;
use identity::{
    Config, Denial, Identity, IdentityError, Permission, Refusal, SignUp, SignUpLetter, denial,
};
use kernel::{Reach, Secret, SignUpId};

use crate::{
    identity::{House, caller, token},
    members::{Company, PASSWORD, refused},
};

const EVA: &str = "canary-eva@delta.example";

/// The same house with signing up allowed.
async fn open_door(house: &House) -> Identity {
    let config = Config {
        signup_enabled: true,
        ..Config::default()
    };
    let identity = Identity::new(house.bed.db.clone(), house.bed.vault.clone(), config);
    identity.unlock().await.unwrap();
    identity
}

fn wish(email: &str) -> SignUp {
    SignUp {
        organisation: String::from("Delta"),
        name: String::from("Eva"),
        email: email.to_owned(),
    }
}

fn sign_ups(house: &House) -> Vec<SignUpId> {
    house
        .rows("SELECT 'signup_' || replace(sign_up_id::text, '-', '') FROM sign_ups ORDER BY created_at, sign_up_id")
        .iter()
        .map(|id| id.parse().unwrap())
        .collect()
}

async fn link(identity: &Identity, id: SignUpId) -> String {
    match identity.sign_up_letter(id).await.unwrap().unwrap() {
        SignUpLetter::Confirm { token, address, .. } => {
            assert_eq!(address.expose(), EVA);
            token.expose().clone()
        }
        SignUpLetter::HasAccount { .. } => panic!("she has no account"),
    }
}

fn password() -> Secret<String> {
    Secret::new(PASSWORD.to_owned())
}

#[tokio::test]
async fn nobody_signs_up_where_it_is_not_switched_on() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    let asked = identity.sign_up(wish(EVA), &caller("192.0.2.3")).await;
    assert_eq!(refused(asked), Refusal::SignUpOff);
    assert!(sign_ups(&company.house).is_empty());
    // A link of a time when it was on is worth nothing either.
    let open = open_door(&company.house).await;
    open.sign_up(wish(EVA), &caller("192.0.2.3")).await.unwrap();
    let link = link(&open, sign_ups(&company.house)[0]).await;
    let late = identity
        .sign_up_complete(&link, password(), &caller("192.0.2.3"))
        .await;
    assert_eq!(refused(late), Refusal::SignUpOff);
}

#[tokio::test]
async fn signing_up_proves_the_address_and_begins_a_trial_of_14_days() {
    let company = Company::open().await;
    let house = &company.house;
    let identity = open_door(house).await;
    identity
        .sign_up(wish(EVA), &caller("192.0.2.3"))
        .await
        .unwrap();
    assert_eq!(
        house.rows("SELECT count(*) FROM tenants"),
        ["1"],
        "nothing before the link"
    );
    let stored = house.rows(
        "SELECT encode(details_sealed, 'escape') || encode(email_hash, 'escape') FROM sign_ups",
    );
    assert!(!stored[0].contains("canary-eva") && !stored[0].contains("Delta"));
    let id = sign_ups(house)[0];
    let first = link(&identity, id).await;
    let second = link(&identity, id).await;
    let complete = |token: &str| {
        let (identity, token) = (identity.clone(), token.to_owned());
        async move {
            identity
                .sign_up_complete(&token, password(), &caller("192.0.2.3"))
                .await
        }
    };
    assert_eq!(
        refused(complete(&first).await),
        Refusal::SignUpInvalid,
        "voided"
    );
    assert_eq!(refused(complete("made-up").await), Refusal::SignUpInvalid);
    let grant = complete(&second).await.unwrap();
    assert_eq!(grant.view.tenant.state, "trial");
    let ends = grant.view.trial_ends_at.unwrap();
    assert_eq!(ends - house.bed.db.clock().now(), TimeDelta::days(14));
    let eva = house.who(&grant).await.unwrap();
    assert!(eva.roles.is_owner() && !eva.roles.has(kernel::Role::SuperAdmin));
    assert_eq!(
        refused(complete(&second).await),
        Refusal::SignUpInvalid,
        "used"
    );
    assert_eq!(
        house.rows("SELECT count(*) FROM sign_ups"),
        ["0"],
        "nothing is kept"
    );
    assert_eq!(
        house.rows("SELECT DISTINCT action FROM audit_log WHERE action LIKE 'sign_up%' ORDER BY 1"),
        ["sign_up", "sign_up_complete"]
    );
}

#[tokio::test]
async fn a_sign_up_link_lives_a_day() {
    let company = Company::open().await;
    let identity = open_door(&company.house).await;
    identity
        .sign_up(wish(EVA), &caller("192.0.2.3"))
        .await
        .unwrap();
    let link = link(&identity, sign_ups(&company.house)[0]).await;
    company.house.advance(TimeDelta::hours(24));
    let late = identity
        .sign_up_complete(&link, password(), &caller("192.0.2.3"))
        .await;
    assert_eq!(refused(late), Refusal::SignUpInvalid);
}

#[tokio::test]
async fn signing_up_tells_nobody_who_has_an_account() {
    let company = Company::open().await;
    let house = &company.house;
    let identity = open_door(house).await;
    let known = "canary-ada@acme.example";
    for email in [known, EVA] {
        let answer = identity.sign_up(wish(email), &caller("192.0.2.3")).await;
        assert!(answer.is_ok(), "one answer for both");
        house.advance(TimeDelta::seconds(1));
    }
    let of = |email: &str| if email == known { 0 } else { 1 };
    let ids = sign_ups(house);
    let letter = identity
        .sign_up_letter(ids[of(known)])
        .await
        .unwrap()
        .unwrap();
    let SignUpLetter::HasAccount { address } = letter else {
        panic!("the mail to an address with an account carries no link");
    };
    assert_eq!(address.expose(), known);

    for _ in 0..5 {
        identity
            .sign_up(wish(EVA), &caller("192.0.2.4"))
            .await
            .unwrap();
    }
    let mails = "SELECT count(*) FROM jobs WHERE kind = 'event.sign_up'";
    assert_eq!(house.rows(mails), ["4"], "three an hour to one address");
}

#[tokio::test]
async fn a_trial_that_is_over_keeps_everything_and_changes_nothing() {
    let company = Company::open().await;
    let house = &company.house;
    let identity = open_door(house).await;
    identity
        .sign_up(wish(EVA), &caller("192.0.2.3"))
        .await
        .unwrap();
    let link = link(&identity, sign_ups(house)[0]).await;
    let grant = identity
        .sign_up_complete(&link, password(), &caller("192.0.2.3"))
        .await
        .unwrap();
    let tenant = house.who(&grant).await.unwrap().tenant;
    house.bed.owner(&format!(
        "INSERT INTO schedules (tenant_id, name, kind, payload, every_seconds, next_at) VALUES ('{}', 'cycle', 'routing.cycle', '{{}}', 60, '2020-01-01')",
        tenant.uuid()
    ));
    let fire = || {
        house
            .bed
            .owner("DELETE FROM jobs WHERE kind = 'routing.cycle'");
        let at = house.bed.db.clock().now();
        house.bed.db.system(move |tx| tx.schedules_fire(at, 10))
    };
    assert_eq!(fire().await.unwrap(), 1, "a trial routes");

    house.advance(TimeDelta::days(11) + TimeDelta::minutes(1));
    assert_eq!(
        identity.trials_move().await.unwrap(),
        1,
        "the owner is told"
    );
    assert_eq!(identity.trials_move().await.unwrap(), 0, "once");
    house.advance(TimeDelta::days(3));
    // From the very moment, before the daily work has noted it.
    let again = sign_in(house).await;
    let eva = house.who(&again).await.unwrap();
    assert_eq!(again.view.tenant.state, "read_only");
    assert_eq!(eva.roles.reach(), Reach::TrialOver);
    assert_eq!(
        denial(&eva.roles, Permission::RuleEdit),
        Some(Denial::TrialOver)
    );
    assert_eq!(
        denial(&eva.roles, Permission::MemberEdit),
        Some(Denial::TrialOver)
    );
    assert_eq!(denial(&eva.roles, Permission::LogRead), None);
    assert_eq!(fire().await.unwrap(), 0, "routing rests");
    assert_eq!(identity.trials_move().await.unwrap(), 1);
    assert_eq!(identity.trials_move().await.unwrap(), 0);
    assert_eq!(
        house.rows("SELECT state FROM tenants ORDER BY created_at"),
        ["active", "read_only"]
    );
    assert_eq!(
        house.rows("SELECT kind FROM jobs WHERE kind LIKE 'event.trial%' ORDER BY 1"),
        ["event.trial_ended", "event.trial_ending"]
    );

    let ada = sign_in_ada(house).await;
    identity.tenant_activate(&ada, tenant).await.unwrap();
    identity.forget_all();
    house.identity.forget_all();
    let eva = house.who(&again).await.unwrap();
    assert_eq!(denial(&eva.roles, Permission::RuleEdit), None);
    assert_eq!(fire().await.unwrap(), 1, "routing goes on by itself");
    assert_eq!(
        house.rows("SELECT count(*) FROM tenants WHERE trial_ends_at IS NULL"),
        ["2"]
    );
}

async fn sign_in(house: &House) -> identity::Grant {
    house.sign_in(EVA, PASSWORD, "192.0.2.3").await.unwrap()
}

async fn sign_in_ada(house: &House) -> kernel::Principal {
    let grant = house
        .sign_in(
            "canary-ada@acme.example",
            "Canary-horse-7-battery",
            "192.0.2.1",
        )
        .await
        .unwrap();
    house.who(&grant).await.unwrap()
}

#[tokio::test]
async fn only_a_super_admin_sees_the_list_even_past_the_route() {
    let company = Company::open().await;
    let olga = company.other("Beta", "olga@beta.example").await;
    let identity = &company.house.identity;
    let list = |who: &kernel::Principal, state: Option<&str>, search: Option<&str>| {
        let (who, state, search) = (
            who.clone(),
            state.map(str::to_owned),
            search.map(str::to_owned),
        );
        async move {
            identity
                .tenant_list(&who, None, 50, state, search)
                .await
                .unwrap()
        }
    };
    let all = list(&company.ada, None, None).await;
    let names: Vec<_> = all.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["Acme", "Beta"]);
    assert_eq!(all[1].owner_name.as_deref(), Some("olga@beta.example"));
    assert_eq!(list(&company.ada, None, Some("bet")).await.len(), 1);
    assert_eq!(list(&company.ada, Some("trial"), None).await.len(), 0);
    assert!(
        list(&olga.who, None, None).await.is_empty(),
        "the rows say so, not the route"
    );

    let page = identity
        .tenant_list(
            &company.ada,
            Some((String::from("Acme"), company.ada.tenant)),
            1,
            None,
            None,
        )
        .await
        .unwrap();
    assert_eq!(page[0].name, "Beta");
}

#[tokio::test]
async fn whoever_makes_a_tenant_is_not_in_it() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    let made = identity
        .tenant_create(&company.ada, "Beta", "olga@beta.example")
        .await
        .unwrap();
    assert_eq!((made.members, made.owner), (0, None));
    let switch = identity.tenant_switch(&company.ada, made.tenant).await;
    assert!(matches!(switch, Err(IdentityError::NotMember)));
    assert!(company.alive(&company.ada_grant).await);
    assert!(!token(&company.ada_grant).is_empty());
}
