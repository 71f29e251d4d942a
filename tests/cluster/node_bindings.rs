//! `alloy-node-bindings`, with which Rust users start anvil: the same builder with the path of this program. It reads the
//! banner for keys, address and chain id, so this is the banner's contract, too. (Of JavaScript's prool:
//! `clients/suites/tools.test.mjs`.)

use crate::harness::Connection;
use alloy::primitives::{Address, B256, address};
use alloy_node_bindings::{Anvil, AnvilInstance};
use serde_json::{Value, json};
use std::net::SocketAddr;

const TO: Address = address!("0x00000000000000000000000000000000000a110c");

fn anvil() -> Anvil {
    Anvil::at(env!("CARGO_BIN_EXE_praline")).timeout(60_000)
}

async fn connect(instance: &AnvilInstance) -> Connection {
    let address = SocketAddr::from(([127, 0, 0, 1], instance.port()));
    Connection::open(address).await.unwrap()
}

async fn call(instance: &AnvilInstance, method: &str, params: Value) -> Value {
    let mut connection = connect(instance).await;
    connection.call(method, params).await.unwrap()
}

#[tokio::test]
async fn alloy_node_bindings_start_it_unchanged() {
    // What each method of the builder passes on, and, as last, three nodes.
    for arguments in [&["--nodes", "1"][..], &["--nodes", "3", "--ephemeral"]] {
        let instance = anvil()
            .chain_id(4711)
            .mnemonic("abstract vacuum mammal awkward pudding scene penalty purchase dinner depart evoke puzzle")
            .cancun()
            .auto_impersonate()
            .args(arguments)
            .spawn();
        assert_eq!(instance.chain_id(), 4711);
        assert_eq!(instance.keys().len(), 10);
        assert_eq!(
            instance.addresses()[0],
            address!("0x3cDB3d9e1B74692Bb1E3bb5fc81938151cA64b02"),
            "derived from the keys of the banner"
        );
        assert_eq!(
            call(&instance, "eth_chainId", json!([])).await,
            json!("0x1267")
        );
        let accounts: Vec<Address> =
            serde_json::from_value(call(&instance, "eth_accounts", json!([])).await).unwrap();
        assert_eq!(accounts, instance.addresses());
        let wallet = instance.wallet();
        assert!(wallet.is_some(), "a signer for each key");
    }
}

#[tokio::test]
async fn alloy_node_bindings_choose_the_block_time() {
    let instance = anvil().block_time_f64(0.05).arg("--nodes").arg("1").spawn();
    let mut connection = connect(&instance).await;
    let mut height = json!("0x0");
    for _ in 0..400 {
        height = connection.call("eth_blockNumber", json!([])).await.unwrap();
        if height != json!("0x0") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_ne!(height, json!("0x0"), "blocks come by the clock");
}

/// Wish 10, alloy-rs/alloy#2625: the harness ends the node with SIGKILL, so nothing is dumped. Here nothing needs to be.
#[tokio::test]
async fn a_harness_that_kills_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = || {
        let builder = anvil().arg("--nodes").arg("1").arg("--data-dir");
        builder.arg(data.clone()).spawn()
    };
    let mut hashes: Vec<B256> = Vec::new();
    for round in 1..=3_u64 {
        let mut instance = start();
        for hash in &hashes {
            let receipt = call(&instance, "eth_getTransactionReceipt", json!([hash])).await;
            assert_eq!(receipt["status"], "0x1", "of round {round}: {hash}");
        }
        for _ in 0..5 {
            let transfer = json!([{ "from": instance.addresses()[0], "to": TO, "value": "0x1" }]);
            let hash = call(&instance, "eth_sendTransaction", transfer).await;
            hashes.push(serde_json::from_value(hash).unwrap());
        }
        call(&instance, "anvil_setNonce", json!([TO, round])).await;
        instance.child_mut().kill().unwrap();
        instance.child_mut().wait().unwrap();
    }
    let instance = start();
    assert_eq!(
        call(&instance, "eth_getBalance", json!([TO, "latest"])).await,
        json!("0xf")
    );
    assert_eq!(
        call(&instance, "eth_getTransactionCount", json!([TO, "latest"])).await,
        json!("0x3")
    );
}
