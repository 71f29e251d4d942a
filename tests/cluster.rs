//! Whole clusters: real processes, real sockets, real disks, and what happens to them.
//!
//! One binary for all of it, because each would link the world again. What clients see of a healthy chain is in
//! `clients/`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod harness;

#[path = "cluster/abuse.rs"]
mod abuse;
#[path = "cluster/backup.rs"]
mod backup;
#[path = "cluster/certificates.rs"]
mod certificates;
#[path = "cluster/cheats.rs"]
mod cheats;
#[path = "cluster/clock_steps.rs"]
mod clock_steps;
#[path = "cluster/command_line.rs"]
mod command_line;
#[path = "cluster/crashes.rs"]
mod crashes;
#[path = "cluster/damage.rs"]
mod damage;
#[path = "cluster/dumps.rs"]
mod dumps;
#[path = "cluster/execution_apis.rs"]
mod execution_apis;
#[path = "cluster/faults.rs"]
mod faults;
#[path = "cluster/flags.rs"]
mod flags;
#[path = "cluster/load.rs"]
mod load;
#[path = "cluster/majority.rs"]
mod majority;
#[path = "cluster/membership.rs"]
mod membership;
#[path = "cluster/methods.rs"]
mod methods;
#[path = "cluster/namespaces.rs"]
mod namespaces;
#[path = "cluster/node_bindings.rs"]
mod node_bindings;
#[path = "cluster/replay.rs"]
mod replay;
#[path = "cluster/transfer.rs"]
mod transfer;
#[path = "wasm/src/history.rs"]
mod wasm_history;
#[path = "cluster/writes.rs"]
mod writes;

#[test]
fn a_hundred_blocks_have_the_roots_that_wasm_gives() {
    let roots = include_str!("wasm/roots.txt").trim();
    assert_eq!(wasm_history::history(100).to_string(), roots);
}
