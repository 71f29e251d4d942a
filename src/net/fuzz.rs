//! Bytes of strangers and of broken peers; see [`crate::fuzzing`].

use super::{frame::Assembly, handshake::Identity};
use crate::types::PublicKey;
use ed25519_dalek::SigningKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The largest message here: small, so that the limit is met.
const LIMIT_BYTES: usize = 1 << 12;

/// Contents of frames, one after the other: the first byte of each says how long it is.
pub(crate) fn frames(mut data: &[u8]) {
    let mut assembly = Assembly::new(LIMIT_BYTES);
    while let Some((length, rest)) = data.split_first() {
        let (content, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        data = rest;
        let taken = assembly.take(content, |message| {
            assert!(message.content.len() <= LIMIT_BYTES, "above the limit");
        });
        if taken.is_err() {
            return;
        }
    }
}

/// What a stranger says to a member that was dialled. An odd first byte stands for a right greeting.
pub(crate) fn handshake(data: &[u8]) {
    let key = |number: u8| SigningKey::from_bytes(&[number; 32]);
    let stranger = PublicKey(key(2).verifying_key().to_bytes());
    let Ok(identity) = Identity::new(key(1), [9; 32]) else {
        return;
    };
    identity.set_peers([(stranger, 2)].into_iter());
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        return;
    };
    let (greets, rest) = match data.split_first() {
        Some((first, rest)) => (first % 2 == 1, rest),
        None => (false, data),
    };
    runtime.block_on(async {
        let (mut here, mut there) = tokio::io::duplex(1 << 16);
        if greets {
            drop(there.write_all(&identity.hello()).await);
        }
        drop(there.write_all(&rest[..rest.len().min(1 << 15)]).await);
        drop(there.shutdown().await);
        let session = identity.respond(&mut here).await;
        assert!(session.is_err(), "a session without the key");
        drop(here);
        let mut said = Vec::new();
        drop(there.read_to_end(&mut said).await);
    });
}
