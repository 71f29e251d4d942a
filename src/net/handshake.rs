//! Who is there: the Noise handshake between two members.
//!
//! *Invariants.* Nothing of a peer's is looked at beyond this module before its identity key has been found among
//! the members'. Both sides check the other. Program, version and cluster are said in the clear first, for a clear reason of
//! a refusal, and are bound into the handshake's prologue, so nobody in between can change them.
//!
//! Source: the Noise Protocol Framework (rev. 34), pattern XX; libp2p's noise specification for the signature of the
//! static key by the identity key.

use super::{PROTOCOL_VERSION, metrics::Refusal};
use crate::types::{MemberId, PublicKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use snow::{Builder, HandshakeState, Keypair, StatelessTransportState};
use std::{
    collections::BTreeMap,
    io,
    sync::{PoisonError, RwLock},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
const MAGIC: [u8; 4] = *b"PRLN";
const HELLO_BYTES: usize = MAGIC.len() + 1 + 32;
const SIGNATURE_DOMAIN: &[u8] = b"praline-noise-static-key:";
const IDENTITY_BYTES: usize = 32 + 64;
/// The largest message of the handshake.
const MESSAGE_LIMIT: usize = 512;
const WELCOME: u8 = 1;
const REFUSED: u8 = 0;

/// What this node brings into every handshake.
pub(super) struct Identity {
    signing: SigningKey,
    cluster_id: [u8; 32],
    session_keys: Keypair,
    /// The other members.
    peers: RwLock<BTreeMap<PublicKey, MemberId>>,
}

/// An agreed session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) member: MemberId,
    pub(super) noise: StatelessTransportState,
    /// The next number to send with.
    pub(super) send_nonce: u64,
    /// The next number to receive.
    pub(super) receive_nonce: u64,
}

/// A handshake that did not come to an end.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("{0}")]
    Refused(Refusal),
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

impl From<Refusal> for HandshakeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<snow::Error> for HandshakeError {
    fn from(_: snow::Error) -> Self {
        Self::Refused(Refusal::Handshake)
    }
}

impl Identity {
    /// Draws a session key for this process. Nobody is let in before [`Identity::set_peers`].
    pub(super) fn new(signing: SigningKey, cluster_id: [u8; 32]) -> Result<Self, snow::Error> {
        let session_keys = Builder::new(PATTERN.parse()?).generate_keypair()?;
        Ok(Self {
            signing,
            cluster_id,
            session_keys,
            peers: RwLock::default(),
        })
    }

    /// Says whose keys are good from now on.
    pub(super) fn set_peers(&self, peers: impl Iterator<Item = (PublicKey, MemberId)>) {
        *self.peers.write().unwrap_or_else(PoisonError::into_inner) = peers.collect();
    }

    pub(super) fn hello(&self) -> [u8; HELLO_BYTES] {
        let mut hello = [0; HELLO_BYTES];
        hello[..4].copy_from_slice(&MAGIC);
        hello[4] = PROTOCOL_VERSION;
        hello[5..].copy_from_slice(&self.cluster_id);
        hello
    }

    fn check_hello(&self, theirs: &[u8; HELLO_BYTES]) -> Result<(), Refusal> {
        if theirs[..4] != MAGIC {
            return Err(Refusal::NotAPeer);
        }
        if theirs[4] != PROTOCOL_VERSION {
            return Err(Refusal::Version { theirs: theirs[4] });
        }
        if theirs[5..] != self.cluster_id {
            return Err(Refusal::Cluster);
        }
        Ok(())
    }

    fn noise(&self, initiator: bool) -> Result<HandshakeState, snow::Error> {
        let hello = self.hello();
        let builder = Builder::new(PATTERN.parse()?)
            .local_private_key(&self.session_keys.private)?
            .prologue(&hello)?;
        if initiator {
            builder.build_initiator()
        } else {
            builder.build_responder()
        }
    }

    /// The identity key and its signature of the session key.
    fn introduction(&self) -> [u8; IDENTITY_BYTES] {
        let signature = self.signing.sign(&signed_text(&self.session_keys.public));
        let mut introduction = [0; IDENTITY_BYTES];
        introduction[..32].copy_from_slice(self.signing.verifying_key().as_bytes());
        introduction[32..].copy_from_slice(&signature.to_bytes());
        introduction
    }

    /// Which member the other side is, proven.
    fn verify(&self, introduction: &[u8], session_key: Option<&[u8]>) -> Result<MemberId, Refusal> {
        let (key, signature) = introduction
            .split_first_chunk::<32>()
            .ok_or(Refusal::Handshake)?;
        let signature = Signature::from_slice(signature).map_err(|_| Refusal::Signature)?;
        let session_key = session_key.ok_or(Refusal::Handshake)?;
        let member = {
            let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
            let known = peers.get(&PublicKey(*key)).copied();
            known.ok_or(Refusal::UnknownKey)?
        };
        VerifyingKey::from_bytes(key)
            .and_then(|key| key.verify_strict(&signed_text(session_key), &signature))
            .map_err(|_| Refusal::Signature)?;
        Ok(member)
    }

    /// The side that dialled member `expected`.
    pub(super) async fn initiate<S>(
        &self,
        stream: &mut S,
        expected: MemberId,
    ) -> Result<Session, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut noise = self.noise(true)?;
        let mut buffer = [0; MESSAGE_LIMIT];
        let mut first = self.hello().to_vec();
        let length = noise.write_message(&[], &mut buffer)?;
        push_message(&mut first, &buffer[..length]);
        stream.write_all(&first).await?;

        self.read_hello(stream).await?;
        let message = read_message(stream).await?;
        let length = noise.read_message(&message, &mut buffer)?;
        let member = self.verify(&buffer[..length], noise.get_remote_static())?;
        if member != expected {
            return Err(Refusal::WrongMember.into());
        }

        let mut last = Vec::new();
        let length = noise.write_message(&self.introduction(), &mut buffer)?;
        push_message(&mut last, &buffer[..length]);
        stream.write_all(&last).await?;

        let noise = noise.into_stateless_transport_mode()?;
        let verdict = read_message(stream).await?;
        let length = noise.read_message(0, &verdict, &mut buffer)?;
        if buffer[..length] != [WELCOME] {
            return Err(Refusal::RefusedByPeer.into());
        }
        Ok(Session {
            member,
            noise,
            send_nonce: 0,
            receive_nonce: 1,
        })
    }

    /// The side that was dialled.
    pub(super) async fn respond<S>(&self, stream: &mut S) -> Result<Session, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let hello = self.read_hello(stream).await;
        if let Err(HandshakeError::Refused(refusal)) = &hello {
            // A peer of another version or cluster learns what this one is, so that its log can say so too.
            if !matches!(refusal, Refusal::NotAPeer) {
                stream.write_all(&self.hello()).await?;
            }
        }
        hello?;
        let mut noise = self.noise(false)?;
        let mut buffer = [0; MESSAGE_LIMIT];
        let message = read_message(stream).await?;
        noise.read_message(&message, &mut buffer)?;

        let mut answer = self.hello().to_vec();
        let length = noise.write_message(&self.introduction(), &mut buffer)?;
        push_message(&mut answer, &buffer[..length]);
        stream.write_all(&answer).await?;

        let message = read_message(stream).await?;
        let length = noise.read_message(&message, &mut buffer)?;
        let member = self.verify(&buffer[..length], noise.get_remote_static());

        let noise = noise.into_stateless_transport_mode()?;
        let verdict = if member.is_ok() { WELCOME } else { REFUSED };
        let mut last = Vec::new();
        let length = noise.write_message(0, &[verdict], &mut buffer)?;
        push_message(&mut last, &buffer[..length]);
        stream.write_all(&last).await?;
        Ok(Session {
            member: member?,
            noise,
            send_nonce: 1,
            receive_nonce: 0,
        })
    }

    async fn read_hello<S: AsyncRead + Unpin>(&self, stream: &mut S) -> Result<(), HandshakeError> {
        let mut theirs = [0; HELLO_BYTES];
        stream.read_exact(&mut theirs).await?;
        Ok(self.check_hello(&theirs)?)
    }
}

fn signed_text(session_key: &[u8]) -> Vec<u8> {
    [SIGNATURE_DOMAIN, session_key].concat()
}

fn push_message(buffer: &mut Vec<u8>, message: &[u8]) {
    buffer.extend_from_slice(&(message.len() as u16).to_be_bytes());
    buffer.extend_from_slice(message);
}

async fn read_message<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, HandshakeError> {
    let length = usize::from(stream.read_u16().await?);
    if length > MESSAGE_LIMIT {
        return Err(Refusal::BrokenFrame.into());
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}
