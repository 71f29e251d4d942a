//! What only the wiring can see of a node, for `GET /metrics`: the consensus' inside, the network, faults.

use crate::{
    consensus::Consensus,
    net::{Net, Tokio},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// See the module.
pub(super) struct NodeCollector {
    consensus: Consensus<Tokio>,
    net: Option<Net>,
    leader_changes: Arc<AtomicU64>,
}

impl fmt::Debug for NodeCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeCollector")
            .field("net", &self.net)
            .finish_non_exhaustive()
    }
}

impl NodeCollector {
    /// Of a node; counts changes of its leader from now on.
    pub(super) fn start(consensus: Consensus<Tokio>, net: Option<Net>) -> Self {
        let leader_changes = Arc::new(AtomicU64::new(0));
        let (counter, mut watch) = (Arc::clone(&leader_changes), consensus.watch_leader());
        tokio::spawn(async move {
            let mut known = watch.current().leader;
            while let Some(view) = watch.changed().await {
                if view.leader.is_some() && view.leader != known {
                    counter.fetch_add(1, Ordering::Relaxed);
                    known = view.leader;
                }
            }
        });
        Self {
            consensus,
            net,
            leader_changes,
        }
    }
}

impl Collector for NodeCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.consensus.status();
        let index = |index: Option<u64>| index.and_then(|it| i64::try_from(it).ok()).unwrap_or(0);
        for (name, help, value) in [
            (
                "consensus_snapshot_index",
                "The last index of the newest checkpoint",
                index(status.checkpoint_index),
            ),
            (
                "consensus_last_log_index",
                "The end of this node's log",
                index(status.last_log_index),
            ),
            (
                "consensus_first_log_index",
                "The index before which the log was cut",
                index(status.purged_index),
            ),
            (
                "consensus_votes",
                "1 if this node counts in elections",
                i64::from(status.votes),
            ),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        if let Some(age) = status.quorum_ack_age {
            let gauge = ConstGauge::new(age.as_secs_f64());
            let help = "Since a majority last confirmed this leader";
            let name = "consensus_last_contact_seconds";
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let changes = self.leader_changes.load(Ordering::Relaxed);
        counter(
            &mut encoder,
            "consensus_leader_changes",
            "Changes of the leader, as seen here",
            changes,
        )?;
        self.network(&mut encoder)
    }
}

impl NodeCollector {
    fn network(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(net) = &self.net else {
            return Ok(());
        };
        let metrics = net.metrics();
        for (name, help, count) in [
            (
                "net_received_bytes",
                "Bytes from peers",
                metrics.received_bytes.load(Ordering::Relaxed),
            ),
            (
                "net_sent_bytes",
                "Bytes to peers",
                metrics.sent_bytes.load(Ordering::Relaxed),
            ),
            (
                "net_accepted_connections",
                "Connections of members that were taken",
                metrics.accepted.load(Ordering::Relaxed),
            ),
            (
                "net_dialled_connections",
                "Connections to members that came about",
                metrics.dialled.load(Ordering::Relaxed),
            ),
            (
                "net_refused_connections",
                "Connections that were refused or broken off",
                metrics.refused_total(),
            ),
        ] {
            counter(encoder, name, help, count)?;
        }
        Ok(())
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, count: u64) -> fmt::Result {
    let counter = ConstCounter::new(count);
    counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
}
