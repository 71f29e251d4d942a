//! `praline replay`: a chain rebuilt from a log or a backup, its blocks printed, its answers given on request.
//!
//! What is printed depends on the chain alone: two machines print the same lines.

use super::{CliError, flags::ReplayFlags, start};
use crate::{
    chain::archive::Archive,
    config::Overrides,
    node::{
        NodeError,
        replay::{Beginning, ReplayError, Replayed, StoppedNode, of_backup},
        signals::Signals,
    },
    replica::api::Backend,
    rpc::{self, Listen, RpcConfig},
    telemetry::{Format, Printer, Target},
};
use serde_json::json;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::broadcast;

/// The printer's queue is bounded and drops what it cannot take.
const FLUSH_BLOCKS: u64 = 1000;
const FLUSH_LIMIT: Duration = Duration::from_mins(1);

pub(super) fn run(flags: &ReplayFlags, printer: &Printer) -> Result<(), CliError> {
    let replayed = if flags.path.is_dir() {
        let config = flags.config.as_deref();
        let config = config.map(|path| start::load(Some(path), &Overrides::default()));
        let node = StoppedNode::open(&flags.path, config.transpose()?)?;
        node.replay(flags.to, printer)?
    } else {
        of_backup(&flags.path, flags.to, printer)?
    };
    print(&replayed, printer)?;
    match flags.serve {
        None => Ok(()),
        Some(port) => start::block_on(serve(replayed, port, printer)),
    }
}

fn print(replayed: &Replayed, printer: &Printer) -> Result<(), ReplayError> {
    let is_json = printer.format() == Format::Json;
    let chain = replayed.chain();
    let archive: &Archive = replayed.archive();
    for number in chain.spec().genesis.number..=chain.head().header.number {
        let Some(block) = archive.block_by_number(number)? else {
            continue;
        };
        let header = &block.header;
        let index = archive.log_index(number)?;
        let text = if is_json {
            json!({
                "event": "block", "number": number, "hash": block.hash, "stateRoot": header.state_root,
                "transactionsRoot": header.transactions_root, "receiptsRoot": header.receipts_root,
                "gasUsed": header.gas_used, "transactions": block.transactions.len(), "logIndex": index,
            })
            .to_string()
        } else {
            let entry = index.map_or_else(|| "?".to_owned(), |index| index.to_string());
            format!(
                "block {number} {} state {} transactions {} receipts {} gas {} entry {entry}",
                block.hash,
                header.state_root,
                header.transactions_root,
                header.receipts_root,
                header.gas_used
            )
        };
        printer.print(Target::Stdout, text);
        if number % FLUSH_BLOCKS == 0 {
            printer.flush(FLUSH_LIMIT);
        }
    }
    let head = chain.head();
    let text = if is_json {
        json!({
            "event": "replayed", "head": { "number": head.header.number, "hash": head.hash },
            "logIndex": replayed.last_index, "entries": replayed.entries, "digest": chain.position(),
        })
        .to_string()
    } else {
        let uncommitted = match replayed.uncommitted {
            0 => String::new(),
            more => format!("; {more} more in the log are not known to be committed"),
        };
        format!(
            "Replayed {} to entry {}: head {} ({}), digest of all entries {}{uncommitted}",
            from(replayed),
            replayed.last_index,
            head.header.number,
            head.hash,
            chain.position()
        )
    };
    printer.print(Target::Stdout, text);
    Ok(())
}

fn from(replayed: &Replayed) -> String {
    match replayed.beginning {
        Beginning::Genesis => "from the genesis block".to_owned(),
        Beginning::Checkpoint(index) => {
            format!("from the checkpoint at entry {index} (the log before it was purged)")
        }
        Beginning::Backup(_) => "a backup, which holds no log,".to_owned(),
    }
}

/// Answers reads until a signal comes.
async fn serve(replayed: Replayed, port: u16, printer: &Printer) -> Result<(), NodeError> {
    let mut signals = Signals::catch(false)?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let (events, _) = broadcast::channel(1);
    let config = RpcConfig::new(Listen::Address(address));
    let backend: Arc<dyn Backend> = Arc::new(replayed);
    let server = rpc::serve(config, backend, events, Arc::new(|_: &str| {})).await;
    let server = server.map_err(|error| NodeError::Start {
        member: format!("the server at {address}"),
        source: Box::new(error),
    })?;
    let line = format!("Listening on {}", server.local_addr());
    printer.print(Target::Stdout, line);
    signals.next().await;
    server.stop().await;
    Ok(())
}
