//! From flags to what they change in a config.

use super::{
    CliError,
    flags::{
        AccountFlags, ColorArg, ConsensusFlags, ErrorsChoice, InstamineChoice, NodeFlags,
        NumberOrWord, OrderChoice, ReadsChoice, RunFlags, ServerFlags,
    },
};
use crate::{
    chain::{
        accounts::{mnemonic_from_entropy, mnemonic_from_ganache_seed, mnemonic_from_seed},
        pool::Order,
        spec::Instamine,
    },
    config::{ErrorProfile, GANACHE_MNEMONIC, Overrides, Reads},
    node::clock,
    telemetry::ColorChoice,
};

/// The same words for the types of other modules, which know no command line.
macro_rules! same_words {
    ($($choice:ident => $type:ty { $($name:ident),+ })+) => {
        $(impl From<$choice> for $type {
            fn from(choice: $choice) -> Self {
                match choice {
                    $($choice::$name => Self::$name),+
                }
            }
        })+
    };
}

same_words! {
    ReadsChoice => Reads { Linearizable, Local }
    OrderChoice => Order { Fees, Fifo }
    ColorArg => ColorChoice { Auto, Always, Never }
    InstamineChoice => Instamine { Eager, Strict }
    ErrorsChoice => ErrorProfile { Geth, Ganache }
}

impl NumberOrWord {
    fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Word => None,
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
        default_gas_price: chain.default_gas_price,
        disable_min_priority_fee: chain.disable_min_priority_fee,
        coinbase: chain.coinbase.clone(),
        extra_data: chain.extra_data.clone(),
        difficulty: chain.difficulty,
        disable_default_create2_deployer: chain.disable_default_create2_deployer,
        disable_initcode_size_limit: chain.disable_initcode_size_limit,
        memory_limit: chain.memory_limit,
        disable_pool_balance_checks: chain.disable_pool_balance_checks,
        account: accounts
            .account
            .iter()
            .map(|account| (account.key.clone(), account.balance))
            .collect(),
        unlock: accounts.unlock.clone(),
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
        instamine: mining.instamine.map(Instamine::from),
        timestamp_increment: mining.timestamp_increment.map(NumberOrWord::number),
        price_bump: mining.price_bump,
        default_transaction_gas: mining
            .default_transaction_gas_limit
            .map(NumberOrWord::number),
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
        allowed_hosts: (!server.allowed_hosts.is_empty()).then(|| server.allowed_hosts.clone()),
        rpc_endpoint: server.rpc_endpoint.clone(),
        no_websockets: server.no_ws,
        ipc: server.ipc.clone(),
        call_gas_limit: server.call_gas_limit,
        errors: server.errors.map(ErrorProfile::from),
        vm_errors_on_rpc_response: server.vm_errors_on_rpc_response,
        throw_on_transaction_failures: server.throw_on_transaction_failures,
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
    if let Some(seed) = &flags.seed {
        return mnemonic_from_ganache_seed(seed)
            .map(Some)
            .map_err(|error| CliError::Flag {
                flag: "--seed",
                reason: error.to_string(),
            });
    }
    if flags.deterministic {
        return Ok(Some(GANACHE_MNEMONIC.to_owned()));
    }
    Ok(flags.mnemonic.clone())
}
