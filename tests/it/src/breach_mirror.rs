//! The mirror of the range service (LM-16, CX-17), against a real HTTPS peer: what it is asked, what it
//! learns, and what happens when it does not answer or answers something else.

use egress::{Egress, EgressConfig};
use identity::{BreachConfig, Config, Identity, IdentityError};
use kernel::{Principal, Secret};
use stack::{range::RangeMirror, tls::TestCa};

use crate::{
    identity::{House, PASSWORD, caller},
    passwords::sha1,
};

const KNOWN: &str = "Walking-otters-9-quietly";
const PADDING: &str = "Walking-otters-8-quietly";
const UNKNOWN: &str = "Walking-otters-7-quietly";

struct Site {
    house: House,
    who: Principal,
    mirror: RangeMirror,
    identity: Identity,
    _files: tempfile::TempDir,
}

impl Site {
    /// A mirror that knows one password, and has another's hash among its padding.
    async fn open() -> Self {
        Self::configured(|port| Some(format!("https://localhost:{port}/range/"))).await
    }

    async fn configured(address: impl FnOnce(u16) -> Option<String>) -> Self {
        let (house, grant) = House::set_up().await;
        let files = tempfile::tempdir().unwrap();
        let ca = TestCa::new().unwrap();
        let leaf = ca.leaf(&["localhost"]).unwrap();
        leaf.write(files.path(), "server").unwrap();
        let hashes = [(sha1(KNOWN), 7), (sha1(PADDING), 0)];
        let mirror = RangeMirror::start(files.path(), &hashes).unwrap();
        let egress = Egress::new(EgressConfig {
            private_endpoints: vec![format!("localhost:{}", mirror.port).parse().unwrap()],
            ca_file: Some(ca.write(files.path()).unwrap()),
            ..EgressConfig::default()
        })
        .unwrap();
        let breach = BreachConfig {
            hash_file: None,
            mirror: address(mirror.port),
        };
        let config = Config {
            breach,
            ..Config::default()
        };
        let identity = house.with(config).await;
        identity.set_egress(&egress);
        let who = house.who(&grant).await.unwrap();
        Self {
            house,
            who,
            mirror,
            identity,
            _files: files,
        }
    }

    async fn change(&self, new: &str) -> Result<(), IdentityError> {
        let secret = |text: &str| Secret::new(text.to_owned());
        let from = caller("192.0.2.1");
        self.identity
            .password_change(&self.who, &secret(PASSWORD), &secret(new), &from)
            .await
    }

    /// The password is still the first one.
    async fn unchanged(&self) -> bool {
        let from = "192.0.2.40";
        let step = self
            .house
            .sign_in_step(crate::identity::EMAIL, PASSWORD, from);
        step.await.is_ok()
    }
}

fn is_breached(result: &Result<(), IdentityError>) -> bool {
    let code = "password_breached";
    matches!(result, Err(IdentityError::Input { code: found, .. }) if *found == code)
}

fn is_refused_for_now(result: &Result<(), IdentityError>) -> bool {
    matches!(result, Err(IdentityError::BreachList(_)))
}

#[tokio::test]
async fn the_mirror_learns_five_digits_and_a_known_password_is_refused() {
    let site = Site::open().await;
    assert!(is_breached(&site.change(KNOWN).await));
    assert!(site.unchanged().await);
    let asked = site.mirror.asked().unwrap();
    let [one] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    let hash = sha1(KNOWN);
    assert_eq!(one.path, format!("/range/{}", &hash[..5]));
    assert_eq!(one.headers["add-padding"], "true");
    assert_eq!(one.body, "");
    // No cookie, no token, nothing that says who asks or what for: neither the rest of the hash nor
    // the password stands anywhere.
    let mut names: Vec<&str> = one.headers.keys().map(String::as_str).collect();
    names.retain(|name| !["host", "accept", "user-agent", "accept-encoding"].contains(name));
    assert_eq!(names, ["add-padding"]);
    let whole = format!("{asked:?}").to_uppercase();
    for secret in [&hash[5..], &hash[..6], KNOWN, "OTTERS"] {
        assert!(!whole.contains(&secret.to_uppercase()), "{secret}: {whole}");
    }
}

#[tokio::test]
async fn an_unknown_password_is_taken_and_so_is_one_that_is_padding_alone() {
    let site = Site::open().await;
    site.change(PADDING).await.unwrap();
    let asked = site.mirror.asked().unwrap();
    assert_eq!(asked[0].path, format!("/range/{}", &sha1(PADDING)[..5]));
    let second = Site::open().await;
    second.change(UNKNOWN).await.unwrap();
    assert_eq!(second.mirror.asked().unwrap().len(), 1);
}

/// CX-17: a source that is configured and does not answer refuses the password for now.
#[tokio::test]
async fn a_mirror_that_is_down_or_talks_nonsense_refuses_for_now() {
    let site = Site::open().await;
    for (status, body) in [
        (503, "later"),
        (429, ""),
        (404, ""),
        (200, "<html>Please sign in to the network</html>"),
        (200, "003D68EB55068C33ACE09247EE4C639306B"),
        (200, "003D68EB55068C33ACE09247EE4C639306B:many"),
        (302, "https://localhost:1/range/00000"),
    ] {
        site.mirror.answer(status, body).unwrap();
        let refused = site.change(UNKNOWN).await;
        assert!(is_refused_for_now(&refused), "{status} {body}: {refused:?}");
    }
    drop(site.mirror);
    let secret = |text: &str| Secret::new(text.to_owned());
    let from = caller("192.0.2.1");
    let down = site
        .identity
        .password_change(&site.who, &secret(PASSWORD), &secret(UNKNOWN), &from)
        .await;
    assert!(is_refused_for_now(&down), "{down:?}");
    let still = site
        .house
        .sign_in_step(crate::identity::EMAIL, PASSWORD, "192.0.2.41");
    assert!(still.await.is_ok(), "nothing was changed");
}

/// Without a mirror in the configuration nobody is asked, though one could be reached.
#[tokio::test]
async fn an_appliance_without_a_mirror_asks_nobody() {
    let site = Site::configured(|_| None).await;
    site.change(KNOWN).await.unwrap();
    assert!(site.mirror.asked().unwrap().is_empty());
}

/// The public service is no declared endpoint: a configuration that names it reaches nobody.
#[tokio::test]
async fn a_mirror_that_is_not_declared_is_not_asked() {
    let site = Site::configured(|port| Some(format!("https://127.0.0.1:{port}/range/"))).await;
    assert!(is_refused_for_now(&site.change(UNKNOWN).await));
    assert!(site.mirror.asked().unwrap().is_empty());
}
