//! The cache forgets in order, and within its limits.

use super::*;
use alloy::consensus::Header;

fn block(number: u64, data: usize) -> Arc<BlockRecord> {
    let header = Header {
        number,
        ..Default::default()
    };
    let log = alloy::primitives::Log::new_unchecked(
        alloy::primitives::Address::ZERO,
        vec![],
        vec![0; data].into(),
    );
    let receipt = alloy::consensus::Receipt {
        logs: vec![log],
        ..Default::default()
    };
    Arc::new(BlockRecord {
        hash: header.hash_slow(),
        header,
        transactions: vec![],
        ommers: vec![],
        withdrawals: None,
        receipts: vec![crate::chain::block::ReceiptRecord {
            receipt: alloy::consensus::ReceiptEnvelope::Legacy(receipt.into()),
            gas_used: 0,
            contract_address: None,
            first_log_index: 0,
        }],
        version: number,
    })
}

#[test]
fn what_was_not_used_longest_is_forgotten_first() {
    let mut cache = BlockCache::default();
    for number in 0..MAX_BLOCKS as u64 {
        cache.insert(block(number, 0));
    }
    assert!(cache.get(0).is_some());
    cache.insert(block(5000, 0));
    assert!(cache.get(0).is_some());
    assert!(cache.get(1).is_none());
    assert_eq!(cache.number(&block(1, 0).hash), None);
    assert_eq!(cache.number(&block(5000, 0).hash), Some(5000));
    assert_eq!(cache.blocks.len(), MAX_BLOCKS);
}

#[test]
fn memory_is_bounded_and_reverted_blocks_leave() {
    let mut cache = BlockCache::default();
    for number in 0..100 {
        cache.insert(block(number, 1 << 20));
    }
    assert!(cache.bytes <= MAX_BYTES && !cache.blocks.is_empty());
    cache.remove_above(90);
    assert!(cache.get(91).is_none());
    assert!(cache.get(90).is_some());
    assert_eq!(cache.blocks.len(), cache.uses.len());
    assert_eq!(cache.blocks.len(), cache.numbers.len());
    cache.clear();
    assert_eq!(cache.bytes, 0);
}
