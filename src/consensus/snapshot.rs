//! Where a snapshot that comes from a peer is kept until it is whole.
//!
//! *Invariant.* What is incomplete or differs from what the sender announced never reaches the application.

use super::{
    application::SnapshotSource,
    message::{SnapshotChunk, SnapshotEnd},
};
use std::{io, sync::Arc};

/// Makes places for incoming snapshots; the edge has one with files.
pub trait SnapshotSpool: Send + Sync + 'static {
    /// A new, empty place.
    fn create(&self) -> io::Result<Box<dyn SpoolWriter>>;
}

/// One incoming snapshot. Dropped before it is finished, it leaves nothing behind.
pub trait SpoolWriter: Send {
    /// Takes the next chunk; the chunks come out of the source as they went in.
    fn write(&mut self, chunk: &[u8]) -> io::Result<()>;
    /// The whole snapshot.
    fn finish(self: Box<Self>) -> io::Result<Arc<dyn SnapshotSource>>;
}

/// Keeps incoming snapshots in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemorySpool;

#[derive(Debug, Default)]
struct Chunks(Vec<Vec<u8>>);

impl SnapshotSpool for MemorySpool {
    fn create(&self) -> io::Result<Box<dyn SpoolWriter>> {
        Ok(Box::new(Chunks::default()))
    }
}

impl SpoolWriter for Chunks {
    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.0.push(chunk.to_vec());
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<Arc<dyn SnapshotSource>> {
        Ok(Arc::new(*self))
    }
}

impl SnapshotSource for Chunks {
    fn chunks(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>> {
        Ok(Box::new(self.0.clone().into_iter().map(Ok)))
    }
}

/// A snapshot that is arriving from one peer.
pub(super) struct Incoming {
    transfer: u64,
    next: u64,
    bytes: u64,
    crc32: crc32fast::Hasher,
    writer: Box<dyn SpoolWriter>,
}

impl Incoming {
    /// The start of a transfer.
    pub(super) fn new(transfer: u64, spool: &dyn SnapshotSpool) -> io::Result<Self> {
        Ok(Self {
            transfer,
            next: 0,
            bytes: 0,
            crc32: crc32fast::Hasher::new(),
            writer: spool.create()?,
        })
    }

    /// Whether `transfer` is this one.
    pub(super) fn is(&self, transfer: u64) -> bool {
        self.transfer == transfer
    }

    /// Takes a piece, which must be the next one.
    pub(super) fn write(&mut self, chunk: &SnapshotChunk) -> io::Result<()> {
        if chunk.sequence != self.next {
            return Err(io::Error::other(format!(
                "snapshot chunk {} came where {} was due",
                chunk.sequence, self.next
            )));
        }
        self.writer.write(&chunk.data)?;
        self.crc32.update(&chunk.data);
        self.next += 1;
        self.bytes += chunk.data.len() as u64;
        Ok(())
    }

    /// The snapshot, if it is what the sender announced.
    pub(super) fn finish(self, end: &SnapshotEnd) -> io::Result<Arc<dyn SnapshotSource>> {
        let crc32 = self.crc32.finalize();
        if (self.next, self.bytes, crc32) != (end.chunks, end.bytes, end.crc32) {
            return Err(io::Error::other(format!(
                "the snapshot arrived with {} chunks, {} bytes, checksum {crc32:08x}, but {} chunks, {} bytes, \
                 checksum {:08x} were sent",
                self.next, self.bytes, end.chunks, end.bytes, end.crc32
            )));
        }
        self.writer.finish()
    }
}
