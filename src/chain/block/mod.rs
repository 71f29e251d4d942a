//! Blocks: what a sealed block is, how it is built and how it is stored.

mod build;
mod codec;
mod difficulty;
mod family;
mod payload;
mod record;
mod rlp;
mod seal;
mod source;

pub use build::Built;
pub(crate) use build::{
    ELASTICITY, Template, expected_base_fee, is_first_london, next_excess_blob_gas,
};
pub use codec::BlockCodecError;
pub(crate) use difficulty::{MINIMUM_DIFFICULTY, difficulty};
pub use family::{Family, Relative};
pub use payload::{Payload, PayloadAttributes};
pub use record::{BlockRecord, ReceiptRecord};
pub(crate) use rlp::encode_block;
pub(crate) use source::{Exactly, FromPool};
