//! What the tests of whole clusters share: processes, configs, ports, a JSON-RPC client.
//!
//! Nothing here sleeps: it waits for lines, for answers, or for the end of a process, each for a limited time.

mod cluster;
mod http;
mod ports;
mod process;

pub(crate) use cluster::{Cluster, Node, Options, config, identity, quantity};
pub(crate) use http::{CallError, Connection};
pub(crate) use ports::free_ports;
pub(crate) use process::{Ended, PATIENCE, Program, run};
