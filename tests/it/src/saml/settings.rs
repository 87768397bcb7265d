//! What an administrator sets of a provider.

use super::*;

/// What an administrator types is a request of ours: it passes the guard as every other.
#[tokio::test]
async fn metadata_by_address_is_fetched_from_nowhere_inside() {
    let place = Place::open().await;
    let fetch = async |url: &str| code(place.sso.saml_metadata_fetch(url).await);
    for url in [
        "https://127.0.0.1/metadata",
        "https://[::1]/metadata",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.7:8443/metadata",
    ] {
        assert_eq!(fetch(url).await, "egress_refused", "{url}");
    }
    for url in [
        "http://idp.example/metadata",
        "file:///etc/passwd",
        "https://user@idp.example/",
        "",
    ] {
        assert!(
            ["saml_address_invalid", "text_invalid"].contains(&fetch(url).await),
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_provider_that_could_never_work_is_not_stored() {
    let place = Place::open().await;
    let who = place.who(&place.grant).await.unwrap();
    let idp = Idp::new();
    let create = async |change: fn(&mut SamlInput)| {
        let mut input = idp.input();
        change(&mut input);
        code(
            place
                .sso
                .provider_create(&who, form(Protocol::Saml(input)))
                .await,
        )
    };
    for (change, wanted) in [
        (
            (|input| input.metadata = Some(String::from("<!DOCTYPE a><a/>"))) as fn(&mut SamlInput),
            "saml_metadata_invalid",
        ),
        (|input| input.issuer = None, "text_invalid"),
        (
            |input| input.sign_in_url = Some(String::from("http://idp.example/")),
            "saml_address_invalid",
        ),
        (
            |input| input.sign_in_url = Some(String::from("javascript:alert(1)")),
            "saml_address_invalid",
        ),
        (
            |input| input.sign_out_url = Some(String::from("ftp://idp.example/")),
            "saml_address_invalid",
        ),
        (
            |input| input.certificates.clear(),
            "saml_certificate_invalid",
        ),
        (
            |input| input.certificates = vec![String::from("x")],
            "saml_certificate_invalid",
        ),
        (
            |input| input.certificates = vec![input.certificates[0].clone(); 11],
            "saml_certificate_invalid",
        ),
        (|_| {}, "ok"),
    ] {
        assert_eq!(create(change).await, wanted);
    }
}
