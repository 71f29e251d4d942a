//! What can be wrong with a config, as one sentence for the person who wrote it.

use super::{MEMBERS_MAX, Timing};
use crate::chain::accounts::AccountError;
use std::{fmt, io, path::PathBuf};

/// Where a wrong value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of the file; the key is dotted and may be empty where TOML itself is broken.
    Line {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// `member.peer`.
        key: String,
    },
    /// A flag, with the environment variable that stands for it.
    Flag(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line, key } if key.is_empty() => write!(f, "{file}:{line}"),
            Self::Line { file, line, key } => write!(f, "{file}:{line}: `{key}`"),
            Self::Flag(flag) => write!(f, "`{flag}`"),
        }
    }
}

/// A config that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the config `{}`: {source}; check the path given with `--config`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A value is wrong.
    #[error("{place}: {problem}")]
    Invalid {
        /// Where it was given.
        place: Place,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A key file is missing, open to others, or holds something else.
    #[error("the key file `{}` of {member}: {problem}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Whose key it should hold.
        member: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// This machine does not have the secret key of a member that it shall run.
    #[error(
        "{config} has no secret key for {member}: give it a `key_file` (made with `praline keys --out FILE`) or start \
         another member with `--node`"
    )]
    NoSecretKey {
        /// The config's name.
        config: String,
        /// The member.
        member: String,
    },
}

/// What is wrong with one value.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // each message says what its variant is
pub enum Problem {
    #[error("{0}")]
    Syntax(String),
    #[error("there is no such key; {0}")]
    UnknownKey(String),
    #[error("the key `{0}` is missing")]
    MissingKey(String),
    #[error("{0}")]
    Type(String),
    #[error(
        "there is no `[[member]]`; name at least one, with `name`, `peer`, `rpc` and `public_key`"
    )]
    NoMembers,
    #[error("{0} members are more than the {MEMBERS_MAX} that a cluster can have")]
    TooManyMembers(usize),
    #[error("`{0}` is already the name of another member; give each its own")]
    DuplicateName(String),
    #[error("`{0}` cannot name a member; use 1 to 32 letters, digits, `-` and `_`")]
    Name(String),
    #[error("`{address}` is already the {other}; give each member and each server its own port")]
    DuplicateAddress { address: String, other: String },
    #[error("this key already belongs to {0}; make a new pair with `praline keys`")]
    DuplicateKey(String),
    #[error(
        "{0} is already the number of {1}; numbers are given by `praline member add`, one a member for ever"
    )]
    DuplicateId(u64, String),
    #[error(
        "member {0} came after the founding, so `founders` must stand in `[cluster]`; use the config that `praline member add` gave"
    )]
    NoFounders(u64),
    #[error(
        "a digest of founders has 64 hex digits, not `{0}`; use the config that `praline member add` gave"
    )]
    Founders(String),
    #[error("`{0}` is not an address; write it as `host:port`, for example `127.0.0.1:30545`")]
    Address(String),
    #[error("a public key has 64 hex digits (32 bytes), this one has {0} characters")]
    PublicKeyLength(usize),
    #[error("`{0}` is not hex; only the digits 0 to 9 and a to f can stand here")]
    Hex(String),
    #[error("this is not a point of ed25519; make a pair with `praline keys`")]
    PublicKeyPoint,
    #[error(
        "a secret key has 128 hex digits (64 bytes: seed and public key) or 64 (the seed), this one has {0} characters"
    )]
    SecretKeyLength(usize),
    #[error(
        "the last 32 bytes of this secret key are not the public key of its first 32; make a new pair with `praline keys`"
    )]
    SecretKeyHalves,
    #[error(
        "this secret key belongs to the public key {actual}, not to {expected}; they must be a pair from `praline keys`"
    )]
    KeyMismatch { expected: String, actual: String },
    #[error("give either `secret_key` or `key_file`, not both")]
    TwoSecrets,
    #[error("others can read it (mode {0:03o}); run `chmod 600` on it")]
    KeyFileMode(u32),
    #[error("cannot be read: {0}")]
    KeyFileRead(io::Error),
    #[error(
        "an election timeout of {} ms is not longer than the heartbeat of {} ms; a leader would lose its office between two heartbeats",
        .0.election_timeout_min_ms, .0.heartbeat_interval_ms
    )]
    ElectionTooShort(Timing),
    #[error(
        "{} ms is not longer than `election_timeout_min_ms` = {}; the timeouts need a range to be drawn from",
        .0.election_timeout_max_ms, .0.election_timeout_min_ms
    )]
    ElectionRange(Timing),
    #[error("{value} is out of range; choose a value from {min} to {max}")]
    Range { value: u64, min: u64, max: u64 },
    #[error("{0}")]
    Hardfork(String),
    #[error("the genesis file `{}` cannot be used: {reason}", path.display())]
    GenesisFile { path: PathBuf, reason: String },
    #[error("`{0}` is not an account address; write 0x and 40 hex digits")]
    AccountAddress(String),
    #[error("`{0}` is not a time; write Unix seconds or \"start\"")]
    GenesisTime(String),
    #[error("`{0}` is not hex data; write 0x and at most 32 bytes")]
    ExtraData(String),
    #[error("{0}")]
    Account(#[from] AccountError),
    #[error("a private key has 64 hex digits (32 bytes), this one has {0} characters")]
    PrivateKeyLength(usize),
    #[error("give either `private_key` or `address`, one of them")]
    AccountIdentity,
    #[error("the account {0} is already there; name each account once")]
    DuplicateAccount(String),
    #[error("automatic mining and no mining at all cannot both be; drop one of them")]
    Mining,
    #[error(
        "`{0}` is not an IP address; use for example `127.0.0.1`, or `0.0.0.0` to listen everywhere"
    )]
    Host(String),
    #[error("`{0}` is not a path; write for example `/rpc`")]
    Endpoint(String),
    #[error(
        "a failed transaction is answered as ganache does or as Hardhat does, not both; drop one of them"
    )]
    TwoFailureStyles,
    #[error(
        "`state` is a dump to load and to write; give either it, or `load_state` and `dump_state`"
    )]
    TwoDumps,
    #[error("the chain is kept in memory or in `data_dir`, not both; drop one of them")]
    TwoPlaces,
    #[error("the ports from {port} on do not suffice for {members} members; choose a lower one")]
    PortRange { port: u16, members: usize },
}
