//! The limits of the network, in one place.

use std::time::Duration;

/// The largest message, bytes.
pub const MESSAGE_LIMIT_BYTES: usize = 64 << 20;
/// Bytes that may wait to be sent to one peer; a message that is begun goes out whole.
pub(super) const QUEUE_BYTES_LIMIT: usize = 128 << 20;
/// Requests to one peer without an answer.
pub(super) const UNANSWERED_LIMIT: usize = 8_192;
/// Requests of one peer under way here.
pub(super) const INBOUND_REQUEST_LIMIT: usize = 8_192;
/// Connections that have not yet said who they are; with one more, the oldest of them ends.
pub(super) const UNAUTHENTICATED_LIMIT: usize = 64;
/// The time for a connection and its handshake.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);
/// An empty frame is sent after this much silence.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(2);
/// A connection that was silent, or did not take anything, for so long has ended.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(8);
/// The pause before the first new attempt to connect; it doubles with each.
pub(super) const RECONNECT_MIN: Duration = Duration::from_millis(10);
/// The longest such pause.
pub(super) const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// How long a stop may take.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(2);
