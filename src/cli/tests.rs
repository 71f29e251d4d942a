#![allow(clippy::unwrap_used)]

use super::{
    flags::{self, Cli, Command, SecondsMs},
    overrides, refused,
};
use crate::config::{ClusterConfig, Overrides};
use clap::{FromArgMatches as _, error::ErrorKind};

fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
    let words = std::iter::once("praline").chain(words.iter().copied());
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
    for name in ["node", "keys", "status", "import", "export", "sim"] {
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
    let spellings: [(&[&str], &[&str]); 9] = [
        (&["-b", "2"], &["--block-time", "2"]),
        (&["--blockTime", "2"], &["--block-time", "2"]),
        (&["--no-mine"], &["--no-mining"]),
        (&["--base-fee", "7"], &["--block-base-fee-per-gas", "7"]),
        (&["--chain.chainId", "7"], &["--chain-id", "7"]),
        (&["-e", "3"], &["--balance", "3"]),
        (&["-l", "30000"], &["--gas-limit", "30000"]),
        (&["-i", "7"], &["--network-id", "7"]),
        (&["--auto-unlock"], &["--auto-impersonate"]),
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
    let words = "-a 3 --balance 0.25 --chain-id 7 -i 8 -k shanghai -l 1000000 -g 5 --base-fee 6 --timestamp 9 \
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
        (&["-b", "0"], ErrorKind::ValueValidation),
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
    let said = |words: &[&str]| refused::sentence(&parse(words).unwrap().run.refused);
    assert_eq!(said(&[]), None);
    for words in [
        &["-f", "http://x"][..],
        &["--fork-url", "http://x"],
        &["--rpc-url", "http://x"],
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
    for wrong in [
        "0",
        "-1",
        "1.0001",
        "86401",
        "x",
        "1.",
        "18446744073709551615",
    ] {
        assert_eq!(time(wrong), None, "{wrong}");
    }
}
