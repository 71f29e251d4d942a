//! Praline against anvil, in one run on one machine: each target started afresh in each round, rounds interleaved, the
//! results as a Markdown table with ratios to anvil's default.
//!
//! `scripts/bench.sh` finds the two programs and starts this; `--quick` does a tenth of the work. The client is one
//! kept-alive HTTP/1.1 connection for each sender and takes part of the same cores, alike for all targets.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used
)]
#![allow(clippy::cast_precision_loss, clippy::cast_sign_loss)]

#[path = "../../tests/harness/http.rs"]
#[allow(dead_code)] // tests look at more of an error
mod http;

mod disk;
mod measures;
mod report;
mod server;
mod state_size;
mod transfers;

use server::{Kind, Programs, Server};
use std::path::PathBuf;

/// How much work a run is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    rounds: usize,
    sequential: usize,
    /// Transfers of all 64 senders together; anvil gets at most [`ANVIL_CONCURRENT_MAX`].
    concurrent: usize,
    reads: usize,
    sizes: &'static [u64],
}

/// anvil 1.7.1 may stop mining for good beyond 2,048 transactions.
pub(crate) const ANVIL_CONCURRENT_MAX: usize = 1920;

const FULL: Effort = Effort {
    rounds: 3,
    sequential: 400,
    concurrent: 20_000,
    reads: 3000,
    sizes: &[0, 10_000, 100_000, 500_000],
};
const QUICK: Effort = Effort {
    rounds: 1,
    sequential: 60,
    concurrent: 1920,
    reads: 400,
    sizes: &[0, 10_000],
};

struct Arguments {
    programs: Programs,
    effort: Effort,
    kinds: Vec<Kind>,
    data: PathBuf,
}

const USAGE: &str = "\
usage: versus_anvil --anvil PROGRAM [--praline PROGRAM] [--data FOLDER] [--quick] [--rounds N] [--targets A,B,…]
targets: anvil, anvil-pruned, single, ephemeral, three, processes";

fn arguments() -> Result<Arguments, String> {
    let mut anvil = None;
    let mut praline = PathBuf::from(env!("CARGO_BIN_EXE_praline"));
    let mut data = std::env::temp_dir();
    let mut effort = FULL;
    let mut rounds = None;
    let mut kinds = Kind::ALL.to_vec();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            "--anvil" => anvil = Some(PathBuf::from(value()?)),
            "--praline" => praline = PathBuf::from(value()?),
            "--data" => data = PathBuf::from(value()?),
            "--rounds" => rounds = Some(value()?.parse().map_err(|_| USAGE.to_owned())?),
            "--targets" => {
                let find = |name: &str| Kind::ALL.into_iter().find(|kind| kind.flag() == name);
                kinds = value()?
                    .split(',')
                    .map(|name| find(name).ok_or(format!("no target {name}\n{USAGE}")))
                    .collect::<Result<_, _>>()?;
            }
            "--quick" => effort = QUICK,
            "--bench" => {}
            _ => return Err(format!("what is {word}?\n{USAGE}")),
        }
    }
    effort.rounds = rounds.unwrap_or(effort.rounds);
    // Each runs in a folder of its own, where a relative path leads nowhere.
    let absolute = |program: PathBuf| {
        program
            .canonicalize()
            .map_err(|error| format!("{}: {error}", program.display()))
    };
    let programs = Programs {
        anvil: absolute(anvil.ok_or(USAGE)?)?,
        praline: absolute(praline)?,
    };
    Ok(Arguments {
        programs,
        effort,
        kinds,
        data,
    })
}

#[tokio::main]
async fn main() {
    let Arguments {
        programs,
        effort,
        kinds,
        data,
    } = match arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            std::process::exit(2);
        }
    };
    let mut report = report::Report::new(&kinds);
    for round in 1..=effort.rounds {
        for kind in &kinds {
            eprintln!("round {round} of {}: {}", effort.rounds, kind.title());
            let server = Server::start(*kind, &programs, &data).await;
            measures::all(&server, effort, &mut report).await;
            server.stop().await;
        }
    }
    for kind in &kinds {
        eprintln!("growing state: {}", kind.title());
        let server = Server::start(*kind, &programs, &data).await;
        state_size::measure(&server, effort, &mut report).await;
        server.stop().await;
    }
    println!("{}", report.markdown());
    let fsync = disk::fsync_microseconds(&data);
    println!(
        "One write of 4 KiB with fdatasync on this disk: p50 {:.0} µs, p99 {:.0} µs.",
        fsync.0, fsync.1
    );
    println!(
        "{} rounds; {} processors.",
        effort.rounds,
        std::thread::available_parallelism().map_or(0, usize::from)
    );
}
