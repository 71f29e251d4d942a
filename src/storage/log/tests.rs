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
use segment::SEGMENT_BYTES;
use std::{path::PathBuf, time::Instant};

type Log = DiskLog<Tokio>;
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
    let sizes = Sizes {
        window_bytes: usize::MAX,
        ..Sizes::default()
    };
    let replayed = replay::replay(&SystemFolder(path), sizes, Access::Write).unwrap();
    assert_eq!(replayed.end.facts.purged, Some(log_id(1, 1_899)));
    assert_eq!(replayed.window.first(), Some(1_900));
    assert_eq!(replayed.index.first(), Some(1_900));
}

/// Found by the simulator: the engine sent what came later as what follows.
#[tokio::test]
async fn a_read_whose_beginning_is_gone_gives_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(&folder.path().join("log")).unwrap();
    let mut memory = crate::consensus::MemoryLog::new();
    append(&mut log, (0..20).map(|i| entry(1, i, 10)).collect())
        .await
        .unwrap();
    let (callback, _) = flushed();
    let entries: Vec<_> = (0..20).map(|i| entry(1, i, 10)).collect();
    RaftLogStorage::<Config>::append(&mut memory, entries, callback)
        .await
        .unwrap();
    log.purge(log_id(1, 9)).await.unwrap();
    RaftLogStorage::<Config>::purge(&mut memory, log_id(1, 9))
        .await
        .unwrap();
    for (start, count) in [(5, 0), (9, 0), (10, 10), (15, 5)] {
        let read = log.limited_get_log_entries(start, 20).await.unwrap();
        assert_eq!(read.len(), count, "from {start}");
        let read = RaftLogReader::<Config>::limited_get_log_entries(&mut memory, start, 20)
            .await
            .unwrap();
        assert_eq!(read.len(), count, "from {start}, in memory");
    }
}

fn segments(path: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "segment"))
        .collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn segments_that_are_no_longer_needed_go_and_take_nothing_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    let vote = Vote::new(7, 2);
    log.save_vote(&vote).await.unwrap();
    for i in 0..100 {
        append(&mut log, vec![entry(1, i, 100_000)]).await.unwrap();
    }
    let before = segments(&path);
    assert!(before.len() >= 5, "{before:?}");
    log.purge(log_id(1, 94)).await.unwrap();
    append(&mut log, vec![entry(1, 100, 10)]).await.unwrap();
    log.close();
    let after = segments(&path);
    assert!(after.len() <= 3, "{after:?}");
    assert!(!before[0].exists());

    let mut log = Log::open(&path).unwrap();
    assert_eq!(log.read_vote().await.unwrap(), Some(vote));
    assert_eq!(indexes(&mut log).await, (95..=100).collect::<Vec<_>>());
    append(&mut log, vec![entry(1, 101, 10)]).await.unwrap();
    log.close();
    let mut log = Log::open(&path).unwrap();
    assert_eq!(indexes(&mut log).await, (95..=101).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_entry_larger_than_a_segment_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    for (index, bytes) in [(0, 10), (1, 3 * SEGMENT_BYTES), (2, 10)] {
        append(&mut log, vec![entry(1, index, bytes)])
            .await
            .unwrap();
    }
    log.close();
    let mut log = Log::open(&path).unwrap();
    assert_eq!(indexes(&mut log).await, [0, 1, 2]);
}

#[tokio::test]
async fn a_log_goes_on_behind_what_a_snapshot_covers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    append(&mut log, (0..5).map(|i| entry(1, i, 10)).collect())
        .await
        .unwrap();
    log.purge(log_id(2, 50)).await.unwrap();
    append(&mut log, vec![entry(2, 51, 10)]).await.unwrap();
    log.close();
    let mut log = Log::open(&path).unwrap();
    assert_eq!(indexes(&mut log).await, [51]);
    let state = log.get_log_state().await.unwrap();
    assert_eq!(state.last_purged_log_id, Some(log_id(2, 50)));
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
        let limit = std::time::Duration::from_mins(1);
        let written = tokio::time::timeout(limit, receiver).await;
        written.unwrap().unwrap().unwrap();
    }
    log.save_committed(Some(log_id(1, 299))).await.unwrap();
    log.close();
    let mut log = Log::open(&path).unwrap();
    assert_eq!(log.read_committed().await.unwrap(), Some(log_id(1, 299)));
    assert_eq!(indexes(&mut log).await.len(), 300);
}

/// Changes the first segment of a closed log.
fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let segment = segments(path).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    change(&mut bytes);
    fs::write(&segment, bytes).unwrap();
}

/// Where the frames of the first segment stand, without what fills them up.
fn frames(path: &Path) -> Vec<std::ops::Range<usize>> {
    let bytes = fs::read(segments(path).remove(0)).unwrap();
    let (mut frames, mut at) = (Vec::new(), segment::HEADER_BYTES);
    while let frame::Found::Frame { next, records, .. } = frame::find(&bytes, at) {
        frames.push(at..records.end);
        at = next;
    }
    frames
}

async fn ten_entries(bytes: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    for i in 0..10 {
        append(&mut log, vec![entry(1, i, bytes)]).await.unwrap();
    }
    log.close();
    (folder, path)
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_found() {
    let (_folder, path) = ten_entries(100).await;
    let original = fs::read(segments(&path).remove(0)).unwrap();
    let places = frames(&path);
    assert_eq!(places.len(), 10);
    for place in [0, 1, 8, 17, 21] {
        change(&path, |bytes| bytes[place] ^= 1);
        Log::open(&path).expect_err("a changed header");
        change(&path, |bytes| bytes.clone_from(&original));
    }
    for frame in &places {
        for place in frame.clone().step_by(11) {
            change(&path, |bytes| bytes[place] ^= 0x10);
            let error = Log::open(&path).expect_err("a changed frame");
            assert!(matches!(error, LogError::Damaged { .. }), "{error}");
            let folder = path.display().to_string();
            assert!(error.to_string().contains(&folder), "{error}");
            change(&path, |bytes| bytes.clone_from(&original));
        }
    }
    let mut log = Log::open(&path).unwrap();
    assert_eq!(indexes(&mut log).await.len(), 10);
}

#[tokio::test]
async fn a_missing_frame_is_found() {
    let (_folder, path) = ten_entries(3_000).await;
    let original = fs::read(segments(&path).remove(0)).unwrap();
    for frame in &frames(&path)[..9] {
        change(&path, |bytes| bytes[frame.clone()].fill(0));
        let error = Log::open(&path).expect_err("a missing frame");
        assert!(matches!(error, LogError::Damaged { .. }), "{error}");
        change(&path, |bytes| bytes.clone_from(&original));
    }
}

/// What a crash in the middle of a write may leave: any of its sectors, in any order.
#[tokio::test]
async fn a_write_that_was_cut_short_is_cut_off() {
    const SECTOR: usize = 512;
    let (_folder, path) = ten_entries(2_000).await;
    let original = fs::read(segments(&path).remove(0)).unwrap();
    let last = frames(&path).pop().unwrap();
    let sectors: Vec<_> = (last.start / SECTOR..=(last.end - 1) / SECTOR)
        .map(|sector| (sector * SECTOR).max(last.start)..((sector + 1) * SECTOR).min(last.end))
        .collect();
    assert!((4..8).contains(&sectors.len()), "{sectors:?}");
    for written in 0..(1u32 << sectors.len()) - 1 {
        change(&path, |bytes| {
            for (at, sector) in sectors.iter().enumerate() {
                if written & (1 << at) == 0 {
                    bytes[sector.clone()].fill(0);
                }
            }
        });
        let mut log = Log::open(&path).unwrap_or_else(|error| panic!("{written:b}: {error}"));
        assert_eq!(indexes(&mut log).await, (0..9).collect::<Vec<_>>());
        append(&mut log, vec![entry(2, 9, 5)]).await.unwrap();
        log.close();
        let mut log = Log::open(&path).unwrap();
        assert_eq!(indexes(&mut log).await, (0..10).collect::<Vec<_>>());
        log.close();
        change(&path, |bytes| bytes.clone_from(&original));
    }
}

#[tokio::test]
async fn a_missing_segment_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    for i in 0..80 {
        append(&mut log, vec![entry(1, i, 100_000)]).await.unwrap();
    }
    log.close();
    let paths = segments(&path);
    for path_of_one in &paths[..paths.len() - 2] {
        let bytes = fs::read(path_of_one).unwrap();
        fs::remove_file(path_of_one).unwrap();
        let error = Log::open(&path).expect_err("a missing segment");
        assert!(error.to_string().contains("is missing"), "{error}");
        fs::write(path_of_one, bytes).unwrap();
    }
    Log::open(&path).unwrap();
}

#[tokio::test]
async fn other_versions_are_told_apart() {
    let (folder, path) = ten_entries(10).await;
    // A byte that was changed is damage, and not what a newer version wrote.
    change(&path, |bytes| bytes[8] = codec::FORMAT + 1);
    let error = Log::open(&path).unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
    let write_format = |format| {
        change(&path, |bytes| {
            bytes[8] = format;
            let crc = crc32fast::hash(&bytes[..17]);
            bytes[17..21].copy_from_slice(&crc.to_le_bytes());
        });
    };
    write_format(codec::FORMAT + 1);
    let error = Log::open(&path).unwrap_err();
    assert!(matches!(error, LogError::Newer { found: 2, .. }), "{error}");
    write_format(codec::FORMAT);
    fs::write(folder.path().join("log.redb"), b"redb").unwrap();
    let error = Log::open(&path).unwrap_err();
    assert!(error.to_string().contains("log.redb"), "{error}");
    assert!(matches!(error, LogError::Older { .. }), "{error}");
}

#[tokio::test]
async fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, vec![42u8; 100_000]).unwrap();
    let error = Log::open(&path).unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("0000000000000000.segment"), vec![42u8; 100_000]).unwrap();
    let error = Log::open(&path).unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
    let nowhere = folder.path().join("no such folder").join("log");
    let error = Log::open(&nowhere).unwrap_err();
    assert!(matches!(error, LogError::Io { .. }), "{error}");
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

#[tokio::test]
async fn a_log_that_is_only_read_is_never_changed() {
    let (_folder, path) = ten_entries(2_000).await;
    let segment = segments(&path).remove(0);
    // Both what a crash left of a write, and of a segment.
    let last = frames(&path).pop().unwrap();
    change(&path, |bytes| bytes[last.end - 600..last.end].fill(0));
    let unfinished = path.join("0000000000000001.unfinished");
    fs::write(&unfinished, b"x").unwrap();
    let before = fs::read(&segment).unwrap();
    let reader = LogReader::open(&path).unwrap();
    assert_eq!(reader.last(), Some(8));
    assert_eq!((reader.purged(), reader.committed()), (None, None));
    for index in 0..9 {
        let found = reader.entry(index).unwrap().unwrap();
        assert_eq!(found, entry(1, index, 2_000));
    }
    assert!(reader.entry(9).unwrap().is_none());
    Log::open(&path).expect_err("somebody reads it");
    drop(reader);
    assert!(fs::read(&segment).unwrap() == before);
    assert!(unfinished.exists());
    let log = Log::open(&path).unwrap();
    let error = LogReader::open(&path).expect_err("somebody writes it");
    assert!(matches!(error, LogError::InUse { .. }), "{error}");
    log.close();
}

#[tokio::test]
async fn a_seeded_log_ends_where_it_was_told_to_and_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let at = crate::types::LogPosition { term: 3, index: 70 };
    let mut log = Log::open(&path).unwrap();
    crate::consensus::seed_log(&mut log, at).await.unwrap();
    log.close();
    let reader = LogReader::open(&path).unwrap();
    assert_eq!((reader.purged(), reader.last()), (Some(70), Some(70)));
    assert!(reader.entry(70).unwrap().is_none());
    drop(reader);
    let mut log = Log::open(&path).unwrap();
    assert_eq!(log.read_vote().await.unwrap().unwrap().leader_id.term, 3);
    append(&mut log, vec![entry(4, 71, 10)]).await.unwrap();
    log.close();
    assert_eq!(LogReader::open(&path).unwrap().last(), Some(71));
}
