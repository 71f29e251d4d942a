//! The file of `--config-out`, in anvil's form: scripts read keys and addresses from it.

use crate::config::ClusterConfig;
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
