//! The chain, the pool and the cluster, as they are when the page is asked for.

use crate::{
    replica::api::{Backend, ClusterStatus},
    types::Role,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::gauge::ConstGauge,
};
use std::{fmt, sync::Arc};

/// See the module.
#[derive(Debug)]
pub(super) struct ChainCollector(pub(super) Arc<dyn Backend>);

/// Numbers of a page are 64 bits with a sign.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Collector for ChainCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let chain = self.0.local();
        let head = number(chain.head().header.number);
        let pending = chain.pool().pending(|address| chain.nonce(address)).count();
        let queued = chain.pool().queued(|address| chain.nonce(address)).count();
        let status = self.0.status();
        for (name, help, value) in [
            ("chain_head_block", "The number of the newest block", head),
            (
                "chain_safe_block",
                "The newest block that a quorum has: nothing else is ever shown",
                head,
            ),
            (
                "chain_finalized_block",
                "The newest block that stays: that of a quorum",
                head,
            ),
            (
                "txpool_pending",
                "Transactions that a block could take",
                count(pending),
            ),
            (
                "txpool_queued",
                "Transactions that wait for one before them",
                count(queued),
            ),
            (
                "consensus_term",
                "The term in which this node is",
                number(status.term),
            ),
            (
                "consensus_commit_index",
                "The highest index known here to be committed",
                number(status.commit_index),
            ),
            (
                "consensus_applied_index",
                "The last index applied here",
                number(status.applied_index),
            ),
            (
                "consensus_has_leader",
                "1 if this node knows a leader",
                i64::from(status.leader.is_some()),
            ),
        ] {
            gauge(&mut encoder, name, help, value)?;
        }
        roles(&mut encoder, &status)?;
        members(&mut encoder, &status)
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
    gauge.encode(metric)
}

/// One for each role, 1 for the one that this node has: so that a graph can show its changes.
fn roles(encoder: &mut DescriptorEncoder<'_>, status: &ClusterStatus) -> fmt::Result {
    let kind = ConstGauge::new(0_i64).metric_type();
    let mut family =
        encoder.encode_descriptor("consensus_role", "What this node does", None, kind)?;
    for (role, name) in [
        (Role::Leader, "leader"),
        (Role::Follower, "follower"),
        (Role::Candidate, "candidate"),
        (Role::Learner, "learner"),
    ] {
        let gauge = ConstGauge::new(i64::from(status.role == role));
        gauge.encode(family.encode_family(&[("role", name)])?)?;
    }
    Ok(())
}

fn members(encoder: &mut DescriptorEncoder<'_>, status: &ClusterStatus) -> fmt::Result {
    let kind = ConstGauge::new(0_i64).metric_type();
    let help = "1 if this node has a live connection to the member";
    let mut family = encoder.encode_descriptor("consensus_peer_reachable", help, None, kind)?;
    for member in &status.members {
        let gauge = ConstGauge::new(i64::from(member.reachable));
        let name = member.member.name.as_str();
        gauge.encode(family.encode_family(&[("peer", name)])?)?;
    }
    let help = "The highest index known to be stored at the member; the leader alone knows it";
    let kind = ConstGauge::new(0_i64).metric_type();
    let mut family = encoder.encode_descriptor("consensus_peer_match_index", help, None, kind)?;
    for member in &status.members {
        if let Some(index) = member.match_index {
            let gauge = ConstGauge::new(number(index));
            let name = member.member.name.as_str();
            gauge.encode(family.encode_family(&[("peer", name)])?)?;
        }
    }
    Ok(())
}
