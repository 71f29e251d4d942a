#![allow(clippy::unwrap_used, clippy::too_many_lines)]

mod keys;

use super::*;
use crate::chain::spec::Hardfork;
use alloy::primitives::{U256, hex};
use std::fs;

const PAIRS: [(&str, &str); 2] = [
    (
        "d6c922bc69a0cc059565a80996188d11d29e78ded4115b1d24039ba25e655afb",
        "4ca246e3ab29c0085b5cbb797f86e6deea778c6e6584a45764ec10f9e0cebd7f",
    ),
    (
        "a757d4dbbeb8564e1a3575ba89a12fccaacf2940d86c453da8b3f881d1fcfdba",
        "931f1c648e1f87b56cd22e8de7ed235b9bd4ade9696c9d8c75f212a1fa401d5d",
    ),
];

/// Two members, on lines 1 and 7 of the file; more text can follow from line 13 on.
fn two_members() -> String {
    let [(public1, seed1), (public2, seed2)] = PAIRS;
    format!(
        r#"[[member]]
name = "a"
peer = "127.0.0.1:3000"
rpc = "127.0.0.1:8545"
public_key = "{public1}"
secret_key = "{seed1}{public1}"
[[member]]
name = "b"
peer = "127.0.0.1:3001"
rpc = "127.0.0.1:8546"
public_key = "{public2}"
secret_key = "{seed2}"
"#
    )
}

fn parse(text: &str) -> Result<ClusterConfig, ConfigError> {
    ClusterConfig::parse(text, Some(Path::new("lab.toml")), &Overrides::default())
}

fn refusal(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// What a config with this text after the members is told.
fn refusal_after(text: &str) -> String {
    refusal(&format!("{}{text}", two_members()))
}

#[test]
fn every_wrong_value_is_named_with_file_line_and_key() {
    for (text, sentence) in [
        (
            "[chain]\nchain_id = \"x\"",
            "lab.toml:14: `chain.chain_id`: invalid type: string \"x\", expected u64",
        ),
        (
            "[chain]\nchain_id = 0",
            "lab.toml:14: `chain.chain_id`: 0 is out of range; choose a value from 1 to 9007199254740991",
        ),
        (
            "[chain]\nchainid = 1",
            "lab.toml:14: `chain.chainid`: there is no such key; expected one of `chain_id`, `network_id`, `hardfork`, `genesis_file`, `gas_limit`, `base_fee`, `min_gas_price`, `genesis_timestamp`, `genesis_number`, `coinbase`, `extra_data`, `auto_impersonate`, `code_size_limit`, `enforce_transaction_gas_limit`, `enforce_block_gas_limit`, `initcode_size_limit`, `memory_limit_bytes`, `difficulty`, `create2_deployer`, `default_gas_price`, `default_transaction_gas`, `suggested_tip`, `pool_balance_checks`, `unlocked`, `clock`",
        ),
        (
            "[chains]\nchain_id = 1",
            "lab.toml:13: `chains`: there is no such key; expected one of `cluster`, `chain`, `mining`, `accounts`, `account`, `server`, `peers`, `storage`, `files`, `display`, `process`, `member`",
        ),
        (
            "[chain]\nhardfork = \"verkle\"",
            "lab.toml:14: `chain.hardfork`: `verkle` is not a hardfork; choose one of frontier, homestead, tangerine, spurious-dragon, byzantium, constantinople, petersburg, istanbul, muir-glacier, berlin, london, arrow-glacier, gray-glacier, paris, shanghai, cancun, prague, osaka, bpo1, bpo2, bpo3, bpo4, bpo5, amsterdam, latest",
        ),
        (
            "[chain]\n\n\ngas_limit = 5",
            "lab.toml:16: `chain.gas_limit`: 5 is out of range; choose a value from 21000 to 9223372036854775807",
        ),
        (
            "[chain]\ngenesis_timestamp = \"now\"",
            "lab.toml:14: `chain.genesis_timestamp`: invalid value: string \"now\", expected Unix seconds or \"start\"",
        ),
        (
            "[chain]\ncoinbase = \"0x12\"",
            "lab.toml:14: `chain.coinbase`: `0x12` is not an account address; write 0x and 40 hex digits",
        ),
        (
            "[chain]\nextra_data = \"0x123\"",
            "lab.toml:14: `chain.extra_data`: `0x123` is not hex data; write 0x and at most 32 bytes",
        ),
        (
            "[cluster]\nreads = \"fast\"",
            "lab.toml:14: `cluster.reads`: unknown variant `fast`, expected `linearizable` or `local`",
        ),
        (
            "[cluster]\nheartbeat_interval_ms = 300\nelection_timeout_min_ms = 300",
            "lab.toml:15: `cluster.election_timeout_min_ms`: an election timeout of 300 ms is not longer than the heartbeat of 300 ms; a leader would lose its office between two heartbeats",
        ),
        (
            "[cluster]\nelection_timeout_max_ms = 200",
            "lab.toml:14: `cluster.election_timeout_max_ms`: 200 ms is not longer than `election_timeout_min_ms` = 300; the timeouts need a range to be drawn from",
        ),
        (
            "[server]\nhost = \"here\"",
            "lab.toml:14: `server.host`: `here` is not an IP address; use for example `127.0.0.1`, or `0.0.0.0` to listen everywhere",
        ),
        (
            "[mining]\ntransactions_per_block = 0",
            "lab.toml:14: `mining.transactions_per_block`: 0 is out of range; choose a value from 1 to 1000000",
        ),
        (
            "[mining]\norder = \"size\"",
            "lab.toml:14: `mining.order`: unknown variant `size`, expected `fees` or `fifo`",
        ),
        (
            "[accounts]\nbalance_ether = \"ten\"",
            "lab.toml:14: `accounts.balance_ether`: `ten` is not an amount of ether; write for example 10000 or 0.5, with at most 18 decimals",
        ),
        (
            "[[account]]\nprivate_key = \"0x12\"\nbalance_ether = 1",
            "lab.toml:14: `account.private_key`: a private key has 64 hex digits (32 bytes), this one has 2 characters",
        ),
        (
            "[[account]]\nbalance_ether = 1",
            "lab.toml:13: `account.private_key`: give either `private_key` or `address`, one of them",
        ),
        (
            "[[account]]\naddress = \"0x0000000000000000000000000000000000000001\"",
            "lab.toml:13: `account`: the key `balance_ether` is missing",
        ),
        (
            "[storage]\nsnapshot_interval_entries = 1",
            "lab.toml:14: `storage.snapshot_interval_entries`: 1 is out of range; choose a value from 10 to 100000000",
        ),
        (
            "[chain\n",
            "lab.toml:13: this is not TOML: unclosed table, expected `]`",
        ),
    ] {
        assert_eq!(refusal_after(text), sentence, "for {text:?}");
    }
}

#[test]
fn members_that_contradict_each_other_are_named() {
    let [(public1, seed1), (public2, _)] = PAIRS;
    let good = two_members();
    for (old, new, sentence) in [
        ("name = \"b\"", "name = \"a\"", "lab.toml:8: `member.name`: `a` is already the name of another member; give each its own".to_owned()),
        ("name = \"b\"", "name = \"b/c\"", "lab.toml:8: `member.name`: `b/c` cannot name a member; use 1 to 32 letters, digits, `-` and `_`".to_owned()),
        ("127.0.0.1:3001", "127.0.0.1:3000", "lab.toml:9: `member.peer`: `127.0.0.1:3000` is already the peer address of a; give each member and each server its own port".to_owned()),
        ("127.0.0.1:8546", "127.0.0.1:3001", "lab.toml:10: `member.rpc`: `127.0.0.1:3001` is already the peer address of b; give each member and each server its own port".to_owned()),
        ("127.0.0.1:3001", "127.0.0.1", "lab.toml:9: `member.peer`: `127.0.0.1` is not an address; write it as `host:port`, for example `127.0.0.1:30545`".to_owned()),
        (public2, public1, "lab.toml:11: `member.public_key`: this key already belongs to a; make a new pair with `praline keys`".to_owned()),
        (public2, "abc", "lab.toml:11: `member.public_key`: a public key has 64 hex digits (32 bytes), this one has 3 characters".to_owned()),
        (public2, &"g".repeat(64), format!("lab.toml:11: `member.public_key`: `{}` is not hex; only the digits 0 to 9 and a to f can stand here", "g".repeat(64))),
        (PAIRS[1].1, seed1, format!("lab.toml:12: `member.secret_key`: this secret key belongs to the public key {public1}, not to {public2}; they must be a pair from `praline keys`")),
        (PAIRS[1].1, "12", "lab.toml:12: `member.secret_key`: a secret key has 128 hex digits (64 bytes: seed and public key) or 64 (the seed), this one has 2 characters".to_owned()),
        ("rpc = \"127.0.0.1:8546\"\n", "", "lab.toml:7: `member`: the key `rpc` is missing".to_owned()),
        ("rpc = \"127.0.0.1:8546\"\n", "rpc = 8546\n", "lab.toml:10: `member.rpc`: invalid type: integer `8546`, expected a string".to_owned()),
    ] {
        assert!(good.contains(old));
        // Only the second member is changed.
        let at = good.rfind(old).unwrap();
        let text = format!("{}{new}{}", &good[..at], &good[at + old.len()..]);
        assert_eq!(refusal(&text), sentence, "for {new:?}");
    }
    let halves = good.replace(&format!("{seed1}{public1}"), &format!("{seed1}{public2}"));
    assert_eq!(
        refusal(&halves),
        "lab.toml:6: `member.secret_key`: the last 32 bytes of this secret key are not the public key of its first 32; \
         make a new pair with `praline keys`"
    );
    assert_eq!(
        refusal("[chain]\nchain_id = 1\n"),
        "lab.toml:1: `member`: there is no `[[member]]`; name at least one, with `name`, `peer`, `rpc` and `public_key`"
    );
    assert_eq!(
        refusal(&format!("{good}key_file = \"b.key\"\n")),
        "lab.toml:13: `member.key_file`: give either `secret_key` or `key_file`, not both"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = ClusterConfig::load(Path::new("nowhere/lab.toml"), &Overrides::default());
    assert_eq!(
        error.unwrap_err().to_string(),
        "cannot read the config `nowhere/lab.toml`: No such file or directory (os error 2); check the path given with \
         `--config`"
    );
}

#[test]
fn a_flag_beats_the_file_and_is_blamed_for_its_own_values() {
    let text = format!(
        "{}[chain]\nchain_id = 5\nhardfork = \"london\"\n",
        two_members()
    );
    let load = |overrides| ClusterConfig::parse(&text, Some(Path::new("lab.toml")), &overrides);
    let plain = load(Overrides::default()).unwrap();
    assert_eq!((plain.chain.chain_id, plain.chain.network_id), (5, 5));
    assert_eq!(plain.chain.genesis_rules().fork, Hardfork::London);
    let flagged = load(Overrides {
        chain_id: Some(7),
        hardfork: Some("Cancun".to_owned()),
        port: Some(9000),
        accounts: Some(2),
        balance: Some("0.5".parse().unwrap()),
        no_cors: true,
        ..Overrides::default()
    })
    .unwrap();
    assert_eq!((flagged.chain.chain_id, flagged.chain.network_id), (7, 7));
    assert_eq!(flagged.chain.genesis_rules().fork, Hardfork::Cancun);
    assert_eq!(flagged.members[1].member.rpc_address, "127.0.0.1:9001");
    assert_eq!(flagged.members[1].member.peer_address, "127.0.0.1:0");
    assert_eq!(flagged.chain.accounts.len(), 2);
    let balance = flagged.chain.genesis.alloc[&flagged.chain.accounts[0].address].balance;
    assert_eq!(balance, U256::from(500_000_000_000_000_000_u64));
    assert_eq!(flagged.server.allow_origin, None);

    let wrong = load(Overrides {
        hardfork: Some("x".to_owned()),
        ..Overrides::default()
    });
    assert!(
        wrong
            .unwrap_err()
            .to_string()
            .starts_with("`--hardfork`: `x` is not a hardfork;")
    );
    let wrong = load(Overrides {
        port: Some(65535),
        ..Overrides::default()
    });
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "`--port`: the ports from 65535 on do not suffice for 2 members; choose a lower one"
    );
}

#[test]
fn mining_flags_mean_what_they_mean_in_anvil() {
    for (overrides, automine, interval_ms) in [
        (Overrides::default(), true, 0),
        (
            Overrides {
                block_time_ms: Some(2000),
                ..Overrides::default()
            },
            false,
            2000,
        ),
        (
            Overrides {
                block_time_ms: Some(500),
                mixed_mining: true,
                ..Overrides::default()
            },
            true,
            500,
        ),
        (
            Overrides {
                no_mining: true,
                ..Overrides::default()
            },
            false,
            0,
        ),
    ] {
        let config = ClusterConfig::generate(&[[1; 32]], 8545, &overrides).unwrap();
        assert_eq!(config.chain.mining.automine, automine);
        assert_eq!(config.chain.mining.interval_ms, interval_ms);
    }
}

#[test]
fn the_shipped_configs_hold() {
    for name in ["cluster", "single", "decentralized-ganache"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("chain-config/{name}.toml"));
        let config = ClusterConfig::load(&path, &Overrides::default()).unwrap();
        assert!(config.is_on_one_machine());
        for member in &config.members {
            assert_eq!(
                public_key_of(&config.secret_key(member).unwrap()),
                member.member.public_key
            );
        }
    }
    let cluster = ClusterConfig::parse(BUILTIN_CONFIG, None, &Overrides::default()).unwrap();
    assert_eq!(cluster.chain.chain_id, 31_337);
    assert_eq!(cluster.chain.accounts.len(), 10);
    assert_eq!(
        cluster.chain.accounts[0].address.to_string(),
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    );
    let rpc: Vec<_> = cluster
        .members
        .iter()
        .map(|m| m.member.rpc_address.as_str())
        .collect();
    assert_eq!(rpc, ["127.0.0.1:8545", "127.0.0.1:8546", "127.0.0.1:8547"]);
    assert_eq!(cluster.genesis_time, GenesisTime::Start);
    assert_eq!(cluster.chain.genesis.timestamp, SEPARATE_GENESIS_TIMESTAMP);
    assert_eq!(cluster.warnings().len(), 1);
}

#[test]
fn the_originals_config_is_the_originals() {
    let text = include_str!("../../chain-config/decentralized-ganache.toml");
    let config = parse(text).unwrap();
    assert_eq!((config.chain.chain_id, config.chain.network_id), (86, 86));
    assert_eq!(config.genesis_time, GenesisTime::Fixed(1_544_572_800));
    let timing = config.timing;
    assert_eq!(
        (
            timing.heartbeat_interval_ms,
            timing.election_timeout_min_ms,
            timing.election_timeout_max_ms
        ),
        (200, 300, 1000)
    );
    assert_eq!(config.chain.accounts.len(), 3);
    assert_eq!(config.wallet, None);
    for (index, member) in config.members.iter().enumerate() {
        let account = &config.chain.accounts[index];
        assert_eq!(account.key.0, member.member.public_key.0);
        assert_eq!(
            config.chain.genesis.alloc[&account.address].balance,
            Ether::whole(10).0
        );
        assert_eq!(
            member.member.peer_address,
            format!("127.0.0.1:{}", 3000 + index)
        );
        assert_eq!(
            member.member.rpc_address,
            format!("127.0.0.1:{}", 8545 + index)
        );
    }
}

#[test]
fn the_cluster_id_follows_what_nodes_must_share_and_nothing_else() {
    let base = two_members();
    let id = |text: &str| parse(text).unwrap().cluster_id();
    let first = id(&base);
    assert_eq!(
        first,
        id(&format!("{base}[cluster]\nwrite_timeout_ms = 100\n"))
    );
    assert_eq!(first, id(&base.replace("127.0.0.1:3001", "10.0.0.2:3001")));
    assert_ne!(first, id(&format!("{base}[chain]\nchain_id = 2\n")));
    assert_ne!(
        first,
        id(&format!("{base}[chain]\ngenesis_timestamp = 1\n"))
    );
    assert_ne!(first, id(&format!("{base}[accounts]\ncount = 9\n")));
    assert_ne!(first, id(&base.replace("name = \"b\"", "name = \"c\"")));
}

#[test]
fn a_key_file_must_be_private_and_of_the_pair() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.key");
    let text = two_members().replace(
        &format!("secret_key = \"{}\"", PAIRS[1].1),
        "key_file = \"b.key\"",
    );
    let config = ClusterConfig::parse(
        &text,
        Some(&folder.path().join("lab.toml")),
        &Overrides::default(),
    )
    .unwrap();
    let secret = || config.secret_key(&config.members[1]);
    let said = |error: ConfigError| {
        error
            .to_string()
            .replace(&path.display().to_string(), "b.key")
    };
    assert_eq!(
        said(secret().unwrap_err()),
        "the key file `b.key` of b: cannot be read: No such file or directory (os error 2)"
    );
    let seed = |index: usize| {
        let mut seed = [0; 32];
        hex::decode_to_slice(PAIRS[index].1, &mut seed).unwrap();
        ed25519_dalek::SigningKey::from_bytes(&seed)
    };
    write_key_file(&path, &seed(1)).unwrap();
    assert_eq!(public_key_of(&secret().unwrap()).to_string(), PAIRS[1].0);
    assert!(
        write_key_file(&path, &seed(1)).is_err(),
        "a key that is there is never overwritten"
    );

    fs::remove_file(&path).unwrap();
    write_key_file(&path, &seed(0)).unwrap();
    assert!(said(secret().unwrap_err()).contains("belongs to the public key d6c922bc"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(
            said(secret().unwrap_err()),
            "the key file `b.key` of b: others can read it (mode 644); run `chmod 600` on it"
        );
    }
    let elsewhere = parse(&text.replace("key_file = \"b.key\"\n", "")).unwrap();
    assert_eq!(
        elsewhere
            .secret_key(&elsewhere.members[1])
            .unwrap_err()
            .to_string(),
        "`lab.toml` has no secret key for b: give it a `key_file` (made with `praline keys --out FILE`) or start \
         another member with `--node`"
    );
}

#[test]
fn ether_is_read_exactly_or_not_at_all() {
    for (text, wei) in [
        ("1", "1000000000000000000"),
        ("0.000000000000000001", "1"),
        ("10000", "10000000000000000000000"),
    ] {
        assert_eq!(text.parse::<Ether>().unwrap().0.to_string(), wei);
    }
    for text in [
        "",
        ".5",
        "1.",
        "-1",
        "1e3",
        "0.0000000000000000001",
        "1_000",
        "0x1",
    ] {
        assert!(text.parse::<Ether>().is_err(), "{text:?}");
    }
}

#[test]
fn addresses_have_a_host_and_a_port() {
    assert_eq!(split_address("127.0.0.1:30545"), Some(("127.0.0.1", 30545)));
    assert_eq!(split_address("[::1]:1"), Some(("::1", 1)));
    assert_eq!(
        split_address("lab-2.example:65535"),
        Some(("lab-2.example", 65535))
    );
    for wrong in [
        "",
        ":1",
        "host",
        "host:",
        "host:65536",
        "::1:1",
        "http://host:1",
        "[::1:1",
    ] {
        assert_eq!(split_address(wrong), None, "{wrong:?}");
    }
    assert!(is_loopback("127.0.0.2:1") && is_loopback("[::1]:1") && is_loopback("localhost:1"));
    assert!(!is_loopback("10.0.0.1:1"));
}

#[test]
fn members_elsewhere_need_an_open_host() {
    let text = two_members().replace("127.0.0.1:3001", "10.0.0.2:3001");
    let config = parse(&text).unwrap();
    assert!(!config.is_on_one_machine());
    assert!(config.warnings()[1].contains("pass `--peer-host 0.0.0.0`"));
    let open = parse(&format!("{text}[peers]\nhost = \"0.0.0.0\"\n")).unwrap();
    assert_eq!(open.warnings().len(), 1);
}

#[test]
fn a_genesis_file_beats_the_config_and_a_flag_beats_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.toml");
    let genesis = r#"{ "config": { "chainId": 99, "londonBlock": 0, "terminalTotalDifficulty": 0, "shanghaiTime": 0 },
        "gasLimit": "0x1c9c380", "timestamp": "0x5", "alloc": {} }"#;
    std::fs::write(folder.path().join("genesis.json"), genesis).unwrap();
    let own = "[chain]\nchain_id = 5\ngas_limit = 40000000\ngenesis_file = \"genesis.json\"\n";
    let text = two_members() + own;
    let load = |overrides| ClusterConfig::parse(&text, Some(&path), &overrides);
    let chain = load(Overrides::default()).unwrap().chain;
    assert_eq!((chain.chain_id, chain.network_id), (99, 99));
    assert_eq!(chain.genesis.timestamp, 5);
    assert_eq!(chain.genesis_rules().fork, Hardfork::Shanghai);
    assert!(chain.genesis.alloc.is_empty() && !chain.accounts.is_empty());
    let flagged = load(Overrides {
        chain_id: Some(7),
        hardfork: Some("cancun".to_owned()),
        ..Overrides::default()
    });
    let chain = flagged.unwrap().chain;
    assert_eq!(chain.chain_id, 7);
    assert_eq!(chain.genesis_rules().fork, Hardfork::Cancun);
    std::fs::write(folder.path().join("genesis.json"), "{").unwrap();
    let error = load(Overrides::default()).unwrap_err().to_string();
    assert!(
        error.contains("`chain.genesis_file`: the genesis file"),
        "{error}"
    );
}

#[test]
fn the_moment_of_the_answer_is_a_part_of_the_chain() {
    use crate::chain::spec::Instamine;
    for (text, flag, wanted) in [
        ("", None, Instamine::Eager),
        ("instamine = \"strict\"", None, Instamine::Strict),
        (
            "instamine = \"eager\"",
            Some(Instamine::Strict),
            Instamine::Strict,
        ),
    ] {
        let text = BUILTIN_CONFIG.replace("instamine = \"eager\"", text);
        let overrides = Overrides {
            instamine: flag,
            ..Overrides::default()
        };
        let config = ClusterConfig::parse(&text, None, &overrides).unwrap();
        assert_eq!(config.chain.mining.instamine, wanted);
    }
}
