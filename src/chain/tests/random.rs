//! Random histories on three instances: one adopts what it built, one executes the log's bytes, one is thrown away and
//! rebuilt from its store again and again. They must stay the same chain, and its roots those of a full recomputation.

use super::super::{
    Built, Chain,
    accounts::DevAccount,
    archive::{Archive, Checkpoint, Effects, MemoryStore},
    command::{Body, Cheat, Entry, Outcome},
    spec::{ChainSpec, Hardfork},
    state::StateRead,
    testing::{NOW_MS, entry, legacy_transaction, recomputed_root, spec, transaction},
    transaction::SignedTransaction,
};
use crate::types::LogPosition;
use alloy::primitives::{Address, Bytes, TxKind, U256, bytes, keccak256};
use proptest::prelude::*;
use std::sync::Arc;

#[derive(Clone, Copy, Debug)]
enum Step {
    Transfer {
        from: usize,
        to: u8,
        value: u64,
    },
    Store {
        from: usize,
        contract: u8,
        slot: u8,
        value: u8,
    },
    Destroy {
        from: usize,
        contract: u8,
    },
    Queue {
        from: usize,
        gap: u64,
    },
    Mine {
        count: usize,
    },
    SetBalance {
        who: u8,
        balance: u64,
    },
    SetNonce {
        who: u8,
        nonce: u64,
    },
    SetSlot {
        who: u8,
        slot: u8,
        value: u8,
    },
    SetCode {
        who: u8,
        code: u8,
    },
    Time {
        seconds: i64,
    },
    Snapshot,
    Revert {
        back: u64,
    },
    Rebuild,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let account = 0..3_usize;
    let address = 1..6_u8;
    let step = prop_oneof![
        4 => (account.clone(), address.clone(), 0..1000_u64)
            .prop_map(|(from, to, value)| Step::Transfer { from, to, value }),
        4 => (account.clone(), address.clone(), 0..4_u8, 0..3_u8)
            .prop_map(|(from, contract, slot, value)| Step::Store { from, contract, slot, value }),
        1 => (account.clone(), address.clone())
            .prop_map(|(from, contract)| Step::Destroy { from, contract }),
        1 => (account, 0..3_u64).prop_map(|(from, gap)| Step::Queue { from, gap }),
        1 => (1..4_usize).prop_map(|count| Step::Mine { count }),
        2 => (address.clone(), 0..3_u64)
            .prop_map(|(who, balance)| Step::SetBalance { who, balance }),
        1 => (address.clone(), 0..3_u64).prop_map(|(who, nonce)| Step::SetNonce { who, nonce }),
        2 => (address.clone(), 0..4_u8, 0..3_u8)
            .prop_map(|(who, slot, value)| Step::SetSlot { who, slot, value }),
        2 => (address, 0..3_u8).prop_map(|(who, code)| Step::SetCode { who, code }),
        1 => (-5..50_i64).prop_map(|seconds| Step::Time { seconds }),
        2 => Just(Step::Snapshot),
        2 => (0..4_u64).prop_map(|back| Step::Revert { back }),
        1 => Just(Step::Rebuild),
    ];
    prop::collection::vec(step, 1..40)
}

/// Stores the second word of the input at the slot of the first.
const STORE: Bytes = bytes!("6020356000355500");
/// Destroys itself in favour of the caller.
const DESTROY: Bytes = bytes!("33ff");

fn address(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// A node's copy.
struct Copy {
    chain: Chain,
    archive: Arc<Archive>,
}

impl Copy {
    fn new(spec: &Arc<ChainSpec>) -> Self {
        let archive = Arc::new(Archive::new(Arc::new(MemoryStore::default())));
        let (chain, effects) = Chain::genesis(spec.clone());
        let mut copy = Self { chain, archive };
        copy.keep(copy.chain.clone(), &effects);
        copy
    }

    fn keep(&mut self, chain: Chain, effects: &Effects) {
        let checkpoint: Arc<dyn Checkpoint> = Arc::new(chain.clone());
        self.archive
            .append(effects, chain.state(), checkpoint)
            .unwrap();
        self.chain = chain;
    }

    fn execute(&mut self, bytes: &[u8]) -> Outcome {
        let entry = Entry::decode(bytes).unwrap();
        let before = self.chain.snapshots.next_id;
        let applied = self
            .chain
            .apply(&entry, keccak256(bytes), LogPosition::default())
            .unwrap();
        assert!(!applied.skipped);
        self.keep(applied.chain, &applied.effects);
        Outcome::Snapshot(before)
    }

    fn rebuild(&mut self) {
        self.archive.flush().unwrap();
        let (state, checkpoint) = self.archive.load().unwrap().unwrap();
        let chain =
            Chain::restore(self.chain.spec.clone(), &checkpoint, state, &self.archive).unwrap();
        self.chain = chain;
    }
}

struct Cluster {
    leader: Copy,
    follower: Copy,
    rebuilt: Copy,
    nonces: [u64; 3],
}

/// Makes a signed transaction.
type Form = fn(&DevAccount, u64, TxKind, u64, Bytes) -> Arc<SignedTransaction>;

impl Cluster {
    /// Both forms in turn where the fork has both.
    fn form_of(&self, nonce: u64) -> Form {
        let has_london = self.leader.chain.head.header.base_fee_per_gas.is_some();
        if has_london && nonce.is_multiple_of(2) {
            transaction
        } else {
            legacy_transaction
        }
    }

    fn propose(&mut self, body: Body, built: &[Built]) {
        let (entry, digest) = entry(&self.leader.chain, body);
        let bytes = entry.encode().unwrap();
        if built.is_empty() {
            self.leader.execute(&bytes);
        } else {
            let applied = self.leader.chain.adopt(&entry, built.to_vec(), digest);
            self.leader.keep(applied.chain, &applied.effects);
        }
        self.follower.execute(&bytes);
        self.rebuilt.execute(&bytes);
    }

    fn send(&mut self, from: usize, to: TxKind, value: u64, input: Bytes) {
        let chain = &self.leader.chain;
        let account = &chain.spec.accounts[from];
        let nonce = chain.nonce(account.address);
        let form = self.form_of(nonce);
        let transaction = form(account, nonce, to, value, input);
        let mut pool = chain.pool.clone();
        // A queued transaction with the same nonce and fees stays.
        let _ = pool.insert(transaction, nonce);
        let built = chain
            .build_block(&pool, chain.next_timestamp(NOW_MS))
            .unwrap();
        self.propose(Body::Blocks(vec![built.proposal()]), &[built]);
    }

    fn mine(&mut self, count: usize) {
        let mut chain = self.leader.chain.clone();
        let mut blocks = Vec::new();
        for _ in 0..count {
            let built = chain
                .build_block(&chain.pool, chain.next_timestamp(NOW_MS))
                .unwrap();
            chain.stack(&built, NOW_MS);
            blocks.push(built);
        }
        self.propose(
            Body::Blocks(blocks.iter().map(Built::proposal).collect()),
            &blocks,
        );
    }

    fn cheat(&mut self, cheat: Cheat) {
        if self.leader.chain.check_cheat(&cheat).is_ok() {
            self.propose(Body::Cheat(cheat), &[]);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Transfer { from, to, value } => {
                self.send(from, TxKind::Call(address(to)), value, Bytes::new());
            }
            Step::Store {
                from,
                contract,
                slot,
                value,
            } => {
                let mut input = U256::from(slot).to_be_bytes_vec();
                input.extend(U256::from(value).to_be_bytes_vec());
                self.send(from, TxKind::Call(address(contract)), 0, input.into());
            }
            Step::Destroy { from, contract } => {
                self.cheat(Cheat::SetCode {
                    address: address(contract),
                    code: DESTROY,
                });
                self.send(from, TxKind::Call(address(contract)), 1, Bytes::new());
            }
            Step::Queue { from, gap } => self.queue(from, gap),
            Step::Mine { count } => self.mine(count),
            Step::SetBalance { who, balance } => {
                let balance = U256::from(balance);
                self.cheat(Cheat::SetBalance {
                    address: address(who),
                    balance,
                });
            }
            Step::SetNonce { who, nonce } => {
                self.cheat(Cheat::SetNonce {
                    address: address(who),
                    nonce,
                });
            }
            Step::SetSlot { who, slot, value } => self.cheat(Cheat::SetStorageAt {
                address: address(who),
                slot: U256::from(slot),
                value: U256::from(value),
            }),
            Step::SetCode { who, code } => {
                let code = [Bytes::new(), STORE, DESTROY][usize::from(code)].clone();
                self.cheat(Cheat::SetCode {
                    address: address(who),
                    code,
                });
            }
            Step::Time { seconds } => self.cheat(Cheat::IncreaseTime { seconds }),
            Step::Snapshot => self.cheat(Cheat::Snapshot),
            Step::Revert { back } => {
                let next = self.leader.chain.snapshots.next_id;
                self.cheat(Cheat::Revert {
                    id: next.saturating_sub(back + 1),
                });
            }
            Step::Rebuild => self.rebuilt.rebuild(),
        }
    }

    fn queue(&mut self, from: usize, gap: u64) {
        let chain = &self.leader.chain;
        let account = &chain.spec.accounts[from];
        let nonce = chain.nonce(account.address) + gap;
        self.nonces[from] += 1;
        let to = TxKind::Call(address(9));
        let form = self.form_of(nonce);
        let transaction = form(account, nonce, to, self.nonces[from], Bytes::new());
        if chain
            .pool
            .clone()
            .insert(transaction.clone(), nonce - gap)
            .is_ok()
        {
            self.propose(Body::Admit(vec![transaction]), &[]);
        }
    }

    fn check(&self) {
        let leader = &self.leader.chain;
        for copy in [&self.follower, &self.rebuilt] {
            let chain = &copy.chain;
            assert_eq!(chain.position, leader.position);
            assert_eq!(chain.head, leader.head);
            assert_eq!(chain.state.root(), leader.state.root());
            assert_eq!(chain.settings, leader.settings);
            assert_eq!(chain.version, leader.version);
            let pool = |chain: &Chain| chain.pool.iter().map(|tx| *tx.hash()).collect::<Vec<_>>();
            assert_eq!(pool(chain), pool(leader));
            let alive = |chain: &Chain| {
                chain
                    .snapshots
                    .alive
                    .iter()
                    .map(|(id, one)| (*id, one.state.root()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(alive(chain), alive(leader));
        }
        assert_eq!(leader.state.root(), recomputed_root(&leader.state));
        self.check_history();
    }

    /// Every block's state can still be read and has the root that its header says.
    fn check_history(&self) {
        let chain = &self.follower.chain;
        for number in 0..=chain.head.header.number {
            let block = self
                .follower
                .archive
                .block_by_number(number)
                .unwrap()
                .unwrap();
            assert_eq!(block.header.number, number);
            let state = self
                .follower
                .archive
                .rewind(&chain.state, chain.version, block.version)
                .unwrap();
            assert_eq!(
                state.root(),
                block.header.state_root,
                "state after block {number}"
            );
            let read = self
                .follower
                .archive
                .state_at(&chain.state, chain.version, block.version);
            for who in 1..6 {
                let (who, slot) = (address(who), U256::from(1));
                assert_eq!(read.account(who).unwrap(), state.account(who).unwrap());
                assert_eq!(
                    read.storage(who, slot).unwrap(),
                    state.storage(who, slot).unwrap()
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn three_instances_stay_one_chain(steps in steps(), fork in 0..Hardfork::ALL.len()) {
        let spec = spec(Hardfork::ALL[fork]);
        let mut cluster = Cluster {
            leader: Copy::new(&spec),
            follower: Copy::new(&spec),
            rebuilt: Copy::new(&spec),
            nonces: [0; 3],
        };
        for step in steps {
            cluster.step(step);
        }
        cluster.rebuilt.rebuild();
        cluster.check();
    }
}
