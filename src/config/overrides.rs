//! Flags laid over the file, and the memory of which value came from where.

use super::{
    Ether, Reads,
    document::{Document, Key},
    error::{ConfigError, Place, Problem},
    file::{
        AccountSection, AccountsSection, ChainSection, Clock, CodeSizeLimit, File, GasOrEstimate,
        GenesisTimestamp,
    },
};
use crate::{
    chain::{pool::Order, spec::Instamine},
    rpc::ErrorProfile,
};
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
    pub default_gas_price: Option<u64>,
    pub disable_min_priority_fee: bool,
    pub coinbase: Option<String>,
    pub extra_data: Option<String>,
    pub difficulty: Option<u64>,
    pub disable_default_create2_deployer: bool,
    pub disable_initcode_size_limit: bool,
    pub memory_limit: Option<u64>,
    pub disable_pool_balance_checks: bool,
    /// Private keys and balances.
    pub account: Vec<(String, Ether)>,
    pub unlock: Vec<String>,
    pub instamine: Option<Instamine>,
    /// Seconds; `Some(None)` is the clock.
    pub timestamp_increment: Option<Option<u64>>,
    pub price_bump: Option<u64>,
    /// Gas; `Some(None)` is an estimate.
    pub default_transaction_gas: Option<Option<u64>>,
    pub allowed_hosts: Option<Vec<String>>,
    pub rpc_endpoint: Option<String>,
    pub no_websockets: bool,
    pub ipc: Option<PathBuf>,
    pub call_gas_limit: Option<u64>,
    pub errors: Option<ErrorProfile>,
    pub vm_errors_on_rpc_response: bool,
    pub throw_on_transaction_failures: bool,
}

/// Lays flags over the keys of one table: `key = value, "--flag";`.
macro_rules! lay {
    ($flags:ident over $table:literal $section:expr => { $($name:ident = $value:expr, $flag:literal;)* }) => {
        $($flags.set(&mut $section.$name, $value, $table, stringify!($name), $flag);)*
    };
}

/// What a switch sets, if it is on.
fn on<T>(switch: bool, value: T) -> Option<T> {
    switch.then_some(value)
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
        let text = |ip: IpAddr| ip.to_string();
        lay!(flags over "server" file.server => {
            host = self.host.map(text), "--host";
            cors = on(self.no_cors, false), "--no-cors";
            allow_origin = self.allow_origin.clone(), "--allow-origin";
            request_bytes_max = on(self.no_request_size_limit, u64::from(u32::MAX)), "--no-request-size-limit";
            cheats = on(self.no_cheats, false), "--no-cheats";
            allow_faults = on(self.allow_faults, true), "--allow-faults";
            allowed_hosts = self.allowed_hosts.clone(), "--allowed-hosts";
            rpc_endpoint = self.rpc_endpoint.clone(), "--rpc-endpoint";
            websockets = on(self.no_websockets, false), "--no-ws";
            ipc = self.ipc.clone(), "--ipc";
            call_gas_limit = self.call_gas_limit, "--call-gas-limit";
            errors = self.errors, "--errors";
            vm_errors_on_rpc_response =
                on(self.vm_errors_on_rpc_response, true), "--vm-errors-on-rpc-response";
            throw_on_transaction_failures =
                on(self.throw_on_transaction_failures, true), "--throw-on-transaction-failures";
        });
        lay!(flags over "peers" file.peers => {
            host = self.peer_host.map(text), "--peer-host";
        });
        lay!(flags over "cluster" file.cluster => {
            reads = self.reads, "--reads";
            write_timeout_ms = self.write_timeout_ms, "--write-timeout";
        });
        lay!(flags over "storage" file.storage => {
            data_dir = self.data_dir.clone(), "--data-dir";
            ephemeral = on(self.data_dir.is_some(), false), "--data-dir";
        });
    }

    fn apply_chain(&self, file: &mut File, flags: &mut Flags) {
        let chain = &mut file.chain;
        if self.genesis.is_some() || chain.genesis_file.is_some() {
            chain.leave_to_genesis_file();
        }
        lay!(flags over "chain" chain => {
            chain_id = self.chain_id, "--chain-id";
            network_id = self.network_id, "--network-id";
            gas_limit = self.gas_limit, "--gas-limit";
            base_fee = self.base_fee, "--block-base-fee-per-gas";
            min_gas_price = self.gas_price, "--gas-price";
            default_gas_price = self.default_gas_price, "--default-gas-price";
            suggested_tip = on(self.disable_min_priority_fee, 0), "--disable-min-priority-fee";
            genesis_number = self.number, "--number";
            hardfork = self.hardfork.clone(), "--hardfork";
            genesis_file = self.genesis.clone(), "--genesis";
            genesis_timestamp = self.timestamp.map(GenesisTimestamp::At), "--timestamp";
            clock = self.timestamp.map(|_| Clock::Genesis), "--timestamp";
            coinbase = self.coinbase.clone(), "--coinbase";
            extra_data = self.extra_data.clone(), "--extra-data";
            difficulty = self.difficulty, "--difficulty";
            create2_deployer =
                on(self.disable_default_create2_deployer, false), "--disable-default-create2-deployer";
            unlocked = on(!self.unlock.is_empty(), self.unlock.clone()), "--unlock";
        });
        self.apply_limits(chain, flags);
    }

    fn apply_limits(&self, chain: &mut ChainSection, flags: &mut Flags) {
        let gas = |gas: Option<u64>| gas.map_or(GasOrEstimate::Estimate, GasOrEstimate::Gas);
        lay!(flags over "chain" chain => {
            code_size_limit = self.code_size_limit.map(CodeSizeLimit::Bytes), "--code-size-limit";
            code_size_limit =
                on(self.disable_code_size_limit, CodeSizeLimit::None), "--disable-code-size-limit";
            initcode_size_limit =
                on(self.disable_initcode_size_limit, CodeSizeLimit::None), "--disable-initcode-size-limit";
            memory_limit_bytes = self.memory_limit, "--memory-limit";
            enforce_block_gas_limit = on(self.disable_block_gas_limit, false), "--disable-block-gas-limit";
            enforce_transaction_gas_limit = on(self.enable_tx_gas_limit, true), "--enable-tx-gas-limit";
            auto_impersonate = on(self.auto_impersonate, true), "--auto-impersonate";
            default_transaction_gas =
                self.default_transaction_gas.map(gas), "--default-transaction-gas-limit";
            pool_balance_checks =
                on(self.disable_pool_balance_checks, false), "--disable-pool-balance-checks";
        });
    }

    fn apply_accounts(&self, file: &mut File, flags: &mut Flags) {
        if !self.account.is_empty() {
            // As in ganache: named accounts replace those of a phrase.
            file.accounts = None;
            file.account = self
                .account
                .iter()
                .map(|(key, balance)| AccountSection {
                    private_key: Some(key.clone()),
                    address: None,
                    balance_ether: *balance,
                })
                .collect();
            flags.0.extend(
                (0..file.account.len())
                    .map(|index| (Key::in_item("account", index, "private_key"), "--account")),
            );
        }
        let is_set = self.accounts.is_some()
            || self.balance.is_some()
            || self.mnemonic.is_some()
            || self.derivation_path.is_some();
        if !is_set {
            return;
        }
        let accounts = file.accounts.get_or_insert_with(AccountsSection::default);
        lay!(flags over "accounts" accounts => {
            count = self.accounts, "--accounts";
            balance_ether = self.balance, "--balance";
            mnemonic = self.mnemonic.clone(), "--mnemonic";
            derivation_path = self.derivation_path.clone(), "--derivation-path";
        });
    }

    fn apply_mining(&self, file: &mut File, flags: &mut Flags) {
        let mining = &mut file.mining;
        lay!(flags over "mining" mining => {
            interval_ms = self.block_time_ms, "--block-time";
            order = self.order, "--order";
            transactions_per_block = self.max_transactions, "--max-transactions";
            instamine = self.instamine, "--instamine";
            timestamp_increment_seconds = self.timestamp_increment.flatten(), "--timestamp-increment";
            price_bump_percent = self.price_bump, "--price-bump";
        });
        if self.timestamp_increment == Some(None) {
            mining.timestamp_increment_seconds = None;
        }
        if let Some(interval_ms) = self.block_time_ms {
            // As in anvil: a block time replaces mining at once, unless both are asked for; 0 is ganache's word for
            // mining at once.
            mining.automine = Some(self.mixed_mining || interval_ms == 0);
        }
        if self.no_mining {
            mining.automine = Some(false);
            mining.interval_ms = None;
        }
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
