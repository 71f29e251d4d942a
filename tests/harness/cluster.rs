//! A cluster of separate processes from a config in a temporary folder.

use super::{
    http::{CallError, Connection},
    ports::free_ports,
    process::{Ended, PATIENCE, Program, run},
};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Mutex,
    time::Instant,
};
use tempfile::TempDir;

/// What a test wants to be different from a plain cluster of three.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How many nodes.
    pub(crate) nodes: u8,
    /// More lines for `[cluster]`.
    pub(crate) cluster: &'static str,
    /// More lines for `[storage]`.
    pub(crate) storage: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodes: 3,
            cluster: "",
            storage: "",
        }
    }
}

/// A place of the config, with or without a process that fills it.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its name in the config.
    pub(crate) name: String,
    /// Where its RPC server listens.
    pub(crate) rpc: SocketAddr,
    folder: PathBuf,
    /// The file of its config, in the folder.
    config: String,
    program: Option<Program>,
    /// A program through which its own is started, and flags for that.
    through: (Vec<String>, Vec<String>),
    idle: Mutex<Vec<Connection>>,
}

/// Nodes that share a config. Its processes end with it.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The nodes, as in the config.
    pub(crate) nodes: Vec<Node>,
    folder: TempDir,
}

/// The identity of the `number`th member of a test's cluster: (secret key, public key) as the config writes them.
pub(crate) fn identity(number: u8) -> (String, String) {
    let secret = SigningKey::from_bytes(&[number + 1; 32]);
    let hex = |bytes: &[u8]| alloy::hex::encode(bytes);
    (
        hex(&secret.to_keypair_bytes()),
        hex(secret.verifying_key().as_bytes()),
    )
}

/// The text of a config.
pub(crate) fn config(options: &Options, first_port: u16) -> String {
    // A machine in its worst hour may take longer than the default for what is not a matter of time at all.
    let patient = match options.cluster {
        "" => "write_timeout_ms = 30000",
        own if own.contains("write_timeout_ms") => "",
        _ => "write_timeout_ms = 30000\n",
    };
    let mut text = format!(
        "[cluster]\n{patient}{}\n[chain]\nchain_id = 31337\n[accounts]\ncount = 10\nbalance_ether = 10000\n[storage]\n{}\n",
        options.cluster, options.storage
    );
    for number in 0..options.nodes {
        let (secret, public) = identity(number);
        let rpc = first_port + u16::from(number);
        let peer = rpc + u16::from(options.nodes);
        let name = number + 1;
        write!(
            text,
            "\n[[member]]\nname = \"node{name}\"\npeer = \"127.0.0.1:{peer}\"\nrpc = \"127.0.0.1:{rpc}\"\n\
             public_key = \"{public}\"\nsecret_key = \"{secret}\"\n"
        )
        .expect("writing to a string");
    }
    text
}

impl Cluster {
    /// A config for a cluster, and no process yet.
    pub(crate) fn planned(options: &Options) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("praline-test-")
            .tempdir()
            .expect("a temporary folder");
        let first = free_ports(2 * u16::from(options.nodes));
        fs::write(folder.path().join("cluster.toml"), config(options, first))
            .expect("the config is written");
        let nodes = (0..options.nodes)
            .map(|number| Node {
                name: format!("node{}", number + 1),
                rpc: SocketAddr::from(([127, 0, 0, 1], first + u16::from(number))),
                folder: folder.path().to_owned(),
                config: "cluster.toml".to_owned(),
                program: None,
                through: Default::default(),
                idle: Mutex::default(),
            })
            .collect();
        Self { nodes, folder }
    }

    /// A running cluster that has a leader, and survives the loss of it.
    pub(crate) async fn start(options: &Options) -> Self {
        Self::planned(options).started().await
    }

    /// The same with each node at an address of its own, started through another program.
    pub(crate) async fn start_at(options: &Options, places: Vec<(Ipv4Addr, Vec<String>)>) -> Self {
        let mut cluster = Self::planned(options);
        let file = cluster.folder().join("cluster.toml");
        let mut text = fs::read_to_string(&file).expect("the config is there");
        let count = u16::from(options.nodes);
        for (node, (address, program)) in cluster.nodes.iter_mut().zip(places) {
            for port in [node.rpc.port(), node.rpc.port() + count] {
                let theirs = format!("{address}:{port}");
                text = text.replace(&format!("127.0.0.1:{port}"), &theirs);
            }
            node.reach(SocketAddr::from((address, node.rpc.port())));
            let open = ["--host", "0.0.0.0", "--peer-host", "0.0.0.0"];
            node.through = (program, open.map(str::to_owned).to_vec());
        }
        fs::write(file, text).expect("the config is written");
        cluster.started().await
    }

    /// Starts all nodes of a plan.
    pub(crate) async fn started(mut self) -> Self {
        let cluster = &mut self;
        for node in &mut cluster.nodes {
            node.launch();
        }
        for node in &mut cluster.nodes {
            node.until_listening().await;
        }
        cluster.nodes[0].head().await;
        for node in &cluster.nodes {
            node.until_it_votes().await;
        }
        self
    }

    /// Adds a member with a new key, as a person would (`praline keys`, `praline member add`), asking the node at
    /// `asked`; its place. Its process is not started.
    pub(crate) async fn add(&mut self, name: &str, asked: usize) -> usize {
        let first = free_ports(2);
        let (rpc, peer) = (
            SocketAddr::from(([127, 0, 0, 1], first)),
            format!("127.0.0.1:{}", first + 1),
        );
        let (key, config) = (format!("{name}.key"), format!("{name}.toml"));
        let made = run(self.folder(), ["keys", "--out", &key]).await;
        assert!(made.status.success(), "{}", made.stderr);
        let url = format!("http://{}", self.nodes[asked].rpc);
        let (rpc_text, args) = (rpc.to_string(), ["member", "add", "--name", name]);
        let more = ["--peer", &peer, "--rpc", &rpc_text, "--out", &config];
        let place = ["--config", "cluster.toml", "--url", &url];
        let args = args.iter().chain(&more).chain(&place);
        let added = run(self.folder(), args).await;
        assert!(added.status.success(), "{}", added.stderr);
        self.nodes.push(Node {
            name: name.to_owned(),
            rpc,
            folder: self.folder().to_owned(),
            config,
            program: None,
            through: Default::default(),
            idle: Mutex::default(),
        });
        self.nodes.len() - 1
    }

    /// Three nodes.
    pub(crate) async fn three() -> Self {
        Self::start(&Options::default()).await
    }

    /// The folder of its config.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder of a node.
    pub(crate) fn data(&self, node: usize) -> PathBuf {
        self.folder().join(".praline").join(&self.nodes[node].name)
    }

    /// The nodes that have a process.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.program.is_some())
    }

    /// The place of the leader, as soon as a running node knows one that runs.
    pub(crate) async fn leader(&self) -> usize {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            for node in self.running() {
                let Ok(status) = node.call("cluster_status", json!([])).await else {
                    continue;
                };
                let leader = status["leader"]
                    .as_str()
                    .and_then(|name| self.nodes.iter().position(|node| node.name == name));
                if let Some(leader) = leader.filter(|leader| self.nodes[*leader].program.is_some())
                {
                    return leader;
                }
            }
        }
        panic!("no leader:\n{}", self.printed());
    }

    /// The place of a node that does not lead.
    pub(crate) async fn follower(&self) -> usize {
        (self.leader().await + 1) % self.nodes.len()
    }

    /// Asserts that all running nodes show the same head, with the same roots, and the same pool; gives the head.
    pub(crate) async fn agree(&self) -> Value {
        let mut first = None;
        for node in self.running() {
            let head = node
                .patient("eth_getBlockByNumber", json!(["latest", true]))
                .await;
            let pool = node.patient("txpool_content", json!([])).await;
            let (expected_head, expected_pool) =
                first.get_or_insert_with(|| (head.clone(), pool.clone()));
            assert_eq!(&head, expected_head, "{} has another head", node.name);
            assert_eq!(&pool, expected_pool, "{} has another pool", node.name);
        }
        first.expect("a node runs").0
    }

    /// What all processes printed, for reports.
    pub(crate) fn printed(&self) -> String {
        let of = |node: &Node| {
            node.program
                .as_ref()
                .map_or_else(String::new, Program::printed)
        };
        let parts: Vec<_> = self
            .nodes
            .iter()
            .map(|node| format!("===== {}\n{}", node.name, of(node)))
            .collect();
        parts.concat()
    }
}

impl Node {
    /// Has its process started by another program from now on.
    pub(crate) fn start_through(&mut self, program: &[&str]) {
        self.through.0 = program.iter().copied().map(str::to_owned).collect();
    }

    /// Starts its process: `praline node`.
    pub(crate) fn launch(&mut self) {
        self.launch_with(&[]);
    }

    /// Starts its process with more flags.
    pub(crate) fn launch_with(&mut self, flags: &[&str]) {
        let args = ["node", "--config", &self.config, "--node", &self.name];
        let (through, more) = &self.through;
        let more = more.iter().map(String::as_str);
        let args = args.into_iter().chain(flags.iter().copied()).chain(more);
        let program = Program::start_through(through, &self.folder, args, &[]);
        self.program = Some(program);
        self.idle = Mutex::default();
    }

    /// Waits until its server is open.
    pub(crate) async fn until_listening(&mut self) {
        self.program().until_printed("Listening on", 1).await;
    }

    /// Speaks from now on to whatever listens at an address, be it started by a test itself.
    pub(crate) fn reach(&mut self, rpc: SocketAddr) {
        self.rpc = rpc;
        self.idle = Mutex::default();
    }

    /// Starts it again and waits until its server is open.
    pub(crate) async fn restart(&mut self) {
        self.launch();
        self.until_listening().await;
    }

    /// Its process.
    pub(crate) fn program(&mut self) -> &mut Program {
        self.program.as_mut().expect("the node runs")
    }

    /// Kills it as a crash would.
    pub(crate) async fn kill(&mut self) {
        let program = self.program.take().expect("the node runs");
        program.kill().await;
    }

    /// Waits for its own end.
    pub(crate) async fn ended(&mut self) -> Ended {
        self.program.take().expect("the node runs").ended().await
    }

    /// Stops it as a person would.
    pub(crate) async fn stop(&mut self) -> Ended {
        self.program().signal("TERM");
        self.ended().await
    }

    /// Waits until the node counts in elections: one that came late has to get everything first.
    pub(crate) async fn until_it_votes(&self) {
        let start = Instant::now();
        while self.ask("cluster_votes", json!([])).await != Value::Bool(true) {
            assert!(start.elapsed() < PATIENCE, "{} does not vote", self.name);
        }
    }

    /// Whether it has a process.
    pub(crate) fn is_running(&self) -> bool {
        self.program.is_some()
    }

    /// Calls a method, once.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let idle = self.idle.lock().expect("no panic while locked").pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(self.rpc).await?,
        };
        let answer = connection.call(method, params).await;
        if !matches!(answer, Err(CallError::Connection(_))) {
            self.idle
                .lock()
                .expect("no panic while locked")
                .push(connection);
        }
        answer
    }

    /// Calls a method that must succeed.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        match self.call(method, params.clone()).await {
            Ok(result) => result,
            Err(error) => panic!(
                "{} {method} {params}: {error}\n{}",
                self.name,
                self.printed()
            ),
        }
    }

    /// Reads, again as long as the answer is that there is no leader yet. Only for reads.
    pub(crate) async fn patient(&self, method: &str, params: Value) -> Value {
        let start = Instant::now();
        loop {
            match self.call(method, params.clone()).await {
                Ok(result) => return result,
                Err(error) if error.code() == Some(-32005) && start.elapsed() < PATIENCE => {}
                Err(error) => panic!(
                    "{} {method} {params}: {error}\n{}",
                    self.name,
                    self.printed()
                ),
            }
        }
    }

    /// The newest block.
    pub(crate) async fn head(&self) -> Value {
        self.patient("eth_getBlockByNumber", json!(["latest", false]))
            .await
    }

    /// The balance of an account.
    pub(crate) async fn balance(&self, address: &str) -> u128 {
        quantity(
            &self
                .patient("eth_getBalance", json!([address, "latest"]))
                .await,
        )
    }

    fn printed(&self) -> String {
        self.program
            .as_ref()
            .map_or_else(String::new, Program::printed)
    }
}

/// A JSON-RPC quantity as a number.
pub(crate) fn quantity(value: &Value) -> u128 {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    digits
        .and_then(|digits| u128::from_str_radix(digits, 16).ok())
        .unwrap_or_else(|| panic!("{value} is no quantity"))
}
