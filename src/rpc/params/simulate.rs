//! What `eth_simulateV1` is asked for: blocks with their overrides and calls, and how the answer looks.

use super::{Argument, Bool, Fields, Word, parse_state_overrides};
use crate::chain::evm::simulate::{BlockStateCalls, HeaderOverrides, SimulateRequest};
use alloy::eips::eip4895::{Withdrawal, Withdrawals};

/// The first parameter of `eth_simulateV1`.
#[derive(Clone, Debug)]
pub(crate) struct Simulation {
    /// What is simulated.
    pub(crate) request: SimulateRequest,
    /// Whether transactions are shown whole, not by their hashes.
    pub(crate) full_transactions: bool,
}

impl Argument for Simulation {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let flag = |name: &str| -> Result<bool, String> {
            Ok(fields.get::<Bool>(&[name])?.is_some_and(|flag| flag.0))
        };
        Ok(Self {
            request: SimulateRequest {
                blocks: fields.get(&["blockStateCalls"])?.unwrap_or_default(),
                trace_transfers: flag("traceTransfers")?,
                validation: flag("validation")?,
            },
            full_transactions: flag("returnFullTransactions")?,
        })
    }
}

impl Argument for BlockStateCalls {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let state = fields.raw(&["stateOverrides"]);
        Ok(Self {
            block: fields.get(&["blockOverrides"])?.unwrap_or_default(),
            state: state
                .map(parse_state_overrides)
                .transpose()
                .map_err(|problem| format!("stateOverrides: {problem}"))?
                .unwrap_or_default(),
            calls: fields.get(&["calls"])?.unwrap_or_default(),
        })
    }
}

impl Argument for HeaderOverrides {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let word = |names: &[&str]| -> Result<_, String> {
            Ok(fields.get::<Word>(names)?.map(|word| word.0))
        };
        Ok(Self {
            number: fields.get(&["number"])?,
            time: fields.get(&["time", "timestamp"])?,
            gas_limit: fields.get(&["gasLimit"])?,
            fee_recipient: fields.get(&["feeRecipient", "coinbase"])?,
            prev_randao: word(&["prevRandao", "random"])?,
            base_fee: fields.get(&["baseFeePerGas", "baseFee"])?,
            blob_base_fee: fields.get(&["blobBaseFee"])?,
            difficulty: fields.get(&["difficulty"])?,
            beacon_root: word(&["beaconRoot", "parentBeaconBlockRoot"])?,
            withdrawals: fields
                .get::<Vec<Withdrawal>>(&["withdrawals"])?
                .map(Withdrawals::new),
        })
    }
}

impl Argument for Withdrawal {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        Ok(Self {
            index: fields.get(&["index"])?.unwrap_or_default(),
            validator_index: fields.get(&["validatorIndex"])?.unwrap_or_default(),
            address: fields.get(&["address"])?.unwrap_or_default(),
            amount: fields.get(&["amount"])?.unwrap_or_default(),
        })
    }
}
