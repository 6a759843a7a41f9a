//! `harness`: runs CPython's own test suite on any Python, test by test, beside CPython itself.
//!
//! Reading order: `cli` and `run` say what a run is; `reference`, `install` and `subject` find the
//! interpreters; `schedule` and `worker` run modules, `launch` and `events` are their two ends of a
//! worker process, `worker/worker.py` the program inside; `compare` and `expectations` judge;
//! `report` writes it down.
//!
//! `snapshot` compares the front end with the reference's, source by source: `team` has the workers of all sides, `probe` is
//! the harness's end of one, `worker/probe.py` and `library` are the other ends. `mutate` does so with damaged sources.
//! `bench` times the front ends of both, side by side.

mod bench;
mod cache;
mod cli;
mod compare;
mod events;
mod exchange;
mod expectations;
mod install;
mod launch;
mod library;
mod mutate;
mod orphans;
mod outcome;
mod probe;
mod reference;
mod report;
mod repository;
mod run;
mod schedule;
mod select;
mod snapshot;
mod subject;
mod team;
mod worker;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Action, Cli};

/// Exit code when the harness itself could not do its work.
const TROUBLE: u8 = 2;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Action::Reference { reference } => reference::find(reference.as_deref()).map(|reference| {
            println!("CPython {} {}", reference.version, reference.executable.display());
            ExitCode::SUCCESS
        }),
        Action::Run(arguments) => run::run(&arguments),
        Action::Snapshot(arguments) => snapshot::snapshot(&arguments),
        Action::Mutate(arguments) => mutate::mutate(&arguments),
        Action::Bench(arguments) => bench::bench(&arguments),
        Action::Exchange(arguments) => exchange::exchange(&arguments),
        Action::Probe { memory } => library::serve(memory).map(|()| ExitCode::SUCCESS),
        Action::Launch { memory, command } => launch::launch(memory, &command).map(|()| ExitCode::FAILURE),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("harness: {error:#}");
        ExitCode::from(TROUBLE)
    })
}
