#![allow(clippy::unwrap_used)]

use super::*;
use crate::types::PublicKey;

fn member(number: u8) -> Member {
    Member {
        name: format!("node{number}"),
        public_key: PublicKey([number; 32]),
        peer_address: format!("127.0.0.1:30{number:02}"),
        rpc_address: format!("127.0.0.1:85{number:02}"),
    }
}

/// `voters` voters and `learners` learners.
fn roster(voters: u8, learners: u8) -> Roster {
    Roster {
        members: (1..=voters + learners)
            .map(|number| (number.into(), member(number)))
            .collect(),
        voters: (1..=u64::from(voters)).collect(),
        index: Some(7),
    }
}

fn up(ids: &[MemberId]) -> BTreeSet<MemberId> {
    ids.iter().copied().collect()
}

type Change = fn(&mut Member);

#[test]
fn what_is_anothers_already_is_refused_by_name() {
    let roster = roster(3, 1);
    roster.admit(&member(5)).unwrap();
    let cases: [(&str, Change); 4] = [
        ("the name `node2` is node2's already", |it| {
            it.name = "node2".into();
        }),
        ("the public key `0404", |it| {
            it.public_key = member(4).public_key;
        }),
        ("the peer address `127.0.0.1:3001` is node1's", |it| {
            it.peer_address = member(1).peer_address;
        }),
        // Somebody's address for clients is no address for peers either.
        ("the RPC address `127.0.0.1:3003` is node3's", |it| {
            it.rpc_address = member(3).peer_address;
        }),
    ];
    for (sentence, change) in cases {
        let mut new = member(5);
        change(&mut new);
        let error = roster.admit(&new).unwrap_err().to_string();
        assert!(error.starts_with(sentence), "{error}");
    }
    let unknown_port = Member {
        rpc_address: "127.0.0.1:0".into(),
        ..member(5)
    };
    roster.admit(&unknown_port).unwrap();
}

#[test]
fn names_places_and_numbers_have_bounds() {
    for name in ["", "a b", "node/4", &"x".repeat(33)] {
        let new = Member {
            name: name.into(),
            ..member(5)
        };
        let error = roster(3, 0).admit(&new).unwrap_err();
        assert!(matches!(error, MembershipError::Name(_)), "{error}");
    }
    let elsewhere = Member {
        peer_address: "192.0.2.4:3000".into(),
        ..member(5)
    };
    let error = roster(3, 0).admit(&elsewhere).unwrap_err();
    assert!(
        matches!(error, MembershipError::Unreachable { .. }),
        "{error}"
    );
    assert_eq!(
        roster(10, 5).admit(&member(16)),
        Err(MembershipError::TooMany)
    );
}

#[test]
fn numbers_only_grow() {
    let mut roster = roster(3, 0);
    let first = roster.next_id();
    assert!(!is_founder(first) && is_founder(3));
    // The entry that adds it is a later one than the one before it, also after it is removed again.
    roster.index = Some(9);
    assert!(roster.next_id() > first);
}

#[test]
fn a_change_that_leaves_no_majority_says_what_is_missing() {
    let three = roster(3, 1);
    let removing = |up: &BTreeSet<MemberId>, id| {
        three.keeps_majority(format!("removing node{id}"), None, Some(id), up)
    };
    removing(&up(&[1, 2, 3]), 2).unwrap();
    // The one that is down may go, one that is up may not.
    removing(&up(&[1, 2]), 3).unwrap();
    let error = removing(&up(&[1, 2]), 2).unwrap_err().to_string();
    assert_eq!(
        error,
        "removing node2 would leave 2 voters, of which 2 must be reachable, and only 1 would be: node3 is down; start \
         at least 1 of the voters that are down first, or remove those instead"
    );
    // A learner's vote makes it four, of which three are needed.
    let joining = Some((4, "node4"));
    three
        .keeps_majority("promoting node4".into(), joining, None, &up(&[1, 2, 4]))
        .unwrap();
    let error = three
        .keeps_majority(
            "adding node4 as a voter".into(),
            joining,
            None,
            &up(&[1, 2]),
        )
        .unwrap_err()
        .to_string();
    assert!(error.contains("4 voters, of which 3"), "{error}");
    assert!(error.contains("node3 and node4 are down"), "{error}");
}

#[test]
fn without_a_majority_the_sentence_names_who_is_down() {
    let error = roster(5, 1).no_majority(&MemberChange::Remove("node6".into()), &up(&[2, 6]));
    assert_eq!(
        error.to_string(),
        "removing node6 needs 3 of the 5 voters, and only 1 can be reached: node1, node3, node4 and node5 are down; \
         start at least 2 more"
    );
}

#[test]
fn a_retry_finds_what_has_happened() {
    let roster = roster(3, 1);
    let add = |number, voter| MemberChange::Add {
        member: member(number),
        voter,
    };
    let cases = [
        (add(4, false), Some(4)),
        (add(4, true), None),
        (add(5, false), None),
        (MemberChange::Promote("node3".into()), Some(3)),
        (MemberChange::Promote("node4".into()), None),
        (MemberChange::Remove("node5".into()), Some(0)),
        (MemberChange::Remove("node4".into()), None),
        (MemberChange::Transfer(None), None),
    ];
    for (change, expected) in cases {
        assert_eq!(change.has_happened(&roster), expected, "{change:?}");
    }
}
