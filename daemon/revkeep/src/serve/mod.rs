//! The daemon: composes the parts, starts them, and stops them in order.

mod answers;
#[cfg(feature = "failpoints")]
pub(crate) mod crash;
mod evidence;
mod facts;
mod figures;
mod handed;
mod hints;
mod knocks;
mod maintenance;
mod parts;
mod presence;
mod quarantine;
mod readiness;
pub(crate) mod renewal;
mod rewrap;
mod routing;
mod samples;
mod schema;
mod sealing;
mod secrets;
mod signals;
mod system;

use std::{net::TcpListener, path::Path, process::ExitCode, sync::Arc};

use tokio::sync::watch;

use crate::{config::Config, logging};
use figures::Figures;
use parts::Parts;
use readiness::DaemonReadiness;

/// Why the daemon could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("the log cannot be opened: {0}")]
    Log(String),
    #[error("[secrets]: {0}")]
    Secrets(#[from] vault::VaultError),
    #[error("[database]: {0}")]
    Database(#[from] db::DbError),
    #[error("[egress]: {0}")]
    Egress(#[from] egress::EgressError),
    #[error("[server]: {0}")]
    Http(#[from] http::HttpError),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("the operating system refused: {0}")]
    System(#[from] std::io::Error),
}

/// Runs until it is told to stop. Exit code 1 says that it could not start.
pub(crate) fn run(config: Config, file: &Path) -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _points = crash::arm();
    let served = logging::install(&config.log)
        .map_err(|error| ServeError::Log(error.to_string()))
        .and_then(|()| Ok(handed::listener()?))
        .and_then(|handed| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            let served = runtime.block_on(serve(config, file, handed));
            // A run over the whole audit log only reads, and nobody waits for its end.
            runtime.shutdown_background();
            served
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            log::error!("{text}. Next step: `revkeep check` says what to correct.");
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config, file: &Path, handed: Option<TcpListener>) -> Result<(), ServeError> {
    let parts = Parts::new(&config)?;
    let readiness = Arc::new(DaemonReadiness::new(parts.clone()));
    let (stopper, stop) = watch::channel(false);
    let unlocking = tokio::spawn(parts.clone().unlock(stop.clone()));
    let (changes, listening) = hints::start(&config.database, parts.identity.clone(), stop.clone());
    let maintaining = tokio::spawn(maintenance::run(
        parts.db.clone(),
        parts.identity.clone(),
        parts.custody.clone(),
        stop.clone(),
    ));
    let present = tokio::spawn(presence::run(parts.db.clone(), stop.clone()));
    let sealing = tokio::spawn(sealing::run(
        parts.db.clone(),
        parts.sealer.clone(),
        config.audit.clone(),
        stop.clone(),
    ));
    let streaming = tokio::spawn(parts.siem.clone().run(parts::own_name(), stop.clone()));
    let answers = Arc::new(answers::DaemonAnswers::new(
        parts.clone(),
        readiness.clone(),
        config.clone(),
        file.to_owned(),
    ));
    let system = Arc::new(system::SystemFacts::new(Arc::clone(&answers)));
    let ledger = gateway::Ledger::new(parts.db.clone(), parts.registry())?;
    let (server, shared) = parts.start_server(
        &config,
        handed,
        readiness.clone(),
        (changes, stop.clone()),
        system.clone(),
        &ledger,
    )?;
    let recording = tokio::spawn(ledger.clone().run(stop.clone()));
    let figures = Figures::register(
        parts.clone(),
        readiness,
        Arc::clone(server.certificate()),
        config.export.directory.clone(),
    )?;
    let renewal = parts.renewal(&config, server.certificate());
    answers.serves(answers::Served {
        certificate: Arc::clone(server.certificate()),
        renewal: renewal.clone(),
    });
    let renewing = {
        let stop = stop.clone();
        tokio::spawn(async move {
            if let Some(renewal) = renewal {
                renewal.run(stop).await;
            }
        })
    };
    let reading = tokio::spawn(figures.run(stop.clone()));
    let sampling = tokio::spawn(samples::run(
        parts.clone(),
        config.export.directory.clone(),
        stop.clone(),
    ));
    let knocking = tokio::spawn(knocks::run(shared, stop.clone()));
    let worker = parts.worker(&config)?;
    let working = {
        let stop = stop.clone();
        tokio::spawn(async move { worker.run(stop).await })
    };
    let sender = parts.sender(&config);
    let sending = {
        let stop = stop.clone();
        tokio::spawn(async move { sender.run(stop).await })
    };
    let administration = {
        let (socket, group, stop) = (
            config.admin.socket.clone(),
            config.admin.group.clone(),
            stop.clone(),
        );
        tokio::spawn(async move { crate::admin::serve(&socket, group, answers, stop).await })
    };
    log::info!("serving {} on {}", config.site.public_url, server.address());
    signals::notify_ready();
    signals::run(server.certificate(), || working.is_finished()).await?;
    signals::notify_stopping();
    log::info!("stopping: finishing what is in hand");
    let _ = stopper.send(true);
    server.stop().await;
    // What was answered while it stopped is on record too.
    ledger.flush().await;
    let patience = std::time::Duration::from_secs(config.server.shutdown_seconds);
    let _ = tokio::time::timeout(patience, async {
        tokio::join!(
            working,
            sending,
            administration,
            unlocking,
            listening,
            maintaining,
            present,
            knocking,
            recording,
            renewing,
            reading,
            sampling,
            sealing,
            streaming
        )
    })
    .await;
    log::info!("stopped");
    Ok(())
}
