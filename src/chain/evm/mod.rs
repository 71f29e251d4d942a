//! The EVM: the only module that knows revm and alloy-evm.

pub mod call;
mod dao;
mod database;
mod draft_database;
pub mod ecrecover;
pub(crate) mod environment;
pub(crate) mod execute;
pub(crate) mod intrinsic;
pub(crate) mod precompiles;
pub mod simulate;
pub mod trace;
pub mod witness;
