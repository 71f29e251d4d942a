//! Makes a failing run smaller: leaves steps out as long as it goes on failing.
//!
//! Source: A. Zeller, R. Hildebrandt, *Simplifying and Isolating Failure-Inducing Input* (2002), without its second half.

use super::{Report, Settings, run};
use std::collections::BTreeSet;

/// A run with fewer steps that fails, too, found with at most `tries` runs.
pub fn shrink(failed: &Report, tries: usize) -> Report {
    let mut best = failed.clone();
    let mut steps: Vec<u64> = match &failed.settings.only {
        Some(only) => only.iter().copied().collect(),
        None => (1..=failed.settings.steps).collect(),
    };
    let mut left = tries;
    let mut part = steps.len().div_ceil(2);
    while part > 0 && left > 0 {
        let mut start = 0;
        let mut has_shrunk = false;
        while start < steps.len() && left > 0 {
            left -= 1;
            let end = (start + part).min(steps.len());
            let fewer: BTreeSet<u64> = steps[..start]
                .iter()
                .chain(&steps[end..])
                .copied()
                .collect();
            let report = run(&Settings {
                only: Some(fewer.clone()),
                ..failed.settings.clone()
            });
            if report.violation.is_some() {
                steps = fewer.into_iter().collect();
                best = report;
                has_shrunk = true;
            } else {
                start = end;
            }
        }
        if part > 1 {
            part = part.div_ceil(2);
        } else if !has_shrunk {
            break;
        }
    }
    best
}
