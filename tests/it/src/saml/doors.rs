//! The doors that browsers are sent to.

use super::*;

#[tokio::test]
async fn the_doors_of_a_provider_answer_browsers_and_take_no_cookie() {
    let desk = Desk::open().await;
    let body = json!({
        "kind": "saml", "name": "P", "enabled": false, "create_members": false,
        "saml": { "issuer": ENTITY, "sign_in_url": "https://idp.example/in", "certificates": [Idp::new().certificate] },
    });
    let provider = desk.post("/sso/providers", body).await;
    let id = provider["id"].as_str().unwrap();
    assert_eq!(
        provider["saml"]["certificates"][0]["subject"],
        "idp.example"
    );
    assert_eq!(provider["redirect_uri"], provider["saml"]["acs_url"]);
    for (body, error) in [
        ("", "saml_form"),
        ("SAMLResponse=x", "saml_unsolicited"),
        ("SAMLResponse=x&RelayState=x", "sso_flow_void"),
    ] {
        let answer = desk.form(&format!("/sso/saml/{id}/acs"), body).await;
        let to = answer.headers()["location"].to_str().unwrap().to_owned();
        let page = format!("https://revkeep.example/sso/saml#error={error}");
        assert_eq!((answer.status().as_u16(), to), (303, page));
        assert!(answer.headers().get("set-cookie").is_none());
    }
    let (status, told) = desk
        .call(
            Method::POST,
            "/sso/saml/complete",
            Some(&json!({ "ticket": "x" })),
        )
        .await;
    assert_eq!(
        (status, told["code"].as_str()),
        (401, Some("sso_flow_void"))
    );
    desk.running.stop().await;
}
