#![allow(clippy::unwrap_used)]

use super::Family;
use alloy::{consensus::Header, primitives::U256};

fn header(number: u64, difficulty: u64) -> Header {
    Header {
        number,
        difficulty: U256::from(difficulty),
        ..Header::default()
    }
}

#[test]
fn seven_blocks_of_proof_of_work_are_kept_and_none_after_the_merge() {
    let mut family = Family::default();
    let headers: Vec<_> = (1..=9).map(|number| header(number, 5)).collect();
    let ommer = header(100, 5);
    for header in &headers {
        family = family.with(header.hash_slow(), header, std::slice::from_ref(&ommer));
    }
    for header in &headers[..2] {
        assert_eq!(family.member(header.hash_slow()), None);
    }
    for header in &headers[2..] {
        assert_eq!(family.member(header.hash_slow()), Some(header));
    }
    assert!(family.has_ommer(ommer.hash_slow()));
    let bytes = postcard::to_allocvec(&family).unwrap();
    assert_eq!(postcard::from_bytes::<Family>(&bytes).unwrap(), family);
    let merged = header(10, 0);
    assert_eq!(
        family.with(merged.hash_slow(), &merged, &[]),
        Family::default()
    );
}
