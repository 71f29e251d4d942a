//! The socket file (IPC): JSON values one after the other without any framing, as geth has it; subscriptions as on a
//! WebSocket. Access is what the file's permissions allow: 0600.
//!
//! A value ends where its JSON ends: an object or an array with its last bracket. Between values there may be white
//! space. An answer ends with a line break, which clients that read lines need and others skip.

use super::{
    super::{context::Context, session::Session},
    Shared, SocketFile,
};
use crate::replica::api::ChainEvent;
use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{OwnedSemaphorePermit, Semaphore, broadcast::error::RecvError},
    time::timeout,
};

/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1024;

/// Binds the file. One that nobody listens on any more, left by a crash, is replaced; one that is in use, or no socket,
/// is not.
pub(super) fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    if let Ok(metadata) = fs::symlink_metadata(path) {
        if !metadata.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is a file of this name already",
            ));
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another program listens on it",
            ));
        }
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok((listener, file))
}

/// Accepts until the server stops.
pub(super) async fn accept(
    listener: UnixListener,
    shared: Arc<Shared>,
    connections: Arc<Semaphore>,
) {
    let mut stop = shared.stop.clone();
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else {
            return;
        };
        let stream = tokio::select! {
            () = super::stopped(&mut stop) => return,
            accepted = listener.accept() => accepted,
        };
        match stream {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, Arc::clone(&shared), permit));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the socket file could not be accepted");
                tokio::time::sleep(super::ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The connection is over.
struct Gone;

async fn connection(stream: UnixStream, shared: Arc<Shared>, _permit: OwnedSemaphorePermit) {
    let (mut from, mut to) = stream.into_split();
    let dispatcher = &shared.dispatcher;
    let context = dispatcher.context();
    let session = Arc::new(Session::new(context.limits.subscriptions_per_connection));
    let mut stopping = shared.stop.clone();
    let mut events = context.events.subscribe();
    let mut values = Values::new(context.limits.request_bytes);
    let mut calls: FuturesUnordered<BoxFuture<'_, Option<Vec<u8>>>> = FuturesUnordered::new();
    loop {
        while calls.len() < context.limits.calls_per_connection
            && let Some(message) = values.next()
        {
            let session = &session;
            calls.push(Box::pin(async move {
                dispatcher.answer(&message, Some(session)).await
            }));
        }
        let step = tokio::select! {
            biased;
            () = super::stopped(&mut stopping) => Err(Gone),
            Some(answer) = calls.next(), if !calls.is_empty() => match answer {
                Some(answer) => send(&mut to, context, answer).await,
                None => Ok(()),
            },
            event = events.recv() => notify(&mut to, context, &session, event).await,
            read = values.read(&mut from), if calls.len() < context.limits.calls_per_connection => read,
        };
        if step.is_err() {
            break;
        }
    }
}

async fn notify(
    to: &mut OwnedWriteHalf,
    context: &Context,
    session: &Session,
    event: Result<ChainEvent, RecvError>,
) -> Result<(), Gone> {
    match event {
        Ok(event) if session.is_subscribed() => {
            for message in session.notifications(&event, context) {
                send(to, context, message).await?;
            }
            Ok(())
        }
        // A gap in a subscription would be worse than its end: the client connects again and looks.
        Err(RecvError::Lagged(_)) if session.is_subscribed() => Err(Gone),
        Ok(_) | Err(RecvError::Lagged(_)) => Ok(()),
        Err(RecvError::Closed) => Err(Gone),
    }
}

async fn send(to: &mut OwnedWriteHalf, context: &Context, mut text: Vec<u8>) -> Result<(), Gone> {
    text.push(b'\n');
    match timeout(context.limits.send, to.write_all(&text)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

/// Cuts a stream of bytes into JSON values.
#[derive(Debug)]
struct Values {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were looked at.
    seen: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
    limit: usize,
}

impl Values {
    fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            seen: 0,
            depth: 0,
            in_string: false,
            escaped: false,
            limit,
        }
    }

    async fn read(&mut self, from: &mut OwnedReadHalf) -> Result<(), Gone> {
        if self.buffer.len() > self.limit {
            return Err(Gone);
        }
        self.buffer.reserve(READ_BYTES);
        match from.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => Err(Gone),
            Ok(_) => Ok(()),
        }
    }

    /// The next value, if it is whole. What is no object and no array is a value up to the end of its line.
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.seen == 0 {
            let blank = self.buffer.iter().take_while(|b| b.is_ascii_whitespace());
            let blank = blank.count();
            self.buffer.drain(..blank);
        }
        while let Some(byte) = self.buffer.get(self.seen).copied() {
            self.seen += 1;
            if self.ends_with(byte) {
                let rest = self.buffer.split_off(self.seen);
                self.seen = 0;
                return Some(std::mem::replace(&mut self.buffer, rest));
            }
        }
        None
    }

    /// Whether a value ends with this byte.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            b'\n' => return self.depth == 0,
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests;
