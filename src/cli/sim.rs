//! `praline sim`: simulated clusters, and the way to repeat what one of them found.

use super::{CliError, flags::SimFlags};
use crate::{
    sim::{Settings, run, shrink},
    telemetry::{Printer, Target},
};
use std::collections::BTreeSet;

/// Runs for making a failing one smaller.
const SHRINK_TRIES: usize = 300;

pub(super) fn simulate(flags: &SimFlags, printer: &Printer) -> Result<(), CliError> {
    let only = flags.only.as_deref().map(parse_only).transpose()?;
    let mut failed = 0;
    for seed in (flags.seed..).take(flags.count as usize) {
        let report = run(&Settings {
            only: only.clone(),
            keep_trace: flags.trace,
            ..Settings::new(seed, flags.steps)
        });
        for line in &report.trace {
            printer.print(Target::Stdout, line.clone());
        }
        printer.print(Target::Stdout, report.to_string());
        if report.violation.is_none() {
            continue;
        }
        failed += 1;
        if only.is_none() {
            let small = shrink(&report, SHRINK_TRIES);
            printer.print(Target::Stdout, format!("made smaller:\n{small}"));
        }
    }
    if failed == 0 {
        Ok(())
    } else {
        Err(CliError::Simulation {
            failed,
            tried: flags.count,
        })
    }
}

/// Numbers and ranges of numbers: `1,4-7`.
fn parse_only(text: &str) -> Result<BTreeSet<u64>, CliError> {
    let wrong = || CliError::Flag {
        flag: "--only",
        reason: format!("`{text}` is not a list of steps like `1,4-7`"),
    };
    let mut only = BTreeSet::new();
    for part in text.split(',') {
        let (start, end) = part.split_once('-').unwrap_or((part, part));
        let start: u64 = start.trim().parse().map_err(|_| wrong())?;
        let end: u64 = end.trim().parse().map_err(|_| wrong())?;
        if start == 0 || end < start || end - start > 1 << 20 {
            return Err(wrong());
        }
        only.extend(start..=end);
    }
    Ok(only)
}

#[cfg(test)]
mod tests;
