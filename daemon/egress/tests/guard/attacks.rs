//! Each attack of the table, through the client that carries webhooks: refused, counted, and nothing
//! connected. And what is no attack passes.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, atomic::Ordering},
};

use egress::{Egress, EgressError, Endpoint, Method, Purpose, Request, Resolver, check_public_url};

use crate::{
    spellings::{LED_INSIDE, LEGITIMATE, REDIRECTS, REFUSED},
    world::{Names, World, answering},
};

async fn send(egress: &Egress, url: &str) -> Result<egress::Response, EgressError> {
    let request = Request::new(Method::Post, url).body("application/json", b"{}".to_vec());
    egress.http(Purpose::Webhook).send(request).await
}

fn count(egress: &Egress) -> u64 {
    egress.refusals(Purpose::Webhook)
}

#[test]
fn there_are_as_many_attacks_as_are_asked_for() {
    assert!(REFUSED.len() >= 120, "{}", REFUSED.len());
    assert!(LEGITIMATE.len() >= 20, "{}", LEGITIMATE.len());
    let mut names: Vec<_> = REFUSED.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), REFUSED.len(), "a name stands twice");
}

#[tokio::test]
async fn a_spelling_that_leads_inside_is_refused_and_counted() {
    let world = World::new();
    // A resolver that knows no name: whoever asks it got past the text.
    let names = Arc::new(Names::default());
    let egress = Egress::with_resolver(world.config(&[]), names.clone()).unwrap();
    let mut passed = Vec::new();
    for (position, (name, url)) in REFUSED.iter().enumerate() {
        let expected = u64::try_from(position).unwrap() + 1;
        let refused = |result: &Result<_, EgressError>| {
            matches!(
                result,
                Err(EgressError::Refused { .. } | EgressError::Invalid(_))
            )
        };
        let form = check_public_url(url).map(|_| ());
        let sent = send(&egress, url).await.map(|_| ());
        if !refused(&form) || !refused(&sent) || count(&egress) != expected {
            passed.push((name, url, form, sent));
        }
    }
    assert!(passed.is_empty(), "{passed:#?}");
    assert_eq!(names.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_turns_inside_after_the_form_is_refused_and_counted() {
    let world = World::new();
    for (name, url, answer) in LED_INSIDE {
        let typed = check_public_url(url).unwrap();
        let names = Names::default().answer(typed.host_str().unwrap(), &[answer]);
        let egress = Egress::with_resolver(world.config(&[]), Arc::new(names)).unwrap();
        assert!(egress.admits_url(Purpose::Webhook, url).is_ok(), "{name}");
        assert_eq!(count(&egress), 0, "{name}");
        let error = send(&egress, url).await.unwrap_err();
        assert!(
            matches!(error, EgressError::Refused { .. }) && error.nothing_sent(),
            "{name}: {error:?}"
        );
        assert_eq!(count(&egress), 1, "{name}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_wherever_it_points() {
    for (name, status, location) in REDIRECTS {
        let answer =
            format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let (egress, url, requests, _world) = answering(answer).await;
        let error = send(&egress, &url).await.unwrap_err();
        let seen: u16 = status[..3].parse().unwrap();
        assert!(
            matches!(error, EgressError::Redirected { status, .. } if status == seen),
            "{name}: {error:?}"
        );
        assert!(!error.nothing_sent(), "{name}");
        assert_eq!(requests.load(Ordering::SeqCst), 1, "{name}");
        assert_eq!(count(&egress), 1, "{name}");
    }
}

/// Knows no address, and keeps what it was asked.
#[derive(Default)]
struct Ignorant {
    asked: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Resolver for Ignorant {
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn what_is_public_passes_under_its_own_name() {
    let world = World::new();
    for (url, host) in LEGITIMATE {
        let names = Arc::new(Ignorant::default());
        let egress = Egress::with_resolver(world.config(&[]), names.clone()).unwrap();
        assert!(egress.admits_url(Purpose::Webhook, url).is_ok(), "{url}");
        let typed = check_public_url(url).unwrap();
        assert_eq!(typed.host_str().unwrap().trim_matches(['[', ']']), *host);
        if host.parse::<IpAddr>().is_ok() {
            continue; // it would be connected to
        }
        let error = send(&egress, url).await.unwrap_err();
        assert!(
            matches!(error, EgressError::Resolve { .. }),
            "{url}: {error:?}"
        );
        assert_eq!(*names.asked.lock().unwrap(), [*host], "{url}");
        assert_eq!(count(&egress), 0, "{url}");
    }
}

#[tokio::test]
async fn behind_the_air_gap_only_what_is_declared_is_contacted() {
    let world = World::new();
    let names = Arc::new(Names::default().answer("crm.example.com", &[&["127.0.0.1"]]));
    let mut config = world.config(&[String::from("crm.example.com:443")]);
    config.air_gap = true;
    let egress = Egress::with_resolver(config, names.clone()).unwrap();
    for (purpose, text) in [
        (Purpose::Webhook, "hooks.example.com:443"),
        (Purpose::Salesforce, "login.salesforce.com:443"),
        (Purpose::Salesforce, "1.1.1.1:443"),
        (Purpose::Smtp, "mail.example.com:587"),
        (Purpose::SingleSignOn, "crm.example.com:8443"),
    ] {
        let to: Endpoint = text.parse().unwrap();
        assert!(
            matches!(
                egress.admits(purpose, &to),
                Err(EgressError::Refused { .. })
            ),
            "{text}"
        );
        let dialled = egress.dial(purpose, &to).await;
        assert!(
            matches!(dialled, Err(EgressError::Refused { .. })),
            "{text}"
        );
        let datagram = egress.dial_udp(purpose, &to).await;
        assert!(
            matches!(datagram, Err(EgressError::Refused { .. })),
            "{text}"
        );
    }
    assert_eq!(names.asked.load(Ordering::SeqCst), 0);
    assert_eq!(egress.refusals(Purpose::Smtp), 2);
    let declared: Endpoint = "crm.example.com:443".parse().unwrap();
    assert!(egress.admits(Purpose::Salesforce, &declared).is_ok());
}
