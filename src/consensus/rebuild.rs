//! The memory of having lost one's memory.
//!
//! *Invariant.* The mark is on the disk before a member that lost its log takes the first entry of a new one, and goes
//! when it has everything: so a crash in between does not make a member out of it that believes what it has to be all.

use std::{fmt, io};

/// Whether this member is being rebuilt, kept over its end.
pub trait RebuildMark: Send + Sync + fmt::Debug + 'static {
    /// Whether the mark is set.
    fn is_set(&self) -> bool;
    /// Sets the mark or takes it away, durably.
    fn set(&self, rebuilding: bool) -> io::Result<()>;
}

/// For logs that do not outlive the process: there is nothing to believe in.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMark;

impl RebuildMark for NoMark {
    fn is_set(&self) -> bool {
        false
    }

    fn set(&self, _rebuilding: bool) -> io::Result<()> {
        Ok(())
    }
}
