//! `bench NAME`: one JSON line per figure on stdout, progress on stderr. Exit 0 when every bar
//! holds, 1 when one does not, 2 when one cannot be told.

mod appliance;
mod audit;
mod auth;
mod backup;
mod browser;
mod core_time;
mod decide;
mod load;
mod login_timing;
mod person;
mod report;
mod routing;
mod sealed_log;
mod siem;
mod site;
mod usage;
mod webhooks;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(about = "Measures a part of Revkeep against a floor that is measured in the same run")]
enum Bench {
    /// The routing decision alone: 50 rules of 3 conditions, reasons recorded, one core.
    Decide {
        /// Records decided in each round.
        #[arg(long, default_value_t = 50_000)]
        records: usize,
        /// Rounds, floor and ours interleaved.
        #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(7..))]
        rounds: u16,
    },
    /// From start to ready on a migrated database, idle memory, and the size of the program.
    Appliance {
        /// Starts.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(7..))]
        rounds: u16,
    },
    /// What an entry costs the change it tells of; and verifying the sealed log: rows a second of the
    /// verifying process, and whether a long log costs more for each row.
    Audit {
        /// Seconds of each load of changes.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
        seconds: u64,
        /// Rows of the log; ten million for the whole bar.
        #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(10_000..))]
        rows: u32,
        /// Rounds, floor and ours interleaved.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
    },
    /// Signing in, refreshing, reading: what they cost, and what a flood of sign-ins costs others.
    Auth {
        /// Seconds of each load.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..))]
        seconds: u64,
        /// Rounds, floor and ours interleaved.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
    },
    /// A backup of the routing log, encrypted and read back, and the trial of its restore.
    Backup {
        /// Rows of the routing log; a million for the whole bar.
        #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..))]
        assignments: u32,
        /// Rounds, floor and ours interleaved.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
    },
    /// Whether the time of a refused sign-in tells a known address from an unknown one.
    LoginTiming {
        /// Tries, half of them at a known address, interleaved.
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(200..))]
        tries: u32,
    },
    /// The main job with real parts: leads fetched, decided, written back, on record.
    Routing {
        /// Leads routed in each round.
        #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1_000..))]
        leads: u32,
        /// Rounds, floor and ours interleaved.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
    },
    /// The sealed log streamed to a receiver over TLS, and what the same run appends.
    Siem {
        /// Events of each stream.
        #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1_000..))]
        events: u32,
        /// Seconds of each load of changes.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
        seconds: u64,
        /// Rounds, stream and changes interleaved.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
    },
    /// Routing while a hundred receivers of webhooks hang, against routing without them.
    Webhooks {
        /// Leads routed in each half of a round.
        #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1_000..))]
        leads: u32,
        /// Rounds, with and without interleaved.
        #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
    },
    /// The floor of `routing`, in a process of its own; reads its orders from standard input.
    #[command(hide = true)]
    RoutingFloor,
}

fn main() -> anyhow::Result<ExitCode> {
    // Clients and servers of this process find their cryptography here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let figures = match Bench::parse() {
        Bench::Decide { records, rounds } => decide::run(records, usize::from(rounds))?,
        Bench::Appliance { rounds } => appliance::run(rounds)?,
        Bench::Audit {
            seconds,
            rows,
            rounds,
        } => audit::run(rows, load(seconds, rounds))?,
        Bench::Auth { seconds, rounds } => auth::run(load(seconds, rounds))?,
        Bench::Backup {
            assignments,
            rounds,
        } => backup::run(assignments, rounds)?,
        Bench::LoginTiming { tries } => login_timing::run(tries)?,
        Bench::Routing { leads, rounds } => routing::run(leads, rounds)?,
        Bench::Siem {
            events,
            seconds,
            rounds,
        } => siem::run(events, load(seconds, rounds))?,
        Bench::Webhooks { leads, rounds } => webhooks::run(leads, rounds)?,
        Bench::RoutingFloor => {
            routing::floor::serve()?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    report::print(&figures)
}

fn load(seconds: u64, rounds: u16) -> load::Load {
    load::Load {
        lasts: std::time::Duration::from_secs(seconds),
        rounds: usize::from(rounds),
    }
}
