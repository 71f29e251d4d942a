//! Samples by target and measure, and the table made of their medians.

use crate::server::Kind;
use std::fmt::Write as _;

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

#[derive(Debug)]
struct Row {
    name: String,
    better: Better,
    samples: Vec<(Kind, f64)>,
}

/// All samples of a run.
#[derive(Debug)]
pub(crate) struct Report {
    kinds: Vec<Kind>,
    rows: Vec<Row>,
}

/// The `percent`th percentile, by nearest rank; sorts the samples.
pub(crate) fn percentile(samples: &mut [f64], percent: usize) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[(samples.len() * percent)
        .div_ceil(100)
        .clamp(1, samples.len())
        - 1]
}

impl Report {
    pub(crate) fn new(kinds: &[Kind]) -> Self {
        Self {
            kinds: kinds.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a sample of a measure.
    pub(crate) fn add(&mut self, kind: Kind, name: &str, better: Better, value: f64) {
        eprintln!("    {name}: {}", number(value));
        let row = if let Some(row) = self.rows.iter_mut().find(|row| row.name == name) {
            row
        } else {
            self.rows.push(Row {
                name: name.to_owned(),
                better,
                samples: Vec::new(),
            });
            self.rows.last_mut().expect("just pushed")
        };
        row.samples.push((kind, value));
    }

    fn median(row: &Row, kind: Kind) -> Option<f64> {
        let mut samples: Vec<_> = row
            .samples
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, value)| *value)
            .collect();
        (!samples.is_empty()).then(|| percentile(&mut samples, 50))
    }

    /// The table: the median of the rounds, and its ratio to anvil's default where that was measured too.
    pub(crate) fn markdown(&self) -> String {
        let mut table = String::from("| |");
        for kind in &self.kinds {
            write!(table, " {} |", kind.title()).unwrap();
        }
        write!(table, "\n|---|{}", "--:|".repeat(self.kinds.len())).unwrap();
        for row in &self.rows {
            let direction = if row.better == Better::Less {
                ""
            } else {
                " (more is better)"
            };
            write!(table, "\n| {}{direction} |", row.name).unwrap();
            let anvil = Self::median(row, Kind::Anvil);
            for kind in &self.kinds {
                match (Self::median(row, *kind), anvil) {
                    (Some(value), Some(anvil)) if *kind != Kind::Anvil && anvil > 0.0 => {
                        write!(table, " {} ({:.2}×) |", number(value), value / anvil).unwrap();
                    }
                    (Some(value), _) => write!(table, " {} |", number(value)).unwrap(),
                    (None, _) => table.push_str(" – |"),
                }
            }
        }
        table.push('\n');
        table
    }
}

fn number(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
