//! Gathering a commit certificate: this node signs what it has applied, asks its peers for the same, and keeps what
//! came together.
//!
//! *Invariants.* A node signs only what its own archive holds: a peer's question names a block, never the bytes to sign. Of
//! the secret key this module knows nothing but a function that signs. The cache has a limit.

use super::{
    certificate::{Certificate, CertifiedMember, MemberSignature, Statement, quorum_of},
    environment::Environment,
    log::ReplicatedLog,
    message::{self, Request, Response},
};
use crate::{
    chain::{
        archive::{Archive, StoreError},
        block::BlockRecord,
    },
    types::{Member, MemberId},
};
use alloy::primitives::{B256, B512};
use futures::{
    StreamExt as _,
    future::{Either, select},
    stream::FuturesUnordered,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

/// Certificates that are remembered; the oldest goes.
const CACHE_MAX: usize = 1024;
/// How long one peer may take to answer.
const ANSWER_MS: u64 = 1000;
/// The pause between two rounds: a peer may be about to apply the block.
const ROUND_PAUSE_MS: u64 = 20;

/// Signs bytes with the identity key of this node.
pub type Sign = Arc<dyn Fn(&[u8]) -> B512 + Send + Sync>;

/// A certificate that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The node was started without a key.
    #[error("this node has no identity key to sign with")]
    NoKey,
    /// Peers are away or behind.
    #[error(
        "{signed} of the {quorum} signatures that a certificate of block {number} needs came within {limit_ms} ms: other \
         members are down, cut off or behind; ask again"
    )]
    TooFew {
        /// The block.
        number: u64,
        /// Signatures that are there.
        signed: usize,
        /// Signatures that are needed.
        quorum: usize,
        /// How long they were waited for.
        limit_ms: u64,
    },
    /// The block left the chain while it was looked at, or was stored by a version that kept no log index.
    #[error(
        "the log index of block {0} is not known here: it was reverted just now, or an older version stored it"
    )]
    NoIndex(u64),
    /// The archive.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a node signs with, and what was signed.
#[derive(Default)]
pub(super) struct Certifier {
    key: OnceLock<(B256, Sign)>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    by_block: HashMap<B256, Arc<Certificate>>,
    by_age: VecDeque<B256>,
}

impl fmt::Debug for Certifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certifier")
    }
}

/// What gathering needs of the replica.
pub(super) struct Surroundings<'a> {
    pub(super) log: &'a dyn ReplicatedLog,
    pub(super) environment: &'a dyn Environment,
    pub(super) archive: &'a Archive,
    /// Who may sign, by number.
    pub(super) voters: BTreeMap<MemberId, Member>,
    pub(super) limit_ms: u64,
}

impl Certifier {
    /// Gives the node its key, once.
    pub(super) fn set_key(&self, cluster_id: B256, sign: Sign) {
        // A second key would change nothing.
        let _ = self.key.set((cluster_id, sign));
    }

    /// This node's signature under a block of its chain; `None` if it has not applied that block, or has no key.
    pub(super) fn sign(&self, archive: &Archive, number: u64, hash: B256) -> Option<B512> {
        let (cluster_id, sign) = self.key.get()?;
        let block = archive.block_by_hash(hash).ok().flatten()?;
        if block.header.number != number {
            return None;
        }
        let statement = statement(*cluster_id, &block, archive).ok()?;
        Some(sign(&statement.to_bytes()))
    }

    /// The certificate of a block of this node's chain.
    pub(super) async fn certificate(
        &self,
        block: &BlockRecord,
        around: Surroundings<'_>,
    ) -> Result<Arc<Certificate>, CertificateError> {
        let (cluster_id, sign) = self.key.get().ok_or(CertificateError::NoKey)?;
        let statement = statement(*cluster_id, block, around.archive)?;
        if let Some(known) = self.cached(&statement) {
            return Ok(known);
        }
        let own = sign(&statement.to_bytes());
        let signatures = gather(statement, own, &around).await?;
        let members = around.voters.values().map(|member| CertifiedMember {
            name: member.name.clone(),
            public_key: member.public_key,
        });
        let certificate = Arc::new(Certificate {
            cluster_id: statement.cluster_id,
            index: statement.index,
            block_number: statement.block_number,
            block_hash: statement.block_hash,
            state_root: statement.state_root,
            members: members.collect(),
            signatures,
            quorum: quorum_of(around.voters.len()),
        });
        self.keep(Arc::clone(&certificate));
        Ok(certificate)
    }

    fn cached(&self, statement: &Statement) -> Option<Arc<Certificate>> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let known = cache.by_block.get(&statement.block_hash)?;
        // The same block may have been made again after a revert, by another entry.
        (known.statement() == *statement).then(|| Arc::clone(known))
    }

    fn keep(&self, certificate: Arc<Certificate>) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = certificate.block_hash;
        if cache.by_block.insert(hash, certificate).is_none() {
            cache.by_age.push_back(hash);
        }
        if cache.by_age.len() > CACHE_MAX
            && let Some(oldest) = cache.by_age.pop_front()
        {
            cache.by_block.remove(&oldest);
        }
    }
}

/// What this node can say of a block.
fn statement(
    cluster_id: B256,
    block: &BlockRecord,
    archive: &Archive,
) -> Result<Statement, CertificateError> {
    let number = block.header.number;
    let index = archive.log_index(number)?;
    // A revert between the two reads would mix two blocks.
    let is_there = archive
        .block_by_number(number)?
        .is_some_and(|now| now.hash == block.hash);
    Ok(Statement {
        cluster_id,
        index: index
            .filter(|_| is_there)
            .ok_or(CertificateError::NoIndex(number))?,
        block_number: number,
        block_hash: block.hash,
        state_root: block.header.state_root,
    })
}

/// Asks until a quorum has signed or the time is over.
async fn gather(
    statement: Statement,
    own: B512,
    around: &Surroundings<'_>,
) -> Result<Vec<MemberSignature>, CertificateError> {
    let me = around.log.id();
    let quorum = quorum_of(around.voters.len());
    let mut signed: BTreeMap<MemberId, B512> = BTreeMap::new();
    if around.voters.contains_key(&me) {
        signed.insert(me, own);
    }
    let deadline = around
        .environment
        .monotonic_ms()
        .saturating_add(around.limit_ms);
    while signed.len() < quorum {
        let left = deadline.saturating_sub(around.environment.monotonic_ms());
        if left == 0 {
            return Err(CertificateError::TooFew {
                number: statement.block_number,
                signed: signed.len(),
                quorum,
                limit_ms: around.limit_ms,
            });
        }
        let limit = Duration::from_millis(left.min(ANSWER_MS));
        let mut calls: FuturesUnordered<_> = around
            .voters
            .iter()
            .filter(|(id, _)| !signed.contains_key(id))
            .map(|(id, member)| ask(around.log, *id, member, statement, limit))
            .collect();
        while signed.len() < quorum
            && let Some((id, signature)) = calls.next().await
        {
            signed.extend(signature.map(|signature| (id, signature)));
        }
        drop(calls);
        if signed.len() < quorum {
            let pause = Duration::from_millis(ROUND_PAUSE_MS.min(left));
            let changed = around.log.changed();
            match select(around.environment.sleep(pause), changed).await {
                // Who leads changes nothing here, but may bring a peer back.
                Either::Left(_) | Either::Right(_) => {}
            }
        }
    }
    let of = |(id, signature): (MemberId, B512)| {
        around.voters.get(&id).map(|member| MemberSignature {
            public_key: member.public_key,
            signature,
        })
    };
    Ok(signed.into_iter().filter_map(of).collect())
}

async fn ask(
    log: &dyn ReplicatedLog,
    id: MemberId,
    member: &Member,
    statement: Statement,
    limit: Duration,
) -> (MemberId, Option<B512>) {
    let question = message::encode(&Request::Sign {
        number: statement.block_number,
        hash: statement.block_hash,
    });
    let Ok(question) = question else {
        return (id, None);
    };
    let Ok(answer) = log.call(id, question, limit).await else {
        return (id, None);
    };
    let Ok(Response::Signed(Some(signature))) = message::decode(&answer) else {
        return (id, None);
    };
    if statement.is_signed(&member.public_key, &signature) {
        return (id, Some(signature));
    }
    tracing::warn!(
        member = member.name,
        block = statement.block_number,
        "a member's signature is not one under what this node has applied: the two differ"
    );
    (id, None)
}
