//! Mails about membership (LR-55, LR-56, CX-33), by a real SMTP conversation, in text and HTML. What the
//! link of a mail does is seen by using it.

use chrono::TimeDelta;
use identity::{
    Config, Identity, IdentityError, InvitationAcceptance, Refusal, SignUp, VisitRequest,
};
use kernel::{Principal, Role, Secret};

use crate::{
    identity::{House, PASSWORD, caller},
    mailroom::Mailroom,
    members::refused,
};

const BOB: &str = "canary-bob@acme.example";

/// The text of a mail as people read it: both forms, without the wrapping of quoted-printable.
fn text(data: &str) -> String {
    data.replace("=\r\n", "")
        .replace("=\n", "")
        .replace("=3D", "=")
}

fn link(text: &str, page: &str) -> String {
    let start = format!("https://revkeep.example/{page}#");
    let rest = text.split(start.as_str()).nth(1).expect("no link");
    rest.chars().take(43).collect()
}

async fn who(house: &House, grant: &identity::Grant) -> Principal {
    house.who(grant).await.unwrap()
}

async fn accept(house: &House, token: String) -> Result<identity::Grant, IdentityError> {
    let input = InvitationAcceptance {
        token,
        name: String::from("Bob"),
        password: Secret::new(PASSWORD.to_owned()),
    };
    house
        .identity
        .invitation_accept(input, &caller("192.0.2.9"))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_mailed_with_a_link_that_works_and_a_second_mail_voids_the_first() {
    let (room, grant) = Mailroom::open().await;
    let (house, identity) = (&room.house, &room.house.identity);
    let ada = who(house, &grant).await;
    let invited = identity
        .invitation_create(&ada, BOB, vec![Role::Reviewer])
        .await
        .unwrap();
    assert!(invited.sent_at.is_none());
    let first = room.mails().await;
    assert_eq!(first.len(), 1);
    let read = text(&first[0].data);
    for part in [
        "Ada Lovelace invites you to Acme",
        "as reviewer",
        "text/html",
        BOB,
    ] {
        assert!(read.contains(part), "{part} is not in\n{read}");
    }
    let listed = identity.invitation_list(&ada, None).await.unwrap();
    assert!(listed[0].sent_at.is_some());
    let old = link(&read, "invitation");
    identity.invitation_resend(&ada, invited.id).await.unwrap();
    house.advance(TimeDelta::seconds(1));
    let second = room.mails().await;
    assert_eq!(second.len(), 2);
    assert_eq!(
        refused(accept(house, old).await),
        Refusal::InvitationInvalid
    );
    let new = link(&text(&second[1].data), "invitation");
    let joined = accept(house, new).await.unwrap();
    assert_eq!(joined.view.email.as_deref(), Some(BOB));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_invitation_is_not_mailed() {
    let (room, grant) = Mailroom::open().await;
    let identity = &room.house.identity;
    let ada = who(&room.house, &grant).await;
    let invited = identity
        .invitation_create(&ada, BOB, vec![Role::Member])
        .await
        .unwrap();
    identity.invitation_revoke(&ada, invited.id).await.unwrap();
    assert!(room.mails().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_changed_is_told_and_so_are_old_and_new_owners() {
    let (room, grant) = Mailroom::open().await;
    let (house, identity) = (&room.house, &room.house.identity);
    let ada = who(house, &grant).await;
    identity
        .invitation_create(&ada, BOB, vec![Role::Member])
        .await
        .unwrap();
    let mails = room.mails().await;
    let bob = accept(house, link(&text(&mails[0].data), "invitation"))
        .await
        .unwrap();
    let user = bob.view.user;
    identity
        .member_update(&ada, user, vec![Role::Admin], 1)
        .await
        .unwrap();
    identity.member_deactivate(&ada, user).await.unwrap();
    identity.member_reactivate(&ada, user).await.unwrap();
    identity
        .owner_transfer(&ada, user, String::from("Acme"))
        .await
        .unwrap();
    let mut subjects = room.subjects().await.split_off(1);
    subjects.sort();
    assert_eq!(
        subjects,
        [
            "Revkeep: Acme has another owner",
            "Revkeep: you are in Acme again",
            "Revkeep: you are no longer in Acme",
            "Revkeep: you own Acme now",
            "Revkeep: your roles in Acme were changed",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_is_mailed_to_the_owner_alone_with_its_reason() {
    let (room, grant) = Mailroom::open().await;
    let (house, identity) = (&room.house, &room.house.identity);
    let ada = who(house, &grant).await;
    let beta = identity.tenant_create(&ada, "Beta", BOB).await.unwrap();
    let mails = room.mails().await;
    assert!(text(&mails[0].data).contains("you are invited to Beta"));
    accept(house, link(&text(&mails[0].data), "invitation"))
        .await
        .unwrap();
    let request = VisitRequest {
        tenant: beta.tenant,
        reason: String::from("Ticket 4711: routing rests"),
        write: true,
        break_glass: true,
    };
    identity.visit_enter(&ada, request).await.unwrap();
    let mails = room.mails().await;
    assert_eq!(mails.len(), 2);
    let read = text(&mails[1].data);
    for part in [
        "Ada Lovelace changes things in Beta without your consent",
        "Ticket 4711: routing rests",
        "broke the glass",
        "https://revkeep.example/settings/organisation",
        BOB,
    ] {
        assert!(read.contains(part), "{part} is not in\n{read}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_up_is_confirmed_by_mail_and_the_end_of_its_trial_is_told() {
    let (room, _) = Mailroom::open().await;
    let house = &room.house;
    let config = Config {
        signup_enabled: true,
        ..Config::default()
    };
    let identity = Identity::new(house.bed.db.clone(), house.bed.vault.clone(), config);
    identity.unlock().await.unwrap();
    for email in ["eva@delta.example", "canary-ada@acme.example"] {
        let wish = SignUp {
            organisation: String::from("Delta"),
            name: String::from("Eva"),
            email: email.to_owned(),
        };
        identity.sign_up(wish, &caller("192.0.2.3")).await.unwrap();
    }
    let mails = room.mails().await;
    assert_eq!(mails.len(), 2, "one each, to the address alone");
    let find = |address: &str| {
        let mail = mails
            .iter()
            .find(|mail| mail.data.contains(&format!("To: {address}")));
        text(&mail.unwrap().data)
    };
    let known = find("canary-ada@acme.example");
    assert!(known.contains("has an account") && !known.contains("/sign-up/complete#"));
    let token = link(&find("eva@delta.example"), "sign-up/complete");
    identity
        .sign_up_complete(
            &token,
            Secret::new(PASSWORD.to_owned()),
            &caller("192.0.2.3"),
        )
        .await
        .unwrap();
    house.advance(TimeDelta::days(12));
    identity.trials_move().await.unwrap();
    let subjects = room.subjects().await;
    assert_eq!(subjects[2..], ["Revkeep: the trial of Delta ends soon"]);
    house.advance(TimeDelta::days(2));
    identity.trials_move().await.unwrap();
    let subjects = room.subjects().await;
    assert_eq!(subjects[3..], ["Revkeep: the trial of Delta is over"]);
}
