//! What the log drives.

use crate::types::{LogPosition, Payload};
use std::{fmt, io, sync::Arc};

/// A failure after which the node must not go on: its copy can no longer be trusted or stored.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ApplicationError(pub String);

/// A whole copy of the application's state, readable as often as wanted: chunks of at most 1 MiB.
pub trait SnapshotSource: Send + Sync + fmt::Debug {
    /// The chunks in order, from the start.
    fn chunks(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>>;
}

/// How far the stored copy of the application is, as told at start.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The last entry that the stored copy holds; `None` for a new one.
    pub position: Option<LogPosition>,
    /// The consensus' own record that belongs to it (position with leader id, membership), kept as it was given.
    pub record: Vec<u8>,
}

/// The application: applies committed entries in order and makes and takes whole copies of itself.
///
/// Its durability may lag behind the log: after a restart the log is applied again from [`Stored::position`] on.
pub trait Application: Send + Sync + 'static {
    /// How far the stored copy is.
    fn stored(&self) -> Stored;

    /// Applies one committed entry. `record` gives the consensus' record for this position; it must be stored
    /// together with the entry's effects. Entries without a payload (membership, a new leader's blank) come with
    /// `None`.
    fn apply(
        &mut self,
        position: LogPosition,
        record: Arc<Vec<u8>>,
        payload: Option<&Payload>,
    ) -> Result<(), ApplicationError>;

    /// Makes everything applied durable and gives a copy of it, with its record. The log up to it may then be
    /// purged. Cheap: the bytes are only read when a peer needs them.
    fn checkpoint(&self) -> Result<(Stored, Arc<dyn SnapshotSource>), ApplicationError>;

    /// Replaces everything by a copy that a peer sent.
    fn install(
        &mut self,
        stored: Stored,
        snapshot: Arc<dyn SnapshotSource>,
    ) -> Result<(), ApplicationError>;
}
