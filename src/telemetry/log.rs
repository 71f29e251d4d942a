//! Tracing: what the program says about its own work, beside the output that users asked for.
//!
//! It goes to stdout through the [`Printer`], never to stderr, where harnesses take it for a failed start. `RUST_LOG`
//! decides what is said; without it, `-v` does; without both, warnings of this program and errors of its libraries.

use super::printer::{Format, Printer, Target};
use std::io;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Starts it for the whole process; a second call changes nothing.
pub fn start_tracing(printer: &Printer, verbosity: u8) {
    if printer.format() == Format::Quiet {
        return;
    }
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(default_directives(verbosity)));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines(printer.clone()))
        .with_ansi(printer.style().is_colored());
    // Fails only if a subscriber is there already, which then serves.
    let _ = match printer.format() {
        Format::Json => builder.json().flatten_event(true).try_init(),
        Format::Text | Format::Quiet => builder.try_init(),
    };
}

/// What `-v`, `-vv`, … ask for.
fn default_directives(verbosity: u8) -> &'static str {
    match verbosity {
        0 => "error,praline=warn",
        1 => "warn,praline=info",
        // More of it shows executions: traces of transactions and calls.
        _ => "info,praline=debug",
    }
}

/// Makes a writer an event, which sends its line when the event is complete.
#[derive(Clone, Debug)]
struct Lines(Printer);

/// One event's text.
#[derive(Debug)]
struct Line {
    printer: Printer,
    text: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line {
            printer: self.0.clone(),
            text: Vec::new(),
        }
    }
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        let text = text.trim_end();
        if !text.is_empty() {
            self.printer.print(Target::Stdout, text);
        }
    }
}
