//! Every flag has a key of the config, and beats it.

use super::{flags, parse};
use crate::config::{BUILTIN_CONFIG, DisplayConfig, FilesConfig};
use crate::telemetry::ColorChoice;
use std::{collections::BTreeSet, num::NonZeroU64, path::PathBuf};

/// What belongs to one start, or chooses the config itself.
const NO_KEYS: [&str; 8] = [
    "config",
    "nodes",
    "node",
    "restore",
    "detach",
    "exit-with-stdin",
    "help",
    "version",
];

/// The flags whose key has another name, and the table's.
const KEYS: &[(&str, &str, &str)] = &[
    ("account", "account", "private_key"),
    ("account-keys-path", "files", "account_keys"),
    ("accounts", "accounts", "count"),
    ("balance", "accounts", "balance_ether"),
    ("block-base-fee-per-gas", "chain", "base_fee"),
    ("block-time", "mining", "interval_ms"),
    (
        "default-transaction-gas-limit",
        "chain",
        "default_transaction_gas",
    ),
    ("deterministic", "accounts", "mnemonic"),
    (
        "disable-block-gas-limit",
        "chain",
        "enforce_block_gas_limit",
    ),
    ("disable-code-size-limit", "chain", "code_size_limit"),
    ("disable-console-log", "display", "console_log"),
    (
        "disable-default-create2-deployer",
        "chain",
        "create2_deployer",
    ),
    (
        "disable-initcode-size-limit",
        "chain",
        "initcode_size_limit",
    ),
    ("disable-min-priority-fee", "chain", "suggested_tip"),
    (
        "disable-pool-balance-checks",
        "chain",
        "pool_balance_checks",
    ),
    (
        "enable-tx-gas-limit",
        "chain",
        "enforce_transaction_gas_limit",
    ),
    ("gas-price", "chain", "min_gas_price"),
    ("genesis", "chain", "genesis_file"),
    ("max-transactions", "mining", "transactions_per_block"),
    ("memory-limit", "chain", "memory_limit_bytes"),
    ("mixed-mining", "mining", "automine"),
    ("mnemonic-random", "accounts", "mnemonic"),
    ("mnemonic-seed-unsafe", "accounts", "mnemonic"),
    ("no-cheats", "server", "cheats"),
    ("no-cors", "server", "cors"),
    ("no-mining", "mining", "automine"),
    ("no-request-size-limit", "server", "request_bytes_max"),
    ("no-ws", "server", "websockets"),
    ("number", "chain", "genesis_number"),
    ("peer-host", "peers", "host"),
    ("port", "member", "rpc"),
    ("price-bump", "mining", "price_bump_percent"),
    ("seed", "accounts", "mnemonic"),
    ("state-interval", "files", "state_interval_seconds"),
    ("timestamp", "chain", "genesis_timestamp"),
    (
        "timestamp-increment",
        "mining",
        "timestamp_increment_seconds",
    ),
    ("unlock", "chain", "unlocked"),
    ("write-timeout", "cluster", "write_timeout_ms"),
];

/// The keys that `chain-config/cluster.toml` shows, in a comment or not, with their tables.
fn shown() -> BTreeSet<(String, String)> {
    let mut table = String::new();
    let mut keys = BTreeSet::new();
    for line in BUILTIN_CONFIG.lines() {
        let line = line.trim_start_matches("# ");
        if let Some(name) = line.strip_prefix('[') {
            let name = name.trim_start_matches('[').split(']').next().unwrap();
            name.clone_into(&mut table);
        } else if let Some((key, _)) = line.split_once(" = ") {
            keys.insert((table.clone(), key.to_owned()));
        }
    }
    keys
}

#[test]
fn every_flag_can_be_set_in_the_config() {
    let shown = shown();
    let command = flags::command();
    let node = command.find_subcommand("node").unwrap();
    let mut count = 0;
    for arg in command.get_arguments().chain(node.get_arguments()) {
        let Some(flag) = arg.get_long().filter(|_| !arg.is_hide_set()) else {
            continue;
        };
        if NO_KEYS.contains(&flag) {
            continue;
        }
        let named = KEYS.iter().find(|(other, ..)| *other == flag);
        let is_shown = match named {
            Some((_, table, key)) => shown.contains(&((*table).to_owned(), (*key).to_owned())),
            None => shown.iter().any(|(_, key)| *key == flag.replace('-', "_")),
        };
        assert!(
            is_shown,
            "`--{flag}` has no key in chain-config/cluster.toml"
        );
        count += 1;
    }
    assert!(count > 80, "{count}");
}

#[test]
fn flags_of_dumps_beat_the_config() {
    let path = |text: &str| Some(PathBuf::from(text));
    let dumps = |words: &[&str], files: &FilesConfig| parse(words).unwrap().run.dump.over(files);
    let both = FilesConfig {
        state: path("both.json"),
        state_interval_seconds: NonZeroU64::new(7),
        ..FilesConfig::default()
    };
    let of_file = dumps(&[], &both);
    assert_eq!(
        (of_file.load, of_file.dump),
        (path("both.json"), path("both.json"))
    );
    assert!(!of_file.must_exist, "a first start has no dump yet");
    assert_eq!(of_file.interval.map(|it| it.as_secs()), Some(7));
    let loaded = dumps(&["--load-state", "l.json", "-s", "3"], &both);
    assert_eq!(
        (loaded.load, loaded.dump),
        (path("l.json"), path("both.json"))
    );
    assert!(loaded.must_exist);
    assert_eq!(loaded.interval.map(|it| it.as_secs()), Some(3));
    let one = FilesConfig {
        load_state: path("one.json"),
        ..FilesConfig::default()
    };
    let of_file = dumps(&[], &one);
    assert_eq!((of_file.load, of_file.dump), (path("one.json"), None));
    assert!(of_file.must_exist);
    assert!(!dumps(&["--state", "s.json"], &one).must_exist);
}

#[test]
fn flags_of_display_beat_the_config() {
    let file = DisplayConfig {
        verbosity: 2,
        color: Some(ColorChoice::Never),
        console_log: false,
        log_file: Some(PathBuf::from("x.log")),
        ..DisplayConfig::default()
    };
    let display = |words: &[&str]| parse(words).unwrap().run.display.over(&file);
    assert_eq!(display(&[]), file);
    let said = display(&["-vvv", "--color", "always", "--log-file", "y.log", "--json"]);
    assert_eq!((said.verbosity, said.color), (3, Some(ColorChoice::Always)));
    assert_eq!(said.log_file, Some(PathBuf::from("y.log")));
    assert!(said.json && !said.console_log);
}
