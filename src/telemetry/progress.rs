//! A bar for what takes long: how far, how fast. On a terminal it stays on one line.

use super::{Format, Printer, Target};
use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

/// The pause between two pictures of the bar.
const PAUSE: Duration = Duration::from_millis(500);
/// Characters of the bar.
const WIDTH: u64 = 30;

/// The progress of blocks, or of bytes alone, going into or out of a chain.
#[derive(Debug)]
pub struct Progress {
    printer: Printer,
    verb: &'static str,
    target: Target,
    total_bytes: u64,
    bytes: u64,
    blocks: u64,
    gas: u64,
    start: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// Starts a bar; `verb` begins its line, `total_bytes` is what there is to do (0: not known).
    pub fn new(printer: Printer, verb: &'static str, total_bytes: u64) -> Self {
        Self {
            printer,
            verb,
            target: Target::Stdout,
            total_bytes,
            bytes: 0,
            blocks: 0,
            gas: 0,
            start: Instant::now(),
            shown: None,
        }
    }

    /// The same on standard error, and nothing for programs: where standard output carries a result.
    pub fn aside(mut self) -> Self {
        self.target = Target::Stderr;
        self
    }

    /// So much more is done.
    pub fn advance(&mut self, bytes: u64, blocks: u64, gas: u64) {
        self.bytes += bytes;
        self.blocks += blocks;
        self.gas += gas;
        if self.shown.unwrap_or(self.start).elapsed() >= PAUSE {
            self.show();
        }
    }

    /// The last picture.
    pub fn finish(mut self) {
        self.show();
        if self.target == Target::Stderr {
            return;
        }
        self.printer.json(&serde_json::json!({
            "event": self.verb.to_lowercase(),
            "bytes": self.bytes,
            "blocks": self.blocks,
            "gas": self.gas,
            "milliseconds": u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
        }));
    }

    fn show(&mut self) {
        let is_terminal = match self.target {
            Target::Stdout => std::io::stdout().is_terminal(),
            Target::Stderr => std::io::stderr().is_terminal(),
        };
        let again = is_terminal && self.shown.is_some();
        self.shown = Some(Instant::now());
        if self.printer.format() == Format::Text {
            // Up one line and clear it.
            let back = if again { "\u{1b}[1A\u{1b}[2K" } else { "" };
            self.printer
                .print(self.target, format!("{back}{}", self.line()));
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn line(&self) -> String {
        let seconds = self.start.elapsed().as_secs_f64().max(0.001);
        let gas = if self.gas == 0 {
            String::new()
        } else {
            format!(", {:.1} Mgas/s", self.gas as f64 / 1e6 / seconds)
        };
        let rate = if self.blocks == 0 {
            let megabytes = self.bytes as f64 / 1e6;
            format!("{megabytes:.1} MB, {:.0} MB/s", megabytes / seconds)
        } else {
            let blocks = self.blocks as f64 / seconds;
            format!("{} blocks, {blocks:.0} blocks/s{gas}", self.blocks)
        };
        if self.total_bytes == 0 {
            return format!("{} {rate}", self.verb);
        }
        let done = self.bytes.min(self.total_bytes) * WIDTH / self.total_bytes;
        let bar: String = (0..WIDTH)
            .map(|at| if at < done { '#' } else { '-' })
            .collect();
        let percent = self.bytes.min(self.total_bytes) * 100 / self.total_bytes;
        format!("{} [{bar}] {percent:3}% {rate}", self.verb)
    }
}
