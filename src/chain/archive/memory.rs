//! A store in memory: for `--ephemeral`, tests and browsers.

use super::{
    StoreError,
    store::{Batch, Entries, Entry, KeyRange, Order, Store, StoreSnapshot, Table, Visit},
};
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

type Map = imbl::OrdMap<Arc<[u8]>, Arc<[u8]>>;

/// Tables that a clone shares.
#[derive(Clone, Default)]
struct Tables([Map; Table::COUNT]);

/// A store in memory; see the module.
#[derive(Default)]
pub struct MemoryStore {
    tables: RwLock<Tables>,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Tables({} entries)",
            self.0.iter().map(Map::len).sum::<usize>()
        )
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore")
    }
}

impl MemoryStore {
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.read().0[table as usize]
            .get(key)
            .map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        order: Order,
        visit: Visit<'_>,
    ) -> Result<(), StoreError> {
        // A clone, so that no lock is held while the visitor works.
        let map = self.read().0[table as usize].clone();
        let mut visit = |(key, value): (&Arc<[u8]>, &Arc<[u8]>)| visit(key, value);
        let mut entries = map.range::<_, [u8]>(range);
        let _ = match order {
            Order::Ascending => entries.try_for_each(&mut visit),
            Order::Descending => entries.rev().try_for_each(&mut visit),
        };
        Ok(())
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut tables = self.lock();
        for table in Table::ALL {
            let map = &mut tables.0[table as usize];
            for (key, value) in batch.changes(table) {
                match value {
                    Some(value) => map.insert(key.into(), value.into()),
                    None => map.remove(key),
                };
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Arc<dyn StoreSnapshot>, StoreError> {
        Ok(Arc::new(self.read().clone()))
    }

    fn replace_all(
        &self,
        entries: &mut dyn Iterator<Item = Result<Entry, StoreError>>,
    ) -> Result<(), StoreError> {
        let mut tables = Tables::default();
        for entry in entries {
            let (table, key, value) = entry?;
            tables.0[table as usize].insert(key.into(), value.into());
        }
        *self.lock() = tables;
        Ok(())
    }
}

impl StoreSnapshot for Tables {
    fn entries(&self) -> Result<Entries, StoreError> {
        self.entries_of(&Table::ALL)
    }

    fn entries_of(&self, tables: &[Table]) -> Result<Entries, StoreError> {
        let maps = tables
            .iter()
            .map(|table| (*table, self.0[*table as usize].clone()));
        let maps: Vec<_> = maps.collect();
        Ok(Box::new(maps.into_iter().flat_map(|(table, map)| {
            map.into_iter()
                .map(move |(key, value)| Ok((table, key.to_vec(), value.to_vec())))
        })))
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.0[table as usize].get(key);
        Ok(value.map(|value| value.to_vec()))
    }
}
