//! `cluster_*`: the cluster, and keys and values through its log; `raft_*`: those of `GoQuorum` for the same.
//!
//! Numbers are JSON numbers here: these are no Ethereum methods.

use super::{Method, eth_blocks, evm::unexpected, methods};
use crate::{
    chain::{
        command::{Outcome, Write},
        note::EntryInfo,
    },
    replica::{CertificateError, api::ClusterStatus},
    rpc::{
        context::is_pending,
        dispatch::{Answer, Call},
        error::RpcError,
        format::{Json, List, Object},
    },
    types::{MemberId, MemberStatus, Role},
};
use alloy::primitives::hex;

pub(super) const METHODS: &[Method] = methods![
    Read "cluster_status" => status;
    Read "cluster_leader" => leader;
    Read "cluster_votes" => votes;
    Change "cluster_push" => push;
    Read "cluster_get" => get;
    Read "cluster_info" => info;
    Read "cluster_getCertificate" => certificate;
    Read "raft_role" => raft_role;
    Read "raft_leader" => raft_leader;
    Read "raft_cluster" => raft_cluster;
];

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Follower => "follower",
        Role::Candidate => "candidate",
        Role::Learner => "learner",
    }
}

fn member(status: &ClusterStatus, id: MemberId) -> Option<&MemberStatus> {
    status.members.iter().find(|member| member.id == id)
}

pub(super) fn leader_of(status: &ClusterStatus) -> Option<&MemberStatus> {
    status.leader.and_then(|id| member(status, id))
}

fn name_or_null(o: &mut Object<'_>, name: &str, member: Option<&MemberStatus>) {
    match member {
        Some(status) => o.text(name, &status.member.name),
        None => o.null(name),
    }
}

/// What this node sees, without asking another: it answers in any state of the cluster.
async fn status(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let status = call.context.backend.status();
    let chain = call.context.backend.local();
    Ok(Json::object(|o| {
        o.text("node", &status.name);
        o.text("role", role_name(status.role));
        name_or_null(o, "leader", leader_of(&status));
        o.number("term", status.term);
        o.number("commitIndex", status.commit_index);
        o.number("appliedIndex", status.applied_index);
        o.object("head", |o| {
            o.number("number", chain.head().header.number);
            o.data("hash", chain.head().hash);
        });
        o.list("members", |list| {
            for member in &status.members {
                Object::write(list.next(), |o| member_fields(o, member));
            }
        });
    }))
}

/// Whether this node counts in elections. One that started late, or on a new disk, first gets everything from the leader.
async fn votes(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(Json::bool(call.context.backend.status().votes))
}

pub(super) fn member_fields(o: &mut Object<'_>, status: &MemberStatus) {
    o.number("id", status.id);
    o.text("name", &status.member.name);
    o.text("publicKey", &status.member.public_key.to_string());
    match status.role {
        Some(role) => o.text("role", role_name(role)),
        None => o.null("role"),
    }
    o.bool("reachable", status.reachable);
    match status.match_index {
        Some(index) => o.number("matchIndex", index),
        None => o.null("matchIndex"),
    }
    o.text("peerAddress", &status.member.peer_address);
    o.text("rpcAddress", &status.member.rpc_address);
}

/// The leader's name, `null` where none is known.
async fn leader(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let status = call.context.backend.status();
    let leader = leader_of(&status);
    Ok(leader.map_or_else(Json::null, |leader| Json::text(&leader.member.name)))
}

fn entry_fields(o: &mut Object<'_>, entry: &EntryInfo) {
    o.number("index", entry.index);
    o.number("term", entry.term);
    o.data("hash", entry.hash);
    o.number("createdAt", entry.created_at_ms);
}

/// A key and any JSON value; what `cluster_get` then gives of it.
async fn push(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let key: String = call.params.required(0)?;
    let value = call.params.raw(1).unwrap_or("null").to_owned();
    let write = Write::Note {
        key: key.clone(),
        value,
    };
    match call.context.write(write).await? {
        Outcome::Note { .. } => note(&call, &key).await,
        outcome => Err(unexpected(&outcome)),
    }
}

async fn get(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let key: String = call.params.required(0)?;
    note(&call, &key).await
}

/// A note, `null` where there is none of that key.
async fn note(call: &Call<'_>, key: &str) -> Answer {
    let chain = call.context.chain().await?;
    let committed = call.context.backend.status().commit_index;
    let Some(note) = chain.note(key) else {
        return Ok(Json::null());
    };
    Ok(Json::object(|o| {
        entry_fields(o, &note.entry);
        o.key("value").extend_from_slice(note.value.as_bytes());
        o.number("committedIndex", committed);
    }))
}

/// The last entry that changed the chain.
async fn info(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    let committed = call.context.backend.status().commit_index;
    Ok(Json::object(|o| {
        entry_fields(o, chain.last_entry());
        o.number("committedIndex", committed);
    }))
}

/// A quorum's signatures under a block (number, tag or hash), `null` where there is no such block.
async fn certificate(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let id = call.params.block(0)?;
    if is_pending(id) {
        return Err(RpcError::invalid_params(
            "the pending block is not committed, so nobody can certify it; ask for `latest`",
        ));
    }
    let Some(block) = eth_blocks::find(call.context, id).await? else {
        return Ok(Json::null());
    };
    let certificate = call.context.backend.certificate(block).await?;
    Ok(Json::object(|o| {
        o.data("clusterId", certificate.cluster_id);
        o.number("index", certificate.index);
        o.number("blockNumber", certificate.block_number);
        o.data("blockHash", certificate.block_hash);
        o.data("stateRoot", certificate.state_root);
        o.list("members", |list| {
            for member in &certificate.members {
                Object::write(list.next(), |o| {
                    o.text("name", &member.name);
                    o.text("publicKey", &member.public_key.to_string());
                });
            }
        });
        o.list("signatures", |list| {
            for one in &certificate.signatures {
                Object::write(list.next(), |o| {
                    o.text("publicKey", &one.public_key.to_string());
                    o.text("signature", &hex::encode(one.signature));
                });
            }
        });
        o.number("quorum", certificate.quorum as u64);
    }))
}

impl From<CertificateError> for RpcError {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::TooFew { .. } => Self::limit_exceeded(error.to_string()),
            CertificateError::Store(error) => error.into(),
            _ => Self::server(error.to_string()),
        }
    }
}

/// The words of `GoQuorum`: `minter`, `verifier`, `learner`, and nothing while there is no leader.
fn raft_word(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::Leader) => "minter",
        Some(Role::Follower) => "verifier",
        Some(Role::Learner) => "learner",
        Some(Role::Candidate) | None => "",
    }
}

async fn raft_role(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let status = call.context.backend.status();
    let role = status.leader.map(|_| status.role);
    Ok(Json::text(raft_word(role)))
}

/// The leader's public key, the node id of `GoQuorum`.
async fn raft_leader(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let status = call.context.backend.status();
    let Some(leader) = leader_of(&status) else {
        return Err(RpcError::server("no leader is currently elected"));
    };
    Ok(Json::text(&leader.member.public_key.to_string()))
}

async fn raft_cluster(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let status = call.context.backend.status();
    Ok(Json::build(|out| {
        List::write(out, |list| {
            for member in &status.members {
                let (host, port) = host_and_port(&member.member.peer_address);
                Object::write(list.next(), |o| {
                    o.number("raftId", member.id);
                    o.text("nodeId", &member.member.public_key.to_string());
                    o.number("p2pPort", port);
                    o.number("raftPort", port);
                    o.text("hostname", host);
                    o.text("role", raft_word(member.role));
                    o.bool("nodeActive", member.reachable);
                });
            }
        });
    }))
}

fn host_and_port(address: &str) -> (&str, u64) {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    (
        host.trim_matches(['[', ']']),
        port.parse().unwrap_or_default(),
    )
}
