//! ganache's spellings, turned into ours before the flags are read: dotted names, deprecated aliases, and yargs' way
//! with booleans (`--flag`, `--flag true`, `--flag=false`, `--no-flag`), also in kebab-case as yargs takes them.
//!
//! Pure: words in, words out. Words that are not ganache's stay as they are.

use std::{ffi::OsString, net::IpAddr};

/// What a name of ganache stands for.
#[derive(Clone, Copy)]
enum Ours {
    /// A flag with a value.
    Value(&'static str),
    /// A switch.
    Switch(&'static str),
    /// The opposite of a switch.
    Off(&'static str),
    /// A path of BIP-32, for which yargs also takes commas.
    Path(&'static str),
    /// A host; ours are IP addresses.
    Host(&'static str),
}

use Ours::{Host, Off, Path, Switch, Value};

const NAMES: &[(&str, Ours)] = &[
    (
        "chain.allowUnlimitedContractSize",
        Switch("disable-code-size-limit"),
    ),
    (
        "allowUnlimitedContractSize",
        Switch("disable-code-size-limit"),
    ),
    (
        "chain.allowUnlimitedInitCodeSize",
        Switch("disable-initcode-size-limit"),
    ),
    (
        "chain.asyncRequestProcessing",
        Value("async-request-processing"),
    ),
    ("chain.chainId", Value("chain-id")),
    ("chain.networkId", Value("network-id")),
    ("networkId", Value("network-id")),
    ("chain.time", Value("timestamp")),
    ("time", Value("timestamp")),
    ("chain.hardfork", Value("hardfork")),
    (
        "chain.vmErrorsOnRPCResponse",
        Switch("vm-errors-on-rpc-response"),
    ),
    ("vmErrorsOnRPCResponse", Switch("vm-errors-on-rpc-response")),
    ("noVMErrorsOnRPCResponse", Off("vm-errors-on-rpc-response")),
    ("database.dbPath", Value("data-dir")),
    ("db_path", Value("data-dir")),
    ("logging.debug", Switch("log-opcodes")),
    ("debug", Switch("log-opcodes")),
    ("logging.quiet", Switch("quiet")),
    ("quiet", Switch("quiet")),
    ("logging.verbose", Switch("log-bodies")),
    ("verbose", Switch("log-bodies")),
    ("logging.file", Value("log-file")),
    ("miner.blockTime", Value("block-time")),
    ("miner.timestampIncrement", Value("timestamp-increment")),
    ("miner.defaultGasPrice", Value("default-gas-price")),
    ("gasPrice", Value("default-gas-price")),
    ("miner.blockGasLimit", Value("gas-limit")),
    ("gasLimit", Value("gas-limit")),
    (
        "miner.defaultTransactionGasLimit",
        Value("default-transaction-gas-limit"),
    ),
    ("miner.difficulty", Value("difficulty")),
    ("miner.callGasLimit", Value("call-gas-limit")),
    ("callGasLimit", Value("call-gas-limit")),
    ("miner.instamine", Value("instamine")),
    ("miner.coinbase", Value("coinbase")),
    ("miner.extraData", Value("extra-data")),
    ("miner.priceBump", Value("price-bump")),
    ("wallet.accounts", Value("account")),
    ("wallet.totalAccounts", Value("accounts")),
    ("wallet.deterministic", Switch("deterministic")),
    ("deterministic", Switch("deterministic")),
    ("wallet.seed", Value("seed")),
    ("wallet.mnemonic", Value("mnemonic")),
    ("wallet.unlockedAccounts", Value("unlock")),
    ("wallet.lock", Switch("lock")),
    ("lock", Switch("lock")),
    ("secure", Switch("lock")),
    ("wallet.passphrase", Value("passphrase")),
    ("wallet.accountKeysPath", Value("account-keys-path")),
    ("account_keys_path", Value("account-keys-path")),
    ("acctKeys", Value("account-keys-path")),
    ("wallet.defaultBalance", Value("balance")),
    ("defaultBalanceEther", Value("balance")),
    ("wallet.hdPath", Path("derivation-path")),
    ("hdPath", Path("derivation-path")),
    ("server.port", Value("port")),
    ("server.host", Host("host")),
    ("host", Host("host")),
    ("hostname", Host("host")),
    ("server.ws", Off("no-ws")),
    ("server.wsBinary", Value("ws-binary")),
    ("server.rpcEndpoint", Value("rpc-endpoint")),
    ("server.chunkSize", Value("chunk-size")),
    ("detach", Switch("detach")),
    ("😈", Switch("detach")),
];

/// Translates the words after the program's name.
pub(super) fn translate(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let words: Vec<OsString> = words.into_iter().collect();
    // `praline node -n NAME`: where a command stands first, shorts are the command's own.
    let is_plain = words
        .first()
        .is_none_or(|first| first.to_string_lossy().starts_with('-'));
    let mut out = Vec::with_capacity(words.len());
    let mut rest = words.into_iter().peekable();
    while let Some(word) = rest.next() {
        let Some(text) = word.to_str() else {
            out.push(word);
            continue;
        };
        if text == "--" {
            out.push(word);
            out.extend(rest);
            return out;
        }
        let next = rest.peek().and_then(|next| next.to_str());
        let translated = match text.strip_prefix("--") {
            Some(name) => long(name, next),
            None if is_plain => short(text, next),
            None => None,
        };
        match translated {
            Some(Translated { words, takes_next }) => {
                if takes_next {
                    rest.next();
                }
                out.extend(words.into_iter().map(OsString::from));
            }
            None => out.push(word),
        }
    }
    out
}

/// What stands for a word, and for the one after it if that belongs to it.
struct Translated {
    words: Vec<String>,
    takes_next: bool,
}

fn long(word: &str, next: Option<&str>) -> Option<Translated> {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let (ours, is_negated) = match find(name) {
        Some(ours) => (ours, false),
        None => (find(name.strip_prefix("no-")?)?, true),
    };
    let taken = |value: Option<&str>| value.is_none() && next.is_some();
    Some(match ours {
        Switch(flag) | Off(flag) => {
            let said = value.or(next.filter(|next| matches!(*next, "true" | "false")));
            let is_on = (said != Some("false")) != is_negated;
            let wanted = matches!(ours, Switch(_));
            Translated {
                words: if is_on == wanted {
                    vec![format!("--{flag}")]
                } else {
                    Vec::new()
                },
                takes_next: value.is_none() && said.is_some(),
            }
        }
        Value(flag) => Translated {
            words: join(flag, value.or(next).map(str::to_owned)),
            takes_next: taken(value),
        },
        Path(flag) => Translated {
            words: join(flag, value.or(next).map(|path| path.replace(',', "/"))),
            takes_next: taken(value),
        },
        Host(flag) => Translated {
            words: join(flag, value.or(next).map(address)),
            takes_next: taken(value),
        },
    })
}

fn join(flag: &str, value: Option<String>) -> Vec<String> {
    match value {
        // One word, so that a value that begins with a dash stays one.
        Some(value) => vec![format!("--{flag}={value}")],
        None => vec![format!("--{flag}")],
    }
}

fn address(host: &str) -> String {
    match host {
        "localhost" => "127.0.0.1".to_owned(),
        host => host.to_owned(),
    }
}

/// Shorts of ganache that anvil has for something else, where what follows tells them apart.
fn short(word: &str, next: Option<&str>) -> Option<Translated> {
    let with_next = |flag: &str, value: String| {
        Some(Translated {
            words: vec![format!("--{flag}={value}")],
            takes_next: true,
        })
    };
    match (word, next) {
        // `-h` alone is help.
        ("-h", Some(host)) if host == "localhost" || host.parse::<IpAddr>().is_ok() => {
            with_next("host", address(host))
        }
        ("-?", _) => Some(Translated {
            words: vec!["--help".to_owned()],
            takes_next: false,
        }),
        // anvil's `-n` names a network, ganache's locks accounts.
        ("-n", Some(network @ ("ethereum" | "optimism" | "tempo"))) => {
            with_next("network", network.to_owned())
        }
        ("-n", _) => Some(Translated {
            words: vec!["--lock".to_owned()],
            takes_next: false,
        }),
        // anvil's `-s` is a number of seconds, ganache's a text.
        ("-s", Some(seed)) if seed.parse::<f64>().is_err() => with_next("seed", seed.to_owned()),
        _ => None,
    }
}

/// A name as yargs knows it: also in kebab-case.
fn find(name: &str) -> Option<Ours> {
    let exact = NAMES.iter().find(|(known, _)| *known == name);
    let kebab = || {
        let is_dotted = name.contains('.');
        NAMES
            .iter()
            .find(|(known, _)| is_dotted && known.contains('.') && plain(known) == plain(name))
    };
    exact.or_else(kebab).map(|(_, ours)| *ours)
}

fn plain(name: &str) -> String {
    name.replace(['-', '_'], "").to_ascii_lowercase()
}
