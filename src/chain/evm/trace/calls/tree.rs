//! `callTracer`'s JSON. Without recursion: forks before EIP-150 go 1,024 calls deep.

use super::{CallRecorder, Frame};
use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde::Serialize;

/// A frame without its calls.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FrameJson<'a> {
    from: Address,
    gas: U64,
    gas_used: U64,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Address>,
    input: &'a Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revert_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logs: Vec<LogJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<U256>,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct LogJson<'a> {
    address: Address,
    topics: &'a [B256],
    data: &'a Bytes,
    index: U64,
    position: U64,
}

impl CallRecorder {
    /// The tree as JSON.
    pub(in super::super) fn tree(&self) -> Result<String, serde_json::Error> {
        self.tree_with(|_, _| Ok(()))
    }

    /// The same with more members: `more` appends those of the frame at a place, each after a comma.
    pub(in super::super) fn tree_with(
        &self,
        more: impl Fn(usize, &mut String) -> Result<(), serde_json::Error>,
    ) -> Result<String, serde_json::Error> {
        let mut out = String::new();
        let Some(top) = self.frames.first() else {
            return Ok("{}".to_owned());
        };
        begin(&mut out, top)?;
        more(0, &mut out)?;
        // Frames whose calls are being written, and which of them is next.
        let mut open = vec![(top, 0)];
        while let Some((frame, next)) = open.last_mut() {
            if let Some(place) = frame.children.get(*next).copied() {
                let child = &self.frames[place];
                out.push_str(if *next == 0 { r#","calls":["# } else { "," });
                *next += 1;
                begin(&mut out, child)?;
                more(place, &mut out)?;
                open.push((child, 0));
            } else {
                out.push_str(if *next == 0 { "}" } else { "]}" });
                open.pop();
            }
        }
        Ok(out)
    }
}

/// Writes a frame up to its calls.
fn begin(out: &mut String, frame: &Frame) -> Result<(), serde_json::Error> {
    let logs = frame.logs.iter().map(|log| LogJson {
        address: log.address,
        topics: &log.topics,
        data: &log.data,
        index: U64::from(log.index),
        position: U64::from(log.position),
    });
    let json = FrameJson {
        from: frame.from,
        gas: U64::from(frame.gas),
        gas_used: U64::from(frame.gas_used),
        to: frame.shown_to(),
        input: &frame.input,
        output: (!frame.output.is_empty()).then_some(&frame.output),
        error: frame.error.as_deref(),
        revert_reason: frame.revert_reason.as_deref(),
        logs: logs.collect(),
        value: frame.value,
        kind: frame.kind,
    };
    out.push_str(&serde_json::to_string(&json)?);
    // The object is open again.
    out.pop();
    Ok(())
}
