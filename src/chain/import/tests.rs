//! Blocks from outside: a chain through all forks, made by one chain and imported by another.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::chain::{
    accounts::DevAccount,
    command::{Body, Entry},
    pool::Pool,
    spec::{ChainSpec, ForkSchedule},
    state::StateRead as _,
    testing::{self, NOW_MS},
};
use crate::types::LogPosition;
use alloy::{
    consensus::{Eip658Value, TxLegacy, TxReceipt as _, TypedTransaction},
    primitives::{TxKind, U256, keccak256},
};

/// Blocks between two forks by number.
const STEP: u64 = 3;
/// Seconds between two blocks.
const PERIOD: u64 = 10;

/// A spec in which every fork comes by itself: by number up to London, at a total difficulty, then by time.
fn all_forks() -> ChainSpec {
    let mut spec = (*testing::spec(Hardfork::Frontier)).clone();
    let mut forks = ForkSchedule::default();
    let start = spec.genesis.timestamp;
    let mut number = 0;
    for fork in Hardfork::ALL
        .iter()
        .copied()
        .filter(|fork| *fork <= Hardfork::Bpo2)
    {
        match fork {
            Hardfork::Paris => {
                // Difficulties hardly move, so this is within a block of the number.
                let total = spec.genesis.difficulty * U256::from(number);
                forks.terminal_total_difficulty = Some(total);
            }
            fork if fork.is_by_time() => forks.activate(fork, start + number * PERIOD),
            fork => forks.activate(fork, number),
        }
        number += STEP;
    }
    forks.dao_fork_block = None;
    forks.check().unwrap();
    spec.forks = forks;
    spec
}

/// A contract that stores its call's first word at its second, and destroys itself on empty calldata.
/// CALLDATASIZE PUSH1 06 JUMPI CALLER SELFDESTRUCT JUMPDEST CALLDATALOAD(0) CALLDATALOAD(32) SSTORE STOP
const CHURN: &[u8] = &[
    0x36, 0x60, 0x06, 0x57, 0x33, 0xff, 0x5b, 0x60, 0x00, 0x35, 0x60, 0x20, 0x35, 0x55, 0x00,
];

/// Init code that returns [`CHURN`].
fn init_code() -> Vec<u8> {
    let length = CHURN.len() as u8;
    let mut code = vec![
        0x60, length, 0x60, 12, 0x60, 0, 0x39, 0x60, length, 0x60, 0, 0xf3,
    ];
    code.extend_from_slice(CHURN);
    code
}

/// A maker of blocks.
struct Maker {
    chain: Chain,
    account: DevAccount,
}

impl Maker {
    fn new(spec: &ChainSpec) -> Self {
        let account = spec.accounts[0].clone();
        let chain = Chain::genesis(Arc::new(spec.clone())).0;
        Self { chain, account }
    }

    fn timestamp(&self) -> u64 {
        self.chain.head().header.timestamp + PERIOD
    }

    fn legacy(&self, nonce: u64, to: TxKind, input: Vec<u8>) -> Arc<SignedTransaction> {
        let rules = self.chain.next_rules(self.timestamp());
        let transaction = TypedTransaction::Legacy(TxLegacy {
            chain_id: rules.is_active(Hardfork::SpuriousDragon).then_some(31337),
            nonce,
            gas_price: 20_000_000_000,
            gas_limit: 400_000,
            to,
            value: U256::from(nonce),
            input: input.into(),
        });
        Arc::new(self.account.sign_transaction(transaction).unwrap())
    }

    /// Deploys a contract, stores into it, clears what was stored, destroys it every other time.
    fn transactions(&self) -> Vec<Arc<SignedTransaction>> {
        let first = self.chain.nonce(self.account.address);
        let contract = self.account.address.create(first);
        let call = |at: u64, words: [u64; 2]| {
            let input = words
                .iter()
                .flat_map(|word| U256::from(*word).to_be_bytes::<32>());
            self.legacy(first + at, TxKind::Call(contract), input.collect())
        };
        let mut list = vec![
            self.legacy(first, TxKind::Create, init_code()),
            call(1, [7, 1]),
            call(2, [8, 2]),
            call(3, [0, 1]),
        ];
        if self.chain.head().header.number.is_multiple_of(2) {
            list.push(self.legacy(first + 4, TxKind::Call(contract), Vec::new()));
        }
        list
    }

    fn next(&mut self) -> ImportedBlock {
        let mut pool = Pool::default();
        for transaction in self.transactions() {
            let nonce = self.chain.nonce(transaction.sender);
            pool.insert(transaction, nonce).unwrap();
        }
        let built = self.chain.build_block(&pool, self.timestamp()).unwrap();
        assert!(built.evicted.is_empty());
        self.chain.stack(&built, NOW_MS);
        let block = &built.block;
        ImportedBlock {
            header: block.header.clone(),
            hash: block.hash,
            transactions: block.transactions.clone(),
            ommers: Vec::new(),
            withdrawals: block.withdrawals.clone(),
        }
    }
}

fn through_bytes(block: &ImportedBlock) -> ImportedBlock {
    let bytes = block.to_rlp();
    let mut rest = &bytes[..];
    let decoded = RawBlock::decode(&mut rest).unwrap().recover().unwrap();
    assert!(rest.is_empty());
    assert_eq!(&decoded, block);
    decoded
}

fn import(chain: &mut Chain, block: ImportedBlock) -> crate::chain::Applied {
    let (entry, digest) = testing::entry(chain, Body::Import(vec![Arc::new(block)]));
    let entry = Entry::decode(&entry.encode().unwrap()).unwrap();
    let applied = chain.apply(&entry, digest, LogPosition::default()).unwrap();
    *chain = applied.chain.clone();
    applied
}

#[test]
fn a_chain_through_all_forks_is_imported() {
    let spec = all_forks();
    let mut maker = Maker::new(&spec);
    let mut other = Chain::genesis(Arc::new(spec.clone())).0;
    let mut seen = Vec::new();
    for _ in 0..=STEP * (Hardfork::ALL.len() as u64 + 1) {
        let block = through_bytes(&maker.next());
        let rules = spec.rules(&block.header);
        seen.push(rules.fork);
        let applied = import(&mut other, block);
        let record = &applied.effects.blocks[0];
        assert_eq!(record.receipts.len(), record.transactions.len());
        for receipt in &record.receipts {
            let status = receipt.receipt.status_or_post_state();
            let has_root = matches!(status, Eip658Value::PostState(_));
            assert_eq!(has_root, rules.fork < Hardfork::Byzantium);
        }
        assert_eq!(other.head().hash, maker.chain.head().hash);
        // Rebuilt from nothing, the state has the root of the header.
        let root = testing::recomputed_root(other.state());
        assert_eq!(root, record.header.state_root, "{:?}", rules.fork);
    }
    seen.dedup();
    let all = Hardfork::ALL.iter().copied();
    let wanted: Vec<_> = all.filter(|fork| *fork <= Hardfork::Bpo2).collect();
    assert_eq!(seen, wanted);
    assert_eq!(
        other.head().total_difficulty,
        maker.chain.head().total_difficulty
    );
}

#[test]
fn miners_and_ommers_are_paid_before_the_merge() {
    let spec = all_forks();
    let maker = Maker::new(&spec);
    let mut chain = maker.chain.clone();
    let ommer_miner = alloy::primitives::Address::repeat_byte(0x0e);
    let first = chain
        .build_block(&Pool::default(), maker.timestamp())
        .unwrap();
    let ommer = Header {
        beneficiary: ommer_miner,
        ..first.block.header.clone()
    };
    chain.stack(&first, NOW_MS);
    let before = chain
        .state()
        .account(alloy::primitives::Address::ZERO)
        .unwrap();
    let ommers = vec![ommer];
    let header = Header {
        ommers_hash: proofs::calculate_ommers_root(&ommers),
        ..chain.next_header(chain.head().header.timestamp + PERIOD)
    };
    let template = Template {
        header,
        ommers: &ommers,
        withdrawals: None,
        strictness: Strictness::Ethereum,
    };
    let built = chain.run_block(template, &mut Exactly([].iter())).unwrap();
    let block = ImportedBlock {
        header: built.block.header.clone(),
        hash: built.block.hash,
        transactions: Vec::new(),
        ommers,
        withdrawals: None,
    };
    let mut twice = block.clone();
    twice.ommers.push(twice.ommers[0].clone());
    twice.header.ommers_hash = proofs::calculate_ommers_root(&twice.ommers);
    assert_eq!(
        chain.import_block(&twice).unwrap_err().wanted,
        "rewarded once"
    );
    let mut easy = block.clone();
    easy.ommers[0].difficulty += U256::ONE;
    easy.header.ommers_hash = proofs::calculate_ommers_root(&easy.ommers);
    let wrong = chain.import_block(&easy).unwrap_err();
    assert!(wrong.field.ends_with(": difficulty"), "{wrong}");
    import(&mut chain, through_bytes(&block));
    let ether = U256::from(10).pow(U256::from(18));
    let balance = |address| chain.state().account(address).unwrap().unwrap().balance;
    // Yellow Paper 11.3: five ether, a 32nd of it for the ommer; 7/8 for who mined the ommer.
    let paid = balance(alloy::primitives::Address::ZERO) - before.unwrap().balance;
    assert_eq!(
        paid,
        ether * U256::from(5) + ether * U256::from(5) / U256::from(32)
    );
    assert_eq!(balance(ommer_miner), ether * U256::from(35) / U256::from(8));
    let header = Header {
        ommers_hash: block.header.ommers_hash,
        ..chain.next_header(chain.head().header.timestamp + PERIOD)
    };
    let again = ImportedBlock {
        hash: header.hash_slow(),
        header,
        ..block
    };
    let wrong = chain.import_block(&again).unwrap_err();
    assert_eq!(wrong.wanted, "rewarded once");
}

/// Makes a field wrong.
type Spoil = fn(&mut Header);

#[test]
fn the_first_wrong_field_is_named() {
    let spec = all_forks();
    let mut maker = Maker::new(&spec);
    let mut chain = Chain::genesis(Arc::new(spec.clone())).0;
    for _ in 0..STEP * 18 {
        import(&mut chain, maker.next());
    }
    assert!(spec.rules(&chain.head().header).is_active(Hardfork::Osaka));
    let good = maker.next();
    let wrong: [(&str, Spoil); 19] = [
        ("number", |h| h.number += 1),
        ("parentHash", |h| h.parent_hash = keccak256("x")),
        ("timestamp", |h| h.timestamp -= PERIOD),
        ("extraData", |h| h.extra_data = vec![0; 33].into()),
        ("gasUsed", |h| h.gas_used = h.gas_limit + 1),
        ("gasLimit", |h| h.gas_limit += h.gas_limit / 100),
        ("difficulty", |h| h.difficulty = U256::from(1)),
        ("nonce", |h| h.nonce.0[0] = 1),
        ("baseFeePerGas", |h| h.base_fee_per_gas = Some(1)),
        ("excessBlobGas", |h| h.excess_blob_gas = Some(1)),
        ("withdrawalsRoot", |h| {
            h.withdrawals_root = Some(keccak256("x"));
        }),
        ("parentBeaconBlockRoot", |h| {
            h.parent_beacon_block_root = None;
        }),
        ("requestsHash", |h| h.requests_hash = None),
        ("transactionsRoot", |h| h.transactions_root = keccak256("x")),
        ("blobGasUsed", |h| h.blob_gas_used = Some(131_072)),
        ("gasUsed", |h| h.gas_used += 1),
        ("receiptsRoot", |h| h.receipts_root = keccak256("x")),
        ("logsBloom", |h| h.logs_bloom.0[3] = 1),
        ("stateRoot", |h| h.state_root = keccak256("x")),
    ];
    for (field, spoil) in wrong {
        let mut block = good.clone();
        spoil(&mut block.header);
        let bad = chain.import_block(&block).unwrap_err();
        assert_eq!(bad.field, field, "{bad}");
        assert_ne!(bad.wanted, bad.got);
    }
    let mut block = good.clone();
    block.transactions.swap(1, 2);
    let envelopes: Vec<_> = block.transactions.iter().map(|one| &one.envelope).collect();
    block.header.transactions_root = proofs::calculate_transaction_root(&envelopes);
    let bad = chain.import_block(&block).unwrap_err();
    assert!(bad.field.starts_with("transaction 0x"), "{bad}");
    chain.import_block(&good).unwrap();
}

#[test]
fn bytes_that_are_no_block_are_refused() {
    let block = Maker::new(&all_forks()).next().to_rlp();
    for end in [0, 1, 40, block.len() - 1] {
        assert!(RawBlock::decode(&mut &block[..end]).is_err(), "{end}");
    }
}
