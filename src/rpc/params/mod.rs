//! Parameters of a call: positions, and what stands at them.
//!
//! A parser of our own, so that a user reads `invalid argument 0: hex string of odd length` and never a name of our
//! source. Strict as geth where a value is ambiguous, lenient where users of anvil, Hardhat and ganache rely on it:
//! `null` is absent, cheats take JSON numbers and decimal strings.
//! *Never here:* what a method does with its parameters.

mod bundle;
mod filter;
mod object;
mod payload;
mod scalar;
mod simulate;
mod trace;
mod transaction;

pub(crate) use bundle::{BundleCall, Bundles, StateContext};
pub(crate) use filter::{FilterCriteria, FilterRange, LogFilter};
pub(crate) use object::Fields;
pub(crate) use scalar::{Argument, Bool, Cheat, Message, ProofKey, Seconds, Slot, Word, json_kind};
pub(crate) use simulate::Simulation;
pub(crate) use trace::{
    CallAndTypes, TraceCallConfig, TraceConfig, TraceCriteria, Types, parse_go_duration,
};
pub(crate) use transaction::{parse_block_overrides, parse_state_overrides};

use super::error::RpcError;
use alloy::eips::{BlockId, BlockNumberOrTag};
use serde_json::value::RawValue;

/// The most parameters that are looked at.
const MAX_PARAMETERS: usize = 64;

/// The parameters of one call, by position.
#[derive(Debug, Default)]
pub(crate) struct Params<'a> {
    values: Vec<&'a str>,
}

impl<'a> Params<'a> {
    /// From the `params` member: an array, `null` or nothing. Trailing `null`s count as absent.
    pub(crate) fn parse(json: Option<&'a str>) -> Result<Self, RpcError> {
        let json = json.unwrap_or("null");
        if json == "null" || json == "[]" {
            return Ok(Self::default());
        }
        if !json.starts_with('[') {
            return Err(RpcError::invalid_params(format!(
                "the parameters must be an array, not {}",
                json_kind(json)
            )));
        }
        let values: Vec<&RawValue> = serde_json::from_str(json)
            .map_err(|_| RpcError::invalid_params("the parameters are not a JSON array"))?;
        if values.len() > MAX_PARAMETERS {
            return Err(RpcError::too_many_arguments(MAX_PARAMETERS));
        }
        let mut values: Vec<&str> = values.into_iter().map(RawValue::get).collect();
        while values.last() == Some(&"null") {
            values.pop();
        }
        Ok(Self { values })
    }

    /// As [`Self::parse`], but an object in the array's place is the first parameter.
    pub(crate) fn parse_or_object(json: Option<&'a str>) -> Result<Self, RpcError> {
        match json {
            Some(object) if object.starts_with('{') => Ok(Self {
                values: vec![object],
            }),
            json => Self::parse(json),
        }
    }

    /// Refuses more than `want` parameters.
    pub(crate) fn at_most(&self, want: usize) -> Result<(), RpcError> {
        if self.values.len() > want {
            return Err(RpcError::too_many_arguments(want));
        }
        Ok(())
    }

    /// The JSON text at a position; `None` where there is nothing or `null`.
    pub(crate) fn raw(&self, index: usize) -> Option<&'a str> {
        self.values.get(index).copied().filter(|v| *v != "null")
    }

    /// A parameter that may be missing.
    pub(crate) fn optional<T: Argument>(&self, index: usize) -> Result<Option<T>, RpcError> {
        self.raw(index)
            .map(|json| T::read(json).map_err(|problem| RpcError::invalid_argument(index, problem)))
            .transpose()
    }

    /// A parameter that must be there.
    pub(crate) fn required<T: Argument>(&self, index: usize) -> Result<T, RpcError> {
        self.optional(index)?
            .ok_or_else(|| RpcError::missing_argument(index))
    }

    /// A block; `latest` where there is none.
    pub(crate) fn block(&self, index: usize) -> Result<BlockId, RpcError> {
        self.block_or(index, BlockNumberOrTag::Latest)
    }

    /// A block, by default another than `latest`.
    pub(crate) fn block_or(
        &self,
        index: usize,
        default: BlockNumberOrTag,
    ) -> Result<BlockId, RpcError> {
        Ok(self.optional(index)?.unwrap_or(BlockId::Number(default)))
    }
}

#[cfg(test)]
mod tests;
