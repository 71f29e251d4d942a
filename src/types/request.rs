//! Identity of a client's write.

use alloy::primitives::hex;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one write of one client over all its retries, so that it happens once. 16 random bytes, drawn at the edge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub [u8; 16]);

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
