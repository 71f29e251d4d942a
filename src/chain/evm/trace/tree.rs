//! The tree of a transaction's or a call's frames as text, as anvil's `--print-traces` writes it: gas, address,
//! function, arguments, logs and what came back, reverts decoded.
//!
//! revm-inspectors records and writes the tree (it is what anvil uses); this module says what is shown for precompiles
//! and failures.

use super::{
    super::call::{CallContext, CallError, machine::Machine},
    TraceError, TracedBlock,
    failure::describe_revert,
    replay::Replay,
    watch::{TraceLimits, Watched},
};
use alloy::{
    primitives::{Bytes, U256},
    rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride},
};
use colorchoice::ColorChoice;
use revm::interpreter::InstructionResult;
use revm_inspectors::tracing::{
    CallTraceArena, TraceWriter, TraceWriterConfig, TracingInspector, TracingInspectorConfig,
    types::{CallTrace, DecodedCallData},
};

/// How a tree looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeStyle {
    /// With ANSI colours.
    pub colored: bool,
    /// With the slots that each frame changed.
    pub storage: bool,
}

impl TreeStyle {
    fn inspector(self) -> TracingInspector {
        let config = TracingInspectorConfig::none()
            .set_record_inputs(true)
            .record_logs()
            .set_steps_and_state_diffs(self.storage);
        TracingInspector::new(config)
    }

    fn text(self, mut arena: CallTraceArena) -> String {
        for node in arena.nodes_mut() {
            decode(&mut node.trace);
        }
        let choice = if self.colored {
            ColorChoice::Always
        } else {
            ColorChoice::Never
        };
        let config = TraceWriterConfig::new()
            .color_choice(choice)
            .write_storage_changes(self.storage);
        let mut writer = TraceWriter::with_config(Vec::new(), config);
        // Writing into memory cannot fail.
        let _ = writer.write_arena(&arena);
        String::from_utf8_lossy(&writer.into_writer()).into_owned()
    }
}

/// The tree of the transaction of that index.
pub fn transaction_tree(
    block: &TracedBlock<'_>,
    index: usize,
    style: TreeStyle,
    limits: TraceLimits<'_>,
) -> Result<String, TraceError> {
    limits.stopwatch.restart();
    let mut replay = Replay::new(block)?;
    replay.advance(block, index, limits)?;
    let Some(transaction) = block.transactions.get(index) else {
        return Ok(String::new());
    };
    let watched = Watched::new(style.inspector(), limits, 0);
    let (_, watched) = replay.inspect(transaction, watched)?;
    Ok(style.text(watched.tracer.into_traces()))
}

/// The tree of a call, also of one that fails.
pub fn call_tree(
    context: &CallContext<'_>,
    request: &TransactionRequest,
    state: Option<&StateOverride>,
    block: Option<&BlockOverrides>,
    style: TreeStyle,
) -> Result<String, CallError> {
    let mut machine = Machine::new(context, request, state, block)?;
    let gas = request.gas.unwrap_or(u64::MAX).min(context.gas_cap);
    let (_, inspector) = machine.inspect(gas, style.inspector())?;
    Ok(style.text(inspector.into_traces()))
}

/// Says what a frame is where the writer knows no better.
fn decode(trace: &mut CallTrace) {
    if trace.kind.is_any_create() || decode_precompile(trace) {
        // Nothing more to say.
    } else if trace.data.len() < 4 {
        // anvil writes this also where a value is sent.
        trace.decoded().call_data = Some(DecodedCallData {
            signature: "fallback()".to_owned(),
            args: (!trace.data.is_empty())
                .then(|| trace.data.to_string())
                .into_iter()
                .collect(),
        });
    }
    let Some(status) = trace.status.filter(|status| !status.is_ok()) else {
        return;
    };
    let words = if status == InstructionResult::Revert {
        describe_revert(&trace.output)
    } else {
        format!("EvmError: {status:?}")
    };
    trace.decoded().return_data = Some(words);
}

/// Whether it is a precompile, which then gets its name. The functions of precompiles, whose arguments are one run of bytes: those that Solidity gives names, and the others
/// by their EIPs.
fn decode_precompile(trace: &mut CallTrace) -> bool {
    let name = match u64::try_from(U256::from_be_slice(trace.address.as_slice())) {
        Ok(0x01) => "ecrecover",
        Ok(0x02) => "sha256",
        Ok(0x03) => "ripemd",
        Ok(0x04) => "identity",
        Ok(0x05) => "modexp",
        Ok(0x06) => "ecadd",
        Ok(0x07) => "ecmul",
        Ok(0x08) => "ecpairing",
        Ok(0x09) => "blake2f",
        Ok(0x0a) => "pointEvaluation",
        Ok(0x0b) => "bls12G1Add",
        Ok(0x0c) => "bls12G1Msm",
        Ok(0x0d) => "bls12G2Add",
        Ok(0x0e) => "bls12G2Msm",
        Ok(0x0f) => "bls12PairingCheck",
        Ok(0x10) => "bls12MapFpToG1",
        Ok(0x11) => "bls12MapFp2ToG2",
        Ok(0x100) => "p256Verify",
        _ => return false,
    };
    let args = arguments(name, &trace.data);
    let decoded = trace.decoded();
    decoded.label = Some("PRECOMPILES".to_owned());
    decoded.call_data = Some(DecodedCallData {
        signature: format!("{name}()"),
        args,
    });
    true
}

fn arguments(name: &str, data: &Bytes) -> Vec<String> {
    let word = |index: usize| data.get(index * 32..index * 32 + 32);
    match (name, word(0), word(1), word(2), word(3)) {
        ("ecrecover", Some(hash), Some(v), Some(r), Some(s)) => vec![
            alloy::primitives::hex::encode_prefixed(hash),
            U256::from_be_slice(v).to_string(),
            U256::from_be_slice(r).to_string(),
            U256::from_be_slice(s).to_string(),
        ],
        _ => vec![data.to_string()],
    }
}
