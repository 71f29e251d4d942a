//! The chain core alone: import beside revm's bare speed, roots, reads at old blocks, proofs, and what history takes of
//! memory and disk. `cargo bench --bench chain_core`; prints a Markdown table. Medians of five rounds.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss)]

use alloy::{
    consensus::{TxEip1559, TypedTransaction, transaction::Recovered},
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
};
use alloy_evm::{Evm as _, EvmEnv, EvmFactory as _, FromRecoveredTx as _, eth::EthEvmFactory};
use praline::{
    chain::{
        Applied, Chain,
        accounts::DevAccount,
        archive::{Archive, Store},
        command::{Body, Cheat, Entry},
        import::{ImportedBlock, RawBlock},
        spec::{ChainSpec, GenesisAccount, Hardfork},
        state::StateBuilder,
        transaction::SignedTransaction,
    },
    storage::chain::ChainStore,
    types::LogPosition,
};
use revm::database::{CacheDB, EmptyDB};
use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

const ROUNDS: usize = 5;
const BLOCKS: u64 = 200;
const TRANSACTIONS: u64 = 100;
const START: u64 = 1_767_225_600;
/// Stores the second word of its input at the slot of the first.
const STORE: &[u8] = &[0x60, 0x20, 0x35, 0x60, 0x00, 0x35, 0x55, 0x00];
const CONTRACT: Address = Address::repeat_byte(0xc0);

fn account() -> DevAccount {
    DevAccount::from_key(B256::repeat_byte(7)).unwrap()
}

fn spec() -> Arc<ChainSpec> {
    let balance = U256::from(10_u64).pow(U256::from(24));
    let mut spec = ChainSpec::dev(Hardfork::LATEST, START, vec![account()], balance);
    let contract = GenesisAccount {
        code: Bytes::from_static(STORE),
        nonce: 1,
        ..GenesisAccount::default()
    };
    spec.genesis.alloc.insert(CONTRACT, contract);
    Arc::new(spec)
}

/// Half of them transfers to new accounts, half of them a new slot of one contract.
fn transaction(nonce: u64) -> Arc<SignedTransaction> {
    let store = nonce.is_multiple_of(2);
    let words = [U256::from(nonce), U256::from(nonce + 1)];
    let input: Vec<u8> = words.iter().flat_map(U256::to_be_bytes::<32>).collect();
    let transaction = TypedTransaction::Eip1559(TxEip1559 {
        chain_id: 31337,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 0,
        to: TxKind::Call(if store { CONTRACT } else { recipient(nonce) }),
        value: U256::from(u64::from(!store)),
        access_list: alloy::rpc::types::AccessList::default(),
        input: if store { input.into() } else { Bytes::new() },
    });
    Arc::new(account().sign_transaction(transaction).unwrap())
}

fn recipient(nonce: u64) -> Address {
    Address::from_word(keccak256(nonce.to_be_bytes()))
}

fn apply(chain: &Chain, body: Body) -> Applied {
    let entry = Entry {
        base: chain.position(),
        proposed_at_ms: START * 1000,
        answers: Vec::new(),
        body,
    };
    let digest = keccak256(entry.encode().unwrap());
    chain.apply(&entry, digest, LogPosition::default()).unwrap()
}

/// The blocks as a file would hold them.
fn make_blocks() -> Vec<Vec<u8>> {
    let (mut chain, _) = Chain::genesis(spec());
    (1..=BLOCKS)
        .map(|number| {
            let first = (number - 1) * TRANSACTIONS;
            let list = (first..first + TRANSACTIONS).map(transaction).collect();
            chain = apply(&chain, Body::Admit(list)).chain;
            let built = chain
                .build_block(chain.pool(), START + number * 12)
                .unwrap();
            assert_eq!(built.block.transactions.len() as u64, TRANSACTIONS);
            let bytes = built.block.to_rlp();
            chain = apply(&chain, Body::Blocks(vec![built.proposal()])).chain;
            bytes
        })
        .collect()
}

fn decode(bytes: &[Vec<u8>]) -> Vec<Arc<ImportedBlock>> {
    let blocks = bytes
        .iter()
        .map(|block| RawBlock::decode(&mut &block[..]).unwrap());
    blocks
        .map(|block| Arc::new(block.recover().unwrap()))
        .collect()
}

fn median(mut run: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS).map(|_| run()).collect();
    times.sort();
    times[ROUNDS / 2]
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

/// The same transactions by revm alone: no roots, no receipts, no history.
fn bare(blocks: &[Arc<ImportedBlock>]) {
    let mut database = CacheDB::new(EmptyDB::default());
    let rich = revm::state::AccountInfo::from_balance(U256::from(10_u64).pow(U256::from(24)));
    database.insert_account_info(account().address, rich);
    let code = revm::bytecode::Bytecode::new_raw(Bytes::from_static(STORE));
    database.insert_account_info(CONTRACT, revm::state::AccountInfo::from_bytecode(code));
    let spec = spec();
    for block in blocks {
        let rules = spec.rules(&block.header);
        let environment = EvmEnv::for_eth_block(&block.header, rules, 31337, rules.blobs);
        let mut evm = EthEvmFactory::default().create_evm(&mut database, environment);
        for transaction in &block.transactions {
            let recovered = Recovered::new_unchecked(&transaction.envelope, transaction.sender);
            let transaction =
                revm::context::TxEnv::from_recovered_tx(recovered.inner(), recovered.signer());
            assert!(evm.transact_commit(transaction).unwrap().is_success());
        }
    }
}

fn imports(bytes: &[Vec<u8>]) {
    let blocks = decode(bytes);
    let gas: u64 = blocks.iter().map(|block| block.header.gas_used).sum();
    let line = |what: &str, time: Duration| {
        let seconds = time.as_secs_f64();
        println!(
            "| {what} | {:.0} blocks/s, {:.0} Mgas/s |",
            BLOCKS as f64 / seconds,
            gas as f64 / 1e6 / seconds
        );
    };
    let revm = median(|| timed(|| bare(&blocks)));
    line("revm alone: no roots, no receipts, no history", revm);
    let recovery = median(|| timed(|| decode(bytes)));
    line("decoding and recovering senders, one core", recovery);
    let import = median(|| {
        let (mut chain, _) = Chain::genesis(spec());
        timed(|| {
            for block in &blocks {
                chain = apply(&chain, Body::Import(vec![Arc::clone(block)])).chain;
            }
        })
    });
    line("import: checked in full, executed, all roots", import);
    println!(
        "| import against revm alone | {:.2}× the time |",
        import.as_secs_f64() / revm.as_secs_f64()
    );
}

fn size(path: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(path).unwrap();
    files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}

/// What `count` more of the same take on disk, each.
fn growth(count: u64, body: impl Fn(&Chain, u64) -> Body) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(ChainStore::open(folder.path()).unwrap());
    let archive = Archive::new(store);
    let (mut chain, effects) = Chain::genesis(spec());
    archive
        .append(&effects, chain.state(), Arc::new(chain.clone()))
        .unwrap();
    let mut sizes = Vec::new();
    for round in 0..2 {
        for number in round * count..(round + 1) * count {
            let applied = apply(&chain, body(&chain, number));
            chain = applied.chain;
            archive
                .append(&applied.effects, chain.state(), Arc::new(chain.clone()))
                .unwrap();
        }
        archive.flush().unwrap();
        sizes.push(size(folder.path()));
    }
    (sizes[1] - sizes[0]) / count
}

fn empty_blocks() -> u64 {
    growth(20_000, |chain, number| {
        let built = chain.build_block(chain.pool(), START + (number + 1) * 12);
        Body::Blocks(vec![built.unwrap().proposal()])
    })
}

fn changed_slots() -> u64 {
    growth(20_000, |_, number| {
        Body::Cheat(Cheat::SetStorageAt {
            address: CONTRACT,
            slot: U256::from(number % 5000),
            value: U256::from(number + 1),
        })
    })
}

fn history(bytes: &[Vec<u8>]) {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(ChainStore::open(folder.path()).unwrap());
    let archive = Arc::new(Archive::new(store));
    let (mut chain, effects) = Chain::genesis(spec());
    archive
        .append(&effects, chain.state(), Arc::new(chain.clone()))
        .unwrap();
    let mut versions = vec![0];
    for block in decode(bytes) {
        let applied = apply(&chain, Body::Import(vec![block]));
        chain = applied.chain;
        archive
            .append(&applied.effects, chain.state(), Arc::new(chain.clone()))
            .unwrap();
        versions.push(chain.version());
    }
    archive.flush().unwrap();
    let transactions = BLOCKS * TRANSACTIONS;
    println!(
        "| disk, a transaction with block, receipt, indexes and history | {} bytes |",
        size(folder.path()) / transactions
    );
    println!("| disk, an empty block | {} bytes |", empty_blocks());
    println!(
        "| disk, a changed slot with its history | {} bytes |",
        changed_slots()
    );
    let old = |number: usize| archive.state_at(chain.state(), chain.version(), versions[number]);
    let reads = 10_000_u64;
    let time = median(|| {
        timed(|| {
            for read in 0..reads {
                let state = old((read % BLOCKS) as usize);
                black_box(state.storage(CONTRACT, U256::from(read * 2)).unwrap());
            }
        })
    });
    println!(
        "| a slot at an old block | {:.1} µs |",
        time.as_secs_f64() * 1e6 / reads as f64
    );
    let time = median(|| {
        timed(|| {
            let state = archive
                .rewind(
                    chain.state(),
                    chain.version(),
                    versions[(BLOCKS / 2) as usize],
                )
                .unwrap();
            state.proof(CONTRACT, &[U256::from(2)])
        })
    });
    println!(
        "| a proof {} blocks ({} changes) back | {:.1} ms |",
        BLOCKS / 2,
        BLOCKS / 2 * TRANSACTIONS,
        time.as_secs_f64() * 1e3
    );
}

fn roots() {
    let mut builder = StateBuilder::default();
    let count = 1_000_000_u64;
    for number in 0..count {
        let info = praline::chain::state::AccountInfo {
            nonce: 1,
            balance: U256::from(number),
            code_hash: alloy::primitives::KECCAK256_EMPTY,
        };
        builder.add_account(recipient(number), info, []);
    }
    let start = Instant::now();
    let state = builder.finish();
    black_box(state.root());
    println!(
        "| a state of 1,000,000 accounts and its root, from nothing | {:.0} ms |",
        start.elapsed().as_secs_f64() * 1e3
    );
    for changes in [1_u64, 5000] {
        let time = median(|| {
            let mut draft = praline::chain::state::Draft::new(state.clone());
            timed(|| {
                for number in 0..changes {
                    let mut info = state.account_info(recipient(number * 7)).unwrap();
                    info.nonce += 1;
                    draft.set_account(recipient(number * 7), info);
                }
                draft.finish().0.root()
            })
        });
        println!(
            "| root after {changes} changes among them | {:.3} ms |",
            time.as_secs_f64() * 1e3
        );
    }
    let proofs = 10_000_u64;
    let time = median(|| {
        timed(|| {
            for number in 0..proofs {
                black_box(state.proof(recipient(number), &[]));
            }
        })
    });
    println!(
        "| a proof of an account at the head | {:.1} µs |",
        time.as_secs_f64() * 1e6 / proofs as f64
    );
}

fn main() {
    println!("| The chain core, one thread | |\n|---|---|");
    let bytes = make_blocks();
    imports(&bytes);
    history(&bytes);
    roots();
}
