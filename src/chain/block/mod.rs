//! Blocks: what a sealed block is, how it is built and how it is stored.

mod codec;
mod record;

pub use codec::BlockCodecError;
pub use record::{BlockRecord, ReceiptRecord};
