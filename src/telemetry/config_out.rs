//! The files from which scripts read keys and addresses: `--config-out` in anvil's form, `--account-keys-path` in
//! ganache's.

use crate::{chain::accounts::DevAccount, config::ClusterConfig};
use serde_json::{Value, json};

/// The JSON. Numbers are decimal strings, addresses lower case, as anvil writes them; `nodes` is ours.
pub fn config_out(config: &ClusterConfig, nodes: &[super::NodeRow]) -> Value {
    let spec = &config.chain;
    let wallet = config.wallet.as_ref().map(
        |wallet| json!({ "mnemonic": wallet.mnemonic, "derivation_path": wallet.derivation_path }),
    );
    json!({
        "available_accounts": spec
            .accounts
            .iter()
            .map(|account| format!("{:#x}", account.address))
            .collect::<Vec<_>>(),
        "private_keys": spec.accounts.iter().map(|account| account.key).collect::<Vec<_>>(),
        "wallet": wallet,
        "base_fee": spec.genesis.base_fee.to_string(),
        "gas_price": spec.genesis.base_fee.to_string(),
        "gas_limit": spec.genesis.gas_limit.to_string(),
        "genesis_timestamp": spec.genesis.timestamp.to_string(),
        "nodes": nodes
            .iter()
            .map(|node| json!({ "name": node.name, "rpc": format!("http://{}", node.rpc) }))
            .collect::<Vec<_>>(),
    })
}

/// The file of `--account-keys-path`, in ganache's form: addresses, and keys by address.
pub fn account_keys(config: &ClusterConfig) -> Value {
    let accounts = &config.chain.accounts;
    let by_address = |value: &dyn Fn(&DevAccount) -> String| -> serde_json::Map<String, Value> {
        let entry =
            |account: &DevAccount| (format!("{:#x}", account.address), value(account).into());
        accounts.iter().map(entry).collect()
    };
    json!({
        "addresses": by_address(&|account| format!("{:#x}", account.address)),
        "private_keys": by_address(&|account| account.key.to_string()),
    })
}
