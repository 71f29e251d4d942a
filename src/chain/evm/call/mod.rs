//! Calls that change nothing: `eth_call`, `eth_estimateGas`, `eth_createAccessList`, `eth_callMany`, `eth_callBundle`.
//!
//! The rules are geth's (`internal/ethapi/api.go`, `eth/gasestimator`): no nonce is checked, a contract may be the
//! sender, a call without a price pays none and sees a base fee of zero, but who names a price or a value must have it.
//! One request is one `machine::Machine`: environment, state and overrides; its runs differ in their gas alone.
//! *Invariant.* Pure: the same context and request give the same answer, and nothing outside is changed.

mod access_list;
mod bundle;
mod estimate;
pub(super) mod halt;
pub(super) mod machine;
mod many;
pub(super) mod overrides;
pub(super) mod reason;
mod request;
#[cfg(test)]
mod tests;

use super::ecrecover::Signatures;
use crate::chain::{
    spec::ChainSpec,
    state::{StateError, StateRead},
};
use alloy::{
    consensus::Header,
    primitives::{Address, B256, Bytes, Log},
    rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride},
};
use machine::Machine;
use revm::context::result::{ExecutionResult, Output};

pub use access_list::create_access_list;
pub use bundle::{Bundled, BundledResult, call_bundle};
pub use estimate::{estimate_gas, estimate_gas_heard};
pub use many::{CallBundle, call_many};

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
    pub block_hash: &'a dyn Fn(u64) -> B256,
    /// What `ecrecover` answers for some signatures.
    pub signatures: &'a Signatures,
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

/// `eth_call`. A call that names no gas gets the cap; one that names more, too.
pub fn call(
    context: &CallContext<'_>,
    request: &TransactionRequest,
    state_overrides: Option<&StateOverride>,
    block_overrides: Option<&BlockOverrides>,
) -> Result<CallResult, CallError> {
    let mut machine = Machine::new(context, request, state_overrides, block_overrides)?;
    run(&mut machine, request, context.gas_cap)
}

/// What a call came to, and what it said on Solidity's console, also where it failed.
#[derive(Debug)]
pub struct Heard<T> {
    /// What it came to.
    pub result: Result<T, CallError>,
    /// Lines of `console.log`.
    pub console: Vec<String>,
}

impl<T> Heard<T> {
    /// Runs `ask` on a machine, and listens.
    fn from(
        machine: Result<Machine<'_>, CallError>,
        ask: impl FnOnce(&mut Machine<'_>) -> Result<T, CallError>,
    ) -> Self {
        match machine {
            Ok(mut machine) => Self {
                result: ask(&mut machine),
                console: machine.console_lines(),
            },
            Err(error) => Self {
                result: Err(error),
                console: Vec::new(),
            },
        }
    }
}

/// [`call`] with what it said on the console.
pub fn call_heard(
    context: &CallContext<'_>,
    request: &TransactionRequest,
    state_overrides: Option<&StateOverride>,
    block_overrides: Option<&BlockOverrides>,
) -> Heard<CallResult> {
    let machine = Machine::new(context, request, state_overrides, block_overrides);
    Heard::from(machine, |machine| run(machine, request, context.gas_cap))
}

fn run(
    machine: &mut Machine<'_>,
    request: &TransactionRequest,
    gas_cap: u64,
) -> Result<CallResult, CallError> {
    let gas = request.gas.unwrap_or(u64::MAX).min(gas_cap);
    match machine.run(gas)? {
        ExecutionResult::Success {
            gas, logs, output, ..
        } => {
            let created = match &output {
                Output::Create(_, address) => *address,
                Output::Call(_) => None,
            };
            Ok(CallResult {
                output: output.into_data(),
                gas_used: gas.tx_gas_used(),
                logs,
                created,
            })
        }
        failed => Err(machine.failure(failed, gas)),
    }
}
