//! `eth_createAccessList` (EIP-2930), as geth's `AccessList` does it.

use super::{CallContext, CallError, machine::Machine};
use alloy::rpc::types::{AccessList, TransactionRequest, state::StateOverride};
use revm::context::result::ExecutionResult;
use revm_inspectors::access_list::AccessListInspector;

/// Runs after which the list is taken as it is: with a list a call costs other gas, so it may go other ways.
const RUNS_MAX: usize = 16;

/// `eth_createAccessList` (EIP-2930): the list, the gas used with it, and why the call failed, if it did.
///
/// Runs until a run with the list touches what is in the list. The sender, the called contract and the precompiles
/// are in it only where their storage is used, because they are warm anyway.
pub fn create_access_list(
    context: &CallContext<'_>,
    request: &TransactionRequest,
    state_overrides: Option<&StateOverride>,
) -> Result<(AccessList, u64, Option<String>), CallError> {
    let mut machine = Machine::new(context, request, state_overrides, None)?;
    let gas = request.gas.unwrap_or(u64::MAX).min(context.gas_cap);
    // A legacy transaction has no list.
    machine.transaction.tx_type = machine.transaction.tx_type.max(1);
    let mut list = AccessListInspector::new(request.access_list.clone().unwrap_or_default());
    let mut runs = 0;
    loop {
        let before = list.into_access_list();
        machine.transaction.access_list = before.clone();
        let (result, found) = machine.inspect(gas, AccessListInspector::new(before.clone()))?;
        runs += 1;
        if found.access_list() == before || runs == RUNS_MAX {
            let gas_used = result.gas().tx_gas_used();
            let error = match &result {
                ExecutionResult::Success { .. } => None,
                ExecutionResult::Revert { .. } => Some("execution reverted".to_owned()),
                ExecutionResult::Halt { reason, .. } => Some(machine.explain(reason, gas)),
            };
            return Ok((before, gas_used, error));
        }
        list = found;
    }
}
