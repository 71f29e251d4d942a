//! The simulator itself: that it repeats, that it makes failures small, and (see [`planted`]) that it finds what it should.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod planted;
mod rebuilding;

use super::*;
use crate::planted::{Bug, with};

#[test]
fn a_seed_gives_the_same_events_again() {
    for seed in 0..4 {
        let settings = Settings::new(seed, STEPS);
        let (one, other) = (run(&settings), run(&settings));
        assert_eq!(
            (one.digest, one.events),
            (other.digest, other.events),
            "{one}"
        );
        assert!(one.events > 100, "{one}");
        let another = run(&Settings::new(seed + 100, STEPS));
        assert_ne!(one.digest, another.digest);
    }
}

#[test]
fn a_failing_run_is_made_smaller_and_fails_again() {
    with(Bug::AppliedTwice, || {
        let failed = run(&Settings::new(0, STEPS));
        assert!(failed.violation.is_some(), "{failed}");
        let small = shrink(&failed, 40);
        let steps = small.settings.only.clone().unwrap();
        assert!((steps.len() as u64) < STEPS / 4, "{steps:?}");
        let again = run(&small.settings);
        assert_eq!(
            (again.digest, again.violation),
            (small.digest, small.violation)
        );
        assert!(small.settings.command().contains("--only"));
    });
}

#[test]
fn lists_of_steps_are_written_as_ranges() {
    let settings = Settings {
        only: Some([1, 2, 3, 7, 9, 10].into()),
        ..Settings::new(5, 60)
    };
    assert_eq!(
        settings.command(),
        "praline sim --seed 5 --steps 60 --only 1-3,7,9-10"
    );
}

/// For work on the simulator: seeds of `SIM_FROM..SIM_TO`.
#[test]
#[ignore = "a tool, not a test"]
fn try_seeds() {
    let number =
        |name: &str, otherwise| std::env::var(name).map_or(otherwise, |it| it.parse().unwrap());
    let keep_trace = std::env::var("SIM_TRACE").is_ok();
    for seed in number("SIM_FROM", 0)..number("SIM_TO", 10) {
        let start = std::time::Instant::now();
        let report = run(&Settings {
            keep_trace,
            ..Settings::new(seed, number("SIM_STEPS", STEPS))
        });
        println!("{report} in {:?} {:?}", start.elapsed(), report.faults);
        for line in &report.trace {
            println!("  {line}");
        }
        if report.violation.is_some() && std::env::var("SIM_SHRINK").is_ok() {
            let small = shrink(&report, 200);
            let again = run(&Settings {
                keep_trace: true,
                ..small.settings.clone()
            });
            println!("{again}");
            for line in &again.trace {
                println!("  {line}");
            }
        }
    }
}
