//! (in progress)

pub mod chain;
