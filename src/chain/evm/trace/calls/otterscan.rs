//! The frames as Otterscan lists them, and questions about them.

use super::{CallRecorder, Frame};
use alloy::primitives::{Address, Bytes, U256};
use serde::Serialize;

/// A frame in the list.
#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    depth: usize,
    from: Address,
    to: Option<Address>,
    value: Option<U256>,
    input: &'a Bytes,
    output: &'a Bytes,
}

impl CallRecorder {
    /// `ots_traceTransaction`'s JSON. As in Erigon, a call that carries no value of its own has none.
    pub(in super::super) fn otterscan(&self) -> Result<String, serde_json::Error> {
        let mut depths = vec![0_usize; self.frames.len()];
        let entries: Vec<_> = self
            .frames
            .iter()
            .enumerate()
            .map(|(place, frame)| {
                for child in &frame.children {
                    depths[*child] = depths[place] + 1;
                }
                Entry {
                    kind: frame.kind,
                    depth: depths[place],
                    from: frame.from,
                    to: frame.to,
                    value: frame
                        .value
                        .filter(|_| !matches!(frame.kind, "DELEGATECALL" | "STATICCALL")),
                    input: &frame.input,
                    output: &frame.output,
                }
            })
            .collect();
        serde_json::to_string(&entries)
    }

    /// Whether the account is in any frame.
    pub(in super::super) fn has_part(&self, address: Address) -> bool {
        let is_in = |frame: &Frame| frame.from == address || frame.to == Some(address);
        self.frames.iter().any(is_in)
    }

    /// Who created the contract and stayed with it.
    pub(in super::super) fn creator_of(&self, contract: Address) -> Option<Address> {
        let mut undone = vec![false; self.frames.len()];
        for (place, frame) in self.frames.iter().enumerate() {
            undone[place] |= frame.error.is_some();
            if undone[place] {
                for child in &frame.children {
                    undone[*child] = true;
                }
            } else if frame.is_create() && frame.to == Some(contract) {
                return Some(frame.from);
            }
        }
        None
    }
}
