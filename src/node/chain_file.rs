//! Files of blocks: one RLP block after the other, as geth's `export` writes them.
//!
//! *Invariant.* A file is read as a stream: memory holds one batch of blocks and the next, whatever the file's size.

use crate::{
    chain::import::{DecodeError, ImportedBlock, RawBlock},
    replica::{
        api::Backend,
        import::{ImportError, import_blocks},
    },
    telemetry::{Printer, Progress},
};
use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

/// The largest block that is read.
const BLOCK_BYTES_MAX: usize = 64 << 20;
/// Bytes of blocks that go through the log as one entry; a larger block travels alone.
const BATCH_BYTES: usize = 256 << 10;
/// Blocks in one entry of the log.
const BATCH_BLOCKS: usize = 128;
/// How long to wait for a leader before the next try.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// How often a batch is tried while there is no leader: a cluster may be starting.
const TRIES_MAX: usize = 600;

/// A file of blocks that could not be taken in whole. The blocks before the failure are in the chain.
#[derive(Debug, thiserror::Error)]
pub enum ChainFileError {
    /// The file cannot be read.
    #[error("cannot read the blocks in `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Bytes that are no block.
    #[error("`{}`, after block {after} of the file: {source}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// How many blocks were read.
        after: u64,
        /// Why.
        source: DecodeError,
    },
    /// A block that the chain does not take.
    #[error("`{}`: {source}; the blocks before it are in the chain", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ImportError,
    },
}

/// Reads a stream of RLP blocks.
#[derive(Debug)]
pub struct BlockReader<R> {
    input: R,
}

impl<R: Read> BlockReader<R> {
    /// Reads from `input`.
    pub fn new(input: R) -> Self {
        Self { input }
    }

    /// The bytes of the next block; `None` at the end.
    pub fn next_block(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut first = [0];
        if self.input.read(&mut first)? == 0 {
            return Ok(None);
        }
        let malformed = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        // Yellow Paper, appendix B: a list of up to 55 bytes, or one whose length follows in 1 to 8 bytes.
        let mut block = first.to_vec();
        let length = match first[0] {
            short @ 0xc0..=0xf7 => usize::from(short - 0xc0),
            long @ 0xf8..=0xff => {
                let mut digits = vec![0; usize::from(long - 0xf7)];
                self.input.read_exact(&mut digits)?;
                block.extend_from_slice(&digits);
                let length = digits.iter().try_fold(0_usize, |sum, digit| {
                    sum.checked_mul(256)?.checked_add(usize::from(*digit))
                });
                length.ok_or_else(|| malformed("a block of more bytes than there can be"))?
            }
            _ => return Err(malformed("no RLP list where a block should begin")),
        };
        if length > BLOCK_BYTES_MAX {
            return Err(malformed("a block of more than 64 MiB"));
        }
        let start = block.len();
        block.resize(start + length, 0);
        self.input.read_exact(&mut block[start..])?;
        Ok(Some(block))
    }
}

/// Some blocks of a file.
struct Batch {
    blocks: Vec<Arc<ImportedBlock>>,
    bytes: u64,
}

/// A file on its way into a chain.
struct Source {
    path: PathBuf,
    reader: BlockReader<BufReader<File>>,
    blocks_read: u64,
}

impl Source {
    /// The next blocks with their senders, which several threads recover; `None` at the end.
    fn next_batch(&mut self) -> Result<Option<Batch>, ChainFileError> {
        let mut raw = Vec::new();
        let mut bytes = 0;
        while raw.len() < BATCH_BLOCKS && bytes < BATCH_BYTES {
            let next = self.reader.next_block();
            let next = next.map_err(|source| ChainFileError::Read {
                path: self.path.clone(),
                source,
            })?;
            let Some(block) = next else { break };
            bytes += block.len();
            let decoded = RawBlock::decode(&mut &block[..]);
            raw.push(decoded.map_err(|source| self.undecodable(source))?);
            self.blocks_read += 1;
        }
        if raw.is_empty() {
            return Ok(None);
        }
        let blocks = recover_all(raw).map_err(|source| self.undecodable(source))?;
        Ok(Some(Batch {
            blocks,
            bytes: bytes as u64,
        }))
    }

    fn undecodable(&self, source: DecodeError) -> ChainFileError {
        ChainFileError::Decode {
            path: self.path.clone(),
            after: self.blocks_read,
            source,
        }
    }
}

/// Recovers the senders of many blocks on all cores.
fn recover_all(raw: Vec<RawBlock>) -> Result<Vec<Arc<ImportedBlock>>, DecodeError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = raw.len().div_ceil(cores).max(1);
    let mut shares = Vec::with_capacity(cores);
    let mut rest = raw.into_iter().peekable();
    while rest.peek().is_some() {
        shares.push(rest.by_ref().take(share).collect::<Vec<_>>());
    }
    let recover = |blocks: Vec<RawBlock>| {
        let blocks = blocks
            .into_iter()
            .map(|block| block.recover().map(Arc::new));
        blocks.collect::<Result<Vec<_>, _>>()
    };
    thread::scope(|scope| {
        let running: Vec<_> = shares
            .into_iter()
            .map(|blocks| scope.spawn(move || recover(blocks)))
            .collect();
        let mut all = Vec::new();
        for thread in running {
            match thread.join() {
                Ok(blocks) => all.extend(blocks?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(all)
    })
}

/// Imports a file through a member, with a bar of progress. The next batch is read while one is on its way.
pub async fn import_file(
    backend: &dyn Backend,
    path: &Path,
    printer: &Printer,
) -> Result<(), ChainFileError> {
    let unreadable = |source| ChainFileError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let mut progress = Progress::new(printer.clone(), "Importing", size);
    let source = Source {
        path: path.to_owned(),
        reader: BlockReader::new(BufReader::new(file)),
        blocks_read: 0,
    };
    let (mut source, mut batch) = read_ahead(source).await?;
    while let Some(blocks) = batch {
        let ahead = tokio::spawn(read_ahead(source));
        import_batch(backend, &blocks.blocks)
            .await
            .map_err(|source| ChainFileError::Import {
                path: path.to_owned(),
                source,
            })?;
        let gas = blocks.blocks.iter().map(|one| one.header.gas_used).sum();
        progress.advance(blocks.bytes, blocks.blocks.len() as u64, gas);
        (source, batch) = match ahead.await {
            Ok(result) => result?,
            Err(_) => break,
        };
    }
    progress.finish();
    Ok(())
}

async fn read_ahead(mut source: Source) -> Result<(Source, Option<Batch>), ChainFileError> {
    let path = source.path.clone();
    let read = tokio::task::spawn_blocking(move || {
        let batch = source.next_batch()?;
        Ok((source, batch))
    });
    match read.await {
        Ok(result) => result,
        Err(_) => Err(ChainFileError::Read {
            path,
            source: io::Error::other("the reading thread failed"),
        }),
    }
}

/// Writes a batch; waits while the cluster has no leader yet.
async fn import_batch(
    backend: &dyn Backend,
    blocks: &[Arc<ImportedBlock>],
) -> Result<(), ImportError> {
    let mut tries = 0;
    loop {
        match import_blocks(backend, blocks).await {
            Err(ImportError::Write(crate::replica::api::WriteError::Unavailable(_)))
                if tries < TRIES_MAX =>
            {
                tries += 1;
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            result => return result.map(|_| ()),
        }
    }
}
