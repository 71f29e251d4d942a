//! The store on disk: crashes, damaged and foreign files, full disks.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::chain::{
    archive::{
        Archive,
        tests::{info, model, set},
    },
    state::State,
};
use alloy::primitives::Address;
use proptest::prelude::*;
use redb::{StorageBackend, backends::FileBackend};
use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    ops::{Bound, ControlFlow},
    sync::atomic::{AtomicBool, Ordering},
};
use tempfile::TempDir;

fn open(dir: &TempDir) -> Arc<ChainStore> {
    Arc::new(ChainStore::open(dir.path()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn everything_old_is_read_as_it_was(steps in prop::collection::vec(model::step(), 1..40)) {
        let mut dirs = Vec::new();
        let mut fresh = || -> Arc<dyn Store> {
            dirs.push(TempDir::new().unwrap());
            open(dirs.last().unwrap())
        };
        let mut reopen = |store: Arc<dyn Store>| -> Arc<dyn Store> {
            let name = format!("{store:?}");
            let path = name.trim_start_matches("ChainStore(").trim_end_matches(')');
            let dir = Path::new(path).parent().unwrap().to_owned();
            drop(store);
            Arc::new(ChainStore::open(&dir).unwrap())
        };
        model::run(steps, &mut fresh, &mut reopen);
    }
}

#[test]
fn a_scan_goes_both_ways_within_its_bounds() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut batch = Batch::default();
    for n in 0..10_u8 {
        batch.put(Table::Changes, &[n], vec![n]);
        batch.put(Table::Blooms, &[n], vec![n + 100]);
    }
    batch.delete(Table::Changes, &[5]);
    store.write(&batch).unwrap();
    let scan = |range: KeyRange<'_>, order, limit: usize| {
        let mut seen = Vec::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            assert_eq!(key, value);
            seen.push(key[0]);
            if seen.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        store
            .scan(Table::Changes, range, order, &mut visit)
            .unwrap();
        seen
    };
    let from_3_to_7 = (Bound::Included(&[3][..]), Bound::Excluded(&[7][..]));
    assert_eq!(scan(from_3_to_7, Order::Ascending, 99), [3, 4, 6]);
    assert_eq!(scan(from_3_to_7, Order::Descending, 2), [6, 4]);
    assert_eq!(
        scan((Bound::Unbounded, Bound::Unbounded), Order::Descending, 1),
        [9]
    );
}

#[test]
fn what_was_not_flushed_is_not_there_after_a_crash() {
    let dir = TempDir::new().unwrap();
    let a = Address::repeat_byte(1);
    let archive = Archive::new(open(&dir));
    let state = set(&archive, &State::default(), 1, a, 10);
    archive.flush().unwrap();
    set(&archive, &state, 2, a, 20);
    drop(archive);
    let archive = Arc::new(Archive::new(open(&dir)));
    let (state, checkpoint) = archive.load().unwrap().unwrap();
    assert_eq!(state.account_info(a), Some(info(10)));
    assert_eq!(checkpoint, [1]);
    let before = archive.state_at(&state, 1, 0).account(a).unwrap();
    assert_eq!(before, None);
}

#[test]
fn a_failed_copy_leaves_the_old_store() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut batch = Batch::default();
    batch.put(Table::Meta, b"a", b"old".to_vec());
    store.write(&batch).unwrap();
    let new = |key: &[u8]| Ok((Table::Meta, key.to_vec(), b"new".to_vec()));
    let entries = vec![
        new(b"a"),
        new(b"b"),
        Err(StoreError::DamagedCopy("ends".into())),
    ];
    let error = store.replace_all(&mut entries.into_iter()).unwrap_err();
    assert!(matches!(error, StoreError::DamagedCopy(_)));
    assert_eq!(store.get(Table::Meta, b"a").unwrap().unwrap(), b"old");
    assert_eq!(store.get(Table::Meta, b"b").unwrap(), None);
    store.replace_all(&mut vec![new(b"b")].into_iter()).unwrap();
    drop(store);
    let store = open(&dir);
    assert_eq!(store.get(Table::Meta, b"a").unwrap(), None);
    assert_eq!(store.get(Table::Meta, b"b").unwrap().unwrap(), b"new");
}

#[test]
fn a_snapshot_shows_the_store_as_it_was() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut batch = Batch::default();
    batch.put(Table::Meta, b"a", b"1".to_vec());
    store.write(&batch).unwrap();
    let snapshot = store.snapshot().unwrap();
    batch.put(Table::Meta, b"a", b"2".to_vec());
    batch.put(Table::Codes, b"c", b"3".to_vec());
    store.write(&batch).unwrap();
    for _ in 0..2 {
        let entries: Vec<_> = snapshot.entries().unwrap().map(Result::unwrap).collect();
        assert_eq!(entries, [(Table::Meta, b"a".to_vec(), b"1".to_vec())]);
    }
}

fn open_error(dir: &TempDir) -> String {
    let error = ChainStore::open(dir.path()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("chain.redb"), "{text}");
    text
}

#[test]
fn a_second_opener_is_told_who_is_in_the_way() {
    let dir = TempDir::new().unwrap();
    let _first = open(&dir);
    let error = ChainStore::open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
}

#[test]
fn foreign_files_are_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(FILE_NAME);
    fs::write(
        &path,
        "no database at all, but long enough to be one".repeat(300),
    )
    .unwrap();
    let before = fs::read(&path).unwrap();
    assert!(open_error(&dir).contains("is not the store of a Praline chain"));
    assert_eq!(fs::read(&path).unwrap(), before);

    fs::remove_file(&path).unwrap();
    let other = Database::create(&path).unwrap();
    write_durably(&other, |transaction| {
        transaction.open_table(TableDefinition::<u64, u64>::new("other"))?;
        Ok(())
    })
    .unwrap_or_else(|_| panic!("redb"));
    drop(other);
    assert!(open_error(&dir).contains("is not the store of a Praline chain"));
}

#[test]
fn another_format_is_named() {
    let dir = TempDir::new().unwrap();
    drop(open(&dir));
    let file = Database::create(dir.path().join(FILE_NAME)).unwrap();
    write_durably(&file, |transaction| {
        transaction
            .open_table(FORMAT_TABLE)?
            .insert(FORMAT_KEY, 99)?;
        Ok(())
    })
    .unwrap_or_else(|_| panic!("redb"));
    drop(file);
    let error = ChainStore::open(dir.path()).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Format {
                found: 99,
                known: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_missing_directory_is_named() {
    let dir = TempDir::new().unwrap();
    let error = ChainStore::open(&dir.path().join("nowhere")).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }));
    assert!(error.to_string().contains("nowhere/chain.redb"), "{error}");
}

/// A store with a few hundred accounts, closed.
fn filled() -> (TempDir, u64) {
    let dir = TempDir::new().unwrap();
    let archive = Archive::new(open(&dir));
    let mut state = State::default();
    for version in 1..=200 {
        state = set(
            &archive,
            &state,
            version,
            Address::repeat_byte(version as u8),
            version,
        );
    }
    archive.flush().unwrap();
    drop(archive);
    let length = fs::metadata(dir.path().join(FILE_NAME)).unwrap().len();
    (dir, length)
}

/// Opens and loads; `None` if that was refused with an error that says so.
fn load(dir: &TempDir) -> Option<State> {
    let store = match ChainStore::open(dir.path()) {
        Ok(store) => store,
        Err(error) => {
            assert!(error.to_string().contains("chain.redb"), "{error}");
            return None;
        }
    };
    match Archive::new(Arc::new(store)).load() {
        Ok(loaded) => Some(loaded.unwrap().0),
        Err(StoreError::Backend(text)) => {
            assert!(text.contains("chain.redb is damaged"), "{text}");
            None
        }
        Err(StoreError::Corrupt { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn damage_is_an_error_or_harmless_and_never_a_wrong_state() {
    let (dir, length) = filled();
    let root = load(&dir).unwrap().root();
    let path = dir.path().join(FILE_NAME);
    let whole = fs::read(&path).unwrap();
    let mut refused = 0;
    for at in (0..length).step_by(4096) {
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&[0xa5; 4096]).unwrap();
        match load(&dir) {
            Some(state) => assert_eq!(state.root(), root),
            None => refused += 1,
        }
        fs::write(&path, &whole).unwrap();
    }
    assert!(refused > 0);
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let (dir, length) = filled();
    let file = OpenOptions::new()
        .write(true)
        .open(dir.path().join(FILE_NAME))
        .unwrap();
    file.set_len(length / 2).unwrap();
    drop(file);
    assert!(load(&dir).is_none());
}

/// A file on a disk that can be full.
#[derive(Debug)]
struct FillingDisk {
    file: FileBackend,
    full: Arc<AtomicBool>,
}

impl FillingDisk {
    fn room(&self) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for FillingDisk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.room()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.room()?;
        self.file.write(offset, data)
    }
}

#[test]
fn a_full_disk_is_named_and_the_store_works_again_when_there_is_room() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(FILE_NAME);
    let full = Arc::new(AtomicBool::new(false));
    let (file, disk) = (path.clone(), Arc::clone(&full));
    let opener = move || {
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = FileBackend::new(options.open(&file)?)?;
        Builder::new().create_with_backend(FillingDisk {
            file,
            full: Arc::clone(&disk),
        })
    };
    let store = ChainStore::open_with(path, Box::new(opener)).unwrap();
    let archive = Arc::new(Archive::new(Arc::new(store)));
    let a = Address::repeat_byte(1);
    let first = set(&archive, &State::default(), 1, a, 10);
    archive.flush().unwrap();
    let state = set(&archive, &first, 2, a, 20);
    full.store(true, Ordering::Relaxed);
    let error = archive.flush().unwrap_err().to_string();
    assert!(
        error.contains("chain.redb is full: free some room"),
        "{error}"
    );
    assert!(archive.flush().is_err());
    full.store(false, Ordering::Relaxed);
    // What could not be written is still read from memory, and written later.
    assert_eq!(
        archive.state_at(&state, 2, 1).account(a).unwrap(),
        Some(info(10))
    );
    archive.flush().unwrap();
    assert_eq!(
        archive.load().unwrap().unwrap().0.account_info(a),
        Some(info(20))
    );
}

#[test]
fn a_store_that_is_only_read_is_never_changed_not_even_after_a_crash() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let archive = Arc::new(Archive::new(store));
    let a = Address::repeat_byte(1);
    let first = set(&archive, &State::default(), 1, a, 10);
    archive.flush().unwrap();
    set(&archive, &first, 2, a, 20);
    archive.flush().unwrap();
    // The file of a process that is killed now.
    let killed = TempDir::new().unwrap();
    std::fs::copy(dir.path().join(FILE_NAME), killed.path().join(FILE_NAME)).unwrap();
    drop(archive);
    for dir in [&killed, &dir] {
        let path = dir.path().join(FILE_NAME);
        let before = std::fs::read(&path).unwrap();
        let store = Arc::new(ChainStore::open_read_only(dir.path()).unwrap());
        let archive = Arc::new(Archive::new(store.clone()));
        let (state, _) = archive.load().unwrap().unwrap();
        assert_eq!(state.account_info(a), Some(info(20)));
        // What is written is read again, here alone.
        for version in 3..40 {
            set(&archive, &state, version, a, version);
            archive.flush().unwrap();
        }
        let (state, _) = Archive::new(store).load().unwrap().unwrap();
        assert_eq!(state.account_info(a), Some(info(39)));
        drop(archive);
        assert!(std::fs::read(&path).unwrap() == before);
    }
    let nothing = TempDir::new().unwrap();
    assert!(ChainStore::open_read_only(nothing.path()).is_err());
    assert!(!nothing.path().join(FILE_NAME).exists());
}

#[test]
fn tables_that_a_later_version_added_are_made_when_an_older_file_is_opened() {
    let dir = TempDir::new().unwrap();
    drop(open(&dir));
    let path = dir.path().join(FILE_NAME);
    let database = Builder::new().open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let added = definition(Table::LogIndexes);
    assert!(transaction.delete_table(added).unwrap());
    transaction.commit().unwrap();
    drop(database);
    assert_eq!(open(&dir).get(Table::LogIndexes, &[1]).unwrap(), None);
}
