//! `bench NAME`: one JSON line per figure on stdout, progress on stderr. Exit 0 when every bar
//! holds, 1 when one does not, 2 when one cannot be told.

mod decide;
mod report;
mod routing;

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
    /// The main job with real parts: leads fetched, decided, written back, on record.
    Routing {
        /// Leads routed in each round.
        #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1_000..))]
        leads: u32,
        /// Rounds, floor and ours interleaved.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
    },
    /// The floor of `routing`, in a process of its own; reads its orders from standard input.
    #[command(hide = true)]
    RoutingFloor,
}

fn main() -> anyhow::Result<ExitCode> {
    let figures = match Bench::parse() {
        Bench::Decide { records, rounds } => decide::run(records, usize::from(rounds))?,
        Bench::Routing { leads, rounds } => routing::run(leads, rounds)?,
        Bench::RoutingFloor => {
            routing::floor::serve()?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    report::print(&figures)
}
