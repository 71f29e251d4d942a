//! Who the members are, told to those parts of a node that must know: the network, and faults on request.
//!
//! *Invariants.* Before the cluster is founded the config says who belongs to it, afterwards the log alone. Where a member
//! of both is, the config says: addresses may have changed since the founding, and each machine sees its own. Who comes is
//! let in at once; who goes keeps its connections for [`FAREWELL`], so that it still gets the answer if it asked to go.

use crate::{
    consensus::{Consensus, Roster},
    faults::Control,
    net::{Net, Tokio},
    replica::ReplicaConfig,
    types::{Member, MemberId},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long the connections of a member outlast its membership.
const FAREWELL: Duration = Duration::from_millis(300);

/// Follows the members in the log until the consensus stops.
pub(super) fn follow(
    consensus: &Consensus<Tokio>,
    configured: ReplicaConfig,
    net: Option<Net>,
    faults: Option<Arc<Control>>,
) {
    let mut watch = consensus.watch_roster();
    tokio::spawn(async move {
        let mut follower = Follower {
            configured,
            known: None,
        };
        while let Some(roster) = watch.changed().await {
            if roster.members.is_empty() {
                continue;
            }
            let members = follower.located(&roster);
            if let Some(faults) = &faults {
                faults.set_members(members.clone());
            }
            let old = follower.known.as_ref().map(|it| follower.located(it));
            follower.tell(roster);
            let Some(net) = &net else {
                continue;
            };
            let mut all = members.clone();
            for (id, member) in old.into_iter().flatten() {
                all.entry(id).or_insert(member);
            }
            net.set_members(&all);
            if all.len() > members.len() {
                tokio::time::sleep(FAREWELL).await;
                net.set_members(&members);
            }
        }
    });
}

struct Follower {
    configured: ReplicaConfig,
    known: Option<Roster>,
}

impl Follower {
    fn located(&self, roster: &Roster) -> BTreeMap<MemberId, Member> {
        let members = roster.members.iter();
        members
            .map(|(id, member)| (*id, self.configured.located(member.clone())))
            .collect()
    }

    /// What changed, for whoever reads the log.
    fn tell(&mut self, roster: Roster) {
        let own = self.configured.id;
        let names = |ids: &BTreeMap<MemberId, Member>| -> String {
            let names: Vec<&str> = ids.values().map(|it| it.name.as_str()).collect();
            names.join(", ")
        };
        match &self.known {
            None => {
                let same = roster.members.keys().eq(self.configured.members.keys());
                if !same {
                    tracing::info!(
                        "the members are {} by the log, and {} by the config; the log counts",
                        names(&roster.members),
                        names(&self.configured.members)
                    );
                }
            }
            Some(known) => {
                for (id, member) in &roster.members {
                    let votes = roster.voters.contains(id);
                    if !known.members.contains_key(id) {
                        tracing::info!(member = member.name, votes, "a member was added");
                    } else if votes != known.voters.contains(id) {
                        tracing::info!(member = member.name, votes, "a member's vote changed");
                    }
                }
                for (id, member) in &known.members {
                    if !roster.members.contains_key(id) {
                        tracing::info!(member = member.name, "a member was removed");
                    }
                }
            }
        }
        let was_in = self
            .known
            .as_ref()
            .is_none_or(|it| it.members.contains_key(&own));
        if was_in && !roster.members.contains_key(&own) {
            tracing::warn!(
                "this node is no member any more: stop it, it gets no more of the chain"
            );
        }
        self.known = Some(roster);
    }
}
