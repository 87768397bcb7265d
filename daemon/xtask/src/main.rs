//! The workspace's own tasks: `cargo xtask house` proves the structure, `cargo xtask web` builds
//! the console's web application. Light dependencies only, so that it compiles in seconds and can
//! run first.

mod house;
mod web;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Tasks of the Revkeep workspace")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check ranks, seals, lint opt-in, the edge list and who owns which table
    House {
        /// Write the edge list as it is now to tests/golden/house-edges.txt
        #[arg(long)]
        bless: bool,
    },
    /// Build the web application into daemon/console/web/dist, if its sources changed
    Web,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::House { bless } => house::run(&root(), bless),
        Task::Web => web::run(&root()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// The workspace's root folder: two above this crate.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output is closed")
}
