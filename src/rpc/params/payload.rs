//! What a consensus layer says of a block to be built (Engine API, `PayloadAttributes`).

use super::{Argument, Fields};
use crate::chain::block::PayloadAttributes;
use alloy::eips::eip4895::{Withdrawal, Withdrawals};

impl Argument for PayloadAttributes {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let missing = |name: &str| format!("missing required field '{name}' for PayloadAttributes");
        let needed = |name: &str| fields.raw(&[name]).ok_or_else(|| missing(name));
        for name in ["timestamp", "prevRandao", "suggestedFeeRecipient"] {
            needed(name)?;
        }
        let withdrawals: Option<Vec<Withdrawal>> = fields.get(&["withdrawals"])?;
        Ok(Self {
            timestamp: fields.need("timestamp")?,
            prev_randao: fields.need("prevRandao")?,
            fee_recipient: fields.need("suggestedFeeRecipient")?,
            withdrawals: Withdrawals::new(withdrawals.unwrap_or_default()),
            parent_beacon_block_root: fields.get(&["parentBeaconBlockRoot"])?.unwrap_or_default(),
            ..Self::default()
        })
    }
}
