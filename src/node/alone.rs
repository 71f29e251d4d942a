//! The way to the peers of a node that has none.

use crate::{
    consensus::{MessageKind, PeerError, PeerService, Transport},
    types::MemberId,
};
use alloy::primitives::Bytes;
use futures::future::{BoxFuture, FutureExt, ready};
use std::sync::Arc;

/// The transport of a cluster of one: nobody to send to, nobody to serve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alone;

impl Transport for Alone {
    fn send(
        &self,
        to: MemberId,
        _kind: MessageKind,
        _request: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, PeerError>> {
        ready(Err(PeerError::Unreachable(to))).boxed()
    }

    fn reachable(&self, _id: MemberId) -> bool {
        false
    }

    fn serve(&self, _kind: MessageKind, _service: Option<Arc<dyn PeerService>>) {}
}
