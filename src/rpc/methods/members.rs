//! Members that come and go: `cluster_addMember` and its kin, and `raft_*`, those of `GoQuorum` for the same.
//!
//! Any node may be asked; the leader decides. A member is named by its name (or by its number, which `GoQuorum` calls
//! its Raft id). Numbers are JSON numbers here: these are no Ethereum methods.

use super::{
    Method,
    cluster::{leader_of, member_fields},
    methods,
};
use crate::{
    replica::api::{ClusterStatus, MemberChange, MembershipError},
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::{Json, List, Object},
        params::{Bool, Fields},
    },
    types::{Member, MemberId, MemberStatus, PublicKey},
};
use alloy::primitives::hex;
use ed25519_dalek::VerifyingKey;

pub(super) const METHODS: &[Method] = methods![
    Read "cluster_members" => members;
    Read "cluster_identity" => identity;
    Change "cluster_addMember" => add_member;
    Change "cluster_promoteMember" => promote_member;
    Change "cluster_removeMember" => remove_member;
    Change "cluster_transferLeader" => transfer_leader;
    Change "raft_addPeer" => raft_add_peer;
    Change "raft_addLearner" => raft_add_learner;
    Change "raft_promoteToPeer" => raft_promote;
    Change "raft_removePeer" => raft_remove;
    Read "raft_getRaftId" => raft_id;
];

const OBJECT: &str = "a member is `{name, publicKey, peer, rpc}` or `enode://KEY@host:port?raftport=PORT`, KEY being 64 hex \
                      digits of ed25519";

impl From<MembershipError> for RpcError {
    fn from(error: MembershipError) -> Self {
        let sentence = error.to_string();
        match error {
            MembershipError::NotLeader { .. }
            | MembershipError::NoMajority { .. }
            | MembershipError::Uncertain
            | MembershipError::Stopped(_) => Self::limit_exceeded(sentence),
            MembershipError::Unknown { .. }
            | MembershipError::Taken { .. }
            | MembershipError::Name(_)
            | MembershipError::Unreachable { .. } => Self::invalid_argument(0, sentence),
            _ => Self::server(sentence),
        }
    }
}

fn write_member(out: &mut Vec<u8>, status: &MemberStatus) {
    Object::write(out, |o| member_fields(o, status));
}

/// All members, as this node sees them.
async fn members(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let status = call.context.backend.status();
    Ok(Json::build(|out| {
        List::write(out, |list| {
            for member in &status.members {
                write_member(list.next(), member);
            }
        });
    }))
}

/// What a new machine's config must agree with: digests, no secrets.
async fn identity(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let Some(identity) = call.context.identity else {
        return Err(RpcError::server("this server belongs to no cluster"));
    };
    Ok(Json::object(|o| {
        o.data("clusterId", identity.cluster_id);
        o.data("founders", identity.founders);
        o.number("genesisTimestamp", identity.genesis_timestamp);
    }))
}

async fn change(call: &Call<'_>, change: MemberChange) -> Result<MemberId, RpcError> {
    Ok(call.context.backend.change_members(change).await?)
}

/// `(member, voter = false)`: a learner, or with `true` a voter at once; the member, with its number.
async fn add_member(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let voter: Option<Bool> = call.params.optional(1)?;
    let member = read_member(&call)?;
    let added = Added {
        voter: voter.is_some_and(|it| it.0),
        member,
    };
    let id = added.give(&call).await?;
    Ok(Json::object(|o| {
        o.number("id", id);
        o.text("name", &added.member.name);
        o.text("publicKey", &added.member.public_key.to_string());
        o.text("role", if added.voter { "follower" } else { "learner" });
        o.text("peerAddress", &added.member.peer_address);
        o.text("rpcAddress", &added.member.rpc_address);
    }))
}

struct Added {
    member: Member,
    voter: bool,
}

impl Added {
    async fn give(&self, call: &Call<'_>) -> Result<MemberId, RpcError> {
        let (member, voter) = (self.member.clone(), self.voter);
        change(call, MemberChange::Add { member, voter }).await
    }
}

/// `(name)`: a learner that has everything becomes a voter.
async fn promote_member(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let name = named(&call)?;
    change(&call, MemberChange::Promote(name)).await?;
    Ok(Json::bool(true))
}

/// `(name)`: it gets nothing more, and its key opens nothing any more.
async fn remove_member(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let name = named(&call)?;
    change(&call, MemberChange::Remove(name)).await?;
    Ok(Json::bool(true))
}

/// `(name?)`: who leads then.
async fn transfer_leader(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let to = call.params.raw(0).map(|_| named(&call)).transpose()?;
    let leader = change(&call, MemberChange::Transfer(to)).await?;
    let status = call.context.backend.status();
    let leader = status.members.iter().find(|member| member.id == leader);
    let leader = leader.or_else(|| leader_of(&status));
    Ok(leader.map_or_else(Json::null, |leader| Json::text(&leader.member.name)))
}

/// The member that the first parameter names, by its name or by its number.
fn named(call: &Call<'_>) -> Result<String, RpcError> {
    let Some(json) = call.params.raw(0) else {
        return Err(RpcError::missing_argument(0));
    };
    if let Ok(name) = serde_json::from_str::<String>(json) {
        return Ok(name);
    }
    let id: MemberId = call.params.required(0)?;
    let status = call.context.backend.status();
    match status.members.iter().find(|member| member.id == id) {
        Some(member) => Ok(member.member.name.clone()),
        None => Err(RpcError::invalid_argument(
            0,
            format!("there is no member with the number {id}"),
        )),
    }
}

fn read_member(call: &Call<'_>) -> Result<Member, RpcError> {
    let Some(json) = call.params.raw(0) else {
        return Err(RpcError::missing_argument(0));
    };
    let member = match serde_json::from_str::<String>(json) {
        Ok(url) => from_enode(&url, &call.context.backend.status()),
        Err(_) => from_object(json),
    };
    member.map_err(|problem| RpcError::invalid_argument(0, problem))
}

fn from_object(json: &str) -> Result<Member, String> {
    if !json.starts_with('{') {
        return Err(OBJECT.to_owned());
    }
    let fields = Fields::parse(json)?;
    let text = |names: &[&str]| -> Result<String, String> {
        fields
            .get(names)?
            .ok_or_else(|| format!("{} is missing: {OBJECT}", names[0]))
    };
    Ok(Member {
        name: text(&["name"])?,
        public_key: public_key(&text(&["publicKey"])?)?,
        peer_address: address(&text(&["peer", "peerAddress"])?)?,
        rpc_address: address(&text(&["rpc", "rpcAddress"])?)?,
    })
}

/// `enode://KEY@host:port?raftport=PORT&rpcport=PORT&name=NAME`. Peers meet at the Raft port, which may stand for both.
/// What is not said: the first name `nodeN` that is free, and an RPC port of 0, which is no address for clients.
fn from_enode(url: &str, status: &ClusterStatus) -> Result<Member, String> {
    let rest = url.strip_prefix("enode://").ok_or(OBJECT)?;
    let (key, rest) = rest.split_once('@').ok_or(OBJECT)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let place = address(place.trim_end_matches('/'))?;
    let (host, _) = place.rsplit_once(':').ok_or(OBJECT)?;
    let (mut peer_address, mut rpc_address) = (place.clone(), format!("{host}:0"));
    let mut name = None;
    for (field, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match field {
            "raftport" => peer_address = address(&format!("{host}:{value}"))?,
            "rpcport" => rpc_address = address(&format!("{host}:{value}"))?,
            "name" => name = Some(value.to_owned()),
            _ => {}
        }
    }
    let name = name.unwrap_or_else(|| free_name(status));
    Ok(Member {
        name,
        public_key: public_key(key)?,
        peer_address,
        rpc_address,
    })
}

fn free_name(status: &ClusterStatus) -> String {
    let is_taken = |name: &str| status.members.iter().any(|it| it.member.name == name);
    let mut number = status.members.len() + 1;
    while is_taken(&format!("node{number}")) {
        number += 1;
    }
    format!("node{number}")
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = [0; 32];
    let is_hex = hex::decode_to_slice(digits, &mut bytes).is_ok();
    if !is_hex || VerifyingKey::from_bytes(&bytes).is_err() {
        let shown: String = text.chars().take(140).collect();
        return Err(format!(
            "`{shown}` is no public key of ed25519 (64 hex digits): make a pair with `praline keys`"
        ));
    }
    Ok(PublicKey(bytes))
}

/// `host:port`, an IPv6 host in brackets.
fn address(text: &str) -> Result<String, String> {
    let shown: String = text.chars().take(140).collect();
    let wrong = || format!("`{shown}` is not an address; write it as `host:port`");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or_else(wrong)?,
        None => host,
    };
    let is_host = !bare.is_empty()
        && bare.len() <= 253
        && !bare.contains(['/', ' ', '@', '[', ']'])
        && (host.starts_with('[') || !bare.contains(':'))
        && !bare.chars().any(char::is_control);
    if !is_host || port.parse::<u16>().is_err() {
        return Err(wrong());
    }
    Ok(text.to_owned())
}

async fn raft_add(call: &Call<'_>, voter: bool) -> Answer {
    call.params.at_most(1)?;
    let member = read_member(call)?;
    let id = Added { member, voter }.give(call).await?;
    Ok(Json::number(id))
}

/// A voter at once, as in `GoQuorum`: its number.
async fn raft_add_peer(call: Call<'_>) -> Answer {
    raft_add(&call, true).await
}

/// A learner: its number.
async fn raft_add_learner(call: Call<'_>) -> Answer {
    raft_add(&call, false).await
}

async fn raft_promote(call: Call<'_>) -> Answer {
    promote_member(call).await
}

async fn raft_remove(call: Call<'_>) -> Answer {
    remove_member(call).await?;
    Ok(Json::null())
}

/// `(key or enode?)`: the number of the member, this node's where nothing is named.
async fn raft_id(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let status = call.context.backend.status();
    let Some(text) = call.params.optional::<String>(0)? else {
        return Ok(Json::number(status.node));
    };
    let key = text.strip_prefix("enode://").unwrap_or(&text);
    let key = key.split('@').next().unwrap_or(key);
    let key = public_key(key).map_err(|problem| RpcError::invalid_argument(0, problem))?;
    let member = status.members.iter().find(|it| it.member.public_key == key);
    match member {
        Some(member) => Ok(Json::number(member.id)),
        None => Err(RpcError::invalid_argument(0, "no member has this key")),
    }
}
#[cfg(test)]
mod tests;
