use super::*;

const PROMISE: Duration = Duration::from_millis(300);

#[test]
fn nothing_is_read_before_a_majority_was_asked_in_this_term() {
    let lease = Lease::new(Some(PROMISE));
    let age = Confirmed::Ago(Duration::from_millis(1));
    assert_eq!(lease.read_index(1, age, Some(9)), None);
    lease.settle(1, 5);
    assert_eq!(lease.read_index(1, age, Some(9)), Some(9));
    assert_eq!(lease.read_index(1, age, Some(2)), Some(5));
    assert_eq!(lease.read_index(2, age, Some(9)), None);
    lease.settle(2, 12);
    lease.settle(1, 30);
    assert_eq!(lease.read_index(2, age, Some(9)), Some(12));
}

#[test]
fn half_a_promise_is_the_end() {
    let lease = Lease::new(Some(PROMISE));
    lease.settle(1, 5);
    assert!(
        lease
            .read_index(1, Confirmed::Ago(PROMISE / 2), Some(5))
            .is_none()
    );
    let before = Confirmed::Ago((PROMISE / 2).saturating_sub(Duration::from_nanos(1)));
    assert_eq!(lease.read_index(1, before, Some(5)), Some(5));
}

#[test]
fn what_peers_were_told_is_waited_for() {
    let lease = Lease::new(Some(PROMISE));
    lease.settle(1, 5);
    lease.announced().raise(8);
    lease.announced().raise(7);
    let age = Confirmed::Ago(Duration::from_millis(1));
    assert_eq!(lease.read_index(1, age, Some(6)), Some(8));
}

#[test]
fn without_a_shared_clock_only_a_lone_voter_reads() {
    let lease = Lease::new(None);
    lease.settle(1, 5);
    let now = Confirmed::Ago(Duration::ZERO);
    assert_eq!(lease.read_index(1, now, Some(5)), None);
    let itself = Confirmed::ByItself;
    assert_eq!(lease.read_index(1, itself, Some(5)), Some(5));
}

#[test]
fn a_transfer_ends_the_term_s_leases() {
    let lease = Lease::new(Some(PROMISE));
    lease.settle(3, 5);
    lease.give_up(3);
    lease.settle(3, 6);
    let age = Confirmed::Ago(Duration::from_millis(1));
    assert_eq!(lease.read_index(3, age, Some(6)), None);
    lease.settle(4, 7);
    assert_eq!(lease.read_index(4, age, Some(6)), Some(7));
}
