//! The chain's store on a simulated disk: whole batches or nothing, durable when a write returns.

use super::{disk::Disk, world::Owner};
use crate::chain::archive::{
    Batch, Entry, KeyRange, MemoryStore, Order, Store, StoreError, StoreSnapshot, Table, Visit,
};
use std::sync::Arc;

/// The store as one life of the node sees it.
#[derive(Debug)]
pub(super) struct SimStore {
    pub(super) tables: Arc<MemoryStore>,
    pub(super) disk: Disk,
    pub(super) owner: Owner,
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Backend(error.to_string())
}

impl SimStore {
    fn readable(&self) -> Result<(), StoreError> {
        self.disk.read_allowed(self.owner).map_err(failed)
    }

    fn done(learned: bool) -> Result<(), StoreError> {
        if learned {
            Ok(())
        } else {
            Err(failed("the power fails"))
        }
    }
}

impl Store for SimStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.readable()?;
        self.tables.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        order: Order,
        visit: Visit<'_>,
    ) -> Result<(), StoreError> {
        self.readable()?;
        self.tables.scan(table, range, order, visit)
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        let learned = self.disk.write_allowed(self.owner).map_err(failed)?;
        self.tables.write(batch)?;
        Self::done(learned)
    }

    fn snapshot(&self) -> Result<Arc<dyn StoreSnapshot>, StoreError> {
        self.readable()?;
        self.tables.snapshot()
    }

    fn replace_all(
        &self,
        entries: &mut dyn Iterator<Item = Result<Entry, StoreError>>,
    ) -> Result<(), StoreError> {
        let learned = self.disk.write_allowed(self.owner).map_err(failed)?;
        self.tables.replace_all(entries)?;
        Self::done(learned)
    }
}
