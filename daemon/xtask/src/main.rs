//! The workspace's own tasks: `cargo xtask house` proves the structure, `cargo xtask web` builds
//! the console's web application, `cargo xtask notices` says what a package contains. Light dependencies only, so that it compiles in seconds and can
//! run first.

mod house;
mod notices;
mod web;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

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
    /// Write the licences of everything in a package, and its bill of materials
    Notices {
        /// Where to write licences.txt and sbom.cdx.json
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(task: Task) -> Result<bool> {
    let root = root()?;
    match task {
        Task::House { bless } => house::run(&root, bless),
        Task::Web => web::run(&root),
        Task::Notices { folder } => notices::run(&root, &folder),
    }
}

/// The root of the workspace that the caller stands in. Asked at run time, because a binary built
/// in one checkout may be found fresh in another that shares its target folder.
fn root() -> Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["locate-project", "--workspace", "--message-format", "plain"])
        .output()
        .context("cargo locate-project did not start")?;
    let manifest = PathBuf::from(String::from_utf8(output.stdout)?.trim_end());
    let root = manifest.parent().filter(|root| root.is_dir());
    root.map(Path::to_path_buf)
        .context("run this inside the workspace")
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output is closed")
}
