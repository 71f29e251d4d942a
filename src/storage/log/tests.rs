//! Tests of the durable log.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use super::*;
use crate::{consensus::EntryContent, net::Tokio, types::Payload};
use openraft::{
    RaftLogReader,
    async_runtime::Oneshot,
    entry::RaftEntry,
    storage::{IOFlushed, RaftLogStorage},
};
use std::time::Instant;

type Log = RedbLog<Tokio>;
type Config = TypeConfig<Tokio>;

fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(
        openraft::impls::leader_id_adv::LeaderId { term, node_id: 1 },
        index,
    )
}

fn entry(term: u64, index: u64, bytes: usize) -> Entry {
    let payload = Payload(vec![7; bytes].into());
    Entry::new(log_id(term, index), EntryContent::Normal(payload))
}

fn flushed() -> (
    IOFlushed<Config>,
    tokio::sync::oneshot::Receiver<io::Result<()>>,
) {
    let (sender, receiver) = <<Tokio as AsyncRuntime>::Oneshot as Oneshot>::channel();
    (IOFlushed::signal(sender), receiver)
}

async fn append(log: &mut Log, entries: Vec<Entry>) -> io::Result<()> {
    let (callback, flushed) = flushed();
    RaftLogStorage::append(log, entries, callback).await?;
    flushed.await.unwrap()
}

async fn indexes(log: &mut Log) -> Vec<u64> {
    let entries = RaftLogReader::<Config>::try_get_log_entries(log, ..)
        .await
        .unwrap();
    entries.iter().map(|entry| entry.log_id.index).collect()
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    let vote = Vote::new(3, 1);
    log.save_vote(&vote).await.unwrap();
    append(&mut log, (0..100).map(|i| entry(1, i, 100)).collect())
        .await
        .unwrap();
    log.truncate_after(Some(log_id(1, 79))).await.unwrap();
    append(&mut log, vec![entry(2, 80, 5)]).await.unwrap();
    log.save_committed(Some(log_id(2, 80))).await.unwrap();
    log.purge(log_id(1, 9)).await.unwrap();
    log.close();
    assert!(log.save_vote(&vote).await.is_err(), "it is closed");

    let mut log = Log::open(&path).unwrap();
    assert_eq!(log.read_vote().await.unwrap(), Some(vote));
    assert_eq!(log.read_committed().await.unwrap(), Some(log_id(2, 80)));
    let state = log.get_log_state().await.unwrap();
    assert_eq!(state.last_log_id, Some(log_id(2, 80)));
    assert_eq!(state.last_purged_log_id, Some(log_id(1, 9)));
    assert_eq!(indexes(&mut log).await, (10..=80).collect::<Vec<_>>());
}

#[tokio::test]
async fn entries_outside_the_window_come_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    // 40 MB: more than the window keeps.
    for i in 0..40 {
        append(&mut log, vec![entry(1, i, 1 << 20)]).await.unwrap();
    }
    let first = lock(&log.0.state).window.first().unwrap();
    assert!(first > 10, "the window begins at {first}");
    assert_eq!(indexes(&mut log).await, (0..40).collect::<Vec<_>>());
    let some = RaftLogReader::<Config>::limited_get_log_entries(&mut log, 0, 40)
        .await
        .unwrap();
    assert_eq!(some.len(), 1, "no more than fits into one message");
    log.purge(log_id(1, first + 2)).await.unwrap();
    assert_eq!(indexes(&mut log).await, (first + 3..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_long_purge_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    append(&mut log, (0..2_000).map(|i| entry(1, i, 10)).collect())
        .await
        .unwrap();
    log.purge(log_id(1, 1_899)).await.unwrap();
    append(&mut log, vec![entry(1, 2_000, 10)]).await.unwrap();
    log.close();
    let file = LogFile::open(&path).unwrap();
    let mut window = EntryWindow::new(usize::MAX);
    let stored = file.load(&mut window).unwrap();
    assert_eq!(stored.purged, Some(log_id(1, 1_899)));
    assert_eq!(window.first(), Some(1_900));
}

#[tokio::test]
async fn a_log_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let _log = Log::open(&path).unwrap();
    let error = Log::open(&path).unwrap_err();
    assert!(matches!(error, LogError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&path.display().to_string()));
}

#[tokio::test]
async fn notes_of_the_commit_do_not_get_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    for i in 0..300 {
        let (callback, receiver) = flushed();
        let committed = i.max(1) - 1;
        log.save_committed(Some(log_id(1, committed)))
            .await
            .unwrap();
        RaftLogStorage::append(&mut log, vec![entry(1, i, 10)], callback)
            .await
            .unwrap();
        log.save_committed(Some(log_id(1, committed)))
            .await
            .unwrap();
        let limit = std::time::Duration::from_secs(10);
        let written = tokio::time::timeout(limit, receiver).await;
        written.unwrap().unwrap().unwrap();
    }
    log.save_committed(Some(log_id(1, 299))).await.unwrap();
    log.close();
    let mut log = Log::open(&path).unwrap();
    assert_eq!(log.read_committed().await.unwrap(), Some(log_id(1, 299)));
    assert_eq!(indexes(&mut log).await.len(), 300);
}

/// Writes a value into the closed file behind the log's back.
fn overwrite(path: &Path, index: u64, change: impl FnOnce(&mut Vec<u8>)) {
    let file = LogFile::open(path).unwrap();
    let transaction = file.database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(file::ENTRIES).unwrap();
        let mut value = redb::ReadableTable::get(&table, index)
            .unwrap()
            .unwrap()
            .value()
            .to_vec();
        change(&mut value);
        if value.is_empty() {
            table.remove(index).unwrap();
        } else {
            table.insert(index, value.as_slice()).unwrap();
        }
    }
    transaction.commit().unwrap();
}

#[tokio::test]
async fn damaged_entries_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    append(&mut log, (0..10).map(|i| entry(1, i, 100)).collect())
        .await
        .unwrap();
    log.close();

    overwrite(&path, 5, |value| value[50] ^= 1);
    let error = Log::open(&path).unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
    overwrite(&path, 5, |value| value[50] ^= 1);
    Log::open(&path).unwrap().close();

    overwrite(&path, 5, |value| value[0] = codec::FORMAT + 1);
    let error = Log::open(&path).unwrap_err();
    assert!(matches!(error, LogError::Newer { found: 2, .. }), "{error}");
    overwrite(&path, 5, |value| value[0] = codec::FORMAT);

    overwrite(&path, 7, Vec::clear);
    let error = Log::open(&path).unwrap_err();
    assert!(error.to_string().contains("entry 7 is missing"), "{error}");
}

#[tokio::test]
async fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, vec![42u8; 100_000]).unwrap();
    let error = Log::open(&path).unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
    let nowhere = folder.path().join("no such folder").join("log");
    let error = Log::open(&nowhere).unwrap_err();
    assert!(matches!(error, LogError::Io { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_page_does_not_bring_the_process_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    append(&mut log, (0..200).map(|i| entry(1, i, 1000)).collect())
        .await
        .unwrap();
    log.close();
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4096).step_by(97) {
        *byte ^= 0x5a;
    }
    std::fs::write(&path, bytes).unwrap();
    let error = Log::open(&path).unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn appends_that_wait_together_share_an_fsync() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    let start = Instant::now();
    for i in 0..50 {
        append(&mut log, vec![entry(1, i, 200)]).await.unwrap();
    }
    let alone = start.elapsed() / 50;
    let start = Instant::now();
    let mut waiting = Vec::new();
    for i in 50..1_050 {
        let (callback, receiver) = self::flushed();
        RaftLogStorage::append(&mut log, vec![entry(1, i, 200)], callback)
            .await
            .unwrap();
        waiting.push(receiver);
    }
    for receiver in waiting {
        receiver.await.unwrap().unwrap();
    }
    let together = start.elapsed() / 1_000;
    println!("an append costs {alone:?} alone, {together:?} in company");
    assert!(together < alone, "{together:?} against {alone:?}");
}

/// openraft's own tests of a log store.
mod suite {
    use super::*;
    use crate::consensus::{MemoryLog, StateMachine, toy::List};
    use openraft::{
        StorageError,
        testing::log::{StoreBuilder, Suite},
    };

    struct OnDisk;
    struct InMemory;

    impl StoreBuilder<Config, Log, StateMachine, tempfile::TempDir> for OnDisk {
        async fn build(
            &self,
        ) -> Result<(tempfile::TempDir, Log, StateMachine), StorageError<Config>> {
            let folder = tempfile::tempdir().unwrap();
            let log = Log::open(&folder.path().join("log")).unwrap();
            Ok((folder, log, StateMachine::for_test(List::default())))
        }
    }

    impl StoreBuilder<Config, MemoryLog, StateMachine> for InMemory {
        async fn build(&self) -> Result<((), MemoryLog, StateMachine), StorageError<Config>> {
            Ok((
                (),
                MemoryLog::new(),
                StateMachine::for_test(List::default()),
            ))
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_disk() {
        Suite::test_all(OnDisk).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn in_memory() {
        Suite::test_all(InMemory).await.unwrap();
    }
}
