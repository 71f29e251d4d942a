#![allow(clippy::unwrap_used)]

use super::{printer::Format, *};
use crate::{
    chain::block::BlockRecord,
    config::{ClusterConfig, Overrides},
};
use alloy::{consensus::Header, primitives::B256};
use std::{
    ffi::OsStr,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

/// An output that remembers its writes one by one.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<String>>>);

impl Memory {
    fn text(&self) -> String {
        self.0.lock().unwrap().concat()
    }
    fn writes(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap()
            .push(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An output whose reader has gone.
#[derive(Debug)]
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn printer(format: Format) -> (Printer, Memory, Memory) {
    let (stdout, stderr) = (Memory::default(), Memory::default());
    let printer = Printer::with_outputs(format, Style::default(), stdout.clone(), stderr.clone());
    (printer, stdout, stderr)
}

fn rows() -> Vec<NodeRow> {
    vec![
        NodeRow {
            name: "node1".to_owned(),
            rpc: "127.0.0.1:8545".parse().unwrap(),
            peer: Some("127.0.0.1:30545".parse().unwrap()),
        },
        NodeRow {
            name: "node2".to_owned(),
            rpc: "127.0.0.1:8546".parse().unwrap(),
            peer: Some("127.0.0.1:30546".parse().unwrap()),
        },
    ]
}

fn config() -> ClusterConfig {
    let overrides = Overrides {
        accounts: Some(2),
        timestamp: Some(1_700_000_000),
        ..Overrides::default()
    };
    ClusterConfig::generate(&[[1; 32], [2; 32]], 8545, &overrides).unwrap()
}

fn print_banner(format: Format) -> (String, String) {
    let (printer, stdout, stderr) = printer(format);
    let (config, rows) = (config(), rows());
    Banner {
        config: &config,
        nodes: &rows,
        data: &DataPlace::Memory,
    }
    .print(&printer);
    printer.flush(Duration::from_secs(5));
    (stdout.text(), stderr.text())
}

/// alloy's `node-bindings` read anvil's banner like this, line by line.
fn read_as_alloy_does(banner: &str) -> (Vec<String>, Option<u64>, Option<String>) {
    let (mut keys, mut chain_id) = (Vec::new(), None);
    let (mut is_in_keys, mut lines) = (false, banner.lines());
    while let Some(line) = lines.next() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("Listening on ") {
            return (keys, chain_id, Some(address.to_owned()));
        }
        if line.starts_with("Private Keys") {
            is_in_keys = true;
        }
        if is_in_keys && line.starts_with('(') {
            keys.push(line.split_once("0x").unwrap().1.to_owned());
        }
        if line.starts_with("Chain ID") {
            lines.next();
            lines.next();
            chain_id = lines.next().and_then(|line| line.trim().parse().ok());
        }
    }
    (keys, chain_id, None)
}

#[test]
fn harnesses_find_keys_chain_id_and_address_in_the_banner() {
    let (stdout, stderr) = print_banner(Format::Text);
    let (keys, chain_id, address) = read_as_alloy_does(&stdout);
    assert_eq!(
        keys,
        [
            "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
            "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        ]
    );
    assert_eq!(chain_id, Some(31_337));
    assert_eq!(address.as_deref(), Some("127.0.0.1:8545"));
    assert!(stdout.ends_with("\nListening on 127.0.0.1:8545\nListening on 127.0.0.1:8546\n"));
    assert_eq!(stderr, "");
}

#[test]
fn the_sections_are_anvils() {
    let (config, rows) = (config(), rows());
    let banner = Banner {
        config: &config,
        nodes: &rows,
        data: &DataPlace::Memory,
    };
    let text = banner.text(Style::default());
    let sections = text.split_once("Available Accounts").unwrap().1;
    assert_eq!(
        sections,
        "
==================

(0) 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 (10000.000000000000000000 ETH)
(1) 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 (10000.000000000000000000 ETH)

Private Keys
==================

(0) 0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80
(1) 0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d

Wallet
==================
Mnemonic:          test test test test test test test test test test test junk
Derivation path:   m/44'/60'/0'/0/


Chain ID
==================

31337

Base Fee
==================

1000000000

Gas Limit
==================

30000000

Genesis Timestamp
==================

1700000000

Genesis Number
==================

0

Nodes
==================

node1  http://127.0.0.1:8545  ws://127.0.0.1:8545  peers at 127.0.0.1:30545  voter
node2  http://127.0.0.1:8546  ws://127.0.0.1:8546  peers at 127.0.0.1:30546  voter

Data:   in memory
Config: the generated cluster
"
    );
    assert!(!text.contains('\u{1b}'));
    let always = Style::choose(ColorChoice::Always, None, false);
    assert!(
        banner
            .text(always)
            .contains("\u{1b}[32mPrivate Keys\u{1b}[0m")
    );
}

#[test]
fn quiet_prints_nothing_and_json_one_object_a_line() {
    assert_eq!(print_banner(Format::Quiet), (String::new(), String::new()));
    let (stdout, _) = print_banner(Format::Json);
    let lines: Vec<serde_json::Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["event"], "started");
    assert_eq!(
        lines[2],
        serde_json::json!({ "event": "listening", "node": "node2", "address": "127.0.0.1:8546" })
    );
}

#[test]
fn a_warning_is_one_write_with_the_word_that_harnesses_look_for() {
    let (text, stdout, stderr) = printer(Format::Text);
    text.warning("first");
    text.warning("second");
    text.flush(Duration::from_secs(5));
    assert_eq!(stderr.writes(), ["Warning: first\n", "Warning: second\n"]);
    assert_eq!(stdout.text(), "");
    let (quiet, _, stderr) = printer(Format::Quiet);
    quiet.warning("first");
    quiet.error("last");
    quiet.flush(Duration::from_secs(5));
    assert_eq!(stderr.text(), "Error: last\n");
}

#[test]
fn requests_and_blocks_are_said_in_anvils_words() {
    let (printer, stdout, _) = printer(Format::Text);
    printer.request(None, "eth_chainId");
    printer.request(Some("node2"), "evm_mine");
    printer.console(Some("node2"), "said by a contract");
    let block = Arc::new(BlockRecord {
        header: Header {
            number: 7,
            timestamp: 1_795_304_708,
            ..Header::default()
        },
        hash: B256::repeat_byte(2),
        transactions: Vec::new(),
        ommers: Vec::new(),
        withdrawals: None,
        receipts: Vec::new(),
        version: 1,
    });
    printer.block(&block, &std::collections::BTreeMap::new());
    printer.removed(&[block]);
    printer.flush(Duration::from_secs(5));
    let hash = "02".repeat(32);
    assert_eq!(
        stdout.text(),
        format!(
            "eth_chainId\nnode2 evm_mine\nsaid by a contract\n\n    Block Number: 7\n    Block Hash: 0x{hash}\n    Block Time: \"Sat, 21 Nov 2026 \
             23:45:08 +0000\"\n\n\n    Blocks removed: 7 to 7\n\n"
        )
    );
}

#[test]
fn nobody_listening_is_no_reason_to_stop() {
    let printer = Printer::with_outputs(Format::Text, Style::default(), Closed, Closed);
    for _ in 0..100_000 {
        printer.text("x");
    }
    printer.error("y");
    printer.flush(Duration::from_secs(5));
}

#[test]
fn a_reader_that_has_stopped_costs_lines_and_nothing_else() {
    #[derive(Debug)]
    struct Stuck;
    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            loop {
                std::thread::park();
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let printer = Printer::with_outputs(Format::Text, Style::default(), Stuck, io::sink());
    for _ in 0..100_000 {
        printer.text("x");
    }
    assert!(printer.dropped_lines() > 0);
    printer.flush(Duration::from_millis(10));
}

#[test]
fn colour_follows_the_flag_then_no_color_then_the_terminal() {
    let set = Some(OsStr::new("1"));
    for (choice, no_color, is_terminal, expected) in [
        (ColorChoice::Auto, None, true, true),
        (ColorChoice::Auto, None, false, false),
        (ColorChoice::Auto, set, true, false),
        (ColorChoice::Auto, Some(OsStr::new("")), true, true),
        (ColorChoice::Always, set, false, true),
        (ColorChoice::Never, None, true, false),
    ] {
        assert_eq!(
            Style::choose(choice, no_color, is_terminal).is_colored(),
            expected
        );
    }
}

#[test]
fn config_out_has_anvils_keys() {
    let json = config_out(&config(), &rows());
    assert_eq!(
        json["available_accounts"][0],
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    );
    assert_eq!(
        json["private_keys"][1],
        "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
    );
    assert_eq!(json["wallet"]["derivation_path"], "m/44'/60'/0'/0/");
    assert_eq!(json["base_fee"], "1000000000");
    assert_eq!(json["gas_limit"], "30000000");
    assert_eq!(json["genesis_timestamp"], "1700000000");
    assert_eq!(json["nodes"][1]["rpc"], "http://127.0.0.1:8546");
}

#[test]
fn failures_and_bodies_are_shown_without_what_a_terminal_obeys() {
    let (printer, stdout, _) = printer(Format::Text);
    printer.failed_request(None, "eth_call", "[\"\u{1b}[2J\"]", "execution reverted");
    printer.bodies(Some("node1"), "eth_call", "[]", &"x".repeat(20_000));
    printer.trace(None, "Traces:\n  [6] x\n");
    printer.flush(Duration::from_secs(5));
    let text = stdout.text();
    assert!(
        text.starts_with(
            "RPC request failed:\n    Request: eth_call [\" [2J\"]\n    Error: execution reverted\n\n   > eth_call []\n   < xxx"
        ),
        "{text}"
    );
    assert!(
        text.contains("x…\nTraces:\n  [6] x\n") && text.len() < 11_000,
        "{text}"
    );
}

#[test]
fn a_file_gets_lines_with_times_and_without_colours() {
    let (file, stdout) = (Memory::default(), Memory::default());
    let style = Style::choose(ColorChoice::Always, None, false);
    let printer = Printer::with_file(
        Format::Text,
        style,
        stdout.clone(),
        io::sink(),
        Some(Box::new(file.clone())),
    );
    printer.text(format!("{}\nsecond", style.green("first")));
    printer.warning("careful");
    printer.flush(Duration::from_secs(5));
    assert!(stdout.text().contains("\u{1b}[32mfirst"));
    let written = file.text();
    let lines: Vec<&str> = written
        .lines()
        .map(|line| line.split_once("Z ").unwrap().1)
        .collect();
    assert_eq!(lines, ["first", "second", "Warning: careful"]);
    assert!(
        written.starts_with("20") && written.as_bytes()[10] == b'T',
        "{written}"
    );
}

#[test]
fn keys_go_to_a_file_in_ganaches_form() {
    let json = account_keys(&config());
    let address = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
    assert_eq!(json["addresses"][address], address);
    assert_eq!(
        json["private_keys"][address],
        "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    );
}
