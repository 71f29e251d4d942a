//! Histories whose answer is known.

#![allow(clippy::unwrap_used)]

use super::*;

fn write(number: u64, from: u64, to: Option<u64>) -> Event {
    Event {
        from: Duration::from_secs(from),
        to: to.map(Duration::from_secs),
        write: Some(number),
        read: 0,
        number,
    }
}

fn read(number: u64, from: u64, to: u64, value: u64) -> Event {
    Event {
        from: Duration::from_secs(from),
        to: Some(Duration::from_secs(to)),
        write: None,
        read: value,
        number,
    }
}

#[test]
fn a_read_sees_what_was_written_before_it() {
    assert!(check(&[write(1, 0, Some(1)), read(2, 2, 3, 1)]).is_ok());
    assert!(check(&[write(1, 0, Some(1)), read(2, 2, 3, 0)]).is_err());
}

#[test]
fn a_read_beside_a_write_sees_either_value() {
    for value in [0, 1] {
        assert!(check(&[write(1, 0, Some(5)), read(2, 2, 3, value)]).is_ok());
    }
    assert!(check(&[write(1, 0, Some(5)), read(2, 2, 3, 7)]).is_err());
}

#[test]
fn what_was_seen_once_is_not_unseen() {
    let seen_then_not = [write(1, 0, Some(9)), read(2, 1, 2, 1), read(3, 3, 4, 0)];
    assert!(check(&seen_then_not).is_err());
    let not_then_seen = [write(1, 0, Some(9)), read(2, 1, 2, 0), read(3, 3, 4, 1)];
    assert!(check(&not_then_seen).is_ok());
}

#[test]
fn an_unanswered_write_may_happen_late_or_never() {
    for value in [0, 1] {
        assert!(check(&[write(1, 0, None), read(2, 50, 51, value)]).is_ok());
    }
    let back = [write(1, 0, None), read(2, 50, 51, 1), read(3, 52, 53, 0)];
    assert!(check(&back).is_err());
}

#[test]
fn two_readers_agree_on_the_order_of_two_writes() {
    let writes = [write(1, 0, Some(9)), write(2, 0, Some(9))];
    let agree = [read(3, 1, 2, 1), read(4, 3, 4, 2), read(5, 5, 6, 2)];
    assert!(check(&[&writes[..], &agree[..]].concat()).is_ok());
    let differ = [read(3, 1, 2, 1), read(4, 3, 4, 2), read(5, 5, 6, 1)];
    assert!(check(&[&writes[..], &differ[..]].concat()).is_err());
}
