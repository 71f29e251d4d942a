//! Praline in the background: `--detach`, `praline instances list` and `stop`, as ganache has them.
//!
//! A detached program is this program again, in a process group of its own, its output in a file. It tells of itself in
//! a JSON file beside that, which it keeps locked as long as it runs: a file that nobody locks is left over from a crash,
//! whatever its process number has become since, and is removed by whoever sees it.
//! The files are in `$XDG_STATE_HOME/praline/instances`, by default `~/.local/state/praline/instances`.

use super::CliError;
use crate::{
    chain::accounts::mnemonic_from_entropy,
    cli::flags::InstancesAction,
    node::{INSTANCE_VARIABLE, Instance, clock},
    telemetry::{Format, Printer, Target},
};
use serde_json::json;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a detached program may take to get ready.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long it may take to stop after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// How much of its output is shown if it does not get ready, lines.
const SHOWN_LINES: usize = 20;

/// What can go wrong with a detached program.
#[derive(Debug, thiserror::Error)]
pub(super) enum InstanceError {
    #[error("there is no home folder to keep instances in: set XDG_STATE_HOME or HOME")]
    NoHome,
    #[error("cannot use `{}`: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the program did not get ready; it said:\n{0}")]
    NotReady(String),
    #[error("no instance named `{0}` is running; `praline instances list` shows those that are")]
    Unknown(String),
    #[error("the instance `{0}` could not be told to stop: {1}")]
    Signal(String, io::Error),
    #[error("the instance `{name}` (process {pid}) has not stopped; end it with `kill -9 {pid}`")]
    StillRunning { name: String, pid: u32 },
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> InstanceError {
    let path = path.to_owned();
    move |source| InstanceError::File { path, source }
}

/// The folder of the files, made if it is not there.
fn folder() -> Result<PathBuf, InstanceError> {
    let absolute = |name: &str| {
        let path = env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))
        .or_else(|| absolute("LOCALAPPDATA"))
        .ok_or(InstanceError::NoHome)?;
    let folder = state.join("praline").join("instances");
    fs::create_dir_all(&folder).map_err(file_error(&folder))?;
    Ok(folder)
}

/// Starts this program again with the same words, and returns once it is ready.
pub(super) fn detach(printer: &Printer) -> Result<(), CliError> {
    let folder = folder()?;
    let name = free_name(&folder)?;
    let (record, log) = (
        folder.join(format!("{name}.json")),
        folder.join(format!("{name}.log")),
    );
    let mut child = spawn(&record, &log)?;
    let start = Instant::now();
    loop {
        if Instance::read(&record).is_some() {
            let text = match printer.format() {
                Format::Json => json!({ "event": "detached", "name": name }).to_string(),
                Format::Text | Format::Quiet => name,
            };
            printer.print(Target::Stdout, text);
            return Ok(());
        }
        let ended = child.try_wait().map_err(file_error(&log))?;
        if ended.is_some() || start.elapsed() > START_LIMIT {
            // It may have ended already.
            let _ = child.kill();
            let said = fs::read_to_string(&log).unwrap_or_default();
            let _ = fs::remove_file(&log);
            return Err(InstanceError::NotReady(last_lines(&said)).into());
        }
        thread::sleep(PAUSE);
    }
}

fn spawn(record: &Path, log: &Path) -> Result<Child, InstanceError> {
    let program = env::current_exe().map_err(file_error(Path::new("praline")))?;
    let output = fs::File::create(log).map_err(file_error(log))?;
    let errors = output.try_clone().map_err(file_error(log))?;
    let mut command = Command::new(&program);
    command
        .args(env::args_os().skip(1))
        .env(INSTANCE_VARIABLE, record)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        // So that Ctrl-C in the terminal is not meant for it.
        command.process_group(0);
    }
    command.spawn().map_err(file_error(&program))
}

/// Whether this process is a detached program.
pub(super) fn is_instance() -> bool {
    env::var_os(INSTANCE_VARIABLE).is_some()
}

/// Two words that no running instance has.
fn free_name(folder: &Path) -> Result<String, CliError> {
    loop {
        let entropy: [u8; 16] = clock::random_bytes()?;
        let phrase = mnemonic_from_entropy(&entropy).unwrap_or_default();
        let name = phrase.split(' ').take(2).collect::<Vec<_>>().join("_");
        if !name.is_empty() && !folder.join(format!("{name}.json")).exists() {
            return Ok(name);
        }
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

/// `praline instances …`.
pub(super) fn run(action: &InstancesAction, printer: &Printer) -> Result<(), CliError> {
    let folder = folder()?;
    match action {
        InstancesAction::List(_) => list(&folder, printer),
        InstancesAction::Stop(flags) => stop(&folder, &flags.name, printer),
    }
    .map_err(CliError::from)
}

/// Those that run; what others left behind is removed.
fn running(folder: &Path) -> Result<Vec<(String, Instance)>, InstanceError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(file_error(folder))? {
        let path = entry.map_err(file_error(folder))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path
            .file_stem()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        match Instance::read(&path) {
            Some(instance) => found.push((name, instance)),
            None => Instance::remove_left_over(&path),
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

fn list(folder: &Path, printer: &Printer) -> Result<(), InstanceError> {
    let instances = running(folder)?;
    if printer.format() == Format::Json {
        for (name, instance) in &instances {
            let text = json!({
                "name": name,
                "pid": instance.pid,
                "version": instance.version,
                "startedAt": instance.started_at,
                "rpc": instance.rpc,
            });
            printer.print(Target::Stdout, text.to_string());
        }
        return Ok(());
    }
    if instances.is_empty() {
        printer.print(Target::Stdout, "No instance is running.");
        return Ok(());
    }
    let width = instances
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0)
        .max("NAME".len());
    printer.print(
        Target::Stdout,
        format!("{:width$}  {:>8}  {:>10}  RPC", "NAME", "PID", "UPTIME"),
    );
    let now = clock::now_seconds();
    for (name, instance) in &instances {
        let uptime = uptime(now.saturating_sub(instance.started_at));
        let rpc = instance.rpc.join(" ");
        printer.print(
            Target::Stdout,
            format!("{name:width$}  {:>8}  {uptime:>10}  {rpc}", instance.pid),
        );
    }
    Ok(())
}

fn uptime(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

fn stop(folder: &Path, name: &str, printer: &Printer) -> Result<(), InstanceError> {
    let instances = running(folder)?;
    let (_, instance) = instances
        .iter()
        .find(|(known, _)| known == name)
        .ok_or_else(|| InstanceError::Unknown(name.to_owned()))?;
    terminate(instance.pid).map_err(|error| InstanceError::Signal(name.to_owned(), error))?;
    let record = folder.join(format!("{name}.json"));
    let start = Instant::now();
    while Instance::read(&record).is_some() {
        if start.elapsed() > STOP_LIMIT {
            return Err(InstanceError::StillRunning {
                name: name.to_owned(),
                pid: instance.pid,
            });
        }
        thread::sleep(PAUSE);
    }
    Instance::remove_left_over(&record);
    // What it printed is of no more use; it may have gone already.
    let _ = fs::remove_file(folder.join(format!("{name}.log")));
    printer.text(format!("The instance `{name}` has stopped."));
    printer.json(&json!({ "event": "stopped", "name": name }));
    Ok(())
}

/// Asks a process to end, with the system's own command: the language has none without `unsafe`.
fn terminate(pid: u32) -> io::Result<()> {
    let mut command = if cfg!(windows) {
        let mut command = Command::new("taskkill");
        command.arg("/PID");
        command
    } else {
        let mut command = Command::new("kill");
        command.arg("-TERM");
        command
    };
    let output = command.arg(pid.to_string()).output()?;
    if output.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(said.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests;
