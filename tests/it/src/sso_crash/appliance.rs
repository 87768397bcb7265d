//! The same through a provider of the appliance, which makes nobody: killed between keeping whom an
//! identity belongs to and opening the session.

use reqwest::{Method, StatusCode};
use serde_json::json;
use stack::console::Console;

use super::{Answer, Ground};

const POINT: &str = "appliance_identity_kept";
const CAROL: &str = "carol";

impl Ground {
    /// Carol has joined through the organisation's own provider; now the appliance's stands in its place.
    async fn of_the_appliance() -> Self {
        let mut ground = Self::lay().await;
        let daemon = ground.daemon(None).await;
        ground.signs_in(&daemon, ("_joined", CAROL)).await;
        let console = Console::sign_in(&daemon).await.unwrap();
        let own = format!("/sso/providers/{}", ground.provider);
        let (gone, _) = console.request(Method::DELETE, &own, None).await.unwrap();
        assert_eq!(gone, StatusCode::NO_CONTENT);
        let form = json!({
            "kind": "saml", "name": "Group login", "enabled": true, "create_members": false,
            "saml": { "issuer": "https://idp.example/entity", "sign_in_url": "https://idp.example/in",
                      "certificates": [ground.idp.certificate] },
        });
        let provider = console.post("/platform/sso/providers", form).await.unwrap();
        let text = |path: &str| provider.pointer(path).unwrap().as_str().unwrap().to_owned();
        (ground.provider, ground.entity_id, ground.acs) =
            (text("/id"), text("/saml/entity_id"), text("/saml/acs_url"));
        let domain = json!({ "domain": "acme.example", "provider": ground.provider });
        console.post("/platform/sso/domains", domain).await.unwrap();
        let allowed = json!({ "allowed": true });
        console.put("/sso/appliance", allowed).await.unwrap();
        assert!(daemon.stop().await.unwrap().success());
        ground
    }

    fn kept(&self) -> String {
        self.count(
            "SELECT (SELECT count(*) FROM sso_identities WHERE subject = 'carol') || ' identities, ' \
             || (SELECT count(*) FROM sessions WHERE sso_provider_id IS NOT NULL AND ended_at IS NULL) || ' sessions'",
        )
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_the_appliances_session_is_open_the_person_begins_again() {
    let ground = Ground::of_the_appliance().await;
    assert_eq!(ground.kept(), "0 identities, 0 sessions");

    let doomed = ground.daemon(Some(POINT)).await;
    let away = ground.leave(&doomed).await;
    let ticket = ground.respond(&doomed, &away, ("_1", CAROL)).await.unwrap();
    let answer = ground.complete(&doomed, &ticket, &away).await;
    assert!(matches!(answer, Answer::Nothing));
    ground.dies(doomed, POINT).await;
    assert_eq!(ground.kept(), "1 identities, 0 sessions");

    let daemon = ground.daemon(None).await;
    let replayed = ground.leave(&daemon).await;
    let told = ground.respond(&daemon, &replayed, ("_1", CAROL)).await;
    assert_eq!(told.unwrap(), "error=saml_replayed");
    ground.signs_in(&daemon, ("_2", CAROL)).await;
    assert_eq!(ground.kept(), "1 identities, 1 sessions");
    assert!(daemon.stop().await.unwrap().success());
}
