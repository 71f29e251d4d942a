//! A member that begins in the middle: with a copy of the application (a restored backup) and a log that is empty up to it.
//!
//! It is what a member looks like that has purged its log behind a checkpoint: one that later comes with nothing at all
//! gets a copy from the others, never a log whose beginning it lacks. All members of a cluster are seeded alike, and
//! elect a leader in the term after the one in which the copy ended.

use super::type_config::{LeaderId, LogId, StoredMembership, TypeConfig, Vote};
use crate::types::{LogPosition, Member, MemberId};
use openraft::{AsyncRuntime, Membership, storage::RaftLogStorage};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

/// The position as the engine writes it. The leader of that time may be no member of this cluster.
fn log_id(position: LogPosition) -> LogId {
    LogId {
        leader_id: LeaderId {
            term: position.term,
            node_id: 0,
        },
        index: position.index,
    }
}

/// The consensus' record for a copy that ends at `position`, in a cluster of these members, who all vote.
pub fn seed_record(
    position: LogPosition,
    members: &BTreeMap<MemberId, Member>,
) -> io::Result<Vec<u8>> {
    let voters: BTreeSet<MemberId> = members.keys().copied().collect();
    let membership = Membership::new(vec![voters], members.clone()).map_err(io::Error::other)?;
    let id = log_id(position);
    let membership = StoredMembership::new(Some(id), membership);
    postcard::to_stdvec(&(Some(id), membership)).map_err(io::Error::other)
}

/// Makes an empty log end at `position`, with nothing in it.
pub async fn seed_log<RT, L>(log: &mut L, position: LogPosition) -> io::Result<()>
where
    RT: AsyncRuntime,
    L: RaftLogStorage<TypeConfig<RT>>,
{
    let id = log_id(position);
    log.save_vote(&Vote {
        leader_id: id.leader_id,
        committed: false,
    })
    .await?;
    log.purge(id).await
}
