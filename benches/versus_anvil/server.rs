//! The targets: how each is started, found ready, weighed and stopped.

use crate::http::Connection;
use serde_json::{Value, json};
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A gas limit of blocks that lets `state_size` fill a state in few blocks; the same for all targets.
pub(crate) const GAS_LIMIT: u64 = 1_000_000_000;

/// The config of the cluster in processes, before its ports are replaced.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/chain-config/cluster.toml");

/// The two programs.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) anvil: PathBuf,
    pub(crate) praline: PathBuf,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Anvil,
    AnvilPruned,
    Single,
    Ephemeral,
    Three,
    Processes,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Anvil,
        Self::AnvilPruned,
        Self::Single,
        Self::Ephemeral,
        Self::Three,
        Self::Processes,
    ];

    /// Its name on the command line.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Anvil => "anvil",
            Self::AnvilPruned => "anvil-pruned",
            Self::Single => "single",
            Self::Ephemeral => "ephemeral",
            Self::Three => "three",
            Self::Processes => "processes",
        }
    }

    /// Its name in the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Anvil => "anvil",
            Self::AnvilPruned => "anvil, cancun, pruned",
            Self::Single => "praline, 1 node, durable",
            Self::Ephemeral => "praline, 1 node, in memory",
            Self::Three => "praline, 3 nodes, durable",
            Self::Processes => "praline, 3 processes, durable",
        }
    }

    /// Whether it is anvil.
    pub(crate) fn is_anvil(self) -> bool {
        matches!(self, Self::Anvil | Self::AnvilPruned)
    }

    fn nodes(self) -> u16 {
        if matches!(self, Self::Three | Self::Processes) {
            3
        } else {
            1
        }
    }
}

/// A running target.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) nodes: Vec<SocketAddr>,
    /// From the start of the process to the first answer.
    pub(crate) first_answer: Duration,
    /// From the start of the process to the first answer for which a leader is needed.
    pub(crate) leader: Duration,
    processes: Vec<Child>,
    _folder: TempDir,
}

impl Server {
    /// Starts a target in a new folder, on free ports, and waits until every node answers.
    pub(crate) async fn start(kind: Kind, programs: &Programs, data: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("praline-bench-")
            .tempdir_in(data)
            .unwrap();
        let port = free_ports(2 * kind.nodes());
        let commands = commands(kind, programs, folder.path(), port);
        let start = Instant::now();
        let processes: Vec<_> = commands
            .into_iter()
            .map(|command| spawn(command, folder.path()))
            .collect();
        let nodes: Vec<_> = (port..port + kind.nodes())
            .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
            .collect();
        first_answer(nodes[0], start, "eth_chainId").await;
        let first = start.elapsed();
        for node in &nodes {
            first_answer(*node, start, "eth_blockNumber").await;
        }
        Self {
            kind,
            nodes,
            first_answer: first,
            leader: start.elapsed(),
            processes,
            _folder: folder,
        }
    }

    /// A new connection; the connections of a cluster go to its nodes in turn.
    pub(crate) async fn connect(&self, number: usize) -> Connection {
        Connection::open(self.nodes[number % self.nodes.len()])
            .await
            .unwrap()
    }

    /// Resident memory of all its processes, in MiB.
    pub(crate) fn resident_mib(&self) -> f64 {
        let of = |child: &Child| {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id()?)).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        };
        self.processes.iter().filter_map(of).sum::<f64>() / 1024.0
    }

    /// Stops it.
    pub(crate) async fn stop(mut self) {
        for process in &mut self.processes {
            process.kill().await.unwrap();
        }
    }
}

fn commands(kind: Kind, programs: &Programs, folder: &Path, port: u16) -> Vec<Command> {
    let (port_text, gas_limit) = (port.to_string(), GAS_LIMIT.to_string());
    let one = |program: &PathBuf, args: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(["--port", &port_text, "--gas-limit", &gas_limit])
            .args(args);
        vec![command]
    };
    match kind {
        Kind::Anvil => one(&programs.anvil, &["--silent"]),
        Kind::AnvilPruned => one(
            &programs.anvil,
            &["--silent", "--hardfork", "cancun", "--prune-history"],
        ),
        Kind::Single => one(
            &programs.praline,
            &["--silent", "--nodes", "1", "--data-dir", "data"],
        ),
        Kind::Ephemeral => one(
            &programs.praline,
            &["--silent", "--nodes", "1", "--ephemeral"],
        ),
        Kind::Three => one(
            &programs.praline,
            &["--silent", "--nodes", "3", "--data-dir", "data"],
        ),
        Kind::Processes => {
            let mut config = fs::read_to_string(CONFIG).unwrap();
            config = config.replace(
                "gas_limit = 30_000_000",
                &format!("gas_limit = {GAS_LIMIT}"),
            );
            for step in 0..3 {
                config = config.replace(
                    &format!("127.0.0.1:{}\"", 8545 + step),
                    &format!("127.0.0.1:{}\"", port + step),
                );
                config = config.replace(
                    &format!("127.0.0.1:{}\"", 30545 + step),
                    &format!("127.0.0.1:{}\"", port + 3 + step),
                );
            }
            fs::write(folder.join("cluster.toml"), config).unwrap();
            let node = |number: u16| {
                let mut command = Command::new(&programs.praline);
                command.args([
                    "node",
                    "--config",
                    "cluster.toml",
                    "--silent",
                    "--node",
                    &format!("node{number}"),
                ]);
                command
            };
            (1..=3).map(node).collect()
        }
    }
}

fn spawn(mut command: Command, folder: &Path) -> Child {
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

async fn first_answer(node: SocketAddr, start: Instant, method: &str) -> Value {
    loop {
        if let Ok(mut connection) = Connection::open(node).await
            && let Ok(answer) = connection.call(method, json!([])).await
        {
            return answer;
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "no answer from {node}"
        );
        // The one place that waits by the clock: a connection that is refused tells nothing about when to try again.
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
}

fn free_ports(count: u16) -> u16 {
    let first = 12_000 + (std::process::id() % 10_000) as u16;
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    (first..31_000)
        .find(|first| (*first..first + count).all(is_free))
        .expect("free ports")
}
