#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn subscriptions_have_ids_and_a_limit() {
    let session = Session::new(2);
    assert!(!session.is_subscribed());
    let first = session.subscribe(Topic::Heads).unwrap();
    let second = session.subscribe(Topic::Syncing).unwrap();
    assert!(first.starts_with("0x") && first != second);
    assert_eq!(session.subscribe(Topic::Heads).unwrap_err().code(), -32005);
    assert!(session.unsubscribe(&first));
    assert!(!session.unsubscribe(&first));
    assert!(session.is_subscribed());
    assert!(session.unsubscribe(&second));
    assert!(!session.is_subscribed());
}

#[test]
fn ids_are_quantities() {
    for _ in 0..64 {
        let id = random_id().unwrap();
        assert!(!id.starts_with("0x0") && id.len() <= 34, "{id}");
    }
}
