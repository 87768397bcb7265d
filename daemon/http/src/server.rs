//! Starts and stops the listeners: TLS for people, and plain HTTP on loopback for Prometheus.
//! HTTP/1.1 alone: the h2 crate that actix speaks HTTP/2 with has an open advisory.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_http::{HttpService, KeepAlive};
use actix_server::{Server, ServerBuilder, ServerHandle};
use actix_service::{ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{App, HttpResponse, dev::AppConfig, middleware::from_fn, web};
use ipnet::IpNet;
use prometheus::{Encoder, TextEncoder};
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    config::Config,
    edge::edge,
    error::HttpError,
    health,
    problem::Problem,
    proxy,
    shared::Shared,
    tls::{Certificate, was_challenge},
};

/// A running server. Dropping it does not stop it; [`Running::stop`] does.
pub struct Running {
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
    certificate: Arc<Certificate>,
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
}

impl Running {
    /// Where it listens; with the port that was given out, where the configuration says 0.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
    pub const fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// The certificate, to be read again on SIGHUP.
    pub const fn certificate(&self) -> &Arc<Certificate> {
        &self.certificate
    }

    /// Takes no new connection, finishes the requests in hand within `shutdown_seconds`, and returns
    /// when all is quiet.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.task.await {
            log::warn!("the server did not stop cleanly: {error}");
        }
    }
}

/// Starts the server on `inherited`, a socket that somebody listens on already, or else on what the
/// configuration says. `face` adds routes, and the service for addresses that no route has; it runs once
/// on each worker thread.
pub fn serve(
    config: &Config,
    inherited: Option<TcpListener>,
    shared: Shared,
    face: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> Result<Running, HttpError> {
    check(config)?;
    let certificate = Certificate::load(&config.certificate, &config.private_key)?;
    let tls = certificate.server_config()?;
    let (listener, address) = match inherited {
        Some(listener) => take(listener, config.listen)?,
        None => listen(config.listen)?,
    };
    let builder = Server::build()
        .workers(config.workers)
        .max_concurrent_connections(config.connections_per_worker)
        .shutdown_timeout(config.shutdown_seconds)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let timeout = Duration::from_secs(config.client_timeout_seconds);
    let for_people = shared.clone();
    let tls = TlsAcceptor::from(Arc::new(tls));
    let proxies: Arc<[IpNet]> = config.trusted_proxies.clone().into();
    let builder = builder.listen("https", listener, move || {
        let (shared, face, stopping) = (for_people.clone(), face.clone(), stopping.clone());
        let app = App::new()
            .app_data(web::Data::new(shared))
            .configure(health::configure)
            // Before the face, which may know better: the later of two is the one that serves.
            .default_service(web::to(|| async {
                Err::<HttpResponse, _>(Problem::not_found())
            }))
            .configure(face)
            .wrap(from_fn(edge));
        let people = HttpService::build()
            .keep_alive(KeepAlive::Timeout(timeout))
            .client_request_timeout(timeout)
            .client_disconnect_timeout(Duration::from_secs(2))
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .secure()
            .local_addr(address)
            .h1(map_config(app, move |()| AppConfig::default()));
        greeting(&tls, &proxies, timeout).and_then(people.map_err(|error| {
            log::debug!("a connection ended: {error}");
        }))
    });
    let builder = builder.map_err(|source| HttpError::Listen { address, source })?;
    let (builder, metrics_address) = listen_metrics(builder, config, shared)?;
    let server = builder.run();
    Ok(Running {
        handle: server.handle(),
        task: tokio::spawn(server),
        certificate,
        address,
        metrics_address,
    })
}

/// From a connection to what is spoken inside its TLS, and whose it is.
fn greeting(
    tls: &TlsAcceptor,
    proxies: &Arc<[IpNet]>,
    patience: Duration,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (TlsStream<TcpStream>, Option<SocketAddr>),
    Error = (),
    InitError = (),
> + use<> {
    let (tls, proxies) = (tls.clone(), Arc::clone(proxies));
    fn_service(move |io: TcpStream| {
        let (tls, proxies) = (tls.clone(), Arc::clone(&proxies));
        async move {
            let greeted = async {
                let (io, peer) = proxy::greet(io, &proxies, patience).await?;
                io.set_nodelay(true)?;
                let io = tokio::time::timeout(patience, tls.accept(io))
                    .await
                    .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
                if was_challenge(io.get_ref().1) {
                    return Err(std::io::Error::other(
                        "it only wanted the answer to a challenge",
                    ));
                }
                Ok::<_, std::io::Error>((io, Some(peer)))
            };
            greeted
                .await
                .map_err(|error| log::debug!("a connection was not made: {error}"))
        }
    })
}

fn check(config: &Config) -> Result<(), HttpError> {
    let zero = [
        ("workers", config.workers == 0),
        ("connections_per_worker", config.connections_per_worker == 0),
        ("client_timeout_seconds", config.client_timeout_seconds == 0),
        (
            "request_timeout_seconds",
            config.request_timeout_seconds == 0,
        ),
        ("sign_ins_per_minute", config.sign_ins_per_minute == 0),
        ("requests_per_minute", config.requests_per_minute == 0),
    ];
    match zero.iter().find(|(_, zero)| *zero) {
        Some((name, _)) => Err(HttpError::Zero(name)),
        None => Ok(()),
    }
}

/// Where the socket listens is for whoever opened it to say.
fn take(
    listener: TcpListener,
    instead_of: SocketAddr,
) -> Result<(TcpListener, SocketAddr), HttpError> {
    let bound = listener.local_addr().map_err(|source| HttpError::Listen {
        address: instead_of,
        source,
    })?;
    Ok((listener, bound))
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), HttpError> {
    let failed = |source| HttpError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn listen_metrics(
    builder: ServerBuilder,
    config: &Config,
    shared: Shared,
) -> Result<(ServerBuilder, Option<SocketAddr>), HttpError> {
    let Some(wanted) = config.metrics_listen else {
        return Ok((builder, None));
    };
    if !wanted.ip().is_loopback() {
        return Err(HttpError::MetricsInPublic(wanted));
    }
    let (listener, address) = listen(wanted)?;
    let builder = builder.listen("metrics", listener, move || {
        let app = App::new()
            .app_data(web::Data::new(shared.clone()))
            .route("/metrics", web::get().to(metrics));
        HttpService::build()
            .client_request_timeout(Duration::from_secs(5))
            .h1(map_config(app, |()| AppConfig::default()))
            .tcp()
    });
    let builder = builder.map_err(|source| HttpError::Listen { address, source })?;
    Ok((builder, Some(address)))
}

/// The exposition format of Prometheus, version 0.0.4.
async fn metrics(shared: web::Data<Shared>) -> HttpResponse {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    match encoder.encode(&shared.inner.registry.gather(), &mut text) {
        Ok(()) => HttpResponse::Ok()
            .content_type(encoder.format_type())
            .body(text),
        Err(error) => {
            log::error!("metrics could not be written: {error}");
            HttpResponse::InternalServerError().finish()
        }
    }
}
