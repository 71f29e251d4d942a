//! Members of one process: what they ask of each other needs no socket.
//!
//! *Invariants.* A connection between two members of a process is made as any other: dialled, proven by keys, watched, and
//! ended when one of them stops or is a member no more; who has none is not reachable. Only the requests over it, and
//! their answers, are handed over directly, in the same order and within the same limits. So they cost neither the
//! kernel nor a cipher, and no task has to wake up for them; the bytes are not counted in [`super::NetMetrics`].

use super::{Services, Shared, lock};
use crate::{
    consensus::{MessageKind, PeerError, PeerService},
    types::{MemberId, PublicKey},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, Weak},
};

/// The networks of the members in this process, by their keys. Clones share it.
#[derive(Clone, Default)]
pub struct Neighbours(Arc<Mutex<HashMap<PublicKey, Weak<Shared>>>>);

impl fmt::Debug for Neighbours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(lock(&self.0).keys()).finish()
    }
}

impl Neighbours {
    /// Lets the others find a network, as long as it is there.
    pub(super) fn enter(&self, key: PublicKey, network: &Arc<Shared>) {
        lock(&self.0).insert(key, Arc::downgrade(network));
    }

    /// The member with this key, for requests of `from`, if it is in this process.
    pub(super) fn find(&self, key: PublicKey, from: MemberId) -> Option<Near> {
        let to = lock(&self.0).get(&key).cloned()?;
        (to.strong_count() > 0).then_some(Near { from, to })
    }
}

/// A member in this process, at the other end of a connection.
pub(super) struct Near {
    /// The member at this end.
    pub(super) from: MemberId,
    to: Weak<Shared>,
}

impl Near {
    /// Who takes requests of a kind there; `member` is its name in errors.
    pub(super) fn service(
        &self,
        kind: MessageKind,
        member: MemberId,
    ) -> Result<Arc<dyn PeerService>, PeerError> {
        let network = self.to.upgrade().ok_or(PeerError::Unreachable(member))?;
        let services: &Services = &network.services;
        services.get(kind).ok_or(PeerError::Refused(member))
    }
}
