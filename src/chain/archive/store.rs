//! What the archive needs of a disk: ordered tables of bytes with atomic writes.
//!
//! *Invariants.* Keys of one table have one length (but `Meta`), numbers in them are big-endian, so the order of the
//! bytes is the order of the things. What a store holds is only known to the modules beside this one.

use super::StoreError;
use std::{
    collections::BTreeMap,
    fmt,
    ops::{Bound, ControlFlow},
    sync::Arc,
};

/// The tables. The numbers are part of the format of a copy for a peer, the names of the format on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Number → block.
    Blocks = 0,
    /// Block hash → number.
    BlockNumbers = 1,
    /// Transaction hash → number of its block, index in it.
    Transactions = 2,
    /// Number → bloom of the block's logs; blocks without logs are left out.
    Blooms = 3,
    /// Address → account, at the head.
    Accounts = 4,
    /// Address, slot → value, at the head.
    Slots = 5,
    /// Hash → code.
    Codes = 6,
    /// Address, version → the account before that version.
    AccountHistory = 7,
    /// Address, slot, version → the value before that version.
    SlotHistory = 8,
    /// Version → the keys that it changed.
    Changes = 9,
    /// The checkpoint, and what belongs to the store as a whole.
    Meta = 10,
    /// Versioned hash of a blob (EIP-4844) → the place of a transaction that carries it, as in `Transactions`.
    Blobs = 11,
    /// Number → index of the log entry that made the block.
    LogIndexes = 12,
}

impl Table {
    /// How many there are.
    pub const COUNT: usize = 13;
    /// All, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Blocks,
        Self::BlockNumbers,
        Self::Transactions,
        Self::Blooms,
        Self::Accounts,
        Self::Slots,
        Self::Codes,
        Self::AccountHistory,
        Self::SlotHistory,
        Self::Changes,
        Self::Meta,
        Self::Blobs,
        Self::LogIndexes,
    ];

    /// Those that do not follow from others: the rest are indexes of blocks.
    pub const PRIMARY: [Self; 9] = [
        Self::Blocks,
        Self::Accounts,
        Self::Slots,
        Self::Codes,
        Self::AccountHistory,
        Self::SlotHistory,
        Self::Changes,
        Self::Meta,
        Self::LogIndexes,
    ];

    /// The name on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::BlockNumbers => "block_numbers",
            Self::Transactions => "transactions",
            Self::Blooms => "blooms",
            Self::Accounts => "accounts",
            Self::Slots => "slots",
            Self::Codes => "codes",
            Self::AccountHistory => "account_history",
            Self::SlotHistory => "slot_history",
            Self::Changes => "changes",
            Self::Meta => "meta",
            Self::Blobs => "blobs",
            Self::LogIndexes => "log_indexes",
        }
    }
}

/// A key and its value in a table.
pub type Entry = (Table, Vec<u8>, Vec<u8>);

/// Bounds of a scan.
pub type KeyRange<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// Takes a key and its value; a break ends the scan.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// The direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Lowest key first.
    Ascending,
    /// Highest key first.
    Descending,
}

/// Changes that are written together. The last one of a key counts.
#[derive(Debug, Default)]
pub struct Batch {
    tables: [BTreeMap<Vec<u8>, Option<Vec<u8>>>; Table::COUNT],
}

impl Batch {
    /// Sets a key.
    pub fn put(&mut self, table: Table, key: &[u8], value: Vec<u8>) {
        self.tables[table as usize].insert(key.to_vec(), Some(value));
    }

    /// Removes a key, if it is there.
    pub fn delete(&mut self, table: Table, key: &[u8]) {
        self.tables[table as usize].insert(key.to_vec(), None);
    }

    /// The changes of one table in the order of the keys; `None` removes.
    pub fn changes(&self, table: Table) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.tables[table as usize]
            .iter()
            .map(|(key, value)| (&key[..], value.as_deref()))
    }
}

/// An ordered store of bytes. All calls may come from several threads at once.
pub trait Store: Send + Sync + fmt::Debug {
    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows the entries of a range until `visit` breaks off. One scan sees one consistent state of the table.
    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        order: Order,
        visit: Visit<'_>,
    ) -> Result<(), StoreError>;

    /// Writes all of the batch or nothing. Durable when it returns.
    fn write(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Everything as it is now, to be read later. Costs nothing until it is read, but what is deleted or replaced
    /// meanwhile keeps its place on disk until the snapshot is dropped.
    fn snapshot(&self) -> Result<Arc<dyn StoreSnapshot>, StoreError>;

    /// Replaces everything by these entries, or, on any error and after a crash, nothing.
    fn replace_all(
        &self,
        entries: &mut dyn Iterator<Item = Result<Entry, StoreError>>,
    ) -> Result<(), StoreError>;
}

impl dyn Store + '_ {
    /// Shows the entries of a range, lowest key first, until `visit` fails.
    pub(super) fn each(
        &self,
        table: Table,
        range: KeyRange<'_>,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        self.scan(table, range, Order::Ascending, &mut |key, value| {
            outcome = visit(key, value);
            if outcome.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        outcome
    }
}

/// A consistent view of a whole store.
pub trait StoreSnapshot: Send + Sync + fmt::Debug {
    /// All entries, table by table, in the order of the keys. May be called again.
    fn entries(&self) -> Result<Entries, StoreError>;

    /// The same of some tables.
    fn entries_of(&self, tables: &[Table]) -> Result<Entries, StoreError> {
        let tables = tables.to_vec();
        let wanted = move |entry: &Result<Entry, StoreError>| match entry {
            Ok((table, ..)) => tables.contains(table),
            Err(_) => true,
        };
        Ok(Box::new(self.entries()?.filter(wanted)))
    }

    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        for entry in self.entries_of(&[table])? {
            let (_, found, value) = entry?;
            if found == key {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// All entries of a store.
pub type Entries = Box<dyn Iterator<Item = Result<Entry, StoreError>> + Send>;
