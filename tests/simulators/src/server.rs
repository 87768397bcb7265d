//! The listener: HTTP/1.1 over TLS, on threads of its own, stopped when its handle is dropped.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use actix_http::HttpService;
use actix_server::{Server, ServerHandle};
use actix_service::map_config;
use actix_web::{
    App,
    dev::AppConfig,
    web::{self, Data, PayloadConfig},
};
use anyhow::Context;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{Admin, config::Config, entry, world::Sim};

/// The largest request: a load of a few hundred thousand records.
const LARGEST_BODY: usize = 512 * 1024 * 1024;
const WORKERS: usize = 2;

/// A simulator that runs until this is dropped.
pub struct Running {
    pub address: SocketAddr,
    /// Where clients find it, without a slash at the end.
    pub url: String,
    admin_token: String,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// Starts a simulator and waits until it listens.
///
/// # Errors
/// The certificate or key cannot be read, or the address is taken.
pub fn start(config: Config) -> anyhow::Result<Running> {
    let tls = tls(&config).context("the certificate and its key")?;
    let listener = TcpListener::bind(config.listen)
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let url = public_url(&config, address)?;
    let admin_token = config.admin_token.clone();
    let sim = Data::from(Arc::new(Sim::new(config, url.clone())));
    let (ready, started) = mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("salesforce-sim".to_owned())
        .spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                match serve(listener, tls, sim) {
                    Ok(server) => {
                        // The receiver waits; it cannot be gone.
                        drop(ready.send(Ok(server.handle())));
                        drop(server.await);
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
            });
        })?;
    let handle = started.recv()??;
    Ok(Running {
        address,
        url,
        admin_token,
        handle,
        thread: Some(thread),
    })
}

fn serve(listener: TcpListener, tls: ServerConfig, sim: Data<Sim>) -> std::io::Result<Server> {
    let builder = Server::build()
        .workers(WORKERS)
        .disable_signals()
        .shutdown_timeout(1);
    let factory = move || {
        let app = App::new()
            .app_data(sim.clone())
            .app_data(PayloadConfig::new(LARGEST_BODY))
            .default_service(web::to(entry::enter));
        HttpService::build()
            .client_request_timeout(Duration::from_secs(30))
            .tcp_nodelay(true)
            .h1(map_config(app, |_| AppConfig::default()))
            .rustls_0_23(tls.clone())
    };
    Ok(builder.listen("salesforce-sim", listener, factory)?.run())
}

fn tls(config: &Config) -> anyhow::Result<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(&config.certificate).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(&config.key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?)
}

fn public_url(config: &Config, address: SocketAddr) -> anyhow::Result<String> {
    let Some(text) = &config.public_url else {
        return Ok(format!("https://{address}"));
    };
    let mut url = url::Url::parse(text).context("the public address")?;
    if url.port() == Some(0) && url.set_port(Some(address.port())).is_err() {
        anyhow::bail!("the public address cannot have a port: {text}");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

impl Running {
    /// A client of `/_sim/`. `authority`: the certificate that signed the simulator's, PEM.
    ///
    /// # Errors
    /// The authority is no certificate.
    pub fn admin(&self, authority: &[u8]) -> anyhow::Result<Admin> {
        Admin::new(&self.url, &self.admin_token, authority)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The command is sent by the call; the thread below ends once it is carried out.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
