//! Copies of stores with long values, and what is refused.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::chain::archive::{Batch, MemoryStore, Store};

fn store() -> MemoryStore {
    let mut batch = Batch::default();
    for n in 0..2000_u64 {
        batch.put(Table::Blocks, &n.to_be_bytes(), vec![n as u8; n as usize]);
    }
    batch.put(Table::Codes, &[1; 32], vec![7; 3 << 20]);
    batch.put(Table::Meta, b"empty", vec![]);
    let store = MemoryStore::default();
    store.write(&batch).unwrap();
    store
}

fn chunks(store: &MemoryStore) -> Vec<Vec<u8>> {
    let snapshot = ArchiveSnapshot::new(store.snapshot().unwrap());
    snapshot.chunks().unwrap().map(Result::unwrap).collect()
}

fn read(chunks: Vec<Vec<u8>>) -> Result<Vec<Entry>, StoreError> {
    entries(chunks.into_iter().map(Ok)).collect()
}

#[test]
fn a_copy_is_whole_and_its_chunks_are_bounded() {
    let store = store();
    let chunks = chunks(&store);
    assert!(chunks.len() > 3);
    assert!(chunks.iter().all(|chunk| chunk.len() <= MAX_CHUNK_BYTES));
    let whole: Vec<_> = store
        .snapshot()
        .unwrap()
        .entries()
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read(chunks).unwrap(), whole);
}

#[test]
fn a_snapshot_does_not_change_and_can_be_read_again() {
    let store = store();
    let snapshot = ArchiveSnapshot::new(store.snapshot().unwrap());
    let all = || {
        snapshot
            .chunks()
            .unwrap()
            .map(Result::unwrap)
            .collect::<Vec<_>>()
    };
    let before = all();
    let mut batch = Batch::default();
    batch.delete(Table::Meta, b"empty");
    store.write(&batch).unwrap();
    assert_eq!(all(), before);
}

type Damage<'a> = &'a dyn Fn(&mut Vec<Vec<u8>>);

#[test]
fn every_damage_is_seen() {
    let whole = chunks(&store());
    let damages: [Damage<'_>; 7] = [
        &|chunks| chunks.clear(),
        &|chunks| chunks.truncate(1),
        &|chunks| chunks.swap(0, 1),
        &|chunks| chunks[1][77] ^= 4,
        &|chunks| chunks[0][2] ^= 4,
        &|chunks| chunks.push(vec![0; 8]),
        &|chunks| drop(chunks.remove(1)),
    ];
    for damage in damages {
        let mut chunks = whole.clone();
        damage(&mut chunks);
        assert!(matches!(read(chunks), Err(StoreError::DamagedCopy(_))));
    }
}

#[test]
fn an_empty_store_makes_an_empty_copy() {
    assert_eq!(read(chunks(&MemoryStore::default())).unwrap(), vec![]);
}
