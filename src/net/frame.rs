//! Messages in pieces, pieces in frames, frames sealed by Noise.
//!
//! ```text
//! frame  = length: u16 BE, Noise message of that many bytes (at most 65535)
//! inside = pieces, one after the other; none at all is a sign of life
//! piece  = flags: u8, tag: u8, id: u64 LE, length: u16 LE, bytes
//! ```
//!
//! *Invariants.* A message is cut into pieces so that a large one does not hold small ones up; the pieces of one lane
//! come in order, one message after the other. What is being put together is bounded by the limit of a message for
//! each lane.

use super::metrics::Refusal;
use crate::consensus::MessageKind;
use alloy::primitives::Bytes;
use std::collections::VecDeque;

/// Bytes that Noise adds.
pub(super) const TAG_BYTES: usize = 16;
/// Bytes of pieces in one frame.
pub(super) const FRAME_CONTENT_LIMIT: usize = 65_535 - TAG_BYTES;
const PIECE_HEADER_BYTES: usize = 12;
/// Bytes in a frame that a waiting lane gets although a more urgent one could fill it.
const FAIR_SHARE_BYTES: usize = 8 << 10;
const LANES: usize = 4;

const LANE_BITS: u8 = 0b0000_0011;
const RESPONSE: u8 = 0b0000_0100;
const LAST: u8 = 0b0000_1000;

/// The way of a message: what is urgent first.
pub(super) fn lane(kind: MessageKind) -> u8 {
    match kind {
        MessageKind::Consensus => 0,
        MessageKind::Application => 1,
        MessageKind::Bulk => 2,
        MessageKind::Fault => 3,
    }
}

/// The kind of a request's lane.
pub(super) fn kind(lane: u8) -> MessageKind {
    match lane {
        0 => MessageKind::Consensus,
        1 => MessageKind::Application,
        2 => MessageKind::Bulk,
        _ => MessageKind::Fault,
    }
}

/// How a request ended at the peer; travels as the tag of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    Overloaded,
    Refused,
}

impl Outcome {
    fn tag(self) -> u8 {
        match self {
            Self::Answered => 0,
            Self::Overloaded => 1,
            Self::Refused => 2,
        }
    }

    fn from_tag(tag: u8) -> Result<Self, Refusal> {
        match tag {
            0 => Ok(Self::Answered),
            1 => Ok(Self::Overloaded),
            2 => Ok(Self::Refused),
            _ => Err(Refusal::BrokenFrame),
        }
    }
}

/// A whole message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Its way; a response goes the way of its request.
    pub(super) lane: u8,
    /// Joins a response to its request.
    pub(super) id: u64,
    /// `None` for a request.
    pub(super) outcome: Option<Outcome>,
    pub(super) content: Bytes,
}

/// Messages on their way out.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    queues: [VecDeque<(Message, usize)>; LANES],
    bytes: usize,
}

impl Lanes {
    /// Bytes not yet in a frame.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    pub(super) fn push(&mut self, message: Message) {
        self.bytes += message.content.len();
        let lane = usize::from(message.lane).min(LANES - 1);
        self.queues[lane].push_back((message, 0));
    }

    /// Fills a frame's content: the urgent lane first, but each waiting one gets its share.
    pub(super) fn fill(&mut self, content: &mut Vec<u8>) {
        content.clear();
        for lane in 0..LANES {
            let waiting = self.queues[lane + 1..]
                .iter()
                .filter(|queue| !queue.is_empty())
                .count();
            let end = FRAME_CONTENT_LIMIT - waiting * FAIR_SHARE_BYTES;
            let queue = &mut self.queues[lane];
            while let Some((message, sent)) = queue.front_mut() {
                let room = end.saturating_sub(content.len());
                let left = message.content.len() - *sent;
                if room < PIECE_HEADER_BYTES + left.min(1) {
                    break;
                }
                let size = left.min(room - PIECE_HEADER_BYTES);
                let last = size == left;
                push_header(content, message, size, last);
                content.extend_from_slice(&message.content[*sent..*sent + size]);
                *sent += size;
                self.bytes -= size;
                if last {
                    queue.pop_front();
                }
            }
        }
    }
}

fn push_header(content: &mut Vec<u8>, message: &Message, size: usize, last: bool) {
    let mut flags = message.lane & LANE_BITS;
    if message.outcome.is_some() {
        flags |= RESPONSE;
    }
    if last {
        flags |= LAST;
    }
    content.push(flags);
    content.push(message.outcome.map_or(0, Outcome::tag));
    content.extend_from_slice(&message.id.to_le_bytes());
    content.extend_from_slice(&(size as u16).to_le_bytes());
}

/// Puts messages together again.
#[derive(Debug)]
pub(super) struct Assembly {
    partial: [Option<(u8, u64, Vec<u8>)>; LANES],
    limit_bytes: usize,
}

impl Assembly {
    /// Messages of at most `limit_bytes`.
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self {
            partial: [None, None, None, None],
            limit_bytes,
        }
    }

    /// Takes a frame's content; gives every message that is complete with it.
    pub(super) fn take(
        &mut self,
        mut content: &[u8],
        mut whole: impl FnMut(Message),
    ) -> Result<(), Refusal> {
        while !content.is_empty() {
            let (header, rest) = content
                .split_first_chunk::<PIECE_HEADER_BYTES>()
                .ok_or(Refusal::BrokenFrame)?;
            let [flags, tag, id @ .., low, high] = *header;
            let size = usize::from(u16::from_le_bytes([low, high]));
            let (piece, rest) = rest.split_at_checked(size).ok_or(Refusal::BrokenFrame)?;
            content = rest;
            if let Some(message) = self.piece(flags, tag, u64::from_le_bytes(id), piece)? {
                whole(message);
            }
        }
        Ok(())
    }

    fn piece(
        &mut self,
        flags: u8,
        tag: u8,
        id: u64,
        piece: &[u8],
    ) -> Result<Option<Message>, Refusal> {
        let lane = flags & LANE_BITS;
        let partial = self
            .partial
            .get_mut(usize::from(lane))
            .ok_or(Refusal::BrokenFrame)?;
        let start = flags & !LAST;
        let mut bytes = match partial.take() {
            None => Vec::new(),
            Some((flags, of, bytes)) if (flags, of) == (start, id) => bytes,
            Some(_) => return Err(Refusal::BrokenFrame),
        };
        if bytes.len() + piece.len() > self.limit_bytes {
            return Err(Refusal::Oversized);
        }
        bytes.extend_from_slice(piece);
        if flags & LAST == 0 {
            *partial = Some((start, id, bytes));
            return Ok(None);
        }
        let outcome = if flags & RESPONSE == 0 {
            None
        } else {
            Some(Outcome::from_tag(tag)?)
        };
        Ok(Some(Message {
            lane,
            id,
            outcome,
            content: bytes.into(),
        }))
    }
}
