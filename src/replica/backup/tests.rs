#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    chain::{
        archive::MemoryStore,
        command::{Cheat, Write},
        spec::Hardfork,
        testing,
    },
    replica::{api::Backend as _, testing::TestCluster},
};

fn bytes_of(archive: &Archive, spec: &ChainSpec) -> Vec<u8> {
    let pieces: io::Result<Vec<_>> = backup(archive, spec).unwrap().collect();
    pieces.unwrap().concat()
}

fn check(bytes: &[u8]) -> Result<B256, BackupError> {
    let mut sealing = Sealing::default();
    // In pieces of a size that fits nothing.
    bytes.chunks(7).for_each(|piece| sealing.update(piece));
    sealing.finish()
}

/// A cluster with some blocks, a snapshot that was reverted, one that lives, and a note.
async fn lived() -> (TestCluster, Arc<ChainSpec>) {
    let spec = testing::spec(Hardfork::Prague);
    let cluster = TestCluster::new(&spec, 10_000);
    let mine = || Write::Mine {
        count: 3,
        interval_seconds: None,
        timestamp: None,
    };
    cluster.node(1).write(mine()).await.unwrap();
    cluster
        .node(2)
        .write(Write::Cheat(Cheat::Snapshot))
        .await
        .unwrap();
    // One node writes back in the middle of it, the others do not.
    cluster.node(3).archive().flush().unwrap();
    cluster.node(2).write(mine()).await.unwrap();
    cluster.node(3).archive().flush().unwrap();
    cluster
        .node(3)
        .write(Write::Cheat(Cheat::Revert { id: 1 }))
        .await
        .unwrap();
    cluster
        .node(1)
        .write(Write::Cheat(Cheat::Snapshot))
        .await
        .unwrap();
    cluster.node(1).write(mine()).await.unwrap();
    let note = Write::Note {
        key: "k".to_owned(),
        value: "1".to_owned(),
    };
    cluster.node(1).write(note).await.unwrap();
    (cluster, spec)
}

#[tokio::test]
async fn all_nodes_give_the_same_bytes_and_they_come_back() {
    let (cluster, spec) = lived().await;
    let all: Vec<_> = (1..=3)
        .map(|id| bytes_of(cluster.node(id).archive(), &spec))
        .collect();
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
    check(&all[0]).unwrap();

    let reader = BackupReader::open(&all[0][..]).unwrap();
    assert_eq!(reader.manifest().rules, public_rules(&spec));
    assert_eq!(reader.manifest().head_number, 6);
    let archive = Archive::new(Arc::new(MemoryStore::default()));
    reader.install(&archive, b"record").unwrap();
    let (chain, stored) = stored_chain(&spec, &archive).unwrap().unwrap();
    let live = cluster.node(2).local();
    assert_eq!(chain.position(), live.position());
    assert_eq!(chain.head(), live.head());
    assert_eq!(stored.record, b"record");
    assert_eq!(chain.note("k"), live.note("k"));
    for number in 0..=6 {
        let block = archive.block_by_number(number).unwrap().unwrap();
        assert_eq!(archive.block_by_hash(block.hash).unwrap().unwrap(), block);
        let live = cluster.node(2).archive();
        assert_eq!(live.block_by_number(number).unwrap().unwrap(), block);
        assert_eq!(
            live.log_index(number).unwrap(),
            archive.log_index(number).unwrap()
        );
    }
    // And again to the same bytes.
    assert_eq!(bytes_of(&archive, &spec), all[0]);
}

#[tokio::test]
async fn every_cut_and_every_flipped_bit_is_found() {
    let (cluster, spec) = lived().await;
    let bytes = bytes_of(cluster.node(1).archive(), &spec);
    for length in (0..bytes.len()).step_by(97) {
        assert!(check(&bytes[..length]).is_err(), "cut to {length}");
        let read = || -> Result<usize, BackupError> {
            let reader = BackupReader::open(&bytes[..length])?;
            Ok(reader.collect::<Result<Vec<_>, _>>()?.len())
        };
        // What lacks only its hash can be read; that is why the hash is checked first.
        assert!(
            read().is_err() || length >= bytes.len() - HASH_BYTES,
            "cut to {length}"
        );
    }
    for at in (0..bytes.len()).step_by(61) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(check(&changed).is_err(), "flipped at {at}");
    }
    assert!(matches!(
        check(b"anything else at all, which is long enough to be one"),
        Err(BackupError::NotABackup)
    ));
}

#[test]
fn rules_come_back_from_json_as_they_were() {
    let spec = public_rules(&testing::spec(Hardfork::Prague));
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<ChainSpec>(&json).unwrap(), spec);
}
