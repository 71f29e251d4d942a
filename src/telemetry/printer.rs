//! The one way out to stdout and stderr: a queue and a thread that writes.
//!
//! A harness may stop reading our stdout once it has seen `Listening on`; a blocking write would then stop the node,
//! and `println!` would panic when the pipe closes. So lines wait in a queue of [`QUEUE_LINES_MAX`]; what finds it
//! full is dropped and counted, and write errors are ignored. A file may get the same lines, each with its time.

use super::{style::Style, time::rfc_3339};
use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Lines that wait to be written; more are dropped.
const QUEUE_LINES_MAX: usize = 8192;

/// Bytes that go out in one write.
const BATCH_BYTES_MAX: usize = 64 * 1024;

/// How output looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people, and for harnesses that know anvil.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// Nothing at all.
    Quiet,
}

/// Where a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

enum Job {
    Line(Target, String),
    Flush(SyncSender<()>),
}

/// A handle to the output; cheap to clone.
#[derive(Clone)]
pub struct Printer {
    format: Format,
    style: Style,
    queue: SyncSender<Job>,
    dropped: Arc<AtomicU64>,
    /// Whether only the file gets lines.
    is_muted: bool,
}

impl fmt::Debug for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printer")
            .field("format", &self.format)
            .field("dropped", &self.dropped_lines())
            .finish_non_exhaustive()
    }
}

impl Printer {
    /// Starts the thread that writes to the process's own stdout and stderr.
    pub fn start(format: Format, style: Style) -> Self {
        Self::with_outputs(format, style, io::stdout(), io::stderr())
    }

    /// The same with a file to which everything is appended; where the format is quiet, the file gets the text that is
    /// not printed.
    pub fn start_with_file(format: Format, style: Style, path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let file: Option<Box<dyn Write + Send>> = Some(Box::new(file));
        Ok(match format {
            Format::Quiet => Self {
                is_muted: true,
                ..Self::with_file(Format::Text, style, io::sink(), io::stderr(), file)
            },
            format => Self::with_file(format, style, io::stdout(), io::stderr(), file),
        })
    }

    /// The same for other outputs.
    pub fn with_outputs(
        format: Format,
        style: Style,
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
    ) -> Self {
        Self::with_file(format, style, stdout, stderr, None)
    }

    pub(super) fn with_file(
        format: Format,
        style: Style,
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
        file: Option<Box<dyn Write + Send>>,
    ) -> Self {
        let (queue, jobs) = sync_channel(QUEUE_LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        // Without a thread there is no output, but the node works: the queue's receiver is gone then.
        let _ = thread::Builder::new()
            .name("printer".to_owned())
            .spawn(move || write_all(&jobs, stdout, stderr, file));
        Self {
            format,
            style,
            queue,
            dropped,
            is_muted: false,
        }
    }

    /// How output looks.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether text is coloured.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Lines that were dropped because nobody read fast enough.
    pub fn dropped_lines(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Prints text (a line break is added), whatever the format says.
    pub fn print(&self, target: Target, text: impl Into<String>) {
        match self.queue.try_send(Job::Line(target, text.into())) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Prints a text for people, unless the format is another.
    pub fn text(&self, text: impl Into<String>) {
        if self.format == Format::Text {
            self.print(Target::Stdout, text);
        }
    }

    /// Prints one JSON object, if the format is JSON.
    pub fn json(&self, object: &serde_json::Value) {
        if self.format == Format::Json {
            self.print(Target::Stdout, object.to_string());
        }
    }

    /// Something that the user should know and that stops nothing. One line: harnesses look for the word "Warning".
    pub fn warning(&self, sentence: &str) {
        match self.format {
            Format::Text => {
                let target = if self.is_muted {
                    Target::Stdout
                } else {
                    Target::Stderr
                };
                self.print(target, format!("Warning: {sentence}"));
            }
            Format::Json => {
                self.json(&serde_json::json!({ "event": "warning", "message": sentence }));
            }
            Format::Quiet => {}
        }
    }

    /// The failure that ends the program. Shown even with `--quiet`: an exit code alone explains nothing.
    pub fn error(&self, sentence: &str) {
        self.print(Target::Stderr, format!("Error: {sentence}"));
    }

    /// Waits until everything before is written, at most for `limit`.
    pub fn flush(&self, limit: Duration) {
        let (done, written) = sync_channel(1);
        if self.queue.try_send(Job::Flush(done)).is_ok() {
            // Nobody reads: then there is nobody to wait for.
            let _ = written.recv_timeout(limit);
        }
    }
}

fn write_all(
    jobs: &Receiver<Job>,
    mut stdout: impl Write,
    mut stderr: impl Write,
    mut file: Option<Box<dyn Write + Send>>,
) {
    let mut batch = Vec::with_capacity(BATCH_BYTES_MAX);
    while let Ok(first) = jobs.recv() {
        let mut next = Some(first);
        while let Some(job) = next.take() {
            if let (Some(file), Job::Line(_, text)) = (&mut file, &job) {
                put(file, &mut with_times(text));
            }
            match job {
                Job::Line(Target::Stdout, line) => {
                    batch.extend_from_slice(line.as_bytes());
                    batch.push(b'\n');
                }
                Job::Line(Target::Stderr, mut line) => {
                    put(&mut stdout, &mut batch);
                    line.push('\n');
                    // One write a line, so that a reader who looks at chunks sees whole lines.
                    put(&mut stderr, &mut line.into_bytes());
                }
                Job::Flush(done) => {
                    put(&mut stdout, &mut batch);
                    let _ = done.send(());
                }
            }
            if batch.len() < BATCH_BYTES_MAX {
                next = jobs.try_recv().ok();
            }
        }
        put(&mut stdout, &mut batch);
    }
}

/// Writes and empties the batch. An output that is closed is no reason to stop.
fn put(output: &mut impl Write, batch: &mut Vec<u8>) {
    if !batch.is_empty() {
        let _ = output.write_all(batch).and_then(|()| output.flush());
        batch.clear();
    }
}

/// The lines of a text without colours, each behind the time.
fn with_times(text: &str) -> Vec<u8> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let time = rfc_3339(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let plain = without_colors(text);
    let mut out = String::with_capacity(plain.len() + 32);
    for line in plain.split('\n') {
        out.push_str(&time);
        out.push(' ');
        out.push_str(line);
        out.push('\n');
    }
    out.into_bytes()
}

/// Leaves out ANSI's escape sequences (ECMA-48: `ESC [`, parameters, a letter).
fn without_colors(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        let end = after.find(|c: char| c.is_ascii_alphabetic());
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    out.push_str(rest);
    out
}
