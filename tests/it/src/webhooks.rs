//! Webhooks: signed, tried once more, guarded, never in the way, the same id after a crash
//! (LR-35 to LR-38, CX-20).

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use delivery::{DeliveryError, DeliveryFilter, Webhook, WebhookInput, Webhooks};
use egress::{Egress, EgressConfig};
use identity::Identity;
use jobs::{JobsError, Worker, WorkerConfig};
use kernel::{Classified as _, Event, Principal, UserId};
use openssl::{base64, hash::MessageDigest, pkey::PKey, sign::Signer};
use serde_json::{Value, json};
use stack::{
    receiver::{Received, Receiver, Reply},
    tls::TestCa,
};

use crate::{
    harness::{Bed, column, connect},
    org::person_in,
};

mod attacks;
mod fares;
mod settings;

/// A tenant whose events are told, and a receiver on the intranet that root has declared.
pub(crate) struct Stand {
    pub(crate) bed: Bed,
    pub(crate) webhooks: Webhooks,
    pub(crate) receiver: Receiver,
    pub(crate) who: Principal,
    daemon: Principal,
    /// Subscribers of events, and what sends, as two workers.
    worker: Worker,
    sender: Arc<Worker>,
    _files: tempfile::TempDir,
}

impl Stand {
    pub(crate) async fn lay() -> Self {
        let (bed, files) = (Bed::new(), tempfile::tempdir().unwrap());
        let ca = TestCa::new().unwrap();
        let receiver = Receiver::start(&ca).unwrap();
        let egress = Egress::new(EgressConfig {
            private_endpoints: vec![format!("localhost:{}", receiver.port).parse().unwrap()],
            ca_file: Some(ca.write(files.path()).unwrap()),
            ..EgressConfig::default()
        })
        .unwrap();
        let identity = Identity::new(
            bed.db.clone(),
            bed.vault.clone(),
            identity::Config::default(),
        );
        identity.unlock().await.unwrap();
        let webhooks = Webhooks::new(&bed.db, &bed.vault, &egress);
        let worker = |handlers| {
            let name = "test".to_owned();
            Worker::new(bed.db.clone(), name, WorkerConfig::default(), handlers)
        };
        let daemon = bed.tenant();
        Self {
            worker: worker(delivery::handlers(
                &bed.db,
                &bed.vault,
                &identity,
                &egress,
                &delivery::Config::default(),
                "https://revkeep.example",
            )),
            sender: Arc::new(worker(webhooks.handlers())),
            who: person_in(&daemon),
            daemon,
            webhooks,
            receiver,
            bed,
            _files: files,
        }
    }

    pub(crate) fn input(&self) -> WebhookInput {
        WebhookInput {
            name: "Warehouse".to_owned(),
            url: self.receiver.url(),
            events: Vec::new(),
            enabled: true,
            long_retries: false,
        }
    }

    /// A webhook for all events, and its secret.
    async fn made(&self) -> (Webhook, String) {
        let (webhook, secret) = self
            .webhooks
            .webhook_create(&self.who, self.input())
            .await
            .unwrap();
        (webhook, secret.text.expose().clone())
    }

    async fn publish(&self, event: Event) {
        let published: Result<(), JobsError> = self
            .bed
            .db
            .run(&self.daemon, move |tx| jobs::publish(tx, &event))
            .await;
        published.unwrap();
    }

    /// Publishes one event, and lets its subscribers hear of it.
    async fn tell(&self) {
        self.publish(failures(3)).await;
        self.worker.run_due().await.unwrap();
    }

    async fn send(&self) {
        self.sender.run_due().await.unwrap();
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        column(&mut connect(&self.bed.database, "revkeep_owner"), sql)
    }

    fn passes(&self, time: TimeDelta) {
        self.bed.clock.advance(time);
    }
}

fn failures(count: u64) -> Event {
    Event::RecordsFailed {
        count,
        reasons: BTreeMap::from([("no_rule".to_owned(), count)]),
    }
}

/// As the specification says, by hand: what our own code says is no witness.
fn expected(secret: &str, request: &Received) -> String {
    let key = base64::decode_block(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = PKey::hmac(&key).unwrap();
    let content = format!(
        "{}.{}.{}",
        request.header("webhook-id"),
        request.header("webhook-timestamp"),
        request.body
    );
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    let mac = signer.sign_oneshot_to_vec(content.as_bytes()).unwrap();
    format!("v1,{}", base64::encode_block(&mac))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_posted_once_signed_with_the_secret_of_its_webhook() {
    let stand = Stand::lay().await;
    let (webhook, secret) = stand.made().await;
    let mut other = stand.input();
    other.events = vec!["owner_changed".to_owned()];
    stand
        .webhooks
        .webhook_create(&stand.who, other)
        .await
        .unwrap();
    stand.tell().await;
    stand.send().await;
    let [request] = &stand.receiver.received()[..] else {
        panic!("{:?}", stand.receiver.received());
    };
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["type"], "records_failed");
    assert_eq!(
        body["data"],
        json!({ "count": 3, "reasons": { "no_rule": 3 } })
    );
    assert!(request.header("webhook-id").starts_with("evt_"));
    assert_eq!(request.header("content-type"), "application/json");
    let now = kernel::Clock::now(stand.bed.clock.as_ref()).timestamp();
    assert_eq!(request.header("webhook-timestamp"), now.to_string());
    assert_eq!(
        request.header("webhook-signature"),
        expected(&secret, request)
    );
    let shown = stand
        .webhooks
        .delivery_list(
            &stand.who,
            webhook.id,
            DeliveryFilter::default(),
            (None, 10),
        )
        .await
        .unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(
        (shown[0].state.as_str(), shown[0].status, shown[0].attempts),
        ("delivered", Some(204), 1)
    );
    // Nothing is sent again, whatever runs again.
    stand.passes(TimeDelta::hours(1));
    stand.worker.run_due().await.unwrap();
    stand.send().await;
    assert_eq!(stand.receiver.received().len(), 1);
}
