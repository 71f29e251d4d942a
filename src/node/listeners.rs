//! The sockets of a member, bound before anything else of it runs.
//!
//! They are bound once and handed on, never closed and bound again: a port that was free stays ours.

use super::NodeError;
use crate::config::{ClusterConfig, MemberConfig};
use std::net::{SocketAddr, TcpListener};

const ADVICE_CLIENTS: &str =
    "stop the program that uses it, or choose another port with `--port` or in the config";
const ADVICE_PEERS: &str =
    "stop the program that uses it, or choose another `peer` address for this member in the config";

/// The open sockets of one member; non-blocking, as tokio wants them.
#[derive(Debug)]
pub struct Listeners {
    /// For clients.
    pub rpc: TcpListener,
    /// Where that is, with the port that the system chose, if it was 0.
    pub rpc_address: SocketAddr,
    /// For peers; `None` for a single node.
    pub peer: Option<TcpListener>,
    /// Where that is.
    pub peer_address: Option<SocketAddr>,
}

impl Listeners {
    /// Binds the sockets of a member.
    pub fn bind(config: &ClusterConfig, member: &MemberConfig) -> Result<Self, NodeError> {
        let name = &member.member.name;
        let open = |address, purpose, advice| {
            listen(address).map_err(|source| NodeError::Listen {
                member: name.clone(),
                purpose,
                address,
                source,
                advice,
            })
        };
        let (rpc, rpc_address) = open(config.rpc_bind(member), "clients", ADVICE_CLIENTS)?;
        let peer = (config.members.len() > 1)
            .then(|| open(config.peer_bind(member), "peers", ADVICE_PEERS))
            .transpose()?;
        let (peer, peer_address) = peer.unzip();
        Ok(Self {
            rpc,
            rpc_address,
            peer,
            peer_address,
        })
    }

    /// Tells the config which ports the system chose, where it asked for any.
    pub fn settle(&self, config: &mut ClusterConfig, index: usize) {
        let Some(member) = config.members.get_mut(index) else {
            return;
        };
        let settle = |address: &mut String, bound: SocketAddr| {
            if let Some(host) = address.strip_suffix(":0") {
                *address = format!("{host}:{}", bound.port());
            }
        };
        settle(&mut member.member.rpc_address, self.rpc_address);
        if let Some(bound) = self.peer_address {
            settle(&mut member.member.peer_address, bound);
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
