//! What a reset leaves.

use super::*;

#[tokio::test]
async fn a_reset_leaves_no_factor_and_no_session() {
    let ada = Ada::enrolled().await;
    let waiting = ada.challenge(HOME).await;
    let (by, user) = (ada.who.clone(), ada.who.user().unwrap());
    let scope = db::AuthScope {
        tenant: Some(by.tenant),
        user: Some(user),
    };
    ada.house
        .bed
        .db
        .auth(scope, move |tx| identity::factors_reset(tx, &by, user))
        .await
        .unwrap();
    ada.identity().forget_all();
    assert!(matches!(
        ada.house.who(&ada.grant).await,
        Err(IdentityError::SessionRevoked)
    ));
    let late = ada.answer(&waiting, recovery(&ada.recovery[0]), HOME).await;
    assert!(is_void(&late), "a question from before");
    let again = ada.house.sign_in_step(EMAIL, PASSWORD, HOME).await.unwrap();
    let SignInStep::Done(grant) = again else {
        panic!("a factor is left");
    };
    let who = ada.house.who(&grant).await.unwrap();
    let own = ada.identity().factors(&who).await.unwrap();
    assert!(own.totp.is_none() && own.recovery.is_none() && own.prompt && own.required);
    assert_eq!(
        ada.house
            .rows("SELECT actor_kind FROM audit_log WHERE action = 'factors_reset'"),
        ["human"]
    );
}
