//! WebSocket connections (RFC 6455): calls, several at once, and the events of subscriptions.
//!
//! One task a connection does all: it reads calls, runs them side by side, and writes answers and events, so that the
//! answer to `eth_subscribe` stands before its first event. A client that does not read is cut off: its events are
//! never kept beyond the queue that all connections share.

use super::{
    super::{context::Context, dispatch::Dispatcher, jsonrpc, session::Session},
    Shared,
};
use crate::{faults::EdgeFault, replica::api::ChainEvent};
use futures::{SinkExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use http_body_util::Full;
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, broadcast::error::RecvError};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// Bytes of each connection's buffers: many connections are idle most of the time.
const BUFFER_BYTES: usize = 16 * 1024;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().eq_ignore_ascii_case(token))
}

/// Whether a request asks for a WebSocket.
pub(super) fn is_upgrade(request: &Request<Incoming>) -> bool {
    let headers = request.headers();
    has_token(headers, header::CONNECTION, "upgrade")
        && has_token(headers, header::UPGRADE, "websocket")
}

/// Agrees to a WebSocket, and serves it once HTTP has let go of the connection.
pub(super) fn upgrade(
    mut request: Request<Incoming>,
    shared: &Arc<Shared>,
    permit: Arc<OwnedSemaphorePermit>,
) -> Response<Full<Bytes>> {
    let accept = request
        .headers()
        .get(header::SEC_WEBSOCKET_KEY)
        .map(|key| derive_accept_key(key.as_bytes()))
        .and_then(|accept| HeaderValue::try_from(accept).ok());
    let mut response = Response::new(Full::default());
    let Some(accept) = accept else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(serve(upgraded, Arc::clone(shared), permit));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// The client left, or the socket broke.
    Gone,
    /// We close, for this reason.
    Close(CloseCode, &'static str),
}

async fn serve(upgraded: OnUpgrade, shared: Arc<Shared>, _permit: Arc<OwnedSemaphorePermit>) {
    let Ok(upgraded) = upgraded.await else {
        return;
    };
    let limit = shared.dispatcher.context().limits.request_bytes;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    let io = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    match talk(&mut socket, &shared).await {
        End::Gone => {}
        End::Close(code, reason) => {
            let frame = CloseFrame {
                code,
                reason: reason.into(),
            };
            let _ = tokio::time::timeout(
                shared.dispatcher.context().limits.send,
                socket.close(Some(frame)),
            )
            .await;
        }
    }
}

async fn talk(socket: &mut Socket, shared: &Shared) -> End {
    let dispatcher = &shared.dispatcher;
    let context = dispatcher.context();
    let session = Arc::new(Session::new(context.limits.subscriptions_per_connection));
    let mut stopping = shared.stop.clone();
    let mut events = context.events.subscribe();
    let mut calls: FuturesUnordered<BoxFuture<'_, Option<Vec<u8>>>> = FuturesUnordered::new();
    let mut ping = tokio::time::interval(context.limits.ping);
    ping.reset();
    let closed_by_fault = async {
        match dispatcher.faults() {
            Some(faults) => faults.websockets_closed().await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(closed_by_fault);
    let mut heard = true;
    loop {
        let step = tokio::select! {
            biased;
            () = super::stopped(&mut stopping) => End::close_for_restart(),
            () = &mut closed_by_fault => End::close_for_restart(),
            Some(answer) = calls.next(), if !calls.is_empty() => match answer {
                Some(answer) => send(socket, context, answer).await,
                None => Ok(()),
            },
            event = events.recv() => notify(socket, context, &session, event).await,
            message = socket.next(), if calls.len() < context.limits.calls_per_connection => {
                heard = true;
                match read(message) {
                    Ok(Some(text)) => {
                        let session = &session;
                        calls.push(Box::pin(answer(dispatcher, text, session)));
                        Ok(())
                    }
                    Ok(None) => Ok(()),
                    Err(end) => Err(end),
                }
            }
            _ = ping.tick() => {
                if !std::mem::take(&mut heard) && calls.is_empty() {
                    Err(End::Gone)
                } else {
                    send_message(socket, context, Message::Ping(Bytes::new())).await
                }
            }
        };
        if let Err(end) = step {
            return end;
        }
    }
}

/// The answer to a message, or what a fault makes of it.
async fn answer(dispatcher: &Dispatcher, text: Bytes, session: &Arc<Session>) -> Option<Vec<u8>> {
    if let Some(faults) = dispatcher.faults()
        && faults.hold_clients()
        && !jsonrpc::is_call_of(&text, "cluster_")
    {
        faults.answering().await;
        if matches!(faults.edge(), Some(EdgeFault::Status(_))) {
            return Some(dispatcher.refuse(&text));
        }
    }
    dispatcher.answer(&text, Some(session)).await
}

impl End {
    fn close_for_restart() -> Result<(), Self> {
        Err(Self::Close(CloseCode::Away, "the node is stopping"))
    }
}

/// The text of a message; `None` for one that needs no work.
fn read(message: Option<Result<Message, tungstenite::Error>>) -> Result<Option<Bytes>, End> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(text.into())),
        Some(Ok(Message::Binary(bytes))) => Ok(Some(bytes)),
        Some(Ok(_)) => Ok(None),
        Some(Err(tungstenite::Error::Capacity(_))) => Err(End::Close(
            CloseCode::Size,
            "the message is larger than this server takes",
        )),
        Some(Err(_)) | None => Err(End::Gone),
    }
}

async fn notify(
    socket: &mut Socket,
    context: &Context,
    session: &Session,
    event: Result<ChainEvent, RecvError>,
) -> Result<(), End> {
    match event {
        Ok(event) => {
            if session.is_subscribed() {
                for message in session.notifications(&event, context) {
                    send(socket, context, message).await?;
                }
            }
            Ok(())
        }
        // A gap in a subscription would be worse than its end: the client connects again and looks.
        Err(RecvError::Lagged(_)) if session.is_subscribed() => Err(End::Close(
            CloseCode::Policy,
            "the client reads its events too slowly",
        )),
        Err(RecvError::Lagged(_)) => Ok(()),
        Err(RecvError::Closed) => End::close_for_restart(),
    }
}

async fn send(socket: &mut Socket, context: &Context, text: Vec<u8>) -> Result<(), End> {
    // All that is sent is JSON that this server wrote.
    let text = String::from_utf8(text).map_err(|_| End::Gone)?;
    send_message(socket, context, Message::Text(text.into())).await
}

async fn send_message(socket: &mut Socket, context: &Context, message: Message) -> Result<(), End> {
    match tokio::time::timeout(context.limits.send, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
}
