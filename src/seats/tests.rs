use super::*;
use futures::FutureExt as _;

fn is_sent_away(seat: &Seat) -> bool {
    seat.sent_away().now_or_never().is_some()
}

#[test]
fn who_waits_longest_goes_first_and_who_works_never() {
    let seats = Seats::default();
    let (first, second, third) = (seats.sit(), seats.sit(), seats.sit());
    assert!(first.rise());
    first.wait();
    assert!(third.rise());
    assert!(seats.make_room());
    assert!(is_sent_away(&second) && !is_sent_away(&first));
    assert!(!second.rise(), "it was sent away before it spoke");
    assert!(seats.make_room());
    assert!(is_sent_away(&first));
    assert!(!seats.make_room() && !is_sent_away(&third));
}

#[test]
fn a_seat_is_free_when_its_connection_is_gone() {
    let seats = Seats::default();
    let one = seats.sit();
    let other = seats.sit();
    drop(one);
    assert_eq!(seats.taken(), 1);
    other.wait();
    assert_eq!(seats.taken(), 1);
    drop(other);
    assert!(!seats.make_room());
}
