//! `praline import` and `praline export`: blocks between a file and a running chain.

use super::{
    CliError,
    flags::{ExportFlags, TransferFlags},
    http::{self, CallError},
    start,
};
use crate::{
    chain::import::RawBlock,
    node::chain_file::BlockReader,
    telemetry::{Printer, Progress},
};
use alloy::primitives::{Bytes, hex};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write as _},
    path::PathBuf,
};

/// Bytes of blocks in one request.
const REQUEST_BYTES: usize = 1 << 20;

/// Blocks that did not get to where they should.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    #[error("cannot use `{}`: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{url}: {source}")]
    Node { url: String, source: CallError },
    #[error("{url} does not answer as praline does: {answer}")]
    Answer { url: String, answer: String },
    #[error(
        "there is no block {wanted}: the chain at {url} ends with block {head}; choose another `--last`"
    )]
    BeyondHead { url: String, wanted: u64, head: u64 },
}

pub(super) fn import(flags: &TransferFlags, printer: &Printer) -> Result<(), CliError> {
    start::block_on(import_file(flags, printer))
}

pub(super) fn export(flags: &ExportFlags, printer: &Printer) -> Result<(), CliError> {
    start::block_on(export_file(flags, printer))
}

async fn import_file(flags: &TransferFlags, printer: &Printer) -> Result<(), TransferError> {
    let unusable = |source| TransferError::File {
        path: flags.file.clone(),
        source,
    };
    let file = File::open(&flags.file).map_err(unusable)?;
    let size = file.metadata().map_err(unusable)?.len();
    let mut progress = Progress::new(printer.clone(), "Importing", size);
    let mut reader = BlockReader::new(BufReader::new(file));
    loop {
        let (mut bytes, mut blocks, mut gas) = (Vec::new(), 0, 0);
        while bytes.len() < REQUEST_BYTES
            && let Some(block) = reader.next_block().map_err(unusable)?
        {
            // What is no block is refused by the node, with its place.
            gas += RawBlock::decode(&mut &block[..]).map_or(0, |block| block.gas_used());
            bytes.extend_from_slice(&block);
            blocks += 1;
        }
        if bytes.is_empty() {
            break;
        }
        let params = json!([hex::encode_prefixed(&bytes)]);
        work(flags, "cluster_importBlocks", &params).await?;
        progress.advance(bytes.len() as u64, blocks, gas);
    }
    progress.finish();
    Ok(())
}

async fn export_file(flags: &ExportFlags, printer: &Printer) -> Result<(), TransferError> {
    let to = &flags.transfer;
    let head = number(to, "eth_blockNumber").await?;
    let first = flags.first.unwrap_or(1);
    let last = flags.last.unwrap_or(head);
    if last > head {
        return Err(TransferError::BeyondHead {
            url: to.node.url.clone(),
            wanted: last,
            head,
        });
    }
    let unusable = |source| TransferError::File {
        path: to.file.clone(),
        source,
    };
    let file = File::options()
        .write(true)
        .create_new(true)
        .open(&to.file)
        .map_err(unusable)?;
    let mut out = BufWriter::new(file);
    let mut progress = Progress::new(printer.clone(), "Exporting", 0);
    for number in first..=last {
        let params = json!([format!("0x{number:x}")]);
        let answer = work(to, "debug_getRawBlock", &params).await?;
        let block: Bytes =
            serde_json::from_value(answer.clone()).map_err(|_| unexpected(to, &answer))?;
        out.write_all(&block).map_err(unusable)?;
        progress.advance(block.len() as u64, 1, 0);
    }
    let file = out
        .into_inner()
        .map_err(|error| unusable(error.into_error()))?;
    file.sync_all().map_err(unusable)?;
    progress.finish();
    Ok(())
}

async fn number(flags: &TransferFlags, method: &str) -> Result<u64, TransferError> {
    let answer = work(flags, method, &json!([])).await?;
    let text = answer.as_str().and_then(|text| text.strip_prefix("0x"));
    text.and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| unexpected(flags, &answer))
}

async fn work(flags: &TransferFlags, method: &str, params: &Value) -> Result<Value, TransferError> {
    let answer = http::work(&flags.node.url, method, params).await;
    answer.map_err(|source| TransferError::Node {
        url: flags.node.url.clone(),
        source,
    })
}

fn unexpected(flags: &TransferFlags, answer: &Value) -> TransferError {
    TransferError::Answer {
        url: flags.node.url.clone(),
        answer: answer.to_string(),
    }
}
