//! The simulator itself: that it repeats, and (see [`planted`]) that it finds what it should.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use super::*;

#[test]
fn a_seed_gives_the_same_events_again() {
    for seed in 0..4 {
        let settings = Settings::new(seed, STEPS);
        let (one, other) = (run(&settings), run(&settings));
        assert_eq!((one.digest, one.events), (other.digest, other.events), "{one}");
        assert!(one.events > 100, "{one}");
    }
}

#[test]
fn try_seeds() {
    let from: u64 = std::env::var("SIM_FROM").map_or(0, |it| it.parse().unwrap());
    let to: u64 = std::env::var("SIM_TO").map_or(10, |it| it.parse().unwrap());
    let keep_trace = std::env::var("SIM_TRACE").is_ok();
    for seed in from..to {
        let start = std::time::Instant::now();
        let report = run(&Settings { keep_trace, ..Settings::new(seed, STEPS) });
        println!("{report} in {:?} {:?}", start.elapsed(), report.faults);
        for line in &report.trace { println!("  {line}"); }
    }
}

#[test]
fn try_shrink() {
    let Ok(seed) = std::env::var("SIM_SEED") else { return };
    let settings = Settings::new(seed.parse().unwrap(), STEPS);
    let report = run(&settings);
    println!("{report}");
    if report.violation.is_none() { return }
    let small = shrink(&report, 200);
    println!("{small}");
    let again = run(&Settings { keep_trace: true, ..small.settings.clone() });
    println!("{again}");
    for line in &again.trace { println!("  {line}"); }
}
