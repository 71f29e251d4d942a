//! The EVM: the only module that knows revm and alloy-evm.

pub mod call;
mod database;
