//! Gives orders to members: to this one at once, to the others through [`MessageKind::Fault`].

use super::{
    order::{FaultError, Order},
    table::Faults,
};
use crate::{
    consensus::{MessageKind, PeerService, Transport},
    types::{Member, MemberId},
};
use alloy::primitives::Bytes;
use futures::future::{BoxFuture, FutureExt, join_all};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::{Duration, Instant},
};

/// How long a member may take to obey.
const OBEY_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for the answer to leave before the member ends.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Ends the member at once, without a word to anybody.
pub type OnKill = Arc<dyn Fn() + Send + Sync>;

/// What became of orders, by the members' names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// These obeyed.
    pub applied: Vec<String>,
    /// These are not reachable, or take no orders.
    pub unreachable: Vec<String>,
    /// For [`Order::List`]: what is there.
    pub active: Vec<(String, Vec<Order>)>,
}

/// See the module.
pub struct Control {
    id: MemberId,
    members: RwLock<BTreeMap<MemberId, Member>>,
    transport: Arc<dyn Transport>,
    faults: Faults,
    on_kill: OnKill,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("id", &self.id)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl Control {
    /// Of member `id`; from now on it obeys the others too.
    pub fn start(
        id: MemberId,
        members: BTreeMap<MemberId, Member>,
        transport: Arc<dyn Transport>,
        faults: Faults,
        on_kill: OnKill,
    ) -> Arc<Self> {
        let obedience = Obedience {
            faults: faults.clone(),
            on_kill: Arc::clone(&on_kill),
        };
        transport.serve(MessageKind::Fault, Some(Arc::new(obedience)));
        Arc::new(Self {
            id,
            members: RwLock::new(members),
            transport,
            faults,
            on_kill,
        })
    }

    /// The faults of this node.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    fn members(&self) -> RwLockReadGuard<'_, BTreeMap<MemberId, Member>> {
        self.members.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says who the members are from now on.
    pub fn set_members(&self, members: BTreeMap<MemberId, Member>) {
        *self.members.write().unwrap_or_else(PoisonError::into_inner) = members;
    }

    /// All members.
    pub fn all(&self) -> Vec<MemberId> {
        self.members().keys().copied().collect()
    }

    /// The member of that name.
    pub fn member(&self, name: &str) -> Result<MemberId, FaultError> {
        let members = self.members();
        let found = members.iter().find(|(_, it)| it.name == name);
        found
            .map(|(id, _)| *id)
            .ok_or_else(|| FaultError::UnknownMember {
                name: name.chars().take(80).collect(),
                names: (members.values())
                    .map(|it| format!("`{}`", it.name))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// The name of a member.
    pub fn name(&self, id: MemberId) -> String {
        self.members()
            .get(&id)
            .map_or_else(|| id.to_string(), |it| it.name.clone())
    }

    /// What each member has to cut for these groups to be apart. Members in no group are together one more group.
    pub fn partition(
        &self,
        groups: &[Vec<String>],
    ) -> Result<Vec<(MemberId, Vec<MemberId>)>, FaultError> {
        let mut group_of = BTreeMap::new();
        for (number, group) in groups.iter().enumerate() {
            for name in group {
                if group_of.insert(self.member(name)?, number).is_some() {
                    return Err(FaultError::InTwoGroups(name.clone()));
                }
            }
        }
        let group = |id: &MemberId| group_of.get(id).copied().unwrap_or(groups.len());
        let members = self.members();
        let cuts = members.keys().map(|id| {
            let apart = |other: &&MemberId| group(other) != group(id);
            (*id, members.keys().filter(apart).copied().collect())
        });
        Ok(cuts.collect())
    }

    /// Gives all orders at once and says who obeyed.
    pub async fn give(&self, orders: Vec<(MemberId, Order)>) -> Report {
        let answers = orders.into_iter().map(|(to, order)| async move {
            let active = if to == self.id {
                Some(self.obey(&order))
            } else {
                self.ask(to, &order).await
            };
            (to, active)
        });
        let mut report = Report::default();
        for (to, active) in join_all(answers).await {
            let name = self.name(to);
            match active {
                Some(active) => {
                    report.active.push((name.clone(), active));
                    report.applied.push(name);
                }
                None => report.unreachable.push(name),
            }
        }
        report
    }

    fn obey(&self, order: &Order) -> Vec<Order> {
        obey(&self.faults, &self.on_kill, order)
    }

    async fn ask(&self, to: MemberId, order: &Order) -> Option<Vec<Order>> {
        let request = postcard::to_allocvec(order).ok()?;
        let answer = self.transport.send(to, MessageKind::Fault, request.into());
        let answer = tokio::time::timeout(OBEY_TIMEOUT, answer)
            .await
            .ok()?
            .ok()?;
        postcard::from_bytes(&answer).ok()
    }
}

fn obey(faults: &Faults, on_kill: &OnKill, order: &Order) -> Vec<Order> {
    let now = Instant::now();
    tracing::info!(?order, "a fault was ordered");
    if *order == Order::Kill {
        let on_kill = Arc::clone(on_kill);
        tokio::spawn(async move {
            tokio::time::sleep(LAST_WORDS).await;
            on_kill();
        });
    } else {
        faults.obey(order, now);
    }
    faults.active(now)
}

/// Takes the orders of other members.
struct Obedience {
    faults: Faults,
    on_kill: OnKill,
}

impl PeerService for Obedience {
    fn handle(&self, _from: MemberId, request: Bytes) -> BoxFuture<'static, Bytes> {
        // What cannot be read is answered with nothing, which cannot be read either.
        let answer = postcard::from_bytes(&request)
            .ok()
            .map(|order| obey(&self.faults, &self.on_kill, &order))
            .and_then(|active| postcard::to_allocvec(&active).ok())
            .unwrap_or_default();
        futures::future::ready(answer.into()).boxed()
    }
}
