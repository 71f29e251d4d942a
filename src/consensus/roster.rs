//! Who belongs to a cluster, and which changes of that are possible: pure rules, without an engine.
//!
//! *Invariants.* A number is never given twice: founders have 1 to [`FOUNDERS_MAX`], and who comes later has
//! [`FOUNDERS_MAX`] + 1 + the index of the membership entry before its own, which only grows. Names, keys and addresses
//! are there once. No change is begun that would leave the cluster without a majority of voters that can be reached.
//!
//! Source: D. Ongaro, *Consensus: Bridging Theory and Practice* (2014), chapter 4.

use crate::types::{LogIndex, Member, MemberId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The largest cluster, and the largest number of a member that was there when the cluster was founded.
pub const FOUNDERS_MAX: MemberId = 15;

/// Whether a member was there when the cluster was founded.
pub fn is_founder(id: MemberId) -> bool {
    id <= FOUNDERS_MAX
}

/// Whether a text may name a member: names become folders and stand in tables.
pub fn is_member_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A change of the members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberChange {
    /// A new member gets the log; with `voter`, it counts in elections and majorities at once, before it has anything.
    Add {
        /// The member.
        member: Member,
        /// Whether it votes at once.
        voter: bool,
    },
    /// The learner of that name becomes a voter.
    Promote(String),
    /// The member of that name is one no more.
    Remove(String),
    /// The voter of that name leads from now on; `None`: the one that is farthest.
    Transfer(Option<String>),
}

/// A change that was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum MembershipError {
    /// This member does not lead; nothing was changed.
    #[error("this node does not lead")]
    NotLeader {
        /// Who does, if known.
        leader: Option<MemberId>,
    },
    /// Nobody leads, because too few voters can be reached.
    #[error(
        "{change} needs {needed} of the {voters} voters, and only {} can be reached: {} down; start at least {} more",
        .up, are(.down), .needed.saturating_sub(*.up)
    )]
    NoMajority {
        /// "removing node2"
        change: String,
        /// How many voters there are.
        voters: usize,
        /// How many it takes.
        needed: usize,
        /// How many can be reached.
        up: usize,
        /// The others.
        down: Vec<String>,
    },
    /// The voters after the change would have no majority.
    #[error(
        "{change} would leave {voters} voters, of which {needed} must be reachable, and only {} would be: {} down; start \
         at least {} of the voters that are down first, or remove those instead",
        .up, are(.down), .needed.saturating_sub(*.up)
    )]
    WouldStop {
        /// "removing node2"
        change: String,
        /// How many voters there would be.
        voters: usize,
        /// How many it would take.
        needed: usize,
        /// How many could be reached.
        up: usize,
        /// The others.
        down: Vec<String>,
    },
    /// A cluster without voters is none.
    #[error("{0} is the only voter: add and promote another member before it goes")]
    LastVoter(String),
    /// There is no member of that name.
    #[error("there is no member `{name}`; the members are {names}")]
    Unknown {
        /// The name.
        name: String,
        /// The members.
        names: String,
    },
    /// Something of a new member's is another's.
    #[error("the {what} `{value}` is {by}'s already; give the new member its own")]
    Taken {
        /// "name", "public key", …
        what: String,
        /// The value.
        value: String,
        /// Whose it is.
        by: String,
    },
    /// The name is no name.
    #[error("`{0}` cannot name a member; use 1 to 32 letters, digits, `-` and `_`")]
    Name(String),
    /// Some members are at loopback addresses and others are not.
    #[error(
        "`{address}` cannot join: {other} is at `{theirs}`, and members at addresses of one machine alone cannot meet members \
         of other machines; give all members addresses that all can reach"
    )]
    Unreachable {
        /// The new member's.
        address: String,
        /// A member.
        other: String,
        /// Its address.
        theirs: String,
    },
    /// More members than a cluster may have.
    #[error(
        "there are {FOUNDERS_MAX} members already, and a cluster has no more; remove one first"
    )]
    TooMany,
    /// A voter that is to be promoted.
    #[error("{0} is a voter already")]
    Voter(String),
    /// A learner that is to lead.
    #[error("{0} is a learner and cannot lead; promote it first")]
    Learner(String),
    /// A member that has to do something is not there.
    #[error("{name} cannot be reached at {address}; start it first")]
    Down {
        /// The member.
        name: String,
        /// Where it should be.
        address: String,
    },
    /// A learner that lacks much.
    #[error("{name} still lacks {entries} entries of the log; ask again when it has them")]
    Behind {
        /// The member.
        name: String,
        /// What it lacks.
        entries: u64,
    },
    /// Nobody else could lead.
    #[error("no other voter can be reached that could lead: {} down; start one of them", are(.0))]
    NoSuccessor(Vec<String>),
    /// The successor did not take over in time.
    #[error("{0} did not take over in time; the cluster elects a leader by itself, ask again")]
    NotTaken(String),
    /// Another change is being made.
    #[error("another change of the members is under way; ask again in a moment")]
    Busy,
    /// It was begun, and it is not known what became of it.
    #[error(
        "the change was begun, but its end was not seen; look at the members before asking again"
    )]
    Uncertain,
    /// A node without peers.
    #[error(
        "this node was started alone and listens for no peers; only clusters of two and more can grow"
    )]
    Alone,
    /// The node has stopped; why.
    #[error("the node has stopped: {0}")]
    Stopped(String),
}

/// "node2 and node3 are", "node2 is".
fn are(names: &[String]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    match names.split_last() {
        None => "none are".to_owned(),
        Some((last, [])) => format!("{last} {verb}"),
        Some((last, first)) => format!("{} and {last} {verb}", first.join(", ")),
    }
}

/// The members of a cluster, as one node knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// All members by number.
    pub members: BTreeMap<MemberId, Member>,
    /// The voters; during a change, those before and those after it.
    pub voters: BTreeSet<MemberId>,
    /// The entry of the log that says so.
    pub index: Option<LogIndex>,
}

impl Roster {
    /// The number of the member of a name.
    pub fn named(&self, name: &str) -> Result<MemberId, MembershipError> {
        let found = self.members.iter().find(|(_, it)| it.name == name);
        found
            .map(|(id, _)| *id)
            .ok_or_else(|| MembershipError::Unknown {
                name: name.chars().take(80).collect(),
                names: self.names(self.members.keys()).join(", "),
            })
    }

    /// The name of a member.
    pub fn name(&self, id: MemberId) -> String {
        self.members
            .get(&id)
            .map_or_else(|| id.to_string(), |it| it.name.clone())
    }

    pub(super) fn names<'a>(&self, ids: impl IntoIterator<Item = &'a MemberId>) -> Vec<String> {
        ids.into_iter().map(|id| self.name(*id)).collect()
    }

    /// The number of a member that comes now.
    pub(super) fn next_id(&self) -> MemberId {
        FOUNDERS_MAX + 1 + self.index.unwrap_or_default()
    }

    /// Whether a new member may come.
    pub(super) fn admit(&self, new: &Member) -> Result<(), MembershipError> {
        if !is_member_name(&new.name) {
            return Err(MembershipError::Name(new.name.chars().take(80).collect()));
        }
        if self.members.len() as MemberId >= FOUNDERS_MAX {
            return Err(MembershipError::TooMany);
        }
        for old in self.members.values() {
            let key = |member: &Member| member.public_key.to_string();
            // Port 0 says that the address is not known.
            let addresses = [
                ("peer address", &new.peer_address),
                ("RPC address", &new.rpc_address),
            ];
            let taken = [("name", &new.name, vec![&old.name])]
                .into_iter()
                .chain(
                    addresses
                        .into_iter()
                        .filter(|(_, address)| !address.ends_with(":0"))
                        .map(|(what, address)| {
                            (what, address, vec![&old.peer_address, &old.rpc_address])
                        }),
                )
                .find(|(_, value, theirs)| theirs.contains(value))
                .map(|(what, value, _)| (what, value.clone()));
            let same_key = (old.public_key == new.public_key).then(|| ("public key", key(new)));
            if let Some((what, value)) = same_key.or(taken) {
                return Err(MembershipError::Taken {
                    what: what.to_owned(),
                    value,
                    by: old.name.clone(),
                });
            }
            if is_loopback(&old.peer_address) != is_loopback(&new.peer_address) {
                return Err(MembershipError::Unreachable {
                    address: new.peer_address.clone(),
                    other: old.name.clone(),
                    theirs: old.peer_address.clone(),
                });
            }
        }
        Ok(())
    }

    /// Whether the voters, without `leaving` and with `joining`, have a majority among those that are `up`.
    pub(super) fn keeps_majority(
        &self,
        change: String,
        joining: Option<(MemberId, &str)>,
        leaving: Option<MemberId>,
        up: &BTreeSet<MemberId>,
    ) -> Result<(), MembershipError> {
        let mut voters = self.voters.clone();
        voters.extend(joining.map(|(id, _)| id));
        if let Some(leaving) = leaving {
            voters.remove(&leaving);
        }
        let needed = majority(voters.len());
        let is_up = voters.intersection(up).count();
        if is_up >= needed {
            return Ok(());
        }
        let down = voters.difference(up).map(|id| match joining {
            Some((joining, name)) if joining == *id => name.to_owned(),
            _ => self.name(*id),
        });
        Err(MembershipError::WouldStop {
            change,
            voters: voters.len(),
            needed,
            up: is_up,
            down: down.collect(),
        })
    }

    /// That nobody leads, as a sentence: too few of the voters are `up`.
    pub(crate) fn no_majority(
        &self,
        change: &MemberChange,
        up: &BTreeSet<MemberId>,
    ) -> MembershipError {
        MembershipError::NoMajority {
            change: change.gerund(),
            voters: self.voters.len(),
            needed: majority(self.voters.len()),
            up: self.voters.intersection(up).count(),
            down: self.names(self.voters.difference(up)),
        }
    }
}

impl MemberChange {
    /// "removing node2".
    pub(crate) fn gerund(&self) -> String {
        match self {
            Self::Add { member, .. } => format!("adding {}", member.name),
            Self::Promote(name) => format!("promoting {name}"),
            Self::Remove(name) => format!("removing {name}"),
            Self::Transfer(Some(name)) => format!("handing the leadership to {name}"),
            Self::Transfer(None) => "handing the leadership on".to_owned(),
        }
    }

    /// The member that a change was about, if the cluster looks as it does after the change; 0 for one that is gone.
    pub(super) fn has_happened(&self, roster: &Roster) -> Option<MemberId> {
        let find = |name: &str| roster.named(name).ok();
        match self {
            Self::Add { member, voter } => find(&member.name).filter(|id| {
                roster.members.get(id) == Some(member) && (!voter || roster.voters.contains(id))
            }),
            Self::Promote(name) => find(name).filter(|id| roster.voters.contains(id)),
            Self::Remove(name) => find(name).is_none().then_some(0),
            Self::Transfer(_) => None,
        }
    }
}

/// How many of so many make a majority.
pub(crate) fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
