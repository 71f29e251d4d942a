//! Dumps: `--state`, `--load-state`, `--dump-state`, `--state-interval`, `--preserve-historical-states`, and the way
//! to anvil and back.

use crate::harness::{Cluster, Connection, Program, free_ports};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

const SOMEBODY: &str = "0x00000000000000000000000000000000000000aa";
const CONTRACT: &str = "0x00000000000000000000000000000000000c0de0";
const FIRST: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
/// Stores the first word of its input at slot 0 and logs it.
const CODE: &str = "0x5f35805f555f5fa100";
const PATIENCE: Duration = Duration::from_mins(1);

/// The anvil that the client suites install.
fn anvil_binary() -> Option<PathBuf> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node_modules");
    let binary = modules.join("@foundry-rs/anvil-linux-amd64/bin/anvil");
    if !binary.exists() {
        eprintln!(
            "no anvil (`npm ci` in tests/clients installs it): this half of the test is left out"
        );
        return None;
    }
    Some(binary)
}

/// A chain on one port, ours or anvil's.
struct Chain {
    connection: Connection,
}

impl Chain {
    async fn at(port: u16) -> Self {
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        let start = Instant::now();
        loop {
            if let Ok(mut connection) = Connection::open(address).await
                && connection.call("eth_chainId", json!([])).await.is_ok()
            {
                return Self { connection };
            }
            assert!(start.elapsed() < PATIENCE, "nothing listens at {port}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        let answer = self.connection.call(method, params.clone()).await;
        answer.unwrap_or_else(|error| panic!("{method} {params}: {error}"))
    }

    /// Blocks with transfers, calls that log, and cheats between them.
    async fn live(&mut self) {
        self.call("anvil_setCode", json!([CONTRACT, CODE])).await;
        for value in 1..=3 {
            let input = format!("{value:#066x}");
            for request in [
                json!([{"from": FIRST, "to": SOMEBODY, "value": format!("{value:#x}")}]),
                json!([{"from": FIRST, "to": CONTRACT, "input": input, "gas": "0x186a0"}]),
            ] {
                self.call("eth_sendTransaction", request).await;
            }
        }
        self.call("anvil_impersonateAccount", json!([SOMEBODY]))
            .await;
        let rich = json!([SOMEBODY, "0xde0b6b3a7640000"]);
        self.call("anvil_setBalance", rich).await;
        let create = json!([{"from": SOMEBODY, "input": "0x5f5f5500", "gas": "0x186a0"}]);
        self.call("eth_sendTransaction", create).await;
        self.call("evm_mine", json!([])).await;
    }

    /// What must be the same after a load, beside what only the historical states bring.
    async fn seen(&mut self, historical: bool) -> Vec<Value> {
        let mut seen = Vec::new();
        let latest = self.call("eth_blockNumber", json!([])).await;
        for (method, params) in [
            ("eth_getBalance", json!([SOMEBODY, "latest"])),
            ("eth_getTransactionCount", json!([FIRST, "latest"])),
            ("eth_getCode", json!([CONTRACT, "latest"])),
            ("eth_getStorageAt", json!([CONTRACT, "0x0", "latest"])),
            (
                "eth_getLogs",
                json!([{"fromBlock": "0x0", "toBlock": latest}]),
            ),
        ] {
            seen.push(self.call(method, params).await);
        }
        for number in 0..=8 {
            let id = format!("{number:#x}");
            let block = self.call("eth_getBlockByNumber", json!([id, false])).await;
            for field in [
                "hash",
                "parentHash",
                "stateRoot",
                "transactionsRoot",
                "receiptsRoot",
                "timestamp",
                "gasUsed",
                "baseFeePerGas",
            ] {
                seen.push(block[field].clone());
            }
            let receipts = self.call("eth_getBlockReceipts", json!([id])).await;
            // anvil has none for its first block.
            for receipt in receipts.as_array().into_iter().flatten() {
                for field in [
                    "blockHash",
                    "from",
                    "to",
                    "status",
                    "gasUsed",
                    "contractAddress",
                    "logs",
                    "cumulativeGasUsed",
                ] {
                    seen.push(receipt[field].clone());
                }
            }
            if historical {
                seen.push(self.call("eth_getBalance", json!([SOMEBODY, id])).await);
                seen.push(
                    self.call("eth_getStorageAt", json!([CONTRACT, "0x0", id]))
                        .await,
                );
                let call = json!([{"to": CONTRACT, "input": "0x"}, id]);
                seen.push(self.call("eth_call", call).await);
            }
        }
        seen
    }

    async fn head(&mut self) -> Value {
        let block = self
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await;
        block["hash"].clone()
    }

    /// That the chain goes on as a chain should.
    async fn goes_on(&mut self) {
        let before = self
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await;
        let send = json!([{"from": FIRST, "to": SOMEBODY, "value": "0x1"}]);
        // anvil may answer `eth_sendTransaction` before there is a receipt.
        let receipt = self.call("eth_sendTransactionSync", send).await;
        assert_eq!(receipt["status"], "0x1");
        let after = self
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await;
        assert_eq!(after["parentHash"], before["hash"]);
    }
}

struct Anvil {
    child: Child,
    chain: Chain,
}

impl Anvil {
    async fn start(binary: &Path, folder: &TempDir, flags: &[&str]) -> Self {
        let port = free_ports(1);
        let child = Command::new(binary)
            .args(["--port", &port.to_string(), "--quiet"])
            .args(flags)
            .current_dir(folder)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            child,
            chain: Chain::at(port).await,
        }
    }

    async fn stop(mut self) {
        let pid = self.child.id().unwrap().to_string();
        std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap();
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap();
    }
}

/// Three nodes in a process, with flags.
async fn praline(folder: &TempDir, flags: &[&str]) -> (Program, Chain) {
    let port = free_ports(3);
    let (text, nodes) = (port.to_string(), ["--nodes", "3", "--ephemeral", "--port"]);
    let args = nodes
        .iter()
        .copied()
        .chain([&*text])
        .chain(flags.iter().copied());
    let mut program = Program::start(folder.path(), args);
    program.until_printed("Listening on", 1).await;
    // The last node: it did not load the dump itself.
    (program, Chain::at(port + 2).await)
}

async fn stop(program: Program) -> String {
    program.signal("INT");
    let ended = program.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    ended.stdout
}

/// ganache's users (hardhat#4517) and anvil's (foundry#3665) want the chain to be there after a restart; foundry#11367:
/// whole.
#[tokio::test]
async fn the_state_file_carries_the_chain_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--state", "chain.json", "--preserve-historical-states"];
    let (program, mut chain) = praline(&folder, &flags).await;
    chain.live().await;
    let seen = chain.seen(true).await;
    let stdout = stop(program).await;
    assert!(
        stdout.contains("Dumped the chain to `chain.json`"),
        "{stdout}"
    );
    let first = fs::read(folder.path().join("chain.json")).unwrap();
    let (program, mut chain) = praline(&folder, &flags).await;
    assert!(
        program.stdout().contains("Loaded 9 blocks and"),
        "{}",
        program.stdout()
    );
    assert_eq!(chain.seen(true).await, seen);
    stop(program).await;
    let second = fs::read(folder.path().join("chain.json")).unwrap();
    assert!(
        first == second,
        "a dump of the same chain has the same bytes"
    );
    let (program, mut chain) = praline(&folder, &flags).await;
    chain.goes_on().await;
    program.kill().await;
    // What was killed has dumped nothing and broken nothing.
    assert!(fs::read(folder.path().join("chain.json")).unwrap() == first);
}

#[tokio::test]
async fn a_dump_is_written_every_so_often_and_loaded_where_there_is_no_chain_yet() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--dump-state", "dumps", "--state-interval", "1"];
    fs::create_dir(folder.path().join("dumps")).unwrap();
    let (program, mut chain) = praline(&folder, &flags).await;
    chain.live().await;
    let head = chain.head().await;
    let path = folder.path().join("dumps/state.json");
    let start = Instant::now();
    let is_there = |head: &Value| {
        let json = fs::read(&path).unwrap_or_default();
        let dump: Value = serde_json::from_slice(&json).unwrap_or_default();
        let blocks = dump["blocks"].as_array().map_or(0, Vec::len);
        head.is_string() && blocks == 9
    };
    while !is_there(&head) {
        assert!(start.elapsed() < PATIENCE, "no dump of the whole chain");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    program.kill().await;
    let (program, mut chain) = praline(&folder, &["--load-state", "dumps"]).await;
    assert_eq!(chain.head().await, head);
    chain.goes_on().await;
    stop(program).await;
    for (flags, sentence) in [
        (
            ["--load-state", "nothing"],
            "cannot read the dump `nothing`",
        ),
        (
            ["--load-state", "wrong.json"],
            "the dump `wrong.json` was not loaded: the dump cannot be read",
        ),
    ] {
        fs::write(folder.path().join("wrong.json"), "{}").unwrap();
        let port = free_ports(1).to_string();
        let args = ["--nodes", "1", "--ephemeral", "--port", &port];
        let ended = Program::start(folder.path(), args.iter().chain(&flags))
            .ended()
            .await;
        assert_eq!(ended.status.code(), Some(1));
        assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_chain_that_goes_on_is_not_overwritten_by_a_dump() {
    let folder = tempfile::tempdir().unwrap();
    let (program, mut chain) = praline(&folder, &["--dump-state", "dump.json"]).await;
    chain.live().await;
    stop(program).await;
    let port = free_ports(3).to_string();
    let args = [
        "--nodes",
        "3",
        "--port",
        &port,
        "--db",
        "data",
        "--load-state",
        "dump.json",
    ];
    let mut heads = Vec::new();
    for _ in 0..2 {
        let mut program = Program::start(folder.path(), args);
        program.until_printed("Listening on", 1).await;
        let mut chain = Chain::at(port.parse().unwrap()).await;
        heads.push(chain.head().await);
        chain.goes_on().await;
        heads.push(chain.head().await);
        let ended = {
            program.signal("INT");
            program.ended().await
        };
        let warned = ended
            .stderr
            .contains("was not loaded: the data folder holds a chain");
        assert_eq!(warned, heads.len() > 2, "{}", ended.stderr);
    }
    assert_eq!(heads[1], heads[2]);
}

/// The format is anvil's: what it dumps is loaded here, and what is dumped here is loaded by it.
#[tokio::test]
async fn dumps_go_to_anvil_and_back() {
    let Some(binary) = anvil_binary() else { return };
    let folder = tempfile::tempdir().unwrap();
    let dump = ["--dump-state", "anvil.json", "--preserve-historical-states"];
    let mut anvil = Anvil::start(&binary, &folder, &dump).await;
    anvil.chain.live().await;
    let seen = anvil.chain.seen(true).await;
    let by_call = anvil.chain.call("anvil_dumpState", json!([true])).await;
    anvil.stop().await;

    // Into a cluster, from the file and by a call.
    let flags = [
        "--load-state",
        "anvil.json",
        "--dump-state",
        "praline.json",
        "--preserve-historical-states",
    ];
    let (program, mut chain) = praline(&folder, &flags).await;
    assert_eq!(chain.seen(true).await, seen);
    let (other, mut chain) = praline(&folder, &[]).await;
    chain.call("anvil_loadState", json!([by_call])).await;
    assert_eq!(chain.seen(true).await, seen);
    let by_call = chain.call("anvil_dumpState", json!([true])).await;
    chain.goes_on().await;
    stop(other).await;
    stop(program).await;

    // And back again.
    let mut anvil = Anvil::start(&binary, &folder, &["--load-state", "praline.json"]).await;
    assert_eq!(anvil.chain.seen(true).await, seen);
    anvil.chain.goes_on().await;
    anvil.stop().await;
    let mut anvil = Anvil::start(&binary, &folder, &[]).await;
    anvil.chain.call("anvil_loadState", json!([by_call])).await;
    assert_eq!(anvil.chain.seen(true).await, seen);
    anvil.stop().await;

    // A chain of our own.
    let (program, mut chain) = praline(
        &folder,
        &["--dump-state", "own.json", "--preserve-historical-states"],
    )
    .await;
    chain.live().await;
    let seen = chain.seen(true).await;
    stop(program).await;
    let mut anvil = Anvil::start(&binary, &folder, &["--load-state", "own.json"]).await;
    assert_eq!(anvil.chain.seen(true).await, seen);
    anvil.chain.goes_on().await;
    anvil.stop().await;
}

/// foundry#9562: loading a large state takes the memory of the machine. A dump of many accounts, in several entries.
#[tokio::test]
async fn a_dump_larger_than_an_entry_of_the_log_is_loaded_on_every_node() {
    let cluster = Cluster::three().await;
    let mut accounts = serde_json::Map::new();
    for number in 1..=30_000_u32 {
        let storage: serde_json::Map<_, _> = (0..3)
            .map(|slot| {
                (
                    format!("{slot:#066x}"),
                    json!(format!("{:#066x}", number + slot)),
                )
            })
            .collect();
        let account = json!({"nonce": 1, "balance": format!("{number:#x}"), "code": "0x", "storage": storage});
        accounts.insert(
            format!("{:#042x}", 0xacc0_0000_0000_u64 + u64::from(number)),
            account,
        );
    }
    let dump = json!({"block": null, "accounts": accounts}).to_string();
    let hex = alloy::hex::encode_prefixed(&dump);
    let node = &cluster.nodes[cluster.follower().await];
    assert_eq!(node.ask("anvil_loadState", json!([hex])).await, true);
    for node in &cluster.nodes {
        for number in [1_u64, 15_000, 30_000] {
            let address = format!("{:#042x}", 0xacc0_0000_0000_u64 + number);
            assert_eq!(node.balance(&address).await, u128::from(number));
            let slot = node.ask("eth_getStorageAt", json!([address, "0x2"])).await;
            assert_eq!(slot, format!("{:#066x}", number + 2));
        }
    }
    node.ask("evm_mine", json!([])).await;
    cluster.agree().await;
}
