//! The chain's store on disk: one redb file, `chain.redb`, in the node's data directory.
//!
//! Every batch is one durable transaction with redb's quick repair, so a node that was killed opens its store at once
//! and finds the last batch whole. After an I/O error (a full disk, say) redb refuses everything until the file is
//! opened again; the next call does that, so the store works again as soon as the disk does.
//! *Invariants.* Knows nothing of what the bytes mean. The file belongs to one process at a time (redb locks it).

mod errors;
mod overlay;
#[cfg(test)]
mod tests;

pub use errors::OpenError;

use crate::chain::archive::{
    Batch, Entries, Entry, KeyRange, Order, Store, StoreError, StoreSnapshot, Table, Visit,
};
use errors::{Failure, guarded, is_io, open_error, store_error};
use redb::{
    Builder, Database, DatabaseError, Error, ReadTransaction, ReadableDatabase, TableDefinition,
    TableHandle, WriteTransaction,
};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// The name of the file in the data directory.
pub const FILE_NAME: &str = "chain.redb";
/// The format that this version reads and writes.
const FORMAT: u32 = 1;
/// Holds the format; also tells our files from those of others.
const FORMAT_TABLE: TableDefinition<'_, &str, u32> = TableDefinition::new("praline_chain");
const FORMAT_KEY: &str = "format";
/// Memory for pages, of which redb would take up to 1 GiB.
const CACHE_BYTES: usize = 32 << 20;

type Bytes = &'static [u8];
type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// A store in a redb file; see the module.
pub struct ChainStore {
    path: PathBuf,
    opener: Opener,
    /// `None` after an I/O error, until the file could be opened again.
    database: RwLock<Option<Database>>,
}

impl fmt::Debug for ChainStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainStore({})", self.path.display())
    }
}

impl ChainStore {
    /// Opens the store in a data directory, which must exist, or makes a new one there.
    pub fn open(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join(FILE_NAME);
        let file = path.clone();
        let opener = move || Builder::new().set_cache_size(CACHE_BYTES).create(&file);
        let store = Self::open_with(path, Box::new(opener))?;
        // A new file is only safe once its directory is.
        sync_directory(data_dir).map_err(|error| OpenError::Io {
            path: store.path.clone(),
            error,
        })?;
        Ok(store)
    }

    /// Opens the store of a stopped node for reading: what is written to it, a repair after a crash included, lies in
    /// memory and is forgotten. The file must exist.
    pub fn open_read_only(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join(FILE_NAME);
        let file = path.clone();
        let opener = move || {
            let overlay = overlay::Overlay::open(&file)?;
            let mut builder = Builder::new();
            builder.set_cache_size(CACHE_BYTES);
            builder.create_with_backend(overlay)
        };
        Self::open_with(path, Box::new(opener))
    }

    fn open_with(path: PathBuf, opener: Opener) -> Result<Self, OpenError> {
        let database = opened(&path, &opener)?;
        Ok(Self {
            path,
            opener,
            database: RwLock::new(Some(database)),
        })
    }

    fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn database_mut(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.database
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an operation. If the last one ended in an I/O error, the file is opened again first.
    fn run<T>(
        &self,
        operation: impl FnOnce(&Database) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        if self.database().is_none() {
            self.reopen()?;
        }
        let result = match &*self.database() {
            Some(database) => guarded(|| operation(database)),
            // Another thread had an I/O error meanwhile.
            None => Err(Error::PreviousIo.into()),
        };
        if matches!(&result, Err(Failure::Redb(error)) if is_io(error)) {
            *self.database_mut() = None;
        }
        result.map_err(|failure| store_error(&self.path, failure))
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database_mut();
        if database.is_none() {
            let opened = opened(&self.path, &self.opener);
            *database = Some(opened.map_err(|error| StoreError::Backend(error.to_string()))?);
        }
        Ok(())
    }
}

const fn definition(table: Table) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(table.name())
}

/// Opens the file and checks that it is ours; makes the tables of a new one.
fn opened(path: &Path, opener: &Opener) -> Result<Database, OpenError> {
    guarded(|| {
        let database = opener().map_err(Error::from)?;
        let format = stored_format(&database)?;
        if matches!(format, None | Some(FORMAT)) && lacks_tables(&database)? {
            write_durably(&database, |transaction| {
                transaction
                    .open_table(FORMAT_TABLE)?
                    .insert(FORMAT_KEY, FORMAT)?;
                for table in Table::ALL {
                    transaction.open_table(definition(table))?;
                }
                Ok(())
            })?;
        }
        match format {
            None | Some(FORMAT) => Ok(database),
            Some(found) => Err(Failure::Format(found)),
        }
    })
    .map_err(|failure| open_error(path, failure))
}

/// Whether tables are missing that a later version added.
fn lacks_tables(database: &Database) -> Result<bool, Failure> {
    let there = database.begin_read()?.list_tables()?.count();
    Ok(there <= Table::COUNT)
}

/// The format of the file; `None` if it is new.
fn stored_format(database: &Database) -> Result<Option<u32>, Failure> {
    let transaction = database.begin_read()?;
    let tables: Vec<_> = transaction.list_tables()?.collect();
    if tables.is_empty() {
        return Ok(None);
    }
    if tables
        .iter()
        .all(|table| table.name() != FORMAT_TABLE.name())
    {
        return Err(Failure::Foreign);
    }
    let format = transaction.open_table(FORMAT_TABLE)?.get(FORMAT_KEY)?;
    format
        .map(|format| Some(format.value()))
        .ok_or(Failure::Foreign)
}

/// One transaction that is on disk, whole, when this returns, or not at all.
fn write_durably(
    database: &Database,
    write: impl FnOnce(&WriteTransaction) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    // A transaction that is dropped is undone.
    write(&transaction)?;
    Ok(transaction.commit()?)
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

impl Store for ChainStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(|database| {
            let table = database.begin_read()?.open_table(definition(table))?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        order: Order,
        visit: Visit<'_>,
    ) -> Result<(), StoreError> {
        self.run(|database| {
            let table = database.begin_read()?.open_table(definition(table))?;
            let mut entries = table.range::<&[u8]>(range)?;
            let mut next = || match order {
                Order::Ascending => entries.next(),
                Order::Descending => entries.next_back(),
            };
            while let Some(entry) = next() {
                let (key, value) = entry?;
                if visit(key.value(), value.value()).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        self.run(|database| {
            write_durably(database, |transaction| {
                for table in Table::ALL {
                    let mut stored = transaction.open_table(definition(table))?;
                    for (key, value) in batch.changes(table) {
                        match value {
                            Some(value) => stored.insert(key, value)?,
                            None => stored.remove(key)?,
                        };
                    }
                }
                Ok(())
            })
        })
    }

    fn snapshot(&self) -> Result<Arc<dyn StoreSnapshot>, StoreError> {
        let transaction = self.run(|database| Ok(database.begin_read()?))?;
        Ok(Arc::new(Snapshot {
            path: self.path.clone(),
            transaction,
        }))
    }

    fn replace_all(
        &self,
        entries: &mut dyn Iterator<Item = Result<Entry, StoreError>>,
    ) -> Result<(), StoreError> {
        self.run(|database| {
            write_durably(database, |transaction| {
                for table in Table::ALL {
                    transaction.delete_table(definition(table))?;
                    transaction.open_table(definition(table))?;
                }
                // Entries come table by table.
                let mut entries = entries.peekable();
                while let Some(entry) = entries.next() {
                    let (current, mut key, mut value) = entry?;
                    let mut stored = transaction.open_table(definition(current))?;
                    loop {
                        stored.insert(&key[..], &value[..])?;
                        let same = |next: &Result<Entry, _>| {
                            next.as_ref().is_ok_and(|(table, ..)| *table == current)
                        };
                        match entries.next_if(same) {
                            Some(Ok((_, next_key, next_value))) => {
                                (key, value) = (next_key, next_value);
                            }
                            _ => break,
                        }
                    }
                }
                Ok(())
            })
        })
    }
}

/// A read transaction.
struct Snapshot {
    path: PathBuf,
    transaction: ReadTransaction,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({})", self.path.display())
    }
}

impl StoreSnapshot for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(|| {
            let table = self.transaction.open_table(definition(table))?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        })
        .map_err(|failure| store_error(&self.path, failure))
    }

    fn entries(&self) -> Result<Entries, StoreError> {
        self.entries_of(&Table::ALL)
    }

    fn entries_of(&self, wanted: &[Table]) -> Result<Entries, StoreError> {
        let mut tables = Vec::new();
        for table in wanted.iter().copied() {
            let range = guarded(|| {
                Ok(self
                    .transaction
                    .open_table(definition(table))?
                    .range::<&[u8]>(..)?)
            });
            tables.push((
                table,
                range.map_err(|failure| store_error(&self.path, failure))?,
            ));
        }
        let path = self.path.clone();
        let entries = tables
            .into_iter()
            .flat_map(|(table, range)| range.map(move |entry| (table, entry)));
        Ok(Box::new(entries.map(move |(table, entry)| match entry {
            Ok((key, value)) => Ok((table, key.value().to_vec(), value.value().to_vec())),
            Err(error) => Err(store_error(&path, error.into())),
        })))
    }
}
