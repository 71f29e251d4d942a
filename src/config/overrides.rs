//! Flags laid over the file, and the memory of which value came from where.

use super::{
    Ether, Reads,
    document::{Document, Key},
    error::{ConfigError, Place, Problem},
    file::{AccountsSection, ChainSection, CodeSizeLimit, File, GenesisTimestamp},
};
use crate::chain::pool::Order;
use std::{net::IpAddr, path::PathBuf};

/// What flags and environment variables set; `None`: the file or the default decides.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // flags are
#[allow(missing_docs)] // each is the flag of its name, explained in `cli/flags.rs`
pub struct Overrides {
    pub port: Option<u16>,
    pub host: Option<IpAddr>,
    pub peer_host: Option<IpAddr>,
    pub reads: Option<Reads>,
    pub write_timeout_ms: Option<u64>,
    pub chain_id: Option<u64>,
    pub network_id: Option<u64>,
    pub hardfork: Option<String>,
    pub genesis: Option<PathBuf>,
    pub gas_limit: Option<u64>,
    pub base_fee: Option<u64>,
    pub gas_price: Option<u64>,
    pub timestamp: Option<u64>,
    pub number: Option<u64>,
    pub code_size_limit: Option<u64>,
    pub disable_code_size_limit: bool,
    pub disable_block_gas_limit: bool,
    pub enable_tx_gas_limit: bool,
    pub auto_impersonate: bool,
    pub accounts: Option<u64>,
    pub balance: Option<Ether>,
    pub mnemonic: Option<String>,
    pub derivation_path: Option<String>,
    pub block_time_ms: Option<u64>,
    pub no_mining: bool,
    pub mixed_mining: bool,
    pub order: Option<Order>,
    pub max_transactions: Option<u64>,
    pub no_cors: bool,
    pub allow_origin: Option<String>,
    pub no_request_size_limit: bool,
    pub no_cheats: bool,
    pub allow_faults: bool,
    pub data_dir: Option<PathBuf>,
}

/// Where the values of a config came from.
#[derive(Debug)]
pub(super) struct Origins {
    document: Document,
    flags: Vec<(Key, &'static str)>,
}

impl Origins {
    /// An error about the value of `key`, at the flag that gave it or else at its line.
    pub(super) fn invalid(&self, key: Key, problem: Problem) -> ConfigError {
        let flag = self.flags.iter().find(|(flagged, _)| *flagged == key);
        let place = flag.map_or_else(|| self.document.place(key), |(_, flag)| Place::Flag(flag));
        ConfigError::Invalid { place, problem }
    }
}

impl Overrides {
    /// Lays the flags over the file. `--port` waits for the members, see [`super::resolve`].
    pub(super) fn apply(&self, file: &mut File, document: Document) -> Origins {
        let mut flags = Flags(Vec::new());
        self.apply_cluster(file, &mut flags);
        self.apply_chain(file, &mut flags);
        self.apply_accounts(file, &mut flags);
        self.apply_mining(file, &mut flags);
        flags.0.push((Key::of("server", "port"), "--port"));
        Origins {
            document,
            flags: flags.0,
        }
    }

    fn apply_cluster(&self, file: &mut File, flags: &mut Flags) {
        let server = &mut file.server;
        let host = self.host.map(|ip| ip.to_string());
        flags.set(&mut server.host, host, "server", "host", "--host");
        let peer_host = self.peer_host.map(|ip| ip.to_string());
        flags.set(
            &mut file.peers.host,
            peer_host,
            "peers",
            "host",
            "--peer-host",
        );
        let cors = self.no_cors.then_some(false);
        flags.set(&mut server.cors, cors, "server", "cors", "--no-cors");
        let origin = self.allow_origin.clone();
        flags.set(
            &mut server.allow_origin,
            origin,
            "server",
            "allow_origin",
            "--allow-origin",
        );
        let unlimited = self.no_request_size_limit.then_some(u64::from(u32::MAX));
        let max = &mut server.request_bytes_max;
        flags.set(
            max,
            unlimited,
            "server",
            "request_bytes_max",
            "--no-request-size-limit",
        );
        let cheats = self.no_cheats.then_some(false);
        flags.set(
            &mut server.cheats,
            cheats,
            "server",
            "cheats",
            "--no-cheats",
        );
        let faults = self.allow_faults.then_some(true);
        flags.set(
            &mut server.allow_faults,
            faults,
            "server",
            "allow_faults",
            "--allow-faults",
        );
        let cluster = &mut file.cluster;
        flags.set(
            &mut cluster.reads,
            self.reads,
            "cluster",
            "reads",
            "--reads",
        );
        let timeout = &mut cluster.write_timeout_ms;
        flags.set(
            timeout,
            self.write_timeout_ms,
            "cluster",
            "write_timeout_ms",
            "--write-timeout",
        );
        let data_dir = self.data_dir.clone();
        flags.set(
            &mut file.storage.data_dir,
            data_dir,
            "storage",
            "data_dir",
            "--data-dir",
        );
    }

    fn apply_chain(&self, file: &mut File, flags: &mut Flags) {
        let chain = &mut file.chain;
        if self.genesis.is_some() || chain.genesis_file.is_some() {
            chain.leave_to_genesis_file();
        }
        let mut number = |slot: &mut Option<u64>, value, name, flag| {
            flags.set(slot, value, "chain", name, flag);
        };
        number(&mut chain.chain_id, self.chain_id, "chain_id", "--chain-id");
        number(
            &mut chain.network_id,
            self.network_id,
            "network_id",
            "--network-id",
        );
        number(
            &mut chain.gas_limit,
            self.gas_limit,
            "gas_limit",
            "--gas-limit",
        );
        number(
            &mut chain.base_fee,
            self.base_fee,
            "base_fee",
            "--block-base-fee-per-gas",
        );
        number(
            &mut chain.min_gas_price,
            self.gas_price,
            "min_gas_price",
            "--gas-price",
        );
        number(
            &mut chain.genesis_number,
            self.number,
            "genesis_number",
            "--number",
        );
        let hardfork = self.hardfork.clone();
        flags.set(
            &mut chain.hardfork,
            hardfork,
            "chain",
            "hardfork",
            "--hardfork",
        );
        let genesis = self.genesis.clone();
        let slot = &mut chain.genesis_file;
        flags.set(slot, genesis, "chain", "genesis_file", "--genesis");
        let timestamp = self.timestamp.map(GenesisTimestamp::At);
        let slot = &mut chain.genesis_timestamp;
        flags.set(slot, timestamp, "chain", "genesis_timestamp", "--timestamp");
        self.apply_limits(chain, flags);
    }

    fn apply_limits(&self, chain: &mut ChainSection, flags: &mut Flags) {
        let code_size = self.code_size_limit.map(CodeSizeLimit::Bytes);
        let slot = &mut chain.code_size_limit;
        flags.set(
            slot,
            code_size,
            "chain",
            "code_size_limit",
            "--code-size-limit",
        );
        if self.disable_code_size_limit {
            chain.code_size_limit = Some(CodeSizeLimit::None);
        }
        if self.disable_block_gas_limit {
            chain.enforce_block_gas_limit = Some(false);
        }
        if self.enable_tx_gas_limit {
            chain.enforce_transaction_gas_limit = Some(true);
        }
        if self.auto_impersonate {
            chain.auto_impersonate = Some(true);
        }
    }

    fn apply_accounts(&self, file: &mut File, flags: &mut Flags) {
        let is_set = self.accounts.is_some()
            || self.balance.is_some()
            || self.mnemonic.is_some()
            || self.derivation_path.is_some();
        if !is_set {
            return;
        }
        let accounts = file.accounts.get_or_insert_with(AccountsSection::default);
        flags.set(
            &mut accounts.count,
            self.accounts,
            "accounts",
            "count",
            "--accounts",
        );
        let balance = &mut accounts.balance_ether;
        flags.set(
            balance,
            self.balance,
            "accounts",
            "balance_ether",
            "--balance",
        );
        let phrase = self.mnemonic.clone();
        flags.set(
            &mut accounts.mnemonic,
            phrase,
            "accounts",
            "mnemonic",
            "--mnemonic",
        );
        let path = self.derivation_path.clone();
        let slot = &mut accounts.derivation_path;
        flags.set(
            slot,
            path,
            "accounts",
            "derivation_path",
            "--derivation-path",
        );
    }

    fn apply_mining(&self, file: &mut File, flags: &mut Flags) {
        let mining = &mut file.mining;
        let interval = self.block_time_ms;
        flags.set(
            &mut mining.interval_ms,
            interval,
            "mining",
            "interval_ms",
            "--block-time",
        );
        if self.block_time_ms.is_some() {
            // As in anvil: a block time replaces mining at once, unless both are asked for.
            mining.automine = Some(self.mixed_mining);
        }
        if self.no_mining {
            mining.automine = Some(false);
            mining.interval_ms = None;
        }
        flags.set(&mut mining.order, self.order, "mining", "order", "--order");
        let slot = &mut mining.transactions_per_block;
        let name = "transactions_per_block";
        flags.set(
            slot,
            self.max_transactions,
            "mining",
            name,
            "--max-transactions",
        );
    }
}

/// Remembers which keys flags have set.
struct Flags(Vec<(Key, &'static str)>);

impl Flags {
    fn set<T>(
        &mut self,
        slot: &mut Option<T>,
        value: Option<T>,
        table: &'static str,
        name: &'static str,
        flag: &'static str,
    ) {
        if value.is_some() {
            *slot = value;
            self.0.push((Key::of(table, name), flag));
        }
    }
}
