//! Readers beside appends, flushes and reverts.

use super::{super::*, Saved, info};
use crate::chain::state::{Draft, StateError};
use alloy::primitives::Address;
use std::{sync::atomic::AtomicBool, thread};

const ACCOUNTS: u64 = 7;
const LAST_VERSION: u64 = 1500;

/// A head with the versions that lie behind it, ascending.
#[derive(Clone)]
struct Line {
    state: State,
    versions: Vec<u64>,
}

fn account(n: u64) -> Address {
    Address::repeat_byte(n as u8)
}

/// Version `v` sets account `v % ACCOUNTS` to `v`, so what an account has tells in which version it was set.
fn next(archive: &Archive, line: &Line, version: u64, revert: Option<u64>) -> Line {
    let mut line = line.clone();
    let mut effects = Effects {
        version,
        ..Effects::default()
    };
    if let Some(to) = revert {
        effects.revert = Some(RevertPoint {
            block_number: 0,
            version: to,
        });
        line.versions.retain(|version| *version <= to);
        line.state = archive.rewind(&line.state, version - 1, to).unwrap();
    }
    let mut draft = Draft::new(line.state);
    draft.set_account(account(version % ACCOUNTS), info(version));
    let diff;
    (line.state, diff) = draft.finish();
    line.versions.push(version);
    effects.diffs.push((version, diff));
    archive
        .append(&effects, &line.state, Arc::new(Saved(vec![])))
        .unwrap();
    line
}

/// Reads every account at a version; says whether the read was refused because of a revert.
fn read(archive: &Arc<Archive>, line: &Line, at: usize) -> bool {
    let (Some(head), version) = (line.versions.last(), line.versions[at]) else {
        return false;
    };
    let old = archive.state_at(&line.state, *head, version);
    for n in 0..ACCOUNTS {
        let versions = line.versions[..=at].iter().rev();
        let set = versions.copied().find(|version| version % ACCOUNTS == n);
        match old.account(account(n)) {
            Ok(found) => assert_eq!(found, set.map(info), "account {n} at {version}"),
            Err(StateError::Store(StoreError::Stale)) => return true,
            Err(error) => panic!("{error}"),
        }
    }
    match archive.rewind(&line.state, *head, version) {
        Ok(state) => {
            let versions = line.versions[..=at].iter().rev();
            let set = versions.copied().find(|version| version % ACCOUNTS == 0);
            assert_eq!(state.account_info(account(0)), set.map(info));
            false
        }
        Err(StoreError::Stale) => true,
        Err(error) => panic!("{error}"),
    }
}

fn run(revert_every: Option<u64>) {
    let archive = Arc::new(Archive::new(Arc::new(MemoryStore::default())));
    let first = Line {
        state: State::default(),
        versions: vec![],
    };
    let line = Mutex::new(next(&archive, &first, 1, None));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                archive.flush().unwrap();
                thread::yield_now();
            }
        });
        for reader in 0..2_usize {
            let (archive, line, over) = (&archive, &line, &over);
            scope.spawn(move || {
                let mut at = reader;
                while !over.load(Ordering::Relaxed) {
                    let line = line.lock().unwrap().clone();
                    at = at.wrapping_mul(31).wrapping_add(17);
                    let refused = read(archive, &line, at % line.versions.len());
                    assert!(!refused || revert_every.is_some());
                }
            });
        }
        for version in 2..=LAST_VERSION {
            let current = line.lock().unwrap().clone();
            let revert = revert_every.filter(|every| version.is_multiple_of(*every));
            let revert = revert.map(|_| current.versions[current.versions.len() / 2]);
            let new = next(&archive, &current, version, revert);
            *line.lock().unwrap() = new;
        }
        over.store(true, Ordering::Relaxed);
    });
    let line = line.into_inner().unwrap();
    for at in 0..line.versions.len() {
        assert!(!read(&archive, &line, at));
    }
}

#[test]
fn readers_see_exact_history_beside_appends_and_flushes() {
    run(None);
}

#[test]
fn readers_see_exact_history_or_an_error_beside_reverts() {
    run(Some(50));
}
