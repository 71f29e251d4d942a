#![allow(clippy::unwrap_used)]
//! Servers over real sockets, in front of three replicas.

mod bad_input;
mod cheats;
mod clients;
#[cfg(unix)]
mod doors;
mod profiles;
mod protocol;
mod subscriptions;
mod traces;
