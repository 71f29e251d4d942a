//! Simulated clusters under 300 seeds: whole clusters in one thread, with virtual time, faults and random clients.
//!
//! `PRALINE_SIM_SEEDS` (`FROM-TO`) tries others. That the simulator finds what it should is shown in `src/sim/tests/`.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use praline::sim::{Report, STEPS, Settings, run, shrink};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Runs for making a failing one smaller.
const SHRINK_TRIES: usize = 150;

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("PRALINE_SIM_SEEDS") else {
        return 0..300;
    };
    let (from, to) = text.split_once('-').unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn no_seed_finds_anything_wrong() {
    let seeds = seeds();
    let next = AtomicU64::new(seeds.start);
    let reports: Mutex<Vec<Report>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let report = run(&Settings::new(seed, STEPS));
                    reports.lock().unwrap().push(report);
                }
            });
        }
    });
    let reports = reports.into_inner().unwrap();
    summarize(&reports);
    let failed: Vec<&Report> = reports
        .iter()
        .filter(|report| report.violation.is_some())
        .collect();
    if let Some(first) = failed.first() {
        let small = shrink(first, SHRINK_TRIES);
        panic!(
            "{} of {} seeds find something wrong; the first one:\n{first}\nmade smaller:\n{small}",
            failed.len(),
            reports.len()
        );
    }
}

/// What was tried, for whoever reads the log.
fn summarize(reports: &[Report]) {
    let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, count) in reports.iter().flat_map(|report| &report.faults) {
        *faults.entry(name).or_default() += count;
    }
    let sum = |value: fn(&Report) -> u64| reports.iter().map(value).sum::<u64>();
    eprintln!(
        "{} seeds, {:.0} s of the clusters' time: {} operations, {} of them done, {} entries, {} copies, {} faults: {faults:?}",
        reports.len(),
        reports
            .iter()
            .map(|report| report.simulated.as_secs_f64())
            .sum::<f64>(),
        sum(|report| report.operations.0),
        sum(|report| report.operations.1),
        sum(|report| report.entries),
        sum(|report| report.copies),
        faults.values().sum::<u64>(),
    );
}
