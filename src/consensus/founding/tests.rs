//! Whom a member follows. That it matters is shown by the simulator (`sim::tests::planted`).

use super::*;

fn vote(term: u64, node_id: MemberId) -> Vote {
    Vote::new(term, node_id)
}

#[test]
fn a_member_that_lost_its_memory_follows_nobody_whom_it_may_have_left() {
    let franchise = Franchise::new(false, false);
    assert!(!franchise.follows(&vote(7, 1)));
    franchise.follow(Follows::From(vote(5, 2).leader_id));
    assert!(!franchise.follows(&vote(4, 3)));
    assert!(!franchise.follows(&vote(5, 1)));
    assert!(franchise.follows(&vote(5, 2)));
    assert!(franchise.follows(&vote(6, 1)));
    assert!(!franchise.has());
    franchise.give();
    assert!(franchise.has());
    assert!(franchise.follows(&vote(1, 1)));
}

#[test]
fn a_member_that_remembers_follows_as_raft_says() {
    for votes in [false, true] {
        let franchise = Franchise::new(votes, true);
        assert!(franchise.follows(&vote(1, 1)));
        assert_eq!(franchise.has(), votes);
    }
}
