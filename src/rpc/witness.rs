//! What the node that was asked prints of the transactions and calls that came to it: Solidity's `console.log`, and traces.
//!
//! Every node learns from its own execution which transactions of a block may have called the console
//! ([`ChainEvent::Console`]). This server remembers which transactions it took, and only where both meet the
//! transaction is executed again for its lines; likewise for traces, with the block's own event. A transaction of which
//! nothing is printed costs one look at a flag or, until it is forgotten, the place of its hash.
//! *Never here:* how a call of the console is read, how a trace looks.

use super::{
    context::Context,
    error::RpcError,
    joined::Joined,
    methods::{find_transaction, run_traced_in, with_block},
};
use crate::{
    chain::{
        block::BlockRecord,
        evm::{
            call::{CallContext, CallError},
            trace::{
                self, StructLogOptions, TracerOptions,
                console::transaction_lines,
                tree::{TreeStyle, call_tree, transaction_tree},
            },
        },
        view::View,
    },
    replica::api::ChainEvent,
};
use alloy::{
    primitives::B256,
    rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride},
};
use serde::Deserialize;
use std::{
    fmt::{self, Write as _},
    sync::{Arc, Weak},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Instructions of one transaction that are printed.
const OPCODES_MAX: usize = 100_000;

/// Called with lines, for the log that a user sees.
#[derive(Clone)]
pub struct Print(pub Arc<dyn Fn(&str) + Send + Sync>);

impl fmt::Debug for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Print")
    }
}

/// What is printed of executions.
#[derive(Clone, Debug)]
pub struct Traces {
    /// Where to.
    pub print: Print,
    /// The tree of frames, and of which runs; `None`: no trees.
    pub trees: Option<Trees>,
    /// Every instruction of transactions.
    pub opcodes: bool,
}

/// Of which runs there are trees, and how they look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trees {
    /// Of those that fail alone.
    pub failed_only: bool,
    /// How they look.
    pub style: TreeStyle,
}

/// What this server prints; nothing by default.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    console: Option<Print>,
    traces: Option<Traces>,
    console_callers: Joined,
    mined: Joined,
}

impl Witness {
    /// Without `console` and `traces`, nothing is looked for.
    pub(crate) fn new(console: Option<Print>, traces: Option<Traces>) -> Self {
        Self {
            console,
            traces,
            ..Self::default()
        }
    }

    /// Whether anything is printed.
    pub(crate) fn is_awake(&self) -> bool {
        self.console.is_some() || self.traces.is_some()
    }

    /// Prints what a contract said.
    pub(crate) fn print_console(&self, lines: &[String]) {
        if let Some(Print(print)) = &self.console {
            for line in lines {
                print(line);
            }
        }
    }

    /// Prints the tree of a call.
    pub(crate) fn print_tree(&self, tree: Option<&str>) {
        if let (Some(traces), Some(tree)) = (&self.traces, tree) {
            (traces.print.0)(&headed(tree));
        }
    }

    /// The trees that calls get.
    pub(crate) fn trees(&self) -> Option<Trees> {
        self.traces.as_ref()?.trees
    }
}

/// The tree of a call that came to this, if one is wanted.
pub(crate) fn tree_of_call<T>(
    trees: Option<Trees>,
    result: &Result<T, CallError>,
    context: &CallContext<'_>,
    request: &TransactionRequest,
    overrides: (Option<&StateOverride>, Option<&BlockOverrides>),
) -> Option<String> {
    let trees = trees.filter(|trees| !trees.failed_only || result.is_err())?;
    call_tree(context, request, overrides.0, overrides.1, trees.style).ok()
}

fn headed(tree: &str) -> String {
    format!("Traces:\n{}\n", tree.trim_end())
}

/// A client's transaction was taken here.
pub(crate) fn taken(context: &Arc<Context>, hash: B256) {
    let witness = &context.witness;
    if witness.console.is_some() && witness.console_callers.take(hash) {
        tokio::spawn(print_console(Arc::clone(context), hash));
    }
    if witness.traces.is_some() && witness.mined.take(hash) {
        tokio::spawn(print_traces(Arc::clone(context), hash));
    }
}

/// Follows the chain until it or the server has gone.
pub(crate) async fn follow(context: Weak<Context>, mut events: Receiver<ChainEvent>) {
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            // What came too fast to be read is not printed either.
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let Some(context) = context.upgrade() else {
            return;
        };
        match event {
            ChainEvent::Console(hash) if context.witness.console_callers.tell(hash) => {
                print_console(context, hash).await;
            }
            ChainEvent::Block(block) if context.witness.traces.is_some() => {
                print_traces_of(context, &block).await;
            }
            _ => {}
        }
    }
}

async fn print_traces_of(context: Arc<Context>, block: &BlockRecord) {
    for transaction in &block.transactions {
        let hash = *transaction.hash();
        if context.witness.mined.tell(hash) {
            print_traces(Arc::clone(&context), hash).await;
        }
    }
}

async fn print_console(context: Arc<Context>, hash: B256) {
    let lines = run_traced_in(&context, None, move |view, limits, _| {
        let (block, index) = find_transaction(view, hash)?;
        with_block(view, &block, |block| {
            Ok(transaction_lines(block, index, limits)?)
        })
    });
    match lines.await {
        Ok(lines) => context.witness.print_console(&lines),
        Err(error) => tracing::debug!(%hash, ?error, "console.log of a transaction"),
    }
}

async fn print_traces(context: Arc<Context>, hash: B256) {
    let Some(Traces {
        print,
        trees,
        opcodes,
    }) = context.witness.traces.clone()
    else {
        return;
    };
    let texts = run_traced_in(&context, None, move |view, limits, _| {
        let (record, index) = find_transaction(view, hash)?;
        with_block(view, &record, |block| {
            let mut texts = Vec::new();
            let failed = !record.receipts[index].receipt.status();
            if let Some(trees) = trees.filter(|trees| failed || !trees.failed_only) {
                let tree = transaction_tree(block, index, trees.style, limits)?;
                texts.push(headed(&tree));
            }
            if opcodes {
                let options = TracerOptions::StructLogs(StructLogOptions {
                    disable_stack: true,
                    disable_storage: true,
                    ..StructLogOptions::default()
                });
                let json = trace::trace_transaction(block, index, &options, limits)?;
                texts.push(instructions(&json));
            }
            Ok(texts)
        })
    });
    match texts.await {
        Ok(texts) => texts.iter().for_each(|text| (print.0)(text)),
        Err(error) => tracing::debug!(%hash, ?error, "the trace of a transaction"),
    }
}

/// How a mined transaction failed; `None`: it did not, or it is not mined.
pub(crate) async fn failure_of(
    context: &Context,
    hash: B256,
) -> Result<Option<trace::failure::Failure>, RpcError> {
    run_traced_in(context, None, move |view, limits, _| {
        let Some((record, index)) = view.transaction(hash)? else {
            return Ok(None);
        };
        if record.receipts[index].receipt.status() {
            return Ok(None);
        }
        with_block(view, &record, |block| {
            Ok(trace::failure::transaction_failure(block, index, limits)?)
        })
    })
    .await
}

/// Why the transaction of that index failed, in anvil's words.
pub(crate) fn reason_in(
    view: &View,
    record: &BlockRecord,
    index: usize,
    limits: trace::TraceLimits<'_>,
) -> Result<Option<String>, RpcError> {
    with_block(view, record, |block| {
        let failure = trace::failure::transaction_failure(block, index, limits)?;
        Ok(failure.map(|failure| failure.anvil_words()))
    })
}

/// One instruction of geth's struct logs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    pc: u64,
    op: String,
    gas: u64,
    gas_cost: u64,
    depth: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Steps {
    struct_logs: Vec<Step>,
}

/// Struct logs as lines: place, instruction, gas left, cost; indented by depth.
fn instructions(json: &str) -> String {
    let Ok(Steps { struct_logs }) = serde_json::from_str(json) else {
        return String::new();
    };
    let mut out = String::from("Instructions:\n");
    for step in struct_logs.iter().take(OPCODES_MAX) {
        let indent = 2 * step.depth;
        let Step {
            pc,
            op,
            gas,
            gas_cost,
            ..
        } = step;
        let _ = writeln!(
            out,
            "{:indent$}{pc:>6} {op:<14} gas {gas} cost {gas_cost}",
            ""
        );
    }
    if struct_logs.len() > OPCODES_MAX {
        let _ = writeln!(out, "  … {} more", struct_logs.len() - OPCODES_MAX);
    }
    out
}
