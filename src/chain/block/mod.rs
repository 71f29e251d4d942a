//! Blocks: what a sealed block is, how it is built and how it is stored.

mod record;

pub use record::{BlockRecord, ReceiptRecord};
