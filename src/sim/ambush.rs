//! Faults that belong together: what single ones, drawn one by one, would hardly ever add up to.

use super::{
    cluster::Cluster,
    plan::Fault,
    random::Random,
    world::{self, SIMULATION, Timer},
};
use std::time::Duration;

impl Cluster {
    /// The leader is cut off while the others elect another one and go on. When it is back, one of them has lost its
    /// disk, or a bit of it, or just its power, and the rest are away: whoever is there does not remember what was decided, or
    /// should. And it may be interrupted again while it comes back.
    pub(super) fn ambush(&self, variant: u64) {
        let Some(leader) = self.leading().map(|life| life.owner.node) else {
            return;
        };
        let mut random = Random::new(variant, 3);
        let others: Vec<_> = self.ids().into_iter().filter(|id| *id != leader).collect();
        let Some(victim) = random.one_of(&others).copied() else {
            return;
        };
        let apart_ms = random.range(500, 1_200);
        let away_ms = random.range(300, 900);
        let again_ms = random.range(60, 200);
        let fate = *random
            .one_of(&[
                Fault::Wipe(victim, 20),
                Fault::Wipe(victim, 20),
                Fault::PowerLoss(victim, 20),
                Fault::BitFlip(victim, 20),
            ])
            .unwrap_or(&Fault::Wipe(victim, 20));
        let cluster = self.clone();
        self.strike(Fault::Isolate(leader, apart_ms));
        world::spawn_for(SIMULATION, 0, async move {
            Timer::after(Duration::from_millis(apart_ms.saturating_sub(10))).await;
            cluster.strike(fate);
            for other in others.into_iter().filter(|other| *other != victim) {
                if random.chance(500) {
                    cluster.strike(Fault::Isolate(other, away_ms));
                } else {
                    cluster.strike(Fault::PowerLoss(other, away_ms));
                }
            }
            if random.chance(500) {
                Timer::after(Duration::from_millis(again_ms)).await;
                cluster.strike(Fault::PowerLoss(victim, 20));
                cluster.strike(Fault::Isolate(leader, away_ms));
            }
        });
    }
}
