//! LM-76, OB-25: every route that may change something is really asked, and writes its entry; so does every
//! job. What the entries are called stands in `tests/golden/audit-actions.txt` and `audit-jobs.txt`. A route
//! that changes nothing stands in `NOTHING`, with the reason; one that takes somebody from outside in
//! `ELSEWHERE`, with the test that asks it.
//!
//! The same walk shows that every entry has the fields of LM-76 in the shape of CX-35, and that nobody's name or
//! address is in any (LM-64): everybody in it is a canary.

mod account;
mod appliance;
mod custody;
mod jobs;
mod people;
mod person;
mod programs;
mod refusals;
mod routing;
mod shape;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::json;
use walk::Walk;

use crate::{
    console_access::expected,
    console_desk::{Desk, EMAIL, PASSWORD},
    phone::Ask,
};

/// Routes that change nothing although they are not GET, or that only begin what another ends.
const NOTHING: [(&str, &str); 26] = [
    (
        "POST /sso/saml/{provider}/acs",
        "takes an answer in; the sign-in is the entry",
    ),
    (
        "POST /invitations/look",
        "reads what the holder of a link may know",
    ),
    (
        "POST /me/authorizations/look",
        "reads what a program asks for",
    ),
    ("POST /me/consents/look", "reads what a program asks for"),
    ("POST /password/strength", "judges a text and keeps nothing"),
    (
        "POST /routers/{object}/rules/preview",
        "runs rules over the layer and writes nothing",
    ),
    (
        "POST /routers/{object}/validate",
        "judges a text and keeps nothing",
    ),
    (
        "POST /sign-in/discover",
        "says where an address signs in, by its domain alone",
    ),
    (
        "POST /session/step-up/begin",
        "asks for a factor; the proof is the entry",
    ),
    (
        "POST /session/passkey/begin",
        "asks for a passkey; the sign-in is the entry",
    ),
    (
        "POST /me/factors/totp",
        "begins; the confirmation is the entry",
    ),
    (
        "POST /me/factors/passkeys/begin",
        "begins; the passkey is the entry",
    ),
    ("POST /sso/start", "begins; the sign-in is the entry"),
    (
        "POST /sso/providers/{id}/test",
        "begins a test sign-in, whose end is the entry",
    ),
    (
        "POST /platform/sso/providers/{id}/test",
        "as of an organisation's provider",
    ),
    (
        "POST /sso/providers/{id}/test-directory",
        "asks a directory and keeps nothing",
    ),
    (
        "POST /platform/sso/providers/{id}/test-directory",
        "as of an organisation's provider",
    ),
    (
        "POST /sso/saml/metadata",
        "reads a text or an address and keeps nothing",
    ),
    (
        "POST /platform/sso/saml/metadata",
        "reads a text or an address and keeps nothing",
    ),
    (
        "POST /platform/sso/links",
        "begins; the confirmation is the entry",
    ),
    (
        "POST /erasures/look",
        "reads the certificate of an organisation that is gone",
    ),
    ("POST /mcp", "reads; a refusal is the door's entry"),
    ("POST /scim/v2/.search", "reads"),
    ("POST /scim/v2/Users/.search", "reads"),
    ("POST /scim/v2/Groups/.search", "reads"),
    ("POST /scim/v2/Bulk", "is refused whole"),
];

/// Routes that take an identity provider, an empty appliance, one where people may sign up, or a whole
/// daemon: the action of their entry, and the file and the test that ask them and look for it.
const ELSEWHERE: [(&str, &str, &str, &str); 8] = [
    (
        "POST /setup",
        "setup_claim",
        "tests/it/src/identity/setup.rs",
        "the_first_account_owns_everything_and_is_the_only_one_made_so",
    ),
    (
        "POST /sign-up",
        "sign_up",
        "tests/it/src/tenants.rs",
        "signing_up_proves_the_address_and_begins_a_trial_of_14_days",
    ),
    (
        "POST /sign-up/complete",
        "sign_up_complete",
        "tests/it/src/tenants.rs",
        "signing_up_proves_the_address_and_begins_a_trial_of_14_days",
    ),
    (
        "POST /sso/oidc/complete",
        "sign_in",
        "tests/peers/oidc/oidc.test.mjs",
        "a person signs in with PKCE, state and nonce, and becomes a member with the groups\\' roles",
    ),
    (
        "POST /sso/saml/complete",
        "sign_in",
        "tests/it/src/saml/responses.rs",
        "somebody_new_becomes_a_member_of_the_providers_tenant_alone",
    ),
    (
        "POST /sso/ldap/sign-in",
        "sign_in",
        "tests/it/src/ldap.rs",
        "somebody_of_the_directory_becomes_a_member_with_the_roles_of_their_groups",
    ),
    (
        "POST /platform/sso/links/confirm",
        "identity_link",
        "tests/it/src/sso_appliance.rs",
        "a_super_admin_is_let_in_by_an_identity_that_they_confirmed_and_by_no_word_of_a_provider",
    ),
    (
        "POST /platform/controls/verify",
        "controls_verify",
        "tests/it/src/verify.rs",
        "is_signed_and_on_record",
    ),
];

/// What Ada's password is changed to, and then set to by a link.
const NEW_PASSWORD: &str = "Yet-another-canary-9-battery";
const LAST_PASSWORD: &str = "Another-canary-horse-8-battery";

async fn walked() -> Walk {
    let desk = Desk::open().await;
    desk.owner("UPDATE users SET name = 'canary-ada'");
    let before = desk.rows("SELECT audit_id FROM audit_log");
    let mut walk = Walk {
        desk,
        before,
        seen: BTreeMap::new(),
        faults: Vec::new(),
    };
    routing::routing(&mut walk).await;
    routing::operations(&mut walk).await;
    account::account(&mut walk).await;
    walk.fresh().await;
    custody::exports(&mut walk).await;
    person::own_data(&mut walk).await;
    person::of_others(&mut walk).await;
    walk.fresh().await;
    custody::targets(&mut walk).await;
    custody::webhooks(&mut walk).await;
    people::single_sign_on(&mut walk).await;
    walk.fresh().await;
    programs::scim(&mut walk).await;
    programs::oauth(&mut walk).await;
    walk.fresh().await;
    people::people(&mut walk).await;
    appliance::appliance(&mut walk).await;
    account::doors(&mut walk).await;
    let change = json!({ "current": PASSWORD, "new": NEW_PASSWORD });
    walk.plain("PUT /me/password", change).await;
    account::forgotten(&mut walk).await;
    let ask = async |ask: Ask<'_>| walk.desk.ask(ask).await;
    let again = walk.desk.phone.sign_in((EMAIL, LAST_PASSWORD), ask).await.0;
    walk.desk.token = again;
    walk
}

/// The golden file's text, and what is wrong with it.
fn judged(
    seen: &BTreeMap<String, BTreeSet<String>>,
    routes: &BTreeSet<String>,
) -> (String, Vec<String>) {
    let mut reasons: BTreeMap<&str, String> = NOTHING
        .into_iter()
        .map(|(route, reason)| (route, format!(" - {reason}")))
        .collect();
    for (route, action, file, _) in ELSEWHERE {
        reasons.insert(route, format!(": {action} ({file})"));
    }
    let mut wrong = Vec::new();
    let mut text = String::from(
        "# Every route that may change something, and the actions of the audit entries that it writes when it\n# does. Of those that write none: why. In brackets: who asks it, where the walk cannot.\n",
    );
    for route in routes {
        let actions = seen.get(route).filter(|actions| !actions.is_empty());
        match (actions, reasons.remove(route.as_str())) {
            (Some(actions), None) => {
                let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
                text.push_str(&format!("{route}: {}\n", actions.join(", ")));
            }
            (None, Some(reason)) => text.push_str(&format!("{route}{reason}\n")),
            (None, None) => wrong.push(format!("{route} writes no entry")),
            (Some(_), Some(_)) => wrong.push(format!("{route} writes an entry and is excepted")),
        }
    }
    wrong.extend(
        reasons
            .keys()
            .map(|route| format!("{route} is excepted and is no route")),
    );
    (text, wrong)
}

/// Every route of the daemon that is not read with GET.
fn mutating() -> BTreeSet<String> {
    let ours = expected()
        .into_iter()
        .map(|route| (route.method, route.path));
    let scim = console::scim::routes();
    let scim = scim
        .list()
        .iter()
        .map(|route| (route.method.clone(), format!("/scim/v2{}", route.path)));
    let oauth = console::oauth::routes();
    let oauth = oauth
        .list()
        .iter()
        .map(|route| (route.method.clone(), format!("/oauth{}", route.path)));
    let saml = console::saml::routes();
    let saml = saml.list().iter().map(|route| {
        (
            route.method.clone(),
            format!("/sso/saml/{{provider}}{}", route.path),
        )
    });
    let mcp = gateway::mcp::routes();
    let mcp = mcp
        .list()
        .iter()
        .map(|route| (route.method.clone(), route.path.to_owned()));
    let others = scim.chain(oauth).chain(saml).chain(mcp);
    let others = others.map(|(method, path)| (method.as_str().parse().unwrap(), path));
    ours.chain(others)
        .filter(|(method, _)| *method != Method::GET)
        .map(|(method, path)| format!("{method} {path}"))
        .collect()
}

#[tokio::test]
async fn every_route_that_changes_something_writes_its_entry() {
    let walk = walked().await;
    assert_eq!(walk.faults, Vec::<String>::new());
    let (found, wrong) = judged(&walk.seen, &mutating());
    shape::is_kept(&walk).await;
    let _ = walk.desk.stopper.send(true);
    walk.desk.running.stop().await;
    assert_eq!(wrong, Vec::<String>::new());
    let path = format!("{}/../golden/audit-actions.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var("REVKEEP_BLESS").is_ok() {
        std::fs::write(path, &found).unwrap();
        return;
    }
    assert_eq!(
        found,
        std::fs::read_to_string(path).unwrap(),
        "bless tests/golden/audit-actions.txt with REVKEEP_BLESS=1 after reading the difference"
    );
}

/// What another test is trusted with is really looked for there.
#[test]
fn a_test_that_is_named_looks_for_the_entry() {
    for (route, action, file, test) in ELSEWHERE {
        let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(path).unwrap();
        // Where it is defined, and not where it may be called.
        let begin = source.find(&format!("fn {test}(")).or(source.find(test));
        let begin = begin.unwrap_or_else(|| panic!("{route}: {file} has no {test}"));
        let body = source[begin..].split("\n}").next().unwrap();
        assert!(
            body.contains("audit_log") && body.contains(action),
            "{route}: {test} does not look for {action}"
        );
    }
}

#[test]
fn a_route_that_writes_nothing_is_found() {
    let routes = BTreeSet::from(["POST /pools".to_owned(), "POST /new".to_owned()]);
    let seen = BTreeMap::from([
        (
            "POST /pools".to_owned(),
            BTreeSet::from(["pool_create".to_owned()]),
        ),
        ("POST /new".to_owned(), BTreeSet::new()),
    ]);
    let (_, wrong) = judged(&seen, &routes);
    assert!(
        wrong.contains(&"POST /new writes no entry".to_owned()),
        "{wrong:?}"
    );
}
