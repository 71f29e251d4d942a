//! Why the chain refuses a write, in geth's words: client libraries recognise errors by these sentences.
//!
//! Codes are not known here (`rpc/error.rs` gives them).

use alloy::primitives::{Address, U256};
use serde::{Deserialize, Serialize};

/// A refused write. The texts are a contract with ethers, viem, web3 and alloy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Rejection {
    /// The nonce was used.
    #[error("nonce too low: next nonce {next}, tx nonce {got}")]
    NonceTooLow {
        /// The account's next nonce.
        next: u64,
        /// The transaction's.
        got: u64,
    },
    /// EIP-2681.
    #[error("nonce has max value: address {0}, nonce: 18446744073709551615")]
    NonceMax(Address),
    /// Cannot pay for gas and value.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {}",
        cost.saturating_sub(*balance)
    )]
    InsufficientFunds {
        /// What the sender has.
        balance: U256,
        /// What the transaction may cost.
        cost: U256,
    },
    /// The sender of a call has less than it may cost.
    #[error(
        "insufficient funds for gas * price + value: address {address} have {have} want {want}"
    )]
    InsufficientFundsForCall {
        /// The sender.
        address: Address,
        /// Its balance.
        have: U256,
        /// What the call may cost.
        want: U256,
    },
    /// The sender of an estimated call has less than it sends.
    #[error("insufficient funds for transfer: address {0}")]
    InsufficientFundsForTransfer(Address),
    /// The gas does not cover the transaction itself.
    #[error("intrinsic gas too low: gas {gas}, minimum needed {needed}")]
    IntrinsicGasTooLow {
        /// The transaction's gas limit.
        gas: u64,
        /// What it costs before the first instruction.
        needed: u64,
    },
    /// EIP-7623.
    #[error("insufficient gas for floor data gas cost: gas {gas}, minimum needed {needed}")]
    FloorDataGas {
        /// The transaction's gas limit.
        gas: u64,
        /// The floor.
        needed: u64,
    },
    /// More gas than a block has.
    #[error("exceeds block gas limit")]
    ExceedsBlockGasLimit,
    /// EIP-7825.
    #[error("transaction gas limit too high (cap: {cap}, tx: {gas})")]
    GasLimitTooHigh {
        /// The cap.
        cap: u64,
        /// The transaction's gas limit.
        gas: u64,
    },
    /// The fee cap is below the base fee of the next block.
    #[error(
        "max fee per gas less than block base fee: address {address}, maxFeePerGas: {max_fee}, baseFee: {base_fee}"
    )]
    FeeCapTooLow {
        /// The sender.
        address: Address,
        /// The cap.
        max_fee: u128,
        /// The next block's base fee.
        base_fee: u64,
    },
    /// The blob fee cap is below the blob base fee of the next block.
    #[error(
        "max fee per blob gas less than block blob gas fee: address {address}, blobGasFeeCap: {max_fee}, blobBaseFee: {base_fee}"
    )]
    BlobFeeCapTooLow {
        /// The sender.
        address: Address,
        /// The cap.
        max_fee: u128,
        /// The next block's blob base fee.
        base_fee: u128,
    },
    /// The tip is above the cap (EIP-1559).
    #[error(
        "max priority fee per gas higher than max fee per gas: address {address}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {max_fee}"
    )]
    TipAboveFeeCap {
        /// The sender.
        address: Address,
        /// The tip.
        tip: u128,
        /// The cap.
        max_fee: u128,
    },
    /// The same nonce at too small a fee.
    #[error("replacement transaction underpriced")]
    ReplacementUnderpriced,
    /// The price is below the minimum that `anvil_setMinGasPrice` or the config sets.
    #[error("transaction underpriced: gas price {got}, minimum needed {needed}")]
    Underpriced {
        /// The transaction's price.
        got: u128,
        /// The minimum.
        needed: u128,
    },
    /// The same transaction again.
    #[error("already known")]
    AlreadyKnown,
    /// The pool holds as many transactions as it may.
    #[error("txpool is full")]
    PoolFull,
    /// Signed for another chain (EIP-155).
    #[error("invalid chain id for signer: have {got} want {want}")]
    WrongChainId {
        /// The transaction's.
        got: u64,
        /// The chain's.
        want: u64,
    },
    /// A transaction type that the fork does not have.
    #[error("transaction type not supported: type {tx_type} needs hardfork {needed}")]
    TypeNotSupported {
        /// EIP-2718 type.
        tx_type: u8,
        /// The first fork that has it.
        needed: String,
    },
    /// EIP-3860.
    #[error("max initcode size exceeded: code size {size}, limit {limit}")]
    InitcodeTooLarge {
        /// Bytes.
        size: usize,
        /// Bytes.
        limit: usize,
    },
    /// EIP-3607.
    #[error("sender not an eoa: address {0}")]
    SenderNotEoa(Address),
    /// An unsigned transaction from an account that is neither held nor impersonated.
    #[error("unknown account")]
    UnknownAccount(Address),
    /// An account that the chain holds, but that is locked (geth's and ganache's words).
    #[error("authentication needed: passphrase or unlock")]
    AccountLocked(Address),
    /// Not the account's passphrase (geth's words).
    #[error("could not decrypt key with given password")]
    WrongPassphrase(Address),
    /// A transaction that contradicts itself or its type's EIP; the sentence says how.
    #[error("{0}")]
    InvalidTransaction(String),
    /// The gas of an unsigned transaction without a gas limit could not be estimated because it reverts.
    #[error("execution reverted{}", .reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())]
    Reverted {
        /// The decoded reason.
        reason: Option<String>,
        /// What the call returned.
        data: alloy::primitives::Bytes,
    },
    /// A timestamp that is not after the newest block's.
    #[error("timestamp {got} is not after the previous block's timestamp {previous}")]
    TimestampInPast {
        /// What was asked for.
        got: u64,
        /// The newest block's.
        previous: u64,
    },
    /// A block from outside that is wrong.
    #[error(transparent)]
    BadBlock(#[from] Box<super::import::BadBlock>),
    /// A value that a cheat cannot take; the sentence names it.
    #[error("{0}")]
    InvalidValue(String),
}
