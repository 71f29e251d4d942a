//! One process of the program under test: started on its arguments, its lines kept and waited for, never left behind.

use std::{
    ffi::OsStr,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

/// How long anything may take that is not itself measured, in this machine's worst hour.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
struct Output {
    stdout: String,
    stderr: String,
}

/// A running (or ended) program.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    output: Arc<Mutex<Output>>,
    changed: watch::Receiver<u64>,
    readers: Vec<JoinHandle<()>>,
}

/// What a program came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// Starts the program under test in a folder, without any `PRALINE_…` variable of the outside.
    pub(crate) fn start<A: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = A>) -> Self {
        Self::start_with(folder, args, &[])
    }

    /// As [`Program::start`], with environment variables.
    pub(crate) fn start_with<A: AsRef<OsStr>>(
        folder: &Path,
        args: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
    ) -> Self {
        Self::start_through(&[], folder, args, environment)
    }

    /// The same through another program, which becomes it: its name and its arguments.
    pub(crate) fn start_through<A: AsRef<OsStr>>(
        through: &[String],
        folder: &Path,
        args: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
    ) -> Self {
        let own = env!("CARGO_BIN_EXE_praline");
        let mut command = match through {
            [] => Command::new(own),
            [program, first @ ..] => {
                let mut command = Command::new(program);
                command.args(first).arg(own);
                command
            }
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PRALINE") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(args)
            .envs(environment.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let output = Arc::new(Mutex::new(Output::default()));
        let (tell, changed) = watch::channel(0);
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let readers = vec![
            tokio::spawn(keep_lines(
                stdout,
                Arc::clone(&output),
                |output| &mut output.stdout,
                tell.clone(),
            )),
            tokio::spawn(keep_lines(
                stderr,
                Arc::clone(&output),
                |output| &mut output.stderr,
                tell,
            )),
        ];
        Self {
            child,
            output,
            changed,
            readers,
        }
    }

    /// What it has printed so far, for reports.
    pub(crate) fn printed(&self) -> String {
        let output = self.output.lock().expect("no panic while locked");
        format!(
            "--- stdout:\n{}--- stderr:\n{}",
            output.stdout, output.stderr
        )
    }

    /// Its standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.output
            .lock()
            .expect("no panic while locked")
            .stdout
            .clone()
    }

    /// Its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.output
            .lock()
            .expect("no panic while locked")
            .stderr
            .clone()
    }

    /// Waits until `count` lines of its output start with `start`.
    pub(crate) async fn until_printed(&mut self, start: &str, count: usize) {
        let output = Arc::clone(&self.output);
        let is_there = move |_: &u64| {
            let output = output.lock().expect("no panic while locked");
            output
                .stdout
                .lines()
                .filter(|line| line.starts_with(start))
                .count()
                >= count
        };
        let heard = matches!(
            timeout(PATIENCE, self.changed.wait_for(is_there)).await,
            Ok(Ok(_))
        );
        assert!(
            heard,
            "no {count} lines `{start}…` were printed:\n{}",
            self.printed()
        );
    }

    /// Sends a signal by name (`KILL`, `TERM`, `INT`, `STOP`, `CONT`).
    pub(crate) fn signal(&self, name: &str) {
        let Some(pid) = self.child.id() else { return };
        let status = std::process::Command::new("kill")
            .args([format!("-{name}"), pid.to_string()])
            .status();
        assert!(
            status.expect("`kill` is there").success(),
            "SIG{name} to {pid}"
        );
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let waited = timeout(PATIENCE, self.child.wait()).await.ok();
        let Some(status) = waited else {
            panic!("the program does not end:\n{}", self.printed());
        };
        let status = status.expect("a child can be waited for");
        for reader in self.readers.drain(..) {
            reader.await.expect("reading a pipe does not panic");
        }
        Ended {
            status,
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }

    /// Kills it as a crash would, and waits until it is gone.
    pub(crate) async fn kill(self) -> Ended {
        self.signal("KILL");
        self.ended().await
    }
}

async fn keep_lines(
    pipe: impl AsyncRead + Unpin,
    output: Arc<Mutex<Output>>,
    part: fn(&mut Output) -> &mut String,
    tell: watch::Sender<u64>,
) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        {
            let mut output = output.lock().expect("no panic while locked");
            let kept = part(&mut output);
            kept.push_str(&line);
            kept.push('\n');
        }
        tell.send_modify(|count| *count += 1);
    }
}

/// Runs the program to its end.
pub(crate) async fn run<A: AsRef<OsStr>>(
    folder: &Path,
    args: impl IntoIterator<Item = A>,
) -> Ended {
    Program::start(folder, args).ended().await
}
