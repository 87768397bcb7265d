//! The server with some of the console's routes, in this process, so that the floor has the very same pool.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use async_trait::async_trait;
use http::{ForwardedHeader, Readiness, Reason, Routes, Running, Shared};
use kernel::SystemClock;
use stack::tls::TestCa;

use crate::{browser::Browser, person::Person};

pub(crate) const WORKERS: usize = 2;

pub(crate) struct Site {
    pub(crate) browser: Browser,
    running: Running,
    _directory: tempfile::TempDir,
}

struct Ready;

#[async_trait]
impl Readiness for Ready {
    async fn reasons(&self) -> Vec<Reason> {
        Vec::new()
    }
}

impl Site {
    pub(crate) fn start(person: &Person, routes: fn() -> Routes) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let ca = TestCa::new()?;
        let files = ca.leaf(&["127.0.0.1"])?.write(directory.path(), "server")?;
        let config = http::Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            certificate: files.certificate,
            private_key: files.key,
            metrics_listen: None,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            workers: WORKERS,
            connections_per_worker: 100,
            client_timeout_seconds: 5,
            request_timeout_seconds: 30,
            shutdown_seconds: 5,
            sign_ins_per_minute: u32::MAX,
            requests_per_minute: u32::MAX,
        };
        let clock = Arc::new(SystemClock);
        let registry = prometheus::Registry::new();
        let shared = Shared::new(
            &config,
            person.identity.clone(),
            clock,
            Arc::new(Ready),
            registry,
        )?;
        let db = person.db.clone();
        let running = http::serve(&config, None, shared, move |app| {
            app.app_data(actix_web::web::Data::new(db.clone()));
            for resource in routes().into_resources() {
                app.service(resource);
            }
        })?;
        let trusted = reqwest::Certificate::from_pem(&ca.pem()?)?;
        #[expect(clippy::disallowed_methods, reason = "a stranger's client")]
        let client = reqwest::Client::builder()
            .tls_certs_only([trusted])
            .build()?;
        Ok(Self {
            browser: Browser::new(client, &format!("https://{}", running.address())),
            running,
            _directory: directory,
        })
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}
