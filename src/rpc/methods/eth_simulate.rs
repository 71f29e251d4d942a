//! `eth_simulateV1`: whole blocks of calls, with overrides, on top of any block.

use super::{Method, eth_call::block_hash_in, methods};
use crate::{
    chain::evm::simulate::{CallFailure, CallOutcome, SimulateContext, SimulatedBlock, simulate},
    rpc::{
        dispatch::{Answer, Call},
        error,
        format::{self, BlockBody, Json, LogPlace, Object},
        params::Simulation,
    },
};

pub(super) const METHODS: &[Method] = methods![
    Read "eth_simulateV1" => simulate_v1;
];

async fn simulate_v1(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let asked: Simulation = call.params.required(0)?;
    let id = call.params.block(1)?;
    let view = call.context.view().await?;
    let gas_cap = call.context.limits.call_gas.least;
    call.context
        .run(move || {
            let (base, state) = view.block_and_whole_state(id)?;
            let context = SimulateContext {
                spec: view.chain().spec(),
                chain_id: view.chain().settings().chain_id,
                base: &base.header,
                base_hash: base.hash,
                state,
                block_hash: &|number| block_hash_in(&view, number),
                signatures: &view.chain().settings().signatures,
                gas_cap,
            };
            let blocks = simulate(context, &asked.request)?;
            Ok(answer(&blocks, asked.full_transactions))
        })
        .await
}

fn answer(blocks: &[SimulatedBlock], full_transactions: bool) -> Json {
    let body = if full_transactions {
        BlockBody::Transactions
    } else {
        BlockBody::Hashes
    };
    Json::build(|out| {
        format::List::write(out, |list| {
            for block in blocks {
                Object::write(list.next(), |o| {
                    format::block_fields(o, &block.block, body, false);
                    o.list("calls", |calls| {
                        for (index, outcome) in block.calls.iter().enumerate() {
                            Object::write(calls.next(), |o| call_fields(o, block, index, outcome));
                        }
                    });
                });
            }
        });
    })
}

fn call_fields(o: &mut Object<'_>, block: &SimulatedBlock, index: usize, outcome: &CallOutcome) {
    o.data("returnData", &outcome.output);
    o.list("logs", |list| {
        let transaction = &block.block.transactions[index];
        for log in &outcome.logs {
            let place = LogPlace {
                block: &block.block,
                transaction_hash: transaction.envelope.hash(),
                transaction_index: index,
                log_index: log.index,
                removed: false,
            };
            format::log(list.next(), &log.log, &place);
        }
    });
    o.quantity("gasUsed", outcome.gas_used);
    o.quantity("maxUsedGas", outcome.max_used_gas);
    o.quantity("status", u64::from(outcome.failure.is_none()));
    if let Some(failure) = &outcome.failure {
        o.object("error", |o| failure_fields(o, failure));
    }
}

/// The error of one call: the rest of the simulation stands.
fn failure_fields(o: &mut Object<'_>, failure: &CallFailure) {
    let (code, message) = error::simulated_failure(failure);
    o.text("message", &message);
    o.number("code", code);
    if let CallFailure::Reverted { data, .. } = failure {
        o.data("data", data);
    }
}
