#![allow(clippy::unwrap_used)]
//! Servers over real sockets, in front of three replicas.

mod bad_input;
mod chain_changes;
mod cheats;
mod clients;
mod complaints;
#[cfg(unix)]
mod doors;
mod method_table;
mod profiles;
mod protocol;
mod reads;
mod subscriptions;
mod traces;
