//! The leader's speculation: the chain as it will be.

use crate::{
    chain::{ApplyError, Built, Chain, command::Entry, past::Past},
    types::{LogPosition, Term},
};
use alloy::primitives::B256;

/// The chain after everything that is on its way.
#[derive(Debug)]
pub(super) struct Tip {
    pub(super) chain: Chain,
    /// The term in which this node leads.
    pub(super) term: Term,
}

impl Tip {
    /// Goes one entry ahead. The entry's place in the log is not known yet; nothing on the tip depends on it.
    pub(super) fn advance(
        &mut self,
        entry: &Entry,
        built: &[Built],
        digest: B256,
        past: &dyn Past,
    ) -> Result<(), ApplyError> {
        if built.is_empty() {
            self.chain = self
                .chain
                .apply_with(entry, digest, LogPosition::default(), past)?
                .chain;
        } else if let Some((chain, _)) = self.chain.advance(entry, built, digest) {
            self.chain = chain;
        }
        Ok(())
    }
}
