//! The last blocks of proof of work, as far back as an ommer reaches (Yellow Paper 11.1).
//!
//! *Invariant.* A part of the head, so that all nodes judge ommers alike, also after a restart or a revert. Empty from the
//! merge on, when it costs nothing.

use alloy::{
    consensus::Header,
    primitives::{B256, Bytes},
};
use alloy_rlp::Decodable as _;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A block and its ommers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relative {
    /// The block's hash.
    pub hash: B256,
    /// Its header.
    pub header: Header,
    /// The hashes of its ommers.
    pub ommers: Vec<B256>,
}

/// See the module. Oldest first; the last is the head itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<WireRelative>", into = "Vec<WireRelative>")]
pub struct Family(Arc<[Arc<Relative>]>);

#[derive(Serialize, Deserialize)]
struct WireRelative {
    header: Bytes,
    ommers: Vec<B256>,
}

impl Family {
    /// An ommer is a child of one of so many ancestors of its block; the nearest of them cannot be its parent.
    pub(crate) const GENERATIONS: u64 = 7;

    /// That of the next block.
    pub(crate) fn with(&self, hash: B256, header: &Header, ommers: &[Header]) -> Self {
        if header.difficulty.is_zero() {
            return Self::default();
        }
        let newest = Arc::new(Relative {
            hash,
            header: header.clone(),
            ommers: ommers.iter().map(Header::hash_slow).collect(),
        });
        let kept = self.0.len().saturating_sub(Self::GENERATIONS as usize - 1);
        let relatives = self.0[kept..].iter().cloned();
        Self(relatives.chain(std::iter::once(newest)).collect())
    }

    /// The block of that hash.
    pub(crate) fn member(&self, hash: B256) -> Option<&Header> {
        let found = self.0.iter().find(|one| one.hash == hash)?;
        Some(&found.header)
    }

    /// Whether one of the blocks has that ommer.
    pub(crate) fn has_ommer(&self, hash: B256) -> bool {
        self.0.iter().any(|one| one.ommers.contains(&hash))
    }
}

impl From<Vec<WireRelative>> for Family {
    fn from(relatives: Vec<WireRelative>) -> Self {
        let read = |wire: WireRelative| {
            // What this program wrote can be read: the checkpoint as a whole has a checksum.
            let header = Header::decode(&mut wire.header.as_ref()).unwrap_or_default();
            Arc::new(Relative {
                hash: header.hash_slow(),
                header,
                ommers: wire.ommers,
            })
        };
        Self(relatives.into_iter().map(read).collect())
    }
}

impl From<Family> for Vec<WireRelative> {
    fn from(family: Family) -> Self {
        let write = |one: &Arc<Relative>| WireRelative {
            header: alloy_rlp::encode(&one.header).into(),
            ommers: one.ommers.clone(),
        };
        family.0.iter().map(write).collect()
    }
}

#[cfg(test)]
mod tests;
