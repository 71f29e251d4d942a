//! The keys of a config: each explained, each checked, paths where the file is.

use super::*;
use crate::telemetry::ColorChoice;

/// serde names all keys of a table when it meets one that it does not know.
#[test]
fn every_key_is_explained_in_the_shipped_config() {
    let mut count = 0;
    for table in [
        "cluster", "chain", "mining", "accounts", "server", "peers", "storage", "files", "display",
        "process",
    ] {
        let said = refusal(&format!("[{table}]\nzzz = 1"));
        let keys = said
            .split("expected ")
            .nth(1)
            .unwrap()
            .split('`')
            .skip(1)
            .step_by(2);
        for key in keys {
            let explained = BUILTIN_CONFIG.lines().any(|line| {
                line.trim_start_matches("# ")
                    .starts_with(&format!("{key} = "))
            });
            assert!(
                explained,
                "`{key}` of `[{table}]` is not in chain-config/cluster.toml"
            );
            count += 1;
        }
    }
    assert!(count > 80, "{count}");
}

#[test]
fn keys_of_servers_and_chains_are_checked() {
    for (text, problem) in [
        (
            "[server]\nrpc_endpoint = \"rpc\"",
            "`rpc` is not a path; write for example `/rpc`",
        ),
        (
            "[server]\nbatch_calls_max = 0",
            "0 is out of range; choose a value from 1 to 4294967295",
        ),
        (
            "[server]\nvm_errors_on_rpc_response = true\nthrow_on_transaction_failures = true",
            "a failed transaction is answered as ganache does or as Hardhat does, not both; drop one of them",
        ),
        (
            "[server]\nerrors = \"parity\"",
            "unknown variant `parity`, expected `geth` or `ganache`",
        ),
        (
            "[storage]\ndata_dir = \"x\"\nephemeral = true",
            "the chain is kept in memory or in `data_dir`, not both; drop one of them",
        ),
        (
            "[files]\nstate = \"x\"\ndump_state = \"y\"",
            "`state` is a dump to load and to write; give either it, or `load_state` and `dump_state`",
        ),
        (
            "[files]\nstate_interval_seconds = 0",
            "invalid value: integer `0`, expected a nonzero u64",
        ),
        (
            "[display]\ncolor = \"red\"",
            "unknown variant `red`, expected one of `auto`, `always`, `never`",
        ),
        (
            "[chain]\nunlocked = [\"0x12\"]",
            "`0x12` is not an account address; write 0x and 40 hex digits",
        ),
        (
            "[mining]\nprice_bump_percent = 1001",
            "1001 is out of range; choose a value from 0 to 1000",
        ),
    ] {
        let said = refusal_after(text);
        assert!(said.contains(problem), "{text}: {said}");
    }
    let text = format!(
        "{}[chain]\nclock = \"genesis\"\ndefault_transaction_gas = \"estimate\"\n[mining]\ninstamine = \"strict\"\n\
         [server]\nsubscriptions_per_connection_max = 5\nfilter_idle_seconds = 7\nipc = \"x.ipc\"\n",
        two_members()
    );
    let config = parse(&text).unwrap();
    assert!(
        config.chain.dev.clock_from_genesis && config.chain.dev.default_transaction_gas.is_none()
    );
    assert_eq!(config.server.subscriptions_per_connection_max, 5);
    assert_eq!(config.server.filter_idle_seconds, 7);
}

#[test]
fn a_folder_from_a_flag_beats_memory_in_the_file() {
    let text = two_members() + "[storage]\nephemeral = true\n";
    assert!(parse(&text).unwrap().storage.ephemeral);
    let overrides = Overrides {
        data_dir: Some("x".into()),
        ..Overrides::default()
    };
    let storage = ClusterConfig::parse(&text, None, &overrides)
        .unwrap()
        .storage;
    assert_eq!(
        (storage.data_dir, storage.ephemeral),
        (Some("x".into()), false)
    );
}

#[test]
fn files_of_a_process_are_where_the_config_is() {
    let text = two_members()
        + "[files]\nload_state = \"a.json\"\ndump_state = \"/b.json\"\nstate_interval_seconds = 9\n\
           [display]\nverbosity = 3\ncolor = \"never\"\nlog_file = \"x.log\"\n[process]\nthreads = 3\n";
    let path = Path::new("lab/config.toml");
    let config = ClusterConfig::parse(&text, Some(path), &Overrides::default()).unwrap();
    let files = config.files.clone();
    assert_eq!(files.load_state.as_deref(), Some(Path::new("lab/a.json")));
    assert_eq!(files.dump_state.as_deref(), Some(Path::new("/b.json")));
    assert_eq!(files.state_interval_seconds.map(u64::from), Some(9));
    assert_eq!(config.display.color, Some(ColorChoice::Never));
    assert!(config.display.console_log && !config.display.quiet);
    assert_eq!(config.display.verbosity, 3);
    assert_eq!(
        config.display.log_file.as_deref(),
        Some(Path::new("lab/x.log"))
    );
    assert_eq!(config.process.threads, Some(3));
    let plain = parse(&two_members()).unwrap();
    assert_eq!(
        plain.cluster_id(),
        config.cluster_id(),
        "nodes may differ in these"
    );
}
