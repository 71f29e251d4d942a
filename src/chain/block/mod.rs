//! Blocks: what a sealed block is, how it is built and how it is stored.

mod build;
mod codec;
mod record;
mod source;

pub use build::Built;
pub use codec::BlockCodecError;
pub use record::{BlockRecord, ReceiptRecord};
pub(crate) use source::{Exactly, FromPool};
