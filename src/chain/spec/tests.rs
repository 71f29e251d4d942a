//! Forks by block, total difficulty and time.
#![allow(clippy::unwrap_used)]

use super::*;
use alloy::primitives::address;

const FILE: &str = r#"{
  "config": {
    "chainId": 7, "homesteadBlock": 0, "eip150Block": 3, "eip155Block": 6, "eip158Block": 6, "byzantiumBlock": 9,
    "constantinopleBlock": 12, "petersburgBlock": 15, "londonBlock": 27, "mergeNetsplitBlock": 36,
    "shanghaiTime": 390, "cancunTime": 420, "osakaTime": 480, "bpo1Time": 510, "terminalTotalDifficulty": 4732352,
    "blobSchedule": {
      "cancun": { "target": 2, "max": 4, "baseFeeUpdateFraction": 11 },
      "bpo1": { "target": 10, "max": 15, "baseFeeUpdateFraction": 12 }
    }
  },
  "difficulty": "0x20000", "gasLimit": "0x5f5e100", "timestamp": "0x0", "extraData": "0x6162",
  "alloc": { "00000961ef480eb55e80d19ad83579a64c007002": { "balance": "0x5", "storage": { "0x01": "0x02" } } }
}"#;

#[test]
fn a_genesis_file_gives_forks_block_and_state() {
    let file = GenesisFile::parse(FILE).unwrap();
    assert_eq!(file.chain_id, 7);
    assert_eq!(file.genesis.difficulty, U256::from(0x20000));
    assert_eq!(file.genesis.gas_limit, 100_000_000);
    let account = &file.genesis.alloc[&address!("00000961ef480eb55e80d19ad83579a64c007002")];
    assert_eq!(account.balance, U256::from(5));
    assert_eq!(account.storage.len(), 1);
    let before = |number| file.forks.rules(number, number * 10, false).fork;
    assert_eq!(before(0), Hardfork::Homestead);
    assert_eq!(before(3), Hardfork::Tangerine);
    assert_eq!(before(8), Hardfork::SpuriousDragon);
    assert_eq!(before(12), Hardfork::Constantinople);
    assert_eq!(before(26), Hardfork::Petersburg);
    // A fork by time waits for the merge.
    assert_eq!(before(50), Hardfork::London);
    let after = |number| file.forks.rules(number, number * 10, true).fork;
    assert_eq!(after(36), Hardfork::Paris);
    assert_eq!(after(39), Hardfork::Shanghai);
    assert_eq!(after(47), Hardfork::Cancun);
    assert_eq!(after(51), Hardfork::Bpo1);
    assert!(!file.forks.is_merged_after(U256::from(4_732_351)));
    assert!(file.forks.is_merged_after(U256::from(4_732_352)));
}

#[test]
fn the_blob_schedule_is_the_files_and_osakas_other_rules_stay() {
    let file = GenesisFile::parse(FILE).unwrap();
    let blobs = |timestamp| file.forks.rules(40, timestamp, true).blobs;
    assert_eq!(blobs(419), None);
    let cancun = blobs(420).unwrap();
    assert_eq!((cancun.max_blob_count, cancun.max_blobs_per_tx), (4, 4));
    assert_eq!(cancun.blob_base_cost, 0);
    let osaka = blobs(480).unwrap();
    assert_eq!((osaka.max_blob_count, osaka.max_blobs_per_tx), (4, 6));
    assert!(osaka.blob_base_cost > 0);
    assert_eq!(blobs(510).unwrap().target_blob_count, 10);
}

#[test]
fn a_fork_name_is_taken_in_every_spelling() {
    for name in ["spuriousDragon", "spurious-dragon", "SPURIOUS_DRAGON"] {
        assert_eq!(name.parse(), Ok(Hardfork::SpuriousDragon));
    }
    assert_eq!("merge".parse(), Ok(Hardfork::Paris));
    assert_eq!("latest".parse(), Ok(Hardfork::LATEST));
    let error = "verkle".parse::<Hardfork>().unwrap_err().to_string();
    assert!(error.starts_with("`verkle` is not a hardfork; choose one of frontier, homestead"));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let swapped = FILE.replace("\"byzantiumBlock\": 9", "\"byzantiumBlock\": 5");
    let error = GenesisFile::parse(&swapped).unwrap_err().to_string();
    assert_eq!(
        error,
        "hardfork byzantium is at 5, before spurious-dragon at 6"
    );
    let unknown = FILE.replace("\"bpo1\": {", "\"paris\": {");
    assert!(matches!(
        GenesisFile::parse(&unknown),
        Err(GenesisFileError::BlobFork(name)) if name == "paris"
    ));
}

#[test]
fn every_fork_can_be_there_from_the_start() {
    for fork in Hardfork::ALL.iter().copied() {
        let forks = ForkSchedule::at_genesis(fork);
        let merged = forks.is_merged_after(U256::ZERO);
        assert_eq!(merged, fork >= Hardfork::Paris, "{}", fork.name());
        assert_eq!(forks.rules(0, 0, merged).fork, fork);
        assert_eq!(
            forks.rules(1, 1, merged).blobs.is_some(),
            fork >= Hardfork::Cancun
        );
    }
}
