//! The settings of a cluster: one checked value made of a TOML file, environment, flags and defaults.
//!
//! A flag beats a `PRALINE_…` variable (clap joins the two), which beats the file, which beats the default. Whatever
//! is wrong is said once, in one sentence that names the file, the line and the key, or the flag.
//!
//! *Invariants.* Nothing is opened here besides the config file and key files; no sockets, no clock, no randomness.
//! A [`ClusterConfig`] that exists is consistent: what can be checked without starting has been checked.

mod accounts;
mod chain;
mod document;
mod error;
mod ether;
mod file;
mod generate;
mod identity;
mod members;
mod overrides;
mod process;
mod resolve;

#[cfg(test)]
mod tests;

pub use crate::{
    replica::Reads,
    rpc::{ErrorProfile, Failures},
};
pub use chain::GANACHE_MNEMONIC;
pub use error::{ConfigError, Place, Problem};
pub use ether::Ether;
pub use identity::{
    SecretSource, parse_public_key, parse_secret_key, public_key_of, read_key_file, write_key_file,
};
pub use members::{is_loopback, split_address};
pub use overrides::Overrides;
pub use process::{DisplayConfig, FilesConfig, ProcessConfig};

use crate::{
    chain::spec::ChainSpec,
    types::{Member, MemberId, PublicKey},
};
use alloy::primitives::{B256, keccak256};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

/// Where `praline` looks for a config when none is named, relative to the current folder.
pub const DEFAULT_CONFIG_PATH: &str = "chain-config/cluster.toml";

/// The same config, compiled in for a `praline` that runs outside of its repository.
pub const BUILTIN_CONFIG: &str = include_str!("../../chain-config/cluster.toml");

/// The largest cluster. Raft's cost of a write grows with the members; five survive two losses.
pub const MEMBERS_MAX: usize = 15;

/// What `genesis_timestamp = "start"` means for members in processes of their own: 2026-01-01T00:00:00Z.
///
/// They must agree on the genesis block before they can speak to each other, and again after a restart with lost
/// data, so the time cannot come from a clock.
pub const SEPARATE_GENESIS_TIMESTAMP: u64 = 1_767_225_600;

/// Timing of the consensus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Milliseconds between a leader's heartbeats.
    pub heartbeat_interval_ms: u64,
    /// The least time without a leader after which a member asks for votes, milliseconds.
    pub election_timeout_min_ms: u64,
    /// The greatest such time, milliseconds.
    pub election_timeout_max_ms: u64,
    /// How long a write or a linearizable read waits for a leader with a majority, milliseconds.
    pub write_timeout_ms: u64,
}

/// The RPC servers of the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// The address of this machine on which RPC servers listen.
    pub host: IpAddr,
    /// What `Access-Control-Allow-Origin` says; `None`: no CORS headers at all.
    pub allow_origin: Option<String>,
    /// The largest request, bytes.
    pub request_bytes_max: u32,
    /// The largest answer, bytes.
    pub response_bytes_max: u32,
    /// Connections that one node serves at the same time.
    pub connections_max: u32,
    /// Whether clients may change the chain by other means than transactions.
    pub cheats: bool,
    /// Whether clients may order faults (`cluster_partition` and its kin).
    pub allow_faults: bool,
    /// Calls in one batch.
    pub batch_calls_max: u32,
    /// Calls of one connection that are worked on at once.
    pub calls_per_connection_max: u32,
    /// Subscriptions of one connection.
    pub subscriptions_per_connection_max: u32,
    /// Filters of one node.
    pub filters_max: u32,
    /// Changes that a filter keeps until they are fetched.
    pub filter_changes_max: u32,
    /// How long a filter lives without being asked, seconds.
    pub filter_idle_seconds: u64,
    /// Gas of calls; `None`: 50 million, or a block's if that is more.
    pub call_gas_limit: Option<u64>,
    /// Names that the servers go by, besides IP addresses; `None`: any.
    pub allowed_hosts: Option<Vec<String>>,
    /// The only path at which there are answers; `None`: any.
    pub rpc_endpoint: Option<String>,
    /// Whether WebSocket connections are taken.
    pub websockets: bool,
    /// The socket file of the first member; the others' have `-2`, `-3`, … before the extension.
    pub ipc: Option<PathBuf>,
    /// Whose errors clients see.
    pub errors: ErrorProfile,
    /// What a client gets for a transaction that was mined and failed.
    pub failures: Failures,
}

/// What is kept, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageConfig {
    /// The folder that holds one folder a member; `None`: the default of the command.
    pub data_dir: Option<PathBuf>,
    /// Whether everything stays in memory, where one process runs all members.
    pub ephemeral: bool,
    /// Entries of the log after which a snapshot is taken and older entries are purged.
    pub snapshot_interval_entries: u64,
}

/// When the genesis block was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenesisTime {
    /// Unix seconds.
    Fixed(u64),
    /// At the first start of the cluster, where one process runs all of it; see [`SEPARATE_GENESIS_TIMESTAMP`].
    Start,
}

/// The phrase behind the dev accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// BIP-39.
    pub mnemonic: String,
    /// BIP-32, without the account's own number at the end.
    pub derivation_path: String,
}

/// One member, with what only its own process needs.
#[derive(Clone, Debug)]
pub struct MemberConfig {
    /// Its number: its place in the file, from 1, or what it was given when it was added later.
    pub id: MemberId,
    /// What everybody knows of it.
    pub member: Member,
    /// Where its secret key is.
    pub secret: SecretSource,
}

/// Everything about a cluster, checked.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// The members, by number: those of the founding, or, for one that came later, those when it came.
    pub members: Vec<MemberConfig>,
    /// The digest of the founders, for a member that came later; founders make it of their config.
    pub founders: Option<B256>,
    /// The rules of the chain. Its genesis timestamp is final after [`ClusterConfig::settle_genesis_time`].
    pub chain: ChainSpec,
    /// Where the genesis timestamp comes from.
    pub genesis_time: GenesisTime,
    /// The phrase of the dev accounts, if they come from one.
    pub wallet: Option<Wallet>,
    /// Timing of the consensus.
    pub timing: Timing,
    /// How reads are answered.
    pub reads: Reads,
    /// RPC servers.
    pub server: ServerConfig,
    /// The address of this machine on which members listen for peers.
    pub peer_host: IpAddr,
    /// What is kept, and where.
    pub storage: StorageConfig,
    /// Files beside the data.
    pub files: FilesConfig,
    /// What is printed.
    pub display: DisplayConfig,
    /// The process itself.
    pub process: ProcessConfig,
}

impl ClusterConfig {
    /// Reads a file, lays the flags over it and checks the whole.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, Some(path), overrides)
    }

    /// The same for a text; `path` is its file, which gives relative key files their folder.
    pub fn parse(
        text: &str,
        path: Option<&Path>,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let document = document::Document::new(path, text);
        let file = document.deserialize()?;
        resolve::resolve(document, file, path, overrides)
    }

    /// A cluster without a file: `secrets.len()` members with these ed25519 secret keys, RPC on `port`, `port` + 1, …
    /// (0: the system chooses each).
    pub fn generate(
        secrets: &[[u8; 32]],
        port: u16,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        generate::generate(secrets, port, overrides)
    }

    /// A member by number.
    pub fn member(&self, id: MemberId) -> Option<&MemberConfig> {
        self.members.iter().find(|member| member.id == id)
    }

    /// A member by name.
    pub fn member_named(&self, name: &str) -> Option<&MemberConfig> {
        self.members
            .iter()
            .find(|member| member.member.name == name)
    }

    /// What the consensus is told about the members.
    pub fn membership(&self) -> BTreeMap<MemberId, Member> {
        self.members
            .iter()
            .map(|member| (member.id, member.member.clone()))
            .collect()
    }

    /// How many members make a majority.
    pub fn quorum(&self) -> usize {
        self.members.len() / 2 + 1
    }

    /// Whether every member is reached at this machine's loopback address.
    pub fn is_on_one_machine(&self) -> bool {
        self.members
            .iter()
            .all(|member| is_loopback(&member.member.peer_address))
    }

    /// Where the RPC server of a member listens: its port at [`ServerConfig::host`].
    pub fn rpc_bind(&self, member: &MemberConfig) -> SocketAddr {
        SocketAddr::new(
            self.server.host,
            members::port_of(&member.member.rpc_address),
        )
    }

    /// The socket file of a member, if there are any.
    pub fn ipc_path(&self, member: &MemberConfig) -> Option<PathBuf> {
        let first = self.server.ipc.as_ref()?;
        if member.id == 1 {
            return Some(first.clone());
        }
        let stem = first.file_stem().unwrap_or_default().to_string_lossy();
        let extension = first
            .extension()
            .map_or_else(String::new, |one| format!(".{}", one.to_string_lossy()));
        Some(first.with_file_name(format!("{stem}-{}{extension}", member.id)))
    }

    /// Where a member listens for peers: its port at [`ClusterConfig::peer_host`].
    pub fn peer_bind(&self, member: &MemberConfig) -> SocketAddr {
        SocketAddr::new(
            self.peer_host,
            members::port_of(&member.member.peer_address),
        )
    }

    /// Gives the genesis block its time if the config leaves it open.
    pub fn settle_genesis_time(&mut self, start_timestamp: u64) {
        if self.genesis_time == GenesisTime::Start {
            self.chain.genesis.timestamp = start_timestamp;
        }
    }

    /// A digest of what all members must have in common for ever: the chain's rules, and the names and keys of those that
    /// founded the cluster, in order. Two nodes with different ones refuse each other. Addresses, timing and limits of
    /// servers may differ, and so may the members: who comes and goes is in the log.
    pub fn cluster_id(&self) -> B256 {
        digest(&("praline cluster 2", &self.chain, self.founders_digest()))
    }

    /// A digest of the founders' names and keys, in order.
    pub fn founders_digest(&self) -> B256 {
        self.founders.unwrap_or_else(|| {
            let members: Vec<(&str, &PublicKey)> = self
                .members
                .iter()
                .map(|member| (member.member.name.as_str(), &member.member.public_key))
                .collect();
            digest(&("praline founders", members))
        })
    }

    /// What a user should know before anything is started; whole sentences.
    pub fn warnings(&self) -> Vec<String> {
        let exposed: Vec<&str> = self
            .members
            .iter()
            .filter(|member| matches!(member.secret, SecretSource::InFile(_)))
            .map(|member| member.member.name.as_str())
            .collect();
        let mut warnings = Vec::new();
        // The key of a single node opens nothing: it has no peers.
        if !exposed.is_empty() && self.members.len() > 1 {
            warnings.push(format!(
                "the secret keys of {} stand in {} for everybody to read: fit for a demo on one machine, for nothing \
                 else (`praline keys --out FILE` makes private ones)",
                exposed.join(", "),
                self.name(),
            ));
        }
        if !self.is_on_one_machine() && self.peer_host.is_loopback() && self.members.len() > 1 {
            warnings.push(format!(
                "members of {} are on other machines, but this node listens for peers at {} alone: set `host` in \
                 `[peers]` or pass `--peer-host 0.0.0.0`",
                self.name(),
                self.peer_host,
            ));
        }
        warnings
    }

    /// The config's name for messages.
    pub fn name(&self) -> String {
        match &self.file {
            Some(path) => format!("`{}`", path.display()),
            None if self.file_or_builtin() => "the built-in config".to_owned(),
            None => "the generated cluster".to_owned(),
        }
    }

    fn file_or_builtin(&self) -> bool {
        !self
            .members
            .iter()
            .any(|member| matches!(member.secret, SecretSource::Generated(_)))
    }
}

fn digest(value: &impl serde::Serialize) -> B256 {
    // Plain data without maps keyed by anything unordered: encoding it cannot fail, and an empty digest would only make
    // nodes refuse each other.
    keccak256(postcard::to_stdvec(value).unwrap_or_default())
}
