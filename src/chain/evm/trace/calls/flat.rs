//! `flatCallTracer`'s JSON: the frames in order, each with its place in the tree, in Parity's form.

use super::{CallRecorder, Frame};
use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde::Serialize;

/// What `flatCallTracer` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlatCallTracerOptions {
    /// Whether errors have Parity's words.
    pub convert_parity_errors: bool,
    /// Whether calls of precompiles are shown.
    pub include_precompiles: bool,
}

/// Where the transaction stands.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Place {
    pub(in super::super) block_hash: Option<B256>,
    pub(in super::super) block_number: u64,
    pub(in super::super) transaction_hash: Option<B256>,
    pub(in super::super) transaction_index: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FlatFrame<'a> {
    action: Action<'a>,
    block_hash: Option<B256>,
    block_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Outcome<'a>>,
    subtraces: usize,
    trace_address: &'a [usize],
    transaction_hash: Option<B256>,
    transaction_position: u64,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Action<'a> {
    #[serde(rename_all = "camelCase")]
    Call {
        call_type: String,
        from: Address,
        gas: U64,
        input: &'a Bytes,
        to: Option<Address>,
        value: U256,
    },
    Create {
        from: Address,
        gas: U64,
        init: &'a Bytes,
        value: U256,
    },
    #[serde(rename_all = "camelCase")]
    Selfdestruct {
        address: Address,
        balance: U256,
        refund_address: Option<Address>,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    #[serde(rename_all = "camelCase")]
    Call { gas_used: U64, output: &'a Bytes },
    #[serde(rename_all = "camelCase")]
    Create {
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<Address>,
        code: &'a Bytes,
        gas_used: U64,
    },
}

impl CallRecorder {
    /// The list as JSON.
    pub(in super::super) fn flat(
        &self,
        options: FlatCallTracerOptions,
        place: Place,
    ) -> Result<String, serde_json::Error> {
        let mut out = String::from("[");
        let mut address = Vec::new();
        let Some(top) = self.frames.first() else {
            return Ok("[]".to_owned());
        };
        self.write(&mut out, top, &address, options, place)?;
        let mut open = vec![(self.shown(top, options), 0)];
        while let Some((children, next)) = open.last_mut() {
            if let Some(child) = children.get(*next).map(|child| &self.frames[*child]) {
                address.push(*next);
                *next += 1;
                out.push(',');
                self.write(&mut out, child, &address, options, place)?;
                open.push((self.shown(child, options), 0));
            } else {
                open.pop();
                address.pop();
            }
        }
        out.push(']');
        Ok(out)
    }

    /// The frames that a frame made and that are shown.
    fn shown(&self, frame: &Frame, options: FlatCallTracerOptions) -> Vec<usize> {
        let hidden = |child: &Frame| {
            !options.include_precompiles
                && child.is_precompile
                && matches!(child.kind, "CALL" | "STATICCALL")
        };
        let children = frame.children.iter().copied();
        children
            .filter(|child| !hidden(&self.frames[*child]))
            .collect()
    }

    fn write(
        &self,
        out: &mut String,
        frame: &Frame,
        address: &[usize],
        options: FlatCallTracerOptions,
        place: Place,
    ) -> Result<(), serde_json::Error> {
        let error = frame.error.as_deref();
        let keeps_result = error.is_none_or(|error| error == "execution reverted");
        let (kind, action, result) = parts(frame);
        let json = FlatFrame {
            action,
            block_hash: place.block_hash,
            block_number: place.block_number,
            error: match error {
                Some(words) if options.convert_parity_errors => Some(parity_words(words)),
                words => words,
            },
            result: result.filter(|_| keeps_result),
            subtraces: self.shown(frame, options).len(),
            trace_address: address,
            transaction_hash: place.transaction_hash,
            transaction_position: place.transaction_index,
            kind,
        };
        out.push_str(&serde_json::to_string(&json)?);
        Ok(())
    }
}

fn parts(frame: &Frame) -> (&'static str, Action<'_>, Option<Outcome<'_>>) {
    let gas = U64::from(frame.gas);
    let gas_used = U64::from(frame.gas_used);
    let value = frame.value.unwrap_or_default();
    match frame.kind {
        "SELFDESTRUCT" => (
            "suicide",
            Action::Selfdestruct {
                address: frame.from,
                balance: value,
                refund_address: frame.to,
            },
            None,
        ),
        "CREATE" | "CREATE2" => (
            "create",
            Action::Create {
                from: frame.from,
                gas,
                init: &frame.input,
                value,
            },
            Some(Outcome::Create {
                address: frame.shown_to(),
                code: &frame.output,
                gas_used,
            }),
        ),
        kind => (
            "call",
            Action::Call {
                call_type: kind.to_lowercase(),
                from: frame.from,
                gas,
                input: &frame.input,
                to: frame.to,
                value,
            },
            Some(Outcome::Call {
                gas_used,
                output: &frame.output,
            }),
        ),
    }
}

/// Parity's words for geth's.
fn parity_words(words: &str) -> &str {
    match words {
        "contract creation code storage out of gas"
        | "out of gas"
        | "gas uint64 overflow"
        | "max code size exceeded" => "Out of gas",
        "invalid jump destination" => "Bad jump destination",
        "execution reverted" => "Reverted",
        "return data out of bounds" => "Out of bounds",
        "stack limit reached 1024 (1023)" => "Out of stack",
        "precompiled failed" | "precompile failed" | "invalid input length" => "Built-in failed",
        other if other.starts_with("invalid opcode:") => "Bad instruction",
        other if other.starts_with("stack underflow") => "Stack underflow",
        other => other,
    }
}
