//! A house whose mail really arrives: identity, its jobs and an SMTP server.

use egress::{Egress, EgressConfig};
use identity::Grant;
use jobs::{Worker, WorkerConfig};
use stack::{
    mail::{MailServer, Received},
    tls::TestCa,
};

use crate::identity::House;

pub(crate) struct Mailroom {
    pub(crate) house: House,
    server: MailServer,
    worker: Worker,
    _files: tempfile::TempDir,
}

impl Mailroom {
    /// With its first account, and the session that made it.
    pub(crate) async fn open() -> (Self, Grant) {
        let (house, grant) = House::set_up().await;
        let files = tempfile::tempdir().unwrap();
        let ca = TestCa::new().unwrap();
        let leaf = ca.leaf(&["localhost"]).unwrap();
        leaf.write(files.path(), "server").unwrap();
        let server = MailServer::start(files.path()).unwrap();
        let endpoint = format!("localhost:{}", server.port);
        let egress = Egress::new(EgressConfig {
            private_endpoints: vec![endpoint.parse().unwrap()],
            ca_file: Some(ca.write(files.path()).unwrap()),
            ..EgressConfig::default()
        })
        .unwrap();
        let config = delivery::Config {
            server: Some(endpoint.parse().unwrap()),
            from: "Revkeep <revkeep@acme.example>".to_owned(),
            ..delivery::Config::default()
        };
        let handlers = delivery::handlers(
            &house.bed.db,
            &house.bed.vault,
            &house.identity,
            &egress,
            &config,
            "https://revkeep.example/",
        );
        let (db, settings) = (house.bed.db.clone(), WorkerConfig::default());
        let worker = Worker::new(db, "test".to_owned(), settings, handlers);
        let room = Self {
            house,
            server,
            worker,
            _files: files,
        };
        (room, grant)
    }

    /// Does what is due and answers all mails so far.
    pub(crate) async fn mails(&self) -> Vec<Received> {
        self.worker.run_due().await.unwrap();
        self.server.received().unwrap()
    }

    /// The subjects of all mails so far.
    pub(crate) async fn subjects(&self) -> Vec<String> {
        let mails = self.mails().await;
        mails.iter().map(subject).collect()
    }

    /// The token of the latest reset mail.
    pub(crate) async fn reset_token(&self) -> String {
        let mails = self.mails().await;
        let mail = mails.iter().rev().find_map(|mail| {
            let text = mail.data.replace("=\r\n", "").replace("=\n", "");
            let rest = text.split("https://revkeep.example/reset#").nth(1)?;
            Some(rest.chars().take(43).collect::<String>())
        });
        mail.expect("no mail with a link")
    }
}

fn subject(mail: &Received) -> String {
    let line = mail.data.lines().find(|line| line.starts_with("Subject: "));
    line.unwrap_or_default()
        .trim_start_matches("Subject: ")
        .to_owned()
}
