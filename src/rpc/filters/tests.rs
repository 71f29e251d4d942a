#![allow(clippy::unwrap_used)]
use super::*;
use crate::rpc::testing::block_with_logs;
use alloy::primitives::Address;
use serde_json::Value;
use tokio::sync::broadcast;

fn filters(capacity: usize, limits: &Limits) -> (Filters, Sender<ChainEvent>) {
    let (events, _) = broadcast::channel(capacity);
    (Filters::new(events.clone(), limits), events)
}

fn changes(filters: &Filters, id: &str) -> Vec<Value> {
    serde_json::from_slice(filters.changes(id).unwrap().as_bytes()).unwrap()
}

#[test]
fn a_filter_sees_what_happens_after_it_once() {
    let (filters, events) = filters(16, &Limits::default());
    let _ = events.send(ChainEvent::Transaction(B256::repeat_byte(1)));
    let id = filters.create(FilterKind::Transactions).unwrap();
    let blocks = filters.create(FilterKind::Blocks).unwrap();
    events
        .send(ChainEvent::Transaction(B256::repeat_byte(2)))
        .unwrap();
    let block = Arc::new(block_with_logs(1, &[]));
    events.send(ChainEvent::Block(Arc::clone(&block))).unwrap();
    assert_eq!(
        changes(&filters, &id),
        [Value::from(B256::repeat_byte(2).to_string())]
    );
    assert_eq!(
        changes(&filters, &blocks),
        [Value::from(block.hash.to_string())]
    );
    assert!(changes(&filters, &id).is_empty());
    assert!(filters.remove(&id));
    assert!(!filters.remove(&id));
    assert_eq!(
        filters.changes(&id).unwrap_err().message(),
        "filter not found"
    );
}

#[test]
fn logs_that_leave_the_chain_are_said_to_be_removed() {
    let (filters, events) = filters(16, &Limits::default());
    let (ours, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let mut criteria = FilterCriteria::default();
    criteria.filter.addresses = vec![ours];
    let id = filters.create(FilterKind::Logs(criteria)).unwrap();
    let block = Arc::new(block_with_logs(7, &[other, ours]));
    events.send(ChainEvent::Block(Arc::clone(&block))).unwrap();
    events
        .send(ChainEvent::Removed(vec![Arc::clone(&block)]))
        .unwrap();
    let changes = changes(&filters, &id);
    let flags: Vec<_> = changes
        .iter()
        .map(|log| log["removed"].as_bool().unwrap())
        .collect();
    assert_eq!(flags, [false, true]);
    assert_eq!(changes[0]["logIndex"], "0x1");
    assert_eq!(changes[0]["blockNumber"], "0x7");
}

#[test]
fn a_range_of_numbers_bounds_what_is_to_come() {
    let (filters, events) = filters(16, &Limits::default());
    let criteria = FilterCriteria {
        range: FilterRange::Blocks {
            from: Some(BlockNumberOrTag::Number(5)),
            to: Some(BlockNumberOrTag::Number(6)),
        },
        ..FilterCriteria::default()
    };
    let id = filters.create(FilterKind::Logs(criteria)).unwrap();
    for number in 4..=7 {
        let block = block_with_logs(number, &[Address::ZERO]);
        events.send(ChainEvent::Block(Arc::new(block))).unwrap();
    }
    let numbers: Vec<_> = changes(&filters, &id)
        .iter()
        .map(|log| log["blockNumber"].clone())
        .collect();
    assert_eq!(numbers, ["0x5", "0x6"]);
}

#[test]
fn limits_hold() {
    let limits = Limits {
        filters: 2,
        filter_changes: 3,
        ..Limits::default()
    };
    let (filters, events) = filters(4, &limits);
    let first = filters.create(FilterKind::Transactions).unwrap();
    filters.create(FilterKind::Blocks).unwrap();
    assert_eq!(
        filters.create(FilterKind::Blocks).unwrap_err().code(),
        -32005
    );
    for byte in 0..4 {
        events
            .send(ChainEvent::Transaction(B256::repeat_byte(byte)))
            .unwrap();
    }
    assert_eq!(
        filters.changes(&first).unwrap_err().message(),
        "filter not found",
        "it overflowed"
    );
    let again = filters.create(FilterKind::Transactions).unwrap();
    for byte in 0..9 {
        events
            .send(ChainEvent::Transaction(B256::repeat_byte(byte)))
            .unwrap();
    }
    assert!(filters.changes(&again).is_err(), "events were lost");
}

#[test]
fn an_idle_filter_dies_and_the_queue_of_events_with_the_last_one() {
    let limits = Limits {
        filter_idle: Duration::ZERO,
        ..Limits::default()
    };
    let (filters, events) = filters(4, &limits);
    let id = filters.create(FilterKind::Blocks).unwrap();
    filters.tick();
    assert!(filters.changes(&id).is_err());
    assert_eq!(events.receiver_count(), 0);
}
