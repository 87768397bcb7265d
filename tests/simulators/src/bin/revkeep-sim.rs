//! Runs the Salesforce simulator until it is told to stop, after one line of JSON that says where.

use std::{io::Write, net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use simulators::{Config, start};

/// A Salesforce organisation in memory, for tests and demonstrations.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The certificate chain, PEM.
    #[arg(long)]
    cert: PathBuf,
    /// Its private key, PEM.
    #[arg(long)]
    key: PathBuf,
    /// The address that clients use; port 0 stands for the port taken.
    #[arg(long)]
    public_url: Option<String>,
    /// The most records of one page.
    #[arg(long)]
    page_size: Option<usize>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A file with the bearer token of `/_sim/`.
    #[arg(long)]
    admin_token_file: PathBuf,
    #[arg(long)]
    organisation: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let token = String::from_utf8(read(&arguments.admin_token_file)?)?;
    let mut config = Config::new(read(&arguments.cert)?, read(&arguments.key)?, token.trim());
    config.listen = arguments.listen;
    config.public_url = arguments.public_url;
    config.seed = arguments.seed;
    if let Some(organisation) = arguments.organisation {
        config.organisation = organisation;
    }
    if let Some(size) = arguments.page_size {
        config.settings.page_size = size;
    }
    let running = start(config)?;
    let line = serde_json::json!({ "address": running.address, "url": running.url });
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    out.flush()?;
    wait_for_stop()
}

fn wait_for_stop() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        }
    })
}
