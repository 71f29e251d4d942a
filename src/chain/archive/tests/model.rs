//! Random lives of an archive, compared after every step with a model that keeps every old state and every block.

use super::{super::*, Saved, info};
use crate::chain::{
    block::ReceiptRecord,
    state::{AccountInfo, Draft, StateError, StateRead},
    transaction::{Envelope, SignedTransaction},
};
use alloy::{
    consensus::{Header, Receipt, ReceiptEnvelope, Signed, TxLegacy},
    primitives::{
        Address, B256, Bloom, Bytes, KECCAK256_EMPTY, Log, Signature, U256, map::HashSet,
    },
};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::atomic::AtomicBool};

const ADDRESSES: u8 = 5;
const SLOTS: u64 = 4;

/// A change of the state.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Account(u8, u64),
    Remove(u8),
    Slot(u8, u64, u64),
    Code(u8, u8),
}

/// A step in the life of an archive.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// An entry of the log that changes the state and mines as many blocks.
    Entry {
        changes: Vec<Vec<Change>>,
        blocks: u8,
        with_logs: bool,
    },
    /// Back to one of the living versions, then maybe a change in the same entry.
    Revert {
        to: usize,
        changes: Vec<Change>,
    },
    Flush,
    /// A flush that the disk refuses.
    FailedFlush,
    /// The end of the process without a flush, and a new start.
    Crash,
    /// A copy of the store takes the place of another one.
    Copy,
    /// Somebody starts to read a version that is alive now.
    OpenReader {
        version: usize,
    },
}

fn change() -> impl Strategy<Value = Change> + Clone {
    prop_oneof![
        3 => (0..ADDRESSES, 1_u64..4).prop_map(|(a, b)| Change::Account(a, b)),
        1 => (0..ADDRESSES).prop_map(Change::Remove),
        4 => (0..ADDRESSES, 0..SLOTS, 0_u64..4).prop_map(|(a, s, v)| Change::Slot(a, s, v)),
        1 => (0..ADDRESSES, 0_u8..3).prop_map(|(a, c)| Change::Code(a, c)),
    ]
}

/// Any step.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let changes = prop::collection::vec(change(), 0..5);
    let entry = (
        prop::collection::vec(changes.clone(), 0..3),
        0_u8..3,
        any::<bool>(),
    );
    prop_oneof![
        8 => entry.prop_map(|(changes, blocks, with_logs)| Step::Entry { changes, blocks, with_logs }),
        2 => (any::<prop::sample::Index>(), changes)
            .prop_map(|(to, changes)| Step::Revert { to: to.index(1 << 20), changes }),
        3 => Just(Step::Flush),
        1 => Just(Step::FailedFlush),
        1 => Just(Step::Crash),
        1 => Just(Step::Copy),
        2 => (0_usize..1 << 20).prop_map(|version| Step::OpenReader { version }),
    ]
}

type Accounts = BTreeMap<Address, (AccountInfo, BTreeMap<U256, U256>)>;

/// A living version.
#[derive(Clone)]
struct Version {
    number: u64,
    accounts: Accounts,
    state: State,
    /// How many blocks there are.
    blocks: usize,
}

/// A living chain; the genesis block has number 5.
#[derive(Clone, Default)]
struct Model {
    versions: Vec<Version>,
    blocks: Vec<Arc<BlockRecord>>,
}

const FIRST_BLOCK: u64 = 5;

/// A store that can be told to refuse writes.
#[derive(Debug)]
struct Refusing {
    store: Arc<dyn Store>,
    refuse: AtomicBool,
}

impl Store for Refusing {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(table, key)
    }
    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        order: Order,
        visit: Visit<'_>,
    ) -> Result<(), StoreError> {
        self.store.scan(table, range, order, visit)
    }
    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        if self.refuse.load(Ordering::Relaxed) {
            return Err(StoreError::Backend("refused".into()));
        }
        self.store.write(batch)
    }
    fn snapshot(&self) -> Result<Arc<dyn StoreSnapshot>, StoreError> {
        self.store.snapshot()
    }
    fn replace_all(
        &self,
        entries: &mut dyn Iterator<Item = Result<Entry, StoreError>>,
    ) -> Result<(), StoreError> {
        self.store.replace_all(entries)
    }
}

struct Life<'a> {
    fresh: &'a mut dyn FnMut() -> Arc<dyn Store>,
    reopen: &'a mut dyn FnMut(Arc<dyn Store>) -> Arc<dyn Store>,
    store: Arc<Refusing>,
    archive: Arc<Archive>,
    model: Model,
    /// The model at the last flush.
    flushed: Model,
    next_version: u64,
    /// Makes blocks and transactions different from each other.
    seed: u64,
    /// Hashes that were in the chain at some time.
    seen_blocks: HashSet<B256>,
    seen_transactions: HashSet<B256>,
    readers: Vec<Reader>,
}

struct Reader {
    state: Arc<dyn StateRead + Send + Sync>,
    expected: Version,
    head_version: u64,
    /// A copy was installed since.
    replaced: bool,
}

/// Runs the steps on archives over stores from `fresh`; `reopen` does with a store what the end of a process does.
pub(crate) fn run(
    steps: Vec<Step>,
    fresh: &mut dyn FnMut() -> Arc<dyn Store>,
    reopen: &mut dyn FnMut(Arc<dyn Store>) -> Arc<dyn Store>,
) {
    let store = Arc::new(Refusing {
        store: fresh(),
        refuse: AtomicBool::new(false),
    });
    let archive = Arc::new(Archive::new(store.clone()));
    let mut life = Life {
        fresh,
        reopen,
        store,
        archive,
        model: Model::default(),
        flushed: Model::default(),
        next_version: 0,
        seed: 0,
        seen_blocks: HashSet::default(),
        seen_transactions: HashSet::default(),
        readers: Vec::new(),
    };
    life.genesis();
    life.check();
    for step in steps {
        life.step(step);
        life.check();
    }
}

fn apply(draft: &mut Draft, accounts: &mut Accounts, change: &Change) {
    match *change {
        Change::Account(address, balance) => {
            let address = Address::repeat_byte(address);
            draft.set_account(address, info(balance));
            accounts
                .entry(address)
                .or_insert((info(0), BTreeMap::new()))
                .0 = info(balance);
        }
        Change::Remove(address) => {
            draft.remove_account(Address::repeat_byte(address));
            accounts.remove(&Address::repeat_byte(address));
        }
        Change::Slot(address, slot, value) => {
            let (address, slot) = (Address::repeat_byte(address), U256::from(slot));
            draft.set_storage(address, slot, U256::from(value));
            if let Some((_, slots)) = accounts.get_mut(&address) {
                match value {
                    0 => slots.remove(&slot),
                    _ => slots.insert(slot, U256::from(value)),
                };
            }
        }
        Change::Code(address, code) => {
            let address = Address::repeat_byte(address);
            let code_hash = draft.add_code(Bytes::from(vec![0x60, code]));
            let new = AccountInfo {
                code_hash,
                ..info(9)
            };
            draft.set_account(address, new);
            accounts
                .entry(address)
                .or_insert((info(0), BTreeMap::new()))
                .0 = new;
        }
    }
}

impl Life<'_> {
    fn genesis(&mut self) {
        let changes = [
            Change::Account(0, 3),
            Change::Slot(0, 1, 2),
            Change::Code(1, 9),
        ];
        self.entry(None, &[changes.to_vec()], 1, false);
        self.archive.flush().unwrap();
        self.flushed = self.model.clone();
    }

    fn head(&self) -> &Version {
        self.model.versions.last().unwrap()
    }

    /// One entry of the log: maybe a revert to a living version, then versions with changes, then blocks.
    fn entry(&mut self, revert: Option<usize>, changes: &[Vec<Change>], blocks: u8, logs: bool) {
        let mut effects = Effects::default();
        let mut expected_removed = Vec::new();
        if let Some(to) = revert {
            self.model.versions.truncate(to + 1);
            let target = self.head().clone();
            expected_removed = self.model.blocks.split_off(target.blocks);
            expected_removed.reverse();
            effects.revert = Some(RevertPoint {
                block_number: FIRST_BLOCK + target.blocks as u64 - 1,
                version: target.number,
            });
        }
        let (mut state, mut accounts) = match self.model.versions.last() {
            Some(head) => (head.state.clone(), head.accounts.clone()),
            None => Default::default(),
        };
        for changes in changes {
            let mut draft = Draft::new(state);
            for change in changes {
                apply(&mut draft, &mut accounts, change);
            }
            let diff;
            (state, diff) = draft.finish();
            effects.diffs.push((self.next_version, diff));
            self.push_version(&accounts, &state);
        }
        // A version without changes of the state, as a setting makes it.
        if changes.is_empty() {
            self.push_version(&accounts, &state);
        }
        effects.version = self.next_version - 1;
        for _ in 0..blocks {
            let block = self.block(effects.version, logs);
            self.model.blocks.push(block.clone());
            effects.blocks.push(block);
        }
        self.model.versions.last_mut().unwrap().blocks = self.model.blocks.len();
        let checkpoint = Saved(effects.version.to_be_bytes().to_vec());
        let removed = self
            .archive
            .append(&effects, &state, Arc::new(checkpoint))
            .unwrap();
        assert_eq!(removed, expected_removed);
    }

    fn push_version(&mut self, accounts: &Accounts, state: &State) {
        self.model.versions.push(Version {
            number: self.next_version,
            accounts: accounts.clone(),
            state: state.clone(),
            blocks: self.model.blocks.len(),
        });
        self.next_version += 1;
    }

    fn block(&mut self, version: u64, logs: bool) -> Arc<BlockRecord> {
        self.seed += 1;
        let tx = TxLegacy {
            nonce: self.seed,
            ..Default::default()
        };
        let signature = Signature::new(U256::from(1), U256::from(1), true);
        let transaction = SignedTransaction {
            envelope: Envelope::Legacy(Signed::new_unhashed(tx, signature)),
            sender: Address::repeat_byte(1),
            sidecar: None,
        };
        let address = Address::repeat_byte((self.seed % 3) as u8);
        let log = Log::new_unchecked(address, vec![], Bytes::new());
        let receipt = Receipt {
            logs: vec![log; usize::from(logs)],
            ..Default::default()
        };
        let logs_bloom: Bloom = receipt.logs.iter().collect();
        let number = FIRST_BLOCK + self.model.blocks.len() as u64;
        let header = Header {
            number,
            logs_bloom,
            nonce: self.seed.into(),
            ..Default::default()
        };
        self.seen_transactions
            .insert(*transaction.envelope.tx_hash());
        self.seen_blocks.insert(header.hash_slow());
        Arc::new(BlockRecord {
            hash: header.hash_slow(),
            header,
            transactions: vec![Arc::new(transaction)],
            ommers: vec![],
            withdrawals: None,
            receipts: vec![ReceiptRecord {
                receipt: ReceiptEnvelope::Legacy(receipt.into()),
                gas_used: 0,
                contract_address: None,
                first_log_index: 0,
            }],
            version,
        })
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Entry {
                changes,
                blocks,
                with_logs,
            } => {
                self.entry(None, &changes, blocks, with_logs);
            }
            Step::Revert { to, changes } => {
                let to = to % self.model.versions.len();
                let changes = if changes.is_empty() {
                    vec![]
                } else {
                    vec![changes]
                };
                self.entry(Some(to), &changes, 0, false);
            }
            Step::Flush => {
                self.archive.flush().unwrap();
                self.flushed = self.model.clone();
                assert_eq!(self.archive.pending_bytes(), 0);
            }
            Step::FailedFlush => {
                self.store.refuse.store(true, Ordering::Relaxed);
                let _ = self.archive.flush();
                self.store.refuse.store(false, Ordering::Relaxed);
            }
            Step::Crash => self.crash(),
            Step::Copy => self.copy(),
            Step::OpenReader { version } => {
                let expected = self.model.versions[version % self.model.versions.len()].clone();
                let (head, head_version) = (self.head().state.clone(), self.head().number);
                let state = self.archive.state_at(&head, head_version, expected.number);
                self.readers.push(Reader {
                    state,
                    expected,
                    head_version,
                    replaced: false,
                });
            }
        }
    }

    fn crash(&mut self) {
        self.readers.clear();
        let nothing: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let nothing = Arc::new(Refusing {
            store: nothing,
            refuse: AtomicBool::new(false),
        });
        self.archive = Arc::new(Archive::new(nothing.clone()));
        let old = std::mem::replace(&mut self.store, nothing);
        let old = Arc::into_inner(old).unwrap().store;
        let store = (self.reopen)(old);
        self.store = Arc::new(Refusing {
            store,
            refuse: AtomicBool::new(false),
        });
        self.archive = Arc::new(Archive::new(self.store.clone()));
        self.load();
    }

    fn copy(&mut self) {
        let chunks = self.archive.snapshot().unwrap();
        let store = Arc::new(Refusing {
            store: (self.fresh)(),
            refuse: AtomicBool::new(false),
        });
        let other = Arc::new(Archive::new(store.clone()));
        other.install(chunks.chunks().unwrap()).unwrap();
        // The copy goes over the running one too, which loses what was not flushed.
        self.archive.install(chunks.chunks().unwrap()).unwrap();
        self.readers
            .iter_mut()
            .for_each(|reader| reader.replaced = true);
        self.load();
        let flushed = self.model.clone();
        (self.archive, self.store) = (other, store);
        self.load();
        assert_eq!(self.head().number, flushed.versions.last().unwrap().number);
    }

    fn load(&mut self) {
        let (state, checkpoint) = self.archive.load().unwrap().unwrap();
        self.model = self.flushed.clone();
        let head = self.model.versions.last_mut().unwrap();
        assert_eq!(checkpoint, head.number.to_be_bytes());
        assert_eq!(state.root(), head.state.root());
        head.state = state;
        self.next_version = head.number + 1;
    }

    fn check(&mut self) {
        let head = self.head().clone();
        for expected in &self.model.versions {
            let old = self
                .archive
                .state_at(&head.state, head.number, expected.number);
            compare(&*old, expected).unwrap();
            let whole = self
                .archive
                .rewind(&head.state, head.number, expected.number)
                .unwrap();
            assert_eq!(
                whole.root(),
                expected.state.root(),
                "version {}",
                expected.number
            );
        }
        for reader in &self.readers {
            let alive = self
                .model
                .versions
                .iter()
                .any(|v| v.number == reader.head_version);
            match compare(&*reader.state, &reader.expected) {
                Ok(()) => {}
                Err(StateError::Store(StoreError::Stale)) if !alive || reader.replaced => {}
                Err(error) => panic!("{error}"),
            }
        }
        self.check_blocks();
    }

    fn check_blocks(&self) {
        let archive = &self.archive;
        let (mut hashes, mut transactions) = (HashSet::default(), HashSet::default());
        for (index, block) in self.model.blocks.iter().enumerate() {
            let number = FIRST_BLOCK + index as u64;
            assert_eq!(
                archive.block_by_number(number).unwrap().as_ref(),
                Some(block)
            );
            assert_eq!(
                archive.block_by_hash(block.hash).unwrap().as_ref(),
                Some(block)
            );
            let transaction = *block.transactions[0].envelope.tx_hash();
            assert_eq!(archive.transaction(transaction).unwrap(), Some((number, 0)));
            hashes.insert(block.hash);
            transactions.insert(transaction);
        }
        let end = FIRST_BLOCK + self.model.blocks.len() as u64;
        assert_eq!(archive.block_by_number(end).unwrap(), None);
        assert_eq!(archive.block_by_number(FIRST_BLOCK - 1).unwrap(), None);
        for gone in self.seen_blocks.difference(&hashes) {
            assert_eq!(archive.block_by_hash(*gone).unwrap(), None);
        }
        for gone in self.seen_transactions.difference(&transactions) {
            assert_eq!(archive.transaction(*gone).unwrap(), None);
        }
        let wanted: Bloom = [Log::new_unchecked(Address::ZERO, vec![], Bytes::new())]
            .iter()
            .collect();
        for (from, to) in [(0, u64::MAX), (FIRST_BLOCK + 1, end - 1), (end, 0)] {
            let found = archive.bloom_candidates(from, to, |bloom| bloom.contains(&wanted));
            let blocks = self.model.blocks.iter().map(|block| &block.header);
            let expected = blocks.filter(|header| {
                (from..=to).contains(&header.number) && header.logs_bloom.contains(&wanted)
            });
            assert_eq!(
                found.unwrap(),
                expected.map(|header| header.number).collect::<Vec<_>>()
            );
        }
    }
}

/// Fails on a failed read, panics on a wrong one.
fn compare(state: &dyn StateRead, expected: &Version) -> Result<(), StateError> {
    for address in (0..ADDRESSES).map(Address::repeat_byte) {
        let known = expected.accounts.get(&address);
        let account = state.account(address)?;
        assert_eq!(
            account,
            known.map(|(info, _)| *info),
            "{address} at {}",
            expected.number
        );
        for slot in (0..SLOTS).map(U256::from) {
            let value = known.and_then(|(_, slots)| slots.get(&slot).copied());
            assert_eq!(state.storage(address, slot)?, value.unwrap_or_default());
        }
        let code_hash = account.map_or(KECCAK256_EMPTY, |account| account.code_hash);
        assert_eq!(state.code(code_hash)?, expected.state.code(code_hash)?);
    }
    Ok(())
}
