//! Solidity's `console.log`.
