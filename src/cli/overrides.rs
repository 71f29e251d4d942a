//! From flags to what they change in a config.

use super::{
    CliError,
    flags::{
        AccountFlags, ColorArg, ConsensusFlags, NodeFlags, OrderChoice, ReadsChoice, RunFlags,
        ServerFlags,
    },
};
use crate::{
    chain::{
        accounts::{mnemonic_from_entropy, mnemonic_from_seed},
        pool::Order,
    },
    config::{GANACHE_MNEMONIC, Overrides, Reads},
    node::clock,
    telemetry::ColorChoice,
};

impl From<ReadsChoice> for Reads {
    fn from(choice: ReadsChoice) -> Self {
        match choice {
            ReadsChoice::Linearizable => Self::Linearizable,
            ReadsChoice::Local => Self::Local,
        }
    }
}

impl From<OrderChoice> for Order {
    fn from(choice: OrderChoice) -> Self {
        match choice {
            OrderChoice::Fees => Self::Fees,
            OrderChoice::Fifo => Self::Fifo,
        }
    }
}

impl From<ColorArg> for ColorChoice {
    fn from(choice: ColorArg) -> Self {
        match choice {
            ColorArg::Auto => Self::Auto,
            ColorArg::Always => Self::Always,
            ColorArg::Never => Self::Never,
        }
    }
}

/// What the flags of `praline` change.
pub(super) fn of_run(flags: &RunFlags) -> Result<Overrides, CliError> {
    let RunFlags {
        cluster,
        chain,
        accounts,
        mining,
        port,
        server,
        state,
        ..
    } = flags;
    Ok(Overrides {
        port: port.port,
        chain_id: chain.chain_id,
        network_id: chain.network_id,
        hardfork: chain.hardfork.clone(),
        genesis: chain.genesis.clone(),
        gas_limit: chain.gas_limit,
        base_fee: chain.block_base_fee_per_gas,
        gas_price: chain.gas_price,
        timestamp: chain.timestamp,
        number: chain.number,
        code_size_limit: chain.code_size_limit,
        disable_code_size_limit: chain.disable_code_size_limit,
        disable_block_gas_limit: chain.disable_block_gas_limit,
        enable_tx_gas_limit: chain.enable_tx_gas_limit,
        auto_impersonate: accounts.auto_impersonate,
        accounts: accounts.accounts,
        balance: accounts.balance,
        mnemonic: phrase(accounts)?,
        derivation_path: accounts.derivation_path.clone(),
        block_time_ms: mining.block_time.map(|time| time.0),
        no_mining: mining.no_mining,
        mixed_mining: mining.mixed_mining,
        order: mining.order.map(Order::from),
        max_transactions: mining.max_transactions,
        data_dir: state.data_dir.clone(),
        ..of_process(&cluster.consensus, server)?
    })
}

/// What the flags of `praline node` change.
pub(super) fn of_node(flags: &NodeFlags) -> Result<Overrides, CliError> {
    Ok(Overrides {
        peer_host: flags.peer_host,
        data_dir: flags.data_dir.clone(),
        ..of_process(&flags.consensus, &flags.server)?
    })
}

/// What both can change: nothing that nodes must agree on.
fn of_process(consensus: &ConsensusFlags, server: &ServerFlags) -> Result<Overrides, CliError> {
    Ok(Overrides {
        host: match server.host {
            None => anvil_host()?,
            host => host,
        },
        reads: consensus.reads.map(Reads::from),
        write_timeout_ms: consensus.write_timeout,
        no_cors: server.no_cors,
        allow_origin: server.allow_origin.clone(),
        no_request_size_limit: server.no_request_size_limit,
        no_cheats: server.no_cheats,
        allow_faults: server.allow_faults,
        ..Overrides::default()
    })
}

/// anvil's only environment variable, which container files set.
fn anvil_host() -> Result<Option<std::net::IpAddr>, CliError> {
    let Ok(text) = std::env::var("ANVIL_IP_ADDR") else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| CliError::Flag {
        flag: "ANVIL_IP_ADDR",
        reason: format!("`{text}` is not an IP address; use for example `0.0.0.0`"),
    })
}

fn phrase(flags: &AccountFlags) -> Result<Option<String>, CliError> {
    if let Some(words) = flags.mnemonic_random {
        let entropy: [u8; 32] = clock::random_bytes()?;
        let is_length = (12..=24).contains(&words) && words.is_multiple_of(3);
        // BIP-39: three words hold 32 bits of entropy and one of checksum.
        let bytes = is_length
            .then_some(words / 3 * 4)
            .ok_or(CliError::MnemonicWords(words))?;
        return mnemonic_from_entropy(&entropy[..bytes])
            .map(Some)
            .map_err(|_| CliError::MnemonicWords(words));
    }
    if let Some(seed) = flags.mnemonic_seed_unsafe {
        return mnemonic_from_seed(seed)
            .map(Some)
            .map_err(|error| CliError::Flag {
                flag: "--mnemonic-seed-unsafe",
                reason: error.to_string(),
            });
    }
    if flags.deterministic {
        return Ok(Some(GANACHE_MNEMONIC.to_owned()));
    }
    Ok(flags.mnemonic.clone())
}
