//! `GET /backup`: the whole chain as one stream (`replica::backup`), for `praline backup`.
//!
//! *Safety.* It holds nothing that calls would not give, but it costs the disk a read of everything, so it is for programs on
//! this machine alone: the caller's address must be a loopback one, and a request that a web page made is refused: it has
//! an `Origin`, or a `Host` that is a name (DNS rebinding makes any name mean this machine). Two are served at once at the
//! most, and a client that does not read is cut off.
//!
//! *Invariant.* Memory holds some pieces of at most 1 MiB each, whatever the chain's size and the client's speed.

use super::{Shared, http::host_name};
use crate::replica::backup;
use http_body_util::{Either, Full};
use hyper::{
    HeaderMap, Response, StatusCode,
    body::{Body, Bytes, Frame},
    header::{self, HeaderValue},
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Pieces that wait for the client.
const WAITING_MAX: usize = 4;
/// Backups at once.
pub(super) const AT_ONCE_MAX: usize = 2;

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What an answer of the server consists of.
pub(super) type Answer = Either<Full<Bytes>, Pieces>;

/// A stream of pieces. Dropped early, it ends the reading.
#[derive(Debug)]
pub(super) struct Pieces {
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    _permit: OwnedSemaphorePermit,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = self.pieces.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(|bytes| Frame::data(bytes.into()))))
    }
}

fn is_from_page(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let name = host_name(host.unwrap_or_default());
    let is_here = name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok();
    headers.contains_key(header::ORIGIN) || !is_here
}

/// Answers `GET /backup`; the error is a status and a sentence.
pub(super) async fn respond(
    headers: &HeaderMap,
    caller: SocketAddr,
    shared: &Arc<Shared>,
) -> Result<Response<Answer>, (StatusCode, String)> {
    if !caller.ip().to_canonical().is_loopback() || is_from_page(headers) {
        let sentence = "A backup is given to programs on the node's own machine alone: run `praline backup` there.";
        return Err((StatusCode::FORBIDDEN, sentence.to_owned()));
    }
    let Ok(permit) = Arc::clone(&shared.backups).try_acquire_owned() else {
        let sentence = "Other backups of this node are under way: ask again when they are done.";
        return Err((StatusCode::SERVICE_UNAVAILABLE, sentence.to_owned()));
    };
    let context = shared.dispatcher.context();
    // Everything acknowledged before is in it.
    let chain = context.backend.read().await;
    let chain = chain.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let archive = Arc::clone(context.backend.archive());
    let limit = context.limits.send;
    let made = tokio::task::spawn_blocking(move || backup::backup(&archive, chain.spec())).await;
    let internal = |error: String| (StatusCode::INTERNAL_SERVER_ERROR, error);
    let source = made
        .map_err(|error| internal(error.to_string()))?
        .map_err(|error| internal(error.to_string()))?;
    let (sender, pieces) = mpsc::channel(WAITING_MAX);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        for piece in source {
            let sent = runtime.block_on(tokio::time::timeout(limit, sender.send(piece)));
            // The client is gone, or does not read.
            if !matches!(sent, Ok(Ok(()))) {
                break;
            }
        }
    });
    let mut response = Response::new(Either::Right(Pieces {
        pieces,
        _permit: permit,
    }));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, OCTETS);
    Ok(response)
}
