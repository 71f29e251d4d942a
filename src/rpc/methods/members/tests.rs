#![allow(clippy::unwrap_used)]

use super::*;
use crate::rpc::testing::Servers;
use serde_json::json;

/// The public key of RFC 8032, 7.1, test 1.
const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn empty() -> ClusterStatus {
    ClusterStatus {
        node: 1,
        name: "node1".to_owned(),
        role: crate::types::Role::Leader,
        votes: true,
        leader: Some(1),
        term: 1,
        commit_index: 1,
        applied_index: 1,
        members: Vec::new(),
    }
}

#[test]
fn an_enode_says_key_and_addresses() {
    let cases = [
        ("127.0.0.1:30303", "127.0.0.1:30303", "127.0.0.1:0", "node1"),
        (
            "127.0.0.1:21000?discport=0&raftport=50401",
            "127.0.0.1:50401",
            "127.0.0.1:0",
            "node1",
        ),
        (
            "[::1]:1?raftport=2&rpcport=3&name=x",
            "[::1]:2",
            "[::1]:3",
            "x",
        ),
    ];
    for (place, peer, rpc, name) in cases {
        let member = from_enode(&format!("enode://{KEY}@{place}"), &empty()).unwrap();
        assert_eq!(member.public_key.to_string(), KEY);
        assert_eq!(
            (&*member.peer_address, &*member.rpc_address, &*member.name),
            (peer, rpc, name)
        );
    }
    for url in [
        "http://127.0.0.1:1".to_owned(),
        format!("enode://{KEY}"),
        format!("enode://{KEY}@127.0.0.1"),
        format!("enode://{KEY}@127.0.0.1:70000"),
        format!("enode://{KEY}@127.0.0.1:1?raftport=x"),
        // GoQuorum's own keys are 64 bytes of secp256k1.
        format!("enode://{KEY}{KEY}@127.0.0.1:1"),
        // Not a point of the curve.
        format!("enode://{}@127.0.0.1:1", "02".repeat(32)),
    ] {
        assert!(from_enode(&url, &empty()).is_err(), "{url}");
    }
}

#[tokio::test]
async fn members_are_listed_with_their_numbers() {
    let servers = Servers::start().await;
    let members = servers.call(2, "cluster_members", json!([])).await;
    let members = members.as_array().unwrap();
    assert_eq!(members.len(), 3);
    assert_eq!(members[2]["id"], 3);
    assert_eq!(members[2]["role"], "follower");
    let key = &members[2]["publicKey"];
    assert_eq!(servers.call(1, "raft_getRaftId", json!([])).await, 1);
    let (code, _) = servers.error(1, "raft_getRaftId", json!(["xyz"])).await;
    assert_eq!(code, -32602);
    let (code, message) = servers.error(1, "raft_removePeer", json!([9])).await;
    assert_eq!(code, -32602, "{message} {key}");
}
