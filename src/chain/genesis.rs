//! The genesis block: its state, with the system contracts of the fork, and its header.
//!
//! The header carries the root of the genesis state, and the system contracts are those which the fork's EIPs name
//! (EIP-4788 from Cancun; EIP-2935, 7002 and 7251 from Prague), as on a live chain. A geth genesis file names the whole
//! state instead.

use super::{
    block::BlockRecord,
    spec::{ChainSpec, ForkRules, GenesisAccount, Hardfork},
    state::{AccountInfo, Draft, State, StateDiff},
};
use alloy::{
    consensus::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header, constants::EMPTY_WITHDRAWALS},
    eips::{
        eip2935, eip4788, eip4895::Withdrawals, eip7002, eip7251, eip7685::EMPTY_REQUESTS_HASH,
    },
    primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256},
};

/// The genesis block, the state after it, and what it changed on an empty state.
pub(super) fn genesis(spec: &ChainSpec) -> (BlockRecord, State, StateDiff) {
    let mut draft = Draft::new(State::default());
    let rules = spec.genesis_rules();
    let added = if spec.genesis.system_contracts {
        system_contracts(&rules, spec.dev.create2_deployer)
    } else {
        Vec::new()
    };
    for (address, code) in added {
        let account = GenesisAccount {
            nonce: 1,
            code,
            ..GenesisAccount::default()
        };
        put(&mut draft, address, &account);
    }
    for (address, account) in &spec.genesis.alloc {
        put(&mut draft, *address, account);
    }
    let (state, diff) = draft.finish();
    let header = header(spec, &rules, state.root());
    let block = BlockRecord {
        hash: header.hash_slow(),
        withdrawals: header.withdrawals_root.map(|_| Withdrawals::default()),
        header,
        transactions: Vec::new(),
        ommers: Vec::new(),
        receipts: Vec::new(),
        version: 0,
    };
    (block, state, diff)
}

fn put(draft: &mut Draft, address: Address, account: &GenesisAccount) {
    let code_hash = if account.code.is_empty() {
        KECCAK256_EMPTY
    } else {
        draft.add_code(account.code.clone())
    };
    draft.set_account(
        address,
        AccountInfo {
            nonce: account.nonce,
            balance: account.balance,
            code_hash,
        },
    );
    for (slot, value) in &account.storage {
        draft.set_storage(
            address,
            U256::from_be_bytes(slot.0),
            U256::from_be_bytes(value.0),
        );
    }
}

fn system_contracts(rules: &ForkRules, create2_deployer: bool) -> Vec<(Address, Bytes)> {
    let mut contracts = Vec::new();
    if create2_deployer {
        contracts.push((DETERMINISTIC_DEPLOYER, DETERMINISTIC_DEPLOYER_CODE));
    }
    if rules.is_active(Hardfork::Cancun) {
        contracts.push((
            eip4788::BEACON_ROOTS_ADDRESS,
            eip4788::BEACON_ROOTS_CODE.clone(),
        ));
    }
    if rules.is_active(Hardfork::Prague) {
        contracts.extend([
            (
                eip2935::HISTORY_STORAGE_ADDRESS,
                eip2935::HISTORY_STORAGE_CODE.clone(),
            ),
            (
                eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
                eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_CODE.clone(),
            ),
            (
                eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
                eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_CODE.clone(),
            ),
        ]);
    }
    contracts
}

/// The CREATE2 deployer that Foundry's scripts count on, as anvil has it from the start.
const DETERMINISTIC_DEPLOYER: Address =
    alloy::primitives::address!("4e59b44847b379578588920ca78fbf26c0b4956c");
/// Its code: CREATE2 with the first word as salt and the rest as init code.
const DETERMINISTIC_DEPLOYER_CODE: Bytes = alloy::primitives::bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);

fn header(spec: &ChainSpec, rules: &ForkRules, state_root: B256) -> Header {
    let genesis = &spec.genesis;
    let from = |fork: Hardfork| rules.is_active(fork);
    Header {
        parent_hash: genesis.parent_hash,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: genesis.coinbase,
        state_root,
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        difficulty: genesis.difficulty,
        number: genesis.number,
        gas_limit: genesis.gas_limit,
        timestamp: genesis.timestamp,
        extra_data: genesis.extra_data.clone(),
        mix_hash: genesis.mix_hash,
        nonce: genesis.nonce,
        base_fee_per_gas: from(Hardfork::London).then_some(genesis.base_fee),
        withdrawals_root: from(Hardfork::Shanghai).then_some(EMPTY_WITHDRAWALS),
        blob_gas_used: from(Hardfork::Cancun).then_some(genesis.blob_gas_used),
        excess_blob_gas: from(Hardfork::Cancun).then_some(genesis.excess_blob_gas),
        parent_beacon_block_root: from(Hardfork::Cancun).then_some(B256::ZERO),
        requests_hash: from(Hardfork::Prague).then_some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}
