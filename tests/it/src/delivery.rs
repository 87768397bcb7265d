//! Mail: one per window and tenant, through a real SMTP conversation, and nothing of a lead in it
//! (LR-52, LR-53).

use std::collections::BTreeMap;

use chrono::TimeDelta;
use egress::{Egress, EgressConfig};
use identity::Identity;
use jobs::{JobsError, Worker, WorkerConfig};
use kernel::{ConnectionId, Event, Principal, SystemClock, TenantId, UserId};
use stack::{mail::MailServer, tls::TestCa};
use vault::Binding;

use crate::harness::{Bed, column, connect};

struct Post {
    bed: Bed,
    worker: Worker,
    server: MailServer,
    who: Principal,
    _files: tempfile::TempDir,
}

impl Post {
    async fn new() -> Self {
        let (bed, files) = (Bed::new(), tempfile::tempdir().unwrap());
        let ca = TestCa::new().unwrap();
        ca.leaf(&["localhost"])
            .unwrap()
            .write(files.path(), "server")
            .unwrap();
        let server = MailServer::start(files.path()).unwrap();
        let endpoint = format!("localhost:{}", server.port).parse().unwrap();
        let egress = Egress::new(EgressConfig {
            private_endpoints: vec![format!("localhost:{}", server.port).parse().unwrap()],
            ca_file: Some(ca.write(files.path()).unwrap()),
            ..EgressConfig::default()
        })
        .unwrap();
        let config = delivery::Config {
            server: Some(endpoint),
            from: "Revkeep <revkeep@acme.example>".to_owned(),
            ..delivery::Config::default()
        };
        let identity = Identity::new(
            bed.db.clone(),
            bed.vault.clone(),
            identity::Config::default(),
        );
        identity.unlock().await.unwrap();
        let handlers = delivery::handlers(
            &bed.db,
            &bed.vault,
            &identity,
            &egress,
            &config,
            "https://revkeep.example/",
        );
        let worker = Worker::new(
            bed.db.clone(),
            "test".to_owned(),
            WorkerConfig::default(),
            handlers,
        );
        let who = bed.tenant();
        Self {
            bed,
            worker,
            server,
            who,
            _files: files,
        }
    }

    /// A person of the tenant, with the address sealed as identity seals it.
    async fn person(&self, address: &str, role: &str) -> UserId {
        let user = UserId::generate(&SystemClock);
        let owner = user.to_string();
        let binding = Binding {
            provider: "identity",
            owner: &owner,
            column: "users.email_sealed",
        };
        self.bed
            .vault
            .ensure_tenant_key(TenantId::PLATFORM)
            .await
            .unwrap();
        let sealed = self
            .bed
            .vault
            .seal(TenantId::PLATFORM, &binding, address.as_bytes())
            .await
            .unwrap();
        let hex: String = sealed
            .to_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.bed.owner(&format!(
            "INSERT INTO users (user_id, email_hash, email_sealed, name) VALUES ('{0}', decode(replace('{0}', '-', ''), 'hex'), decode('{hex}', 'hex'), 'Ada'); \
             INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{1}', '{0}', '{{{role}}}')",
            user.uuid(),
            self.who.tenant.uuid()
        ));
        user
    }

    async fn publish(&self, event: Event) {
        let published: Result<(), JobsError> = self
            .bed
            .db
            .run(&self.who, move |tx| jobs::publish(tx, &event))
            .await;
        published.unwrap();
    }

    async fn failures(&self, batches: usize, each: u64) {
        for _ in 0..batches {
            let reasons = BTreeMap::from([
                ("no_rule_no_fallback".to_owned(), each - 1),
                ("row_locked".to_owned(), 1),
            ]);
            self.publish(Event::RecordsFailed {
                count: each,
                reasons,
            })
            .await;
        }
    }

    fn notices(&self) -> Vec<String> {
        column(
            &mut connect(&self.bed.database, "revkeep_owner"),
            "SELECT kind || ' ' || records || ' ' || state || ' ' || coalesce(error_code, '') FROM notices ORDER BY window_start",
        )
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_failures_are_one_row_and_one_mail() {
    let post = Post::new().await;
    post.person("ada@acme.example", "admin").await;
    post.person("eve@acme.example", "member").await;
    post.failures(250, 200).await;
    post.worker.run_due().await.unwrap();
    assert_eq!(post.notices(), ["routing_failures 50000 open "]);
    assert!(
        post.server.received().unwrap().is_empty(),
        "told before the window was over"
    );
    post.bed.clock.advance(TimeDelta::minutes(5));
    post.worker.run_due().await.unwrap();
    assert_eq!(post.notices(), ["routing_failures 50000 sent "]);
    let mails = post.server.received().unwrap();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ["ada@acme.example"]);
    for text in [
        "Subject: Revkeep: 50000 records could not be routed",
        "49750  no rule no fallback",
        "https://revkeep.example/routing/failures",
    ] {
        assert!(
            mails[0].data.contains(text),
            "{text} is not in\n{}",
            mails[0].data
        );
    }
    post.failures(1, 2).await;
    post.bed.clock.advance(TimeDelta::minutes(6));
    post.worker.run_due().await.unwrap();
    post.bed.clock.advance(TimeDelta::minutes(6));
    post.worker.run_due().await.unwrap();
    assert_eq!(
        post.server.received().unwrap().len(),
        2,
        "the next window has its own mail"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_is_told_once_in_twenty_four_hours() {
    let post = Post::new().await;
    post.person("ada@acme.example", "admin").await;
    let broken = || Event::ConnectionBroken {
        connection: ConnectionId::generate(&SystemClock),
        reason: "grant_revoked".to_owned(),
    };
    for _ in 0..5 {
        post.publish(broken()).await;
        post.bed.clock.advance(TimeDelta::hours(4));
        post.worker.run_due().await.unwrap();
    }
    let mails = post.server.received().unwrap();
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0].data.contains("grant revoked")
            && mails[0]
                .data
                .contains("https://revkeep.example/settings/connections")
    );
    post.bed.clock.advance(TimeDelta::hours(9));
    post.publish(broken()).await;
    post.worker.run_due().await.unwrap();
    assert_eq!(post.server.received().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_theft_is_told_to_the_person_alone() {
    let post = Post::new().await;
    post.person("ada@acme.example", "admin").await;
    let user = post.person("bob@acme.example", "member").await;
    post.publish(Event::SessionTheft { user }).await;
    post.publish(Event::SessionTheft { user }).await;
    post.worker.run_due().await.unwrap();
    let mails = post.server.received().unwrap();
    assert_eq!(
        mails.iter().map(|mail| mail.to.clone()).collect::<Vec<_>>(),
        [["bob@acme.example"]]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_was_being_sent_when_the_daemon_died_is_not_sent_again() {
    let post = Post::new().await;
    post.person("ada@acme.example", "admin").await;
    post.failures(1, 2).await;
    post.worker.run_due().await.unwrap();
    post.bed.owner("UPDATE notices SET state = 'sending'");
    post.bed.clock.advance(TimeDelta::minutes(5));
    post.worker.run_due().await.unwrap();
    assert_eq!(post.notices(), ["routing_failures 2 in_doubt interrupted"]);
    assert!(post.server.received().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_anyone_to_tell_the_notice_says_so() {
    let post = Post::new().await;
    post.failures(1, 2).await;
    post.worker.run_due().await.unwrap();
    post.bed.clock.advance(TimeDelta::minutes(5));
    post.worker.run_due().await.unwrap();
    assert_eq!(post.notices(), ["routing_failures 2 failed no_recipient"]);
}
