#![allow(clippy::unwrap_used)]

mod config_keys;

use super::{
    flags::{self, Cli, Command, SecondsMs},
    ganache, overrides,
};
use crate::config::{ClusterConfig, Overrides};
use clap::{FromArgMatches as _, error::ErrorKind};

fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
    let words = ganache::translate(words.iter().map(std::ffi::OsString::from));
    let words = std::iter::once("praline".into()).chain(words);
    Cli::from_arg_matches(&flags::command().try_get_matches_from(words)?)
}

fn overrides_of(words: &[&str]) -> Overrides {
    overrides::of_run(&parse(words).unwrap().run).unwrap()
}

/// The whole help, as users see it. After a wanted change: `PRALINE_BLESS=1 cargo test cli::tests::help`.
#[test]
fn help_is_what_was_reviewed() {
    let mut command = flags::command().term_width(100);
    let mut text = command.render_long_help().to_string();
    for name in [
        "node",
        "keys",
        "status",
        "member",
        "import",
        "export",
        "backup",
        "restore",
        "replay",
        "verify",
        "sim",
        "instances",
    ] {
        let sub = command.find_subcommand_mut(name).unwrap();
        text.push_str(&["\n\n#### praline ", name, "\n\n"].concat());
        text += &sub.clone().term_width(100).render_long_help().to_string();
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/help.txt");
    if std::env::var_os("PRALINE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, reviewed);
    let main = text.split("####").next().unwrap();
    let after = main.split("Examples:").nth(1).unwrap();
    assert!(
        after.contains("praline status"),
        "the help ends with examples"
    );
}

#[test]
fn the_parser_is_sound_and_every_flag_has_its_variable() {
    let command = flags::command();
    command.clone().debug_assert();
    let mut count = 0;
    for command in std::iter::once(&command).chain(command.get_subcommands()) {
        let is_run = matches!(command.get_name(), "praline" | "node");
        for arg in command
            .get_arguments()
            .filter(|arg| is_run && !arg.is_hide_set())
        {
            let long = arg.get_long().unwrap_or_default();
            if matches!(long, "help" | "version") {
                continue;
            }
            let name = format!("PRALINE_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(
                arg.get_env().and_then(|env| env.to_str()),
                Some(name.as_str())
            );
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn flags_have_anvils_and_ganaches_names() {
    let spellings: [(&[&str], &[&str]); 10] = [
        (&["-b", "2"], &["--block-time", "2"]),
        (&["--blockTime", "2"], &["--block-time", "2"]),
        (&["--no-mine"], &["--no-mining"]),
        (&["--base-fee", "7"], &["--block-base-fee-per-gas", "7"]),
        (&["--chain.chainId", "7"], &["--chain-id", "7"]),
        (&["-e", "3"], &["--balance", "3"]),
        (&["-l", "30000"], &["--gas-limit", "30000"]),
        (&["-i", "7"], &["--network-id", "7"]),
        (&["--auto-unlock"], &["--auto-impersonate"]),
        (&["--no-create2"], &["--disable-default-create2-deployer"]),
    ];
    for (short, long) in spellings {
        let (short, long) = (overrides_of(short), overrides_of(long));
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
        assert_ne!(format!("{long:?}"), format!("{:?}", overrides_of(&[])));
    }
    assert!(parse(&["--silent"]).unwrap().run.display.quiet);
    assert_eq!(parse(&["-vvv"]).unwrap().run.display.verbosity, 3);
    assert!(parse(&["--db", "x"]).unwrap().run.state.data_dir.is_some());
    let node = parse(&["node", "--node", "b", "--data-dir", "x"]).unwrap();
    assert!(matches!(node.command, Some(Command::Node(node)) if node.node.as_deref() == Some("b")));
}

#[test]
fn flags_reach_the_chain() {
    let words = "-a 3 --balance 0.25 --chain-id 7 -i 8 -k shanghai -l 1000000 --gas-price 5 --base-fee 6 --timestamp 9 \
                 --number 10 --disable-code-size-limit --disable-block-gas-limit --enable-tx-gas-limit \
                 --auto-impersonate -b 1.5 --mixed-mining --order fifo --max-transactions 11 --reads local \
                 --write-timeout 900 --host 0.0.0.0 --allow-origin https://x.example";
    let words: Vec<&str> = words.split_whitespace().collect();
    let config = ClusterConfig::generate(&[[1; 32]], 8545, &overrides_of(&words)).unwrap();
    let chain = &config.chain;
    assert_eq!(
        (chain.accounts.len(), chain.chain_id, chain.network_id),
        (3, 7, 8)
    );
    assert_eq!(chain.genesis_rules().fork.name(), "shanghai");
    assert_eq!((chain.min_gas_price, chain.genesis.base_fee), (5, 6));
    assert_eq!(
        (chain.genesis.gas_limit, chain.genesis.timestamp),
        (1_000_000, 9)
    );
    assert_eq!(chain.genesis.number, 10);
    assert_eq!(chain.limits.code_size, Some(usize::MAX));
    assert!(!chain.limits.block_gas_limit && chain.limits.transaction_gas_limit);
    assert_eq!(chain.limits.transactions_per_block, Some(11));
    assert!(chain.auto_impersonate && chain.mining.automine);
    assert_eq!(chain.mining.interval_ms, 1500);
    assert_eq!(chain.order, crate::chain::pool::Order::Fifo);
    assert_eq!(config.reads, crate::config::Reads::Local);
    assert_eq!(config.timing.write_timeout_ms, 900);
    assert_eq!(config.server.host.to_string(), "0.0.0.0");
    assert_eq!(
        config.server.allow_origin.as_deref(),
        Some("https://x.example")
    );
}

#[test]
fn phrases_are_given_drawn_or_derived() {
    let phrase = |words: &[&str]| overrides_of(words).mnemonic;
    assert_eq!(phrase(&[]), None);
    assert_eq!(phrase(&["-m", "a b"]).as_deref(), Some("a b"));
    assert!(phrase(&["-d"]).unwrap().starts_with("myth like bonus"));
    for words in ["12", "15", "18", "21", "24"] {
        let random = phrase(&["--mnemonic-random", words]).unwrap();
        assert_eq!(random.split(' ').count().to_string(), words);
    }
    assert_ne!(
        phrase(&["--mnemonic-random"]),
        phrase(&["--mnemonic-random"])
    );
    assert_eq!(
        phrase(&["--mnemonic-seed-unsafe", "5"]),
        phrase(&["--mnemonic-seed-unsafe", "5"])
    );
    let wrong = parse(&["--mnemonic-random", "13"]).unwrap();
    assert_eq!(
        overrides::of_run(&wrong.run).unwrap_err().to_string(),
        "`--mnemonic-random 13`: a phrase has 12, 15, 18, 21 or 24 words"
    );
    let ganache =
        ClusterConfig::generate(&[[1; 32]], 0, &overrides_of(&["-d", "-a", "1"])).unwrap();
    assert_eq!(
        ganache.chain.accounts[0].address.to_string(),
        "0x90F8bf6A479f320ead074411a4B0e7944Ea8c9C1"
    );
}

#[test]
fn wrong_flags_are_refused() {
    for (words, kind) in [
        (&["--chain-id", "x"][..], ErrorKind::ValueValidation),
        (&["--nodes", "0"], ErrorKind::ValueValidation),
        (&["--nodes", "16"], ErrorKind::ValueValidation),
        (&["--balance", "-1"], ErrorKind::UnknownArgument),
        (&["-b", "-1"], ErrorKind::UnknownArgument),
        (&["--account", "0x12"], ErrorKind::ValueValidation),
        (&["--timestamp", "yesterday"], ErrorKind::ValueValidation),
        (&["--instamine", "lazy"], ErrorKind::InvalidValue),
        (
            &[
                "--vm-errors-on-rpc-response",
                "--throw-on-transaction-failures",
            ],
            ErrorKind::ArgumentConflict,
        ),
        (&["--frobnicate"], ErrorKind::UnknownArgument),
        (
            &["--nodes", "2", "--config", "x"],
            ErrorKind::ArgumentConflict,
        ),
        (
            &["--data-dir", "x", "--ephemeral"],
            ErrorKind::ArgumentConflict,
        ),
        (&["--no-mining", "-b", "1"], ErrorKind::ArgumentConflict),
        (&["-d", "-m", "x"], ErrorKind::ArgumentConflict),
        (&["--port", "1", "node"], ErrorKind::ArgumentConflict),
        (&["node", "--chain-id", "1"], ErrorKind::UnknownArgument),
    ] {
        let error = parse(words).unwrap_err();
        assert_eq!(error.kind(), kind, "{words:?}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn forking_is_refused_with_a_reason() {
    let said = |words: &[&str]| parse(words).unwrap().run.foreign.refusal();
    assert_eq!(said(&[]), None);
    for words in [
        &["-f", "http://x"][..],
        &["--fork-url", "http://x"],
        &["--rpc-url", "http://x"],
        &["--fork.url", "http://x"],
    ] {
        assert_eq!(
            said(words).unwrap(),
            "`--fork-url`: praline starts chains of its own and cannot fork a live one; leave the flag out"
        );
    }
    assert!(
        said(&["--fork-block-number", "-5"])
            .unwrap()
            .starts_with("`--fork-block-number`")
    );
}

#[test]
fn block_times_have_decimals() {
    let time = |text: &str| {
        parse(&["-b", text])
            .ok()
            .and_then(|cli| cli.run.mining.block_time)
    };
    assert_eq!(time("1"), Some(SecondsMs(1000)));
    assert_eq!(time("0.25"), Some(SecondsMs(250)));
    assert_eq!(time("86400"), Some(SecondsMs(86_400_000)));
    assert_eq!(time("0"), Some(SecondsMs(0)), "ganache: at once");
    for wrong in ["-1", "1.0001", "86401", "x", "1.", "18446744073709551615"] {
        assert_eq!(time(wrong), None, "{wrong}");
    }
}

#[test]
fn ganaches_spellings_mean_what_they_mean_there() {
    let pairs: [(&[&str], &[&str]); 24] = [
        (&["--chain.chainId", "7"], &["--chain-id", "7"]),
        (&["--chain.chain-id=7"], &["--chain-id", "7"]),
        (&["--networkId", "7"], &["--network-id", "7"]),
        (&["--chain.hardfork", "merge"], &["-k", "merge"]),
        (
            &["--chain.time", "2026-11-22T10:00:00Z"],
            &["--timestamp", "1795341600"],
        ),
        (
            &["--chain.vmErrorsOnRPCResponse", "true"],
            &["--vm-errors-on-rpc-response"],
        ),
        (
            &["--chain.allowUnlimitedContractSize"],
            &["--disable-code-size-limit"],
        ),
        (&["--miner.blockTime", "0"], &["--block-time", "0"]),
        (
            &["-g", "0x77359400"],
            &["--default-gas-price", "2000000000"],
        ),
        (&["--miner.blockGasLimit", "0x1c9c380"], &["-l", "30000000"]),
        (
            &["--miner.defaultTransactionGasLimit", "0x15f90"],
            &["--default-transaction-gas-limit", "90000"],
        ),
        (&["--miner.instamine", "strict"], &["--instamine", "strict"]),
        (
            &["--miner.timestampIncrement", "12"],
            &["--timestamp-increment", "12"],
        ),
        (&["--miner.priceBump", "25"], &["--price-bump", "25"]),
        (&["--wallet.totalAccounts", "5"], &["-a", "5"]),
        (
            &["--wallet.deterministic=true", "-a", "1"],
            &["-d", "-a", "1"],
        ),
        (&["--wallet.defaultBalance", "5"], &["-e", "5"]),
        (
            &["--wallet.hdPath", "m,44',60',0',1"],
            &["--derivation-path", "m/44'/60'/0'/1"],
        ),
        (&["-s", "foo"], &["--seed", "foo"]),
        (&["--server.port", "9545"], &["-p", "9545"]),
        (&["-h", "0.0.0.0"], &["--host", "0.0.0.0"]),
        (&["--server.ws", "false"], &["--no-ws"]),
        (&["--no-server.ws"], &["--no-ws"]),
        (&["--database.dbPath", "here"], &["--data-dir", "here"]),
    ];
    for (theirs, ours) in pairs {
        let (theirs, ours) = (overrides_of(theirs), overrides_of(ours));
        assert_eq!(format!("{theirs:?}"), format!("{ours:?}"));
        assert_ne!(format!("{ours:?}"), format!("{:?}", overrides_of(&[])));
    }
    // What is off by default stays off, and other words stay as they are.
    let same = |words: &[&str]| format!("{:?}", overrides_of(words));
    assert_eq!(same(&["--chain.vmErrorsOnRPCResponse", "false"]), same(&[]));
    assert_eq!(same(&["--server.ws", "true"]), same(&[]));
    let words = ganache::translate(["node", "-n", "b", "--", "--wallet.seed"].map(Into::into));
    assert_eq!(words, ["node", "-n", "b", "--", "--wallet.seed"]);
    let verbose = parse(&[
        "--logging.verbose",
        "--logging.debug",
        "--logging.file",
        "x",
    ])
    .unwrap();
    let display = &verbose.run.display;
    assert!(display.log_bodies && display.log_opcodes && display.log_file.is_some());
}

#[test]
fn accounts_of_ones_own_replace_those_of_a_phrase() {
    let key = "0x4f3edf983ac636a65a842ce7c78d9aa706d3b113bce9c46f30d7d21715b23b1d";
    let other = "0x6cbed15c793ce57650b9877cf6fa156fbef513c4e6134f022a85b1ffdd59b2a1";
    let words = [
        "--wallet.accounts",
        &format!("{key},1000000000000000000"),
        "--wallet.accounts",
        &format!("{other},0x10"),
        "-u",
        "0x00000000000000000000000000000000000000aa,1",
    ];
    let config = ClusterConfig::generate(&[[1; 32]], 0, &overrides_of(&words)).unwrap();
    let chain = &config.chain;
    assert_eq!(chain.accounts.len(), 2);
    let first = chain.accounts[0].address;
    assert_eq!(
        first.to_string(),
        "0x90F8bf6A479f320ead074411a4B0e7944Ea8c9C1"
    );
    let balance = |index: usize| chain.genesis.alloc[&chain.accounts[index].address].balance;
    assert_eq!(balance(0).to_string(), "1000000000000000000");
    assert_eq!(balance(1).to_string(), "16");
    let unlocked: Vec<String> = chain.dev.unlocked.iter().map(ToString::to_string).collect();
    assert_eq!(unlocked, ["0x00000000000000000000000000000000000000AA"]);
    let short = ClusterConfig::generate(&[[1; 32]], 0, &overrides_of(&["--account", "0x12,1"]));
    assert_eq!(
        short.unwrap_err().to_string(),
        "`--account`: a private key has 64 hex digits (32 bytes), this one has 2 characters"
    );
}

#[test]
fn what_users_set_besides_reaches_the_chain_and_the_servers() {
    let words = "--coinbase 0x00000000000000000000000000000000000000c0 --extra-data 0x1234 --default-gas-price 9 \
                 --disable-min-priority-fee --disable-default-create2-deployer --disable-initcode-size-limit \
                 --memory-limit 0x100000 --disable-pool-balance-checks --instamine strict --price-bump 25 \
                 --timestamp-increment 12 --default-transaction-gas-limit 90000 --timestamp 2018-12-12 \
                 --errors ganache --throw-on-transaction-failures --allowed-hosts a.example,b.example \
                 --rpc-endpoint /rpc --no-ws --ipc /run/x.ipc --call-gas-limit 1000000 -k berlin --difficulty 7";
    let words: Vec<&str> = words.split_whitespace().collect();
    let config = ClusterConfig::generate(&[[1; 32], [2; 32]], 8545, &overrides_of(&words)).unwrap();
    let (chain, dev, server) = (&config.chain, &config.chain.dev, &config.server);
    assert_eq!(chain.genesis.coinbase.as_slice()[19], 0xc0);
    assert_eq!(dev.extra_data.to_string(), "0x1234");
    assert_eq!((dev.default_gas_price, dev.suggested_tip), (Some(9), 0));
    assert!(!dev.create2_deployer && !dev.pool_balance_checks && dev.clock_from_genesis);
    assert_eq!(dev.initcode_size, Some(usize::MAX));
    assert_eq!(dev.memory_bytes, Some(1 << 20));
    assert_eq!(dev.price_bump_percent, 25);
    assert_eq!(dev.timestamp_increment, Some(12));
    assert_eq!(dev.default_transaction_gas, Some(90_000));
    assert_eq!(
        chain.mining.instamine,
        crate::chain::spec::Instamine::Strict
    );
    assert_eq!(chain.genesis.timestamp, 1_544_572_800);
    assert_eq!(chain.genesis.difficulty.to_string(), "7");
    assert_eq!(server.errors, crate::config::ErrorProfile::Ganache);
    assert_eq!(server.failures, crate::config::Failures::AsHardhat);
    let hosts = server.allowed_hosts.as_ref().unwrap();
    assert!(
        ["localhost", "a.example", "b.example"]
            .iter()
            .all(|host| hosts.iter().any(|one| one == host))
    );
    assert_eq!(server.rpc_endpoint.as_deref(), Some("/rpc"));
    assert!(!server.websockets && server.call_gas_limit == Some(1_000_000));
    let paths: Vec<_> = config
        .members
        .iter()
        .filter_map(|one| config.ipc_path(one))
        .collect();
    assert_eq!(
        paths,
        [
            std::path::Path::new("/run/x.ipc"),
            std::path::Path::new("/run/x-2.ipc")
        ]
    );
}

#[test]
fn names_of_hosts_are_asked_for_where_only_this_machine_listens() {
    let hosts = |words: &[&str]| {
        let config = ClusterConfig::generate(&[[1; 32]], 0, &overrides_of(words)).unwrap();
        config.server.allowed_hosts
    };
    assert!(hosts(&[]).unwrap().contains(&"localhost".to_owned()));
    assert_eq!(hosts(&["--host", "0.0.0.0"]), None);
    assert_eq!(hosts(&["--allowed-hosts", "*"]), None);
    let named = hosts(&["--host", "0.0.0.0", "--allowed-hosts", "a.example"]).unwrap();
    assert!(named.contains(&"a.example".to_owned()));
}

#[test]
fn what_has_no_meaning_is_taken_with_one_warning() {
    let said = |words: &[&str]| parse(words).unwrap().run.foreign.warnings();
    for words in [
        &["--slots-in-an-epoch", "1"][..],
        &["--prune-history"],
        &["--prune-history", "5"],
        &["--transaction-block-keeper", "5"],
        &["--steps-tracing"],
        &["--no-storage-caching"],
        &["--no-rpc-rate-limit"],
        &["--chain.asyncRequestProcessing", "false"],
        &["--server.wsBinary", "true"],
        &["--server.chunkSize", "1"],
        &["--wallet.lock"],
        &["-n"],
        &["--cache-path", "x"],
        &["--md"],
    ] {
        let warnings = said(words);
        assert_eq!(warnings.len(), 1, "{words:?}");
        assert!(warnings[0].starts_with("`--"), "{warnings:?}");
        assert_eq!(parse(words).unwrap().run.foreign.refusal(), None);
    }
    for words in [
        &["--chain.asyncRequestProcessing", "true"][..],
        &["--network", "ethereum"],
        &["-n", "ethereum"],
        &["--flavor", "ethereum"],
    ] {
        assert!(said(words).is_empty(), "{words:?}");
        assert_eq!(parse(words).unwrap().run.foreign.refusal(), None);
    }
    for words in [
        &["--celo"][..],
        &["--network", "optimism"],
        &["-n", "tempo"],
        &["--flavor", "filecoin"],
        &["--fork.blockNumber", "5"],
    ] {
        assert!(
            parse(words).unwrap().run.foreign.refusal().is_some(),
            "{words:?}"
        );
    }
}

#[test]
fn times_are_seconds_or_dates() {
    for (text, seconds) in [
        ("0", 0),
        ("0x10", 16),
        ("1970-01-01", 0),
        ("2000-02-29T12:34:56Z", 951_827_696),
        ("2018-12-12", 1_544_572_800),
        ("2026-11-22T10:00:00.000Z", 1_795_341_600),
        ("2026-11-22 12:00+02:00", 1_795_341_600),
    ] {
        assert_eq!(flags::timestamp(text), Ok(seconds), "{text}");
    }
    for wrong in [
        "",
        "now",
        "1969-12-31",
        "2026-13-01",
        "2026-11-22T24:00:00Z",
        "2026-1-1",
        "12:00",
    ] {
        assert!(flags::timestamp(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_commands_of_containers_are_understood() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/docker");
    let mut commands = 0;
    for file in ["Dockerfile", "compose.yaml"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        for line in text.lines().map(str::trim) {
            let Some(list) = line
                .strip_prefix("CMD ")
                .or_else(|| line.strip_prefix("command: "))
            else {
                continue;
            };
            let mut words: Vec<String> = serde_json::from_str(list).unwrap();
            if words[0] != "praline" {
                words.insert(0, "praline".to_owned()); // the entry point
            }
            flags::command().try_get_matches_from(&words).unwrap();
            commands += 1;
        }
    }
    assert_eq!(
        commands, 4,
        "the health check, and one for each of three nodes"
    );
    let config = ClusterConfig::load(&folder.join("cluster.toml"), &Overrides::default()).unwrap();
    assert_eq!(config.members.len(), 3);
}
