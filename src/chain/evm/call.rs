//! Calls that change nothing: `eth_call`, `eth_estimateGas`, `eth_createAccessList`.

use crate::chain::{
    spec::ChainSpec,
    state::{StateError, StateRead},
};
use alloy::{
    consensus::Header,
    primitives::{Address, Bytes, Log},
    rpc::types::{AccessList, BlockOverrides, TransactionRequest, state::StateOverride},
};

/// Why a call gave no result, in geth's words.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// REVERT, with the decoded reason (`Error(string)`, `Panic(uint256)`) where it can be printed.
    #[error("execution reverted{}", .reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())]
    Reverted {
        /// Decoded.
        reason: Option<String>,
        /// What the call returned.
        data: Bytes,
    },
    /// The EVM stopped: `out of gas`, `invalid opcode: INVALID`, `stack underflow (…)`, ….
    #[error("{0}")]
    Halted(String),
    /// The request cannot be executed: `insufficient funds for gas * price + value: …`, fee caps, ….
    #[error(transparent)]
    Rejected(#[from] crate::chain::Rejection),
    /// The estimate ran into its cap.
    #[error("gas required exceeds allowance ({0})")]
    AllowanceExceeded(u64),
    /// An override that contradicts itself.
    #[error("{0}")]
    InvalidOverride(String),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Where a call runs.
pub struct CallContext<'a> {
    /// The rules.
    pub spec: &'a ChainSpec,
    /// The chain id now.
    pub chain_id: u64,
    /// The block in which the call pretends to be (the named block itself; for `pending` the block being built).
    pub header: &'a Header,
    /// The state after that block.
    pub state: &'a dyn StateRead,
    /// `BLOCKHASH`.
    pub block_hash: &'a dyn Fn(u64) -> alloy::primitives::B256,
    /// Gas of a call that names none, and the most that one may have.
    pub gas_cap: u64,
}

impl std::fmt::Debug for CallContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CallContext(block {})", self.header.number)
    }
}

/// What a call gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallResult {
    /// The returned bytes.
    pub output: Bytes,
    /// Gas used after refunds.
    pub gas_used: u64,
    /// The logs it would have written.
    pub logs: Vec<Log>,
    /// The address of a contract it would have created.
    pub created: Option<Address>,
}

/// `eth_call`.
pub fn call(
    _context: &CallContext<'_>,
    _request: &TransactionRequest,
    _state_overrides: Option<&StateOverride>,
    _block_overrides: Option<&BlockOverrides>,
) -> Result<CallResult, CallError> {
    todo!()
}

/// `eth_estimateGas`: the least gas with which the call succeeds, found as geth does.
pub fn estimate_gas(
    _context: &CallContext<'_>,
    _request: &TransactionRequest,
    _state_overrides: Option<&StateOverride>,
    _block_overrides: Option<&BlockOverrides>,
) -> Result<u64, CallError> {
    todo!()
}

/// `eth_createAccessList` (EIP-2930): the list, the gas used with it, and why the call failed, if it did.
pub fn create_access_list(
    _context: &CallContext<'_>,
    _request: &TransactionRequest,
    _state_overrides: Option<&StateOverride>,
) -> Result<(AccessList, u64, Option<String>), CallError> {
    todo!()
}
