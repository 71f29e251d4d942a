//! Members that come and go while the cluster runs, as an operator would have it: a new node is started, added without
//! a vote and promoted; one that was taken out is switched off.

use super::{
    cluster::{Cluster, Node},
    node::{Life, member},
    plan::NODES_MAX,
    world::{self, SIMULATION, Timer},
};
use crate::{consensus::MemberChange, types::MemberId};
use std::time::Duration;

/// How long the operator goes on asking the leader for a change.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(100);

impl Cluster {
    /// The life of whoever says that it leads.
    pub(super) fn leading(&self) -> Option<Life> {
        let lives = self.ids().into_iter().filter_map(|id| self.life(id));
        lives.into_iter().find(|life| {
            let id = life.owner.node;
            life.consensus.leader().leader == Some(id)
        })
    }

    /// Starts a new node and makes a member of it.
    pub(super) fn grow(&self) {
        let Some(id) = self.new_node() else {
            return;
        };
        let cluster = self.clone();
        world::spawn_for(SIMULATION, 0, async move {
            let deadline = world::now() + PATIENCE;
            let mut is_added = false;
            while world::now() < deadline && cluster.ids().contains(&id) {
                if let Some(life) = cluster.leading() {
                    let known = life.consensus.status().members.get(&id).map(|it| it.voter);
                    match known {
                        None if !is_added => is_added = cluster.add(life, id).await,
                        Some(false) => cluster.promote(life, id).await,
                        Some(true) => return,
                        None => {}
                    }
                }
                Timer::after(PAUSE).await;
            }
        });
    }

    /// Whether the leader was asked, so that it may have come to that.
    async fn add(&self, life: Life, id: MemberId) -> bool {
        world::note("add", &[life.owner.node, id], || {
            format!("leader {} adds node {id}", life.owner.node)
        });
        let consensus = life.consensus;
        within_life(life.owner, async move {
            consensus.add_numbered(id, &member(id), false).await
        })
        .await;
        true
    }

    async fn promote(&self, life: Life, id: MemberId) {
        world::note("promote", &[life.owner.node, id], || {
            format!("leader {} promotes node {id}", life.owner.node)
        });
        let consensus = life.consensus;
        let change = MemberChange::Promote(member(id).name);
        within_life(life.owner, async move {
            consensus.change_members(&change, false).await
        })
        .await;
    }

    /// Takes a member out, and switches it off when that is done.
    pub(super) fn take_out(&self, id: MemberId) {
        if self.ids().len() < 4 || !self.all_remember(0) {
            return;
        }
        let Some(life) = self.leading() else { return };
        let cluster = self.clone();
        world::spawn_for(SIMULATION, 0, async move {
            world::note("remove", &[life.owner.node, id], || {
                format!("leader {} removes node {id}", life.owner.node)
            });
            let consensus = life.consensus;
            let change = MemberChange::Remove(member(id).name);
            let done = within_life(life.owner, async move {
                consensus.change_members(&change, false).await
            })
            .await;
            if done {
                cluster.retire(id);
            }
        });
    }

    /// Switches off who is no member: a change that was asked for may have come about, or not.
    pub(super) async fn reconcile(&self) {
        let deadline = world::now() + PATIENCE;
        while world::now() < deadline {
            let fresh = self
                .leading()
                .filter(|life| life.consensus.quorum_is_fresh(2 * PAUSE));
            if let Some(life) = fresh {
                let members = life.consensus.status().members;
                for id in self.ids() {
                    if !members.contains_key(&id) {
                        self.retire(id);
                    }
                }
                return;
            }
            Timer::after(PAUSE).await;
        }
    }

    fn new_node(&self) -> Option<MemberId> {
        if self.ids().len() as u64 >= NODES_MAX {
            return None;
        }
        Some(self.insert(Node::new))
    }
}

/// Runs a request to a node as long as it lives; whether it was done.
async fn within_life<E: 'static>(
    owner: world::Owner,
    request: impl Future<Output = Result<MemberId, E>> + 'static,
) -> bool {
    let (sender, receiver) = futures::channel::oneshot::channel();
    world::spawn_for(owner, 0, async move {
        let _ = sender.send(request.await.is_ok());
    });
    let limit = Timer::after(PATIENCE);
    match futures::future::select(receiver, limit).await {
        futures::future::Either::Left((Ok(done), _)) => done,
        _ => false,
    }
}
