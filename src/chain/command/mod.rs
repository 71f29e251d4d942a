//! The commands of the chain: what an entry of the replicated log says, and what comes of it.
//!
//! An entry holds everything that its effect depends on (times, random values, senders), so that applying it is a
//! pure function. Encoding: a format byte, then postcard; Ethereum's own objects inside are RLP.

mod codec;

use super::{
    import::{BadBlock, ImportedBlock},
    load::LoadPart,
    spec::Instamine,
    transaction::SignedTransaction,
};
use crate::types::RequestId;
use alloy::{
    consensus::Header,
    eips::eip4895::Withdrawals,
    primitives::{Address, B256, Bytes, U256},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub use codec::CodecError;
pub(crate) use codec::WireImport;

/// A change of the chain that a client asks for by name ("cheat"), besides transactions and mining.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cheat {
    /// `evm_snapshot` → [`Outcome::Snapshot`].
    Snapshot,
    /// `evm_revert` → [`Outcome::Flag`]: whether the id was alive.
    Revert {
        /// The id that `evm_snapshot` gave.
        id: u64,
    },
    /// `evm_increaseTime` → [`Outcome::Seconds`]: the whole offset.
    IncreaseTime {
        /// Seconds to add to the offset of the chain's clock; may be negative.
        seconds: i64,
    },
    /// `evm_setTime`: makes the chain's clock show this time now → [`Outcome::Seconds`]: the change of the offset.
    SetTime {
        /// Unix time in seconds that the chain's clock shall show.
        timestamp: u64,
        /// The real time at which the request was made, in Unix milliseconds.
        now_ms: u64,
    },
    /// `evm_setNextBlockTimestamp`.
    SetNextBlockTimestamp {
        /// Unix seconds.
        timestamp: u64,
    },
    /// `anvil_setBlockTimestampInterval`; `None` removes it → [`Outcome::Flag`]: whether there was one.
    SetBlockTimestampInterval {
        /// Seconds between blocks.
        seconds: Option<u64>,
    },
    /// `evm_setAutomine`.
    SetAutomine {
        /// Whether a transaction is mined at once.
        enabled: bool,
    },
    /// `evm_setIntervalMining`.
    SetIntervalMining {
        /// Milliseconds between blocks; 0 switches interval mining off.
        interval_ms: u64,
    },
    /// `anvil_setBalance`.
    SetBalance {
        /// Whose.
        address: Address,
        /// Wei.
        balance: U256,
    },
    /// `anvil_addBalance`.
    AddBalance {
        /// Whose.
        address: Address,
        /// Wei to add.
        amount: U256,
    },
    /// `anvil_setCode`.
    SetCode {
        /// Whose.
        address: Address,
        /// Runtime code.
        code: Bytes,
    },
    /// `anvil_setNonce`.
    SetNonce {
        /// Whose.
        address: Address,
        /// The nonce of the next transaction.
        nonce: u64,
    },
    /// `anvil_setStorageAt`.
    SetStorageAt {
        /// Whose.
        address: Address,
        /// The slot.
        slot: U256,
        /// Its value.
        value: U256,
    },
    /// `anvil_impersonateAccount`.
    Impersonate {
        /// Transactions from here need no key.
        address: Address,
    },
    /// `anvil_stopImpersonatingAccount`.
    StopImpersonating {
        /// The account.
        address: Address,
    },
    /// `anvil_autoImpersonateAccount`.
    AutoImpersonate {
        /// Whether every account can be sent from.
        enabled: bool,
    },
    /// `anvil_setCoinbase`.
    SetCoinbase {
        /// The beneficiary of blocks from now on.
        address: Address,
    },
    /// `anvil_setNextBlockBaseFeePerGas`.
    SetNextBlockBaseFee {
        /// Wei; for the next block alone.
        base_fee: u64,
    },
    /// `hardhat_setPrevRandao`: for the next block alone.
    SetNextPrevRandao {
        /// The value that `PREVRANDAO` gives.
        value: B256,
    },
    /// `anvil_setBlockGasLimit`, `evm_setBlockGasLimit`.
    SetBlockGasLimit {
        /// The gas limit of blocks from now on.
        gas_limit: u64,
    },
    /// `anvil_setMinGasPrice`.
    SetMinGasPrice {
        /// Wei.
        price: u128,
    },
    /// `anvil_setChainId`.
    SetChainId {
        /// The chain id from now on.
        chain_id: u64,
    },
    /// `anvil_dropTransaction` → [`Outcome::Removed`].
    DropTransaction {
        /// Its hash.
        hash: B256,
    },
    /// `anvil_dropAllTransactions`.
    DropAllTransactions,
    /// `anvil_removePoolTransactions`.
    DropTransactionsOf {
        /// The sender.
        address: Address,
    },
    /// `anvil_rollback`.
    Rollback {
        /// How many blocks go.
        depth: u64,
    },
    /// `anvil_reset`: the chain as it was at its start.
    Reset,
    /// `miner_setExtra`.
    SetExtraData {
        /// At most 32 bytes.
        data: Bytes,
    },
    /// `personal_newAccount`, `personal_importRawKey`, `evm_addAccount` → [`Outcome::Flag`]: whether it is new.
    AddAccount {
        /// Which.
        address: Address,
        /// Its private key; `None`: it is sent from without a signature.
        key: Option<B256>,
        /// Keccak-256 of the passphrase.
        passphrase: B256,
    },
    /// `evm_removeAccount` → [`Outcome::Flag`]: whether it was there.
    RemoveAccount {
        /// Which.
        address: Address,
        /// Keccak-256 of the passphrase.
        passphrase: B256,
    },
    /// `personal_lockAccount` → [`Outcome::Flag`]: whether it is there.
    LockAccount {
        /// Which.
        address: Address,
    },
    /// `personal_unlockAccount` → [`Outcome::Flag`]: whether it is there.
    UnlockAccount {
        /// Which.
        address: Address,
        /// Keccak-256 of the passphrase.
        passphrase: B256,
        /// Unix milliseconds (real time) at which it is locked again; `u64::MAX`: never.
        until_ms: u64,
    },
    /// `anvil_impersonateSignature`.
    ImpersonateSignature {
        /// 65 bytes: r, s, v.
        signature: Bytes,
        /// What `ecrecover` answers for it.
        address: Address,
    },
    /// Whether the answer to a transaction that is mined at once comes before or after its block.
    SetInstamine {
        /// The mode.
        mode: Instamine,
    },
}

impl Cheat {
    /// Whether it asks for old blocks or states, so that everything before it must be applied first.
    pub fn needs_past(&self) -> bool {
        matches!(self, Self::Rollback { .. } | Self::Reset)
    }
}

/// A transaction for a block of a reorg.
#[derive(Clone, Debug, PartialEq)]
pub enum ReorgTransaction {
    /// A signed one.
    Signed(Arc<SignedTransaction>),
    /// An unsigned one from an account that the chain holds or impersonates; its nonce is that of the new branch.
    Unsigned(Box<alloy::rpc::types::TransactionRequest>),
}

/// A write as it comes from a client, before the leader turned it into entries of the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A signed transaction, its sender already recovered by the node that was asked.
    Transaction(Arc<SignedTransaction>),
    /// An unsigned transaction from an account that the node holds or impersonates. The leader fills what is missing
    /// and gives out the nonce.
    Unsigned(Box<alloy::rpc::types::TransactionRequest>),
    /// Mine blocks now.
    Mine {
        /// How many.
        count: u64,
        /// Seconds between them; `None`: the chain's own rule.
        interval_seconds: Option<u64>,
        /// The timestamp of the first, where the caller gives one (`evm_mine(timestamp)`).
        timestamp: Option<u64>,
    },
    /// Blocks from outside, one on the other: all up to the first wrong one.
    Import(Vec<Arc<ImportedBlock>>),
    /// A cheat.
    Cheat(Cheat),
    /// A key and a value (`cluster_push`).
    Note {
        /// The key.
        key: String,
        /// The value, JSON text.
        value: String,
    },
    /// `anvil_reorg`: replaces the newest blocks.
    Reorg {
        /// How many.
        depth: u64,
        /// Transactions, each with the index of its new block (0: the lowest).
        transactions: Vec<(ReorgTransaction, u64)>,
    },
    /// A part of a dump.
    Load(Arc<LoadPart>),
}

/// What a write came to, the same on every node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Done; nothing to tell.
    Done,
    /// The hash of a transaction that is mined or in the pool.
    Transaction(B256),
    /// Blocks were mined: the first and the last number.
    Mined {
        /// The first block's number.
        first: u64,
        /// The last block's number.
        last: u64,
    },
    /// Blocks from outside were taken: how many, and the one at which it ended, if one was wrong.
    Imported {
        /// Blocks taken.
        count: u64,
        /// The first that was not.
        refused: Option<Box<BadBlock>>,
    },
    /// The id of a snapshot.
    Snapshot(u64),
    /// Yes or no.
    Flag(bool),
    /// Seconds.
    Seconds(i64),
    /// The transaction that was removed, if there was one.
    Removed(Option<B256>),
    /// The note was written by the entry with this log index.
    Note {
        /// The index of the entry.
        index: u64,
    },
}

/// A sealed block on its way through the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedBlock {
    /// The complete header.
    pub header: Header,
    /// The transactions with their senders.
    pub transactions: Vec<Arc<SignedTransaction>>,
    /// The withdrawals, from Shanghai on.
    pub withdrawals: Option<Withdrawals>,
    /// Hashes of waiting transactions that can never be mined on the state before this block: they leave the pool.
    pub evicted: Vec<B256>,
    /// Whether a client named the timestamp: the chain's clock then goes on from it.
    pub timestamp_named: bool,
}

/// A request that an entry serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The request.
    pub request: RequestId,
    /// What it came to, where the leader knows it; `None`: what applying the entry gives.
    pub outcome: Option<Outcome>,
    /// Whether this finishes the request. Mining many blocks takes several entries.
    pub complete: bool,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The chain's position (see [`super::Chain::position`]) on which the entry was built. At another one it is
    /// skipped, on every node alike.
    pub base: B256,
    /// Unix milliseconds at the leader when it proposed the entry.
    pub proposed_at_ms: u64,
    /// The requests it serves.
    pub answers: Vec<Answer>,
    /// What it does.
    pub body: Body,
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Blocks, built one on the other.
    Blocks(Vec<ProposedBlock>),
    /// Blocks from outside, one on the other.
    Import(Vec<Arc<ImportedBlock>>),
    /// Transactions for the pool, where a block does not follow at once.
    Admit(Vec<Arc<SignedTransaction>>),
    /// A cheat.
    Cheat(Cheat),
    /// A key and a value.
    Note {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// The newest `depth` blocks go and others come, built one on the other.
    Reorg {
        /// How many go.
        depth: u64,
        /// Those that come.
        blocks: Vec<ProposedBlock>,
    },
    /// A part of a dump.
    Load(Arc<LoadPart>),
}
