#![allow(clippy::unwrap_used)]
use super::*;
use crate::rpc::{Limits, testing::context};
use std::collections::BTreeSet;

#[test]
fn every_name_is_given_once() {
    let names: Vec<&str> = all()
        .flat_map(|method| method.names.iter().copied())
        .collect();
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names.len(), unique.len());
    assert!(unique.iter().all(|name| name.contains('_')));
}

/// The floor that ganache, anvil and Hardhat share, and what cast, ethers, viem, web3 and web3.py send.
#[tokio::test]
async fn the_names_that_clients_use_are_there() {
    let wanted = "web3_clientVersion web3_sha3 net_version net_listening eth_accounts eth_blockNumber eth_call \
        eth_chainId eth_coinbase eth_estimateGas eth_feeHistory eth_gasPrice eth_getBalance eth_getBlockByHash \
        eth_getBlockByNumber eth_getBlockReceipts eth_getBlockTransactionCountByHash \
        eth_getBlockTransactionCountByNumber eth_getCode eth_getFilterChanges eth_getFilterLogs eth_getLogs \
        eth_getProof eth_getStorageAt eth_getTransactionByBlockHashAndIndex eth_getTransactionByBlockNumberAndIndex \
        eth_getTransactionByHash eth_getTransactionCount eth_getTransactionReceipt eth_maxPriorityFeePerGas \
        eth_newBlockFilter eth_newFilter eth_newPendingTransactionFilter eth_sendRawTransaction eth_sendTransaction \
        eth_sign eth_signTransaction eth_signTypedData_v4 eth_subscribe eth_syncing eth_uninstallFilter \
        eth_unsubscribe eth_createAccessList eth_blobBaseFee personal_sign txpool_status txpool_content \
        txpool_inspect evm_mine evm_snapshot evm_revert evm_increaseTime evm_setNextBlockTimestamp evm_setAutomine \
        evm_setIntervalMining evm_setTime anvil_setBalance anvil_setCode anvil_setNonce anvil_setStorageAt anvil_mine \
        anvil_impersonateAccount anvil_stopImpersonatingAccount hardhat_setBalance hardhat_setCode hardhat_setNonce \
        hardhat_setStorageAt hardhat_mine hardhat_impersonateAccount hardhat_stopImpersonatingAccount \
        hardhat_metadata anvil_nodeInfo cluster_status cluster_leader cluster_push cluster_get cluster_info \
        raft_role raft_leader raft_cluster rpc_modules debug_getRawBlock";
    let (_cluster, context) = context(Limits::default());
    let methods = register(context).unwrap();
    for name in wanted.split_whitespace() {
        assert!(methods.method(name).is_some(), "{name}");
    }
}

#[test]
fn batches_know_what_disturbs_what() {
    for (name, kind) in [
        ("eth_getBalance", Kind::Read),
        ("eth_sendRawTransaction", Kind::Send),
        ("evm_mine", Kind::Change),
        ("eth_getFilterChanges", Kind::Change),
    ] {
        assert_eq!(super::kind(name), kind, "{name}");
    }
}
