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

/// What a member says: its vote's term, whether it remembers, and a membership of `voters` set at `at`.
fn says(id: MemberId, term: u64, votes: bool, at: u64, voters: &[MemberId]) -> (MemberId, Hello) {
    let hello = Hello {
        last_log_index: Some(at),
        leads: false,
        votes,
        vote: vote(term, id),
        membership_at: Some(at),
        voters: voters.iter().copied().collect(),
    };
    (id, hello)
}

#[test]
fn half_of_the_voters_are_asked_whom_it_may_have_followed() {
    let three = [1, 2, 3];
    let one = says(1, 4, true, 0, &three);
    let other = says(2, 6, true, 0, &three);
    assert_eq!(newest_promise(3, &[]), None);
    assert_eq!(newest_promise(3, std::slice::from_ref(&one)), None);
    let both = newest_promise(3, &[one.clone(), other.clone()]);
    assert_eq!(both, Some(vote(6, 2).leader_id));
    // One that is being rebuilt itself does not count.
    let forgetful = says(2, 6, false, 0, &three);
    assert_eq!(newest_promise(3, &[one.clone(), forgetful]), None);
    // Nor one without a vote.
    let learner = says(4, 6, true, 0, &three);
    assert_eq!(newest_promise(3, &[one.clone(), learner]), None);
    // In a pair the other one knows all.
    let pair = says(1, 4, true, 0, &[1, 3]);
    assert_eq!(newest_promise(3, &[pair]), Some(vote(4, 1).leader_id));
}

#[test]
fn who_never_had_a_vote_needs_one_answer() {
    let one = says(1, 4, true, 0, &[1, 2, 3]);
    assert_eq!(
        newest_promise(4, std::slice::from_ref(&one)),
        Some(vote(4, 1).leader_id)
    );
    // The newest membership counts.
    let newer = says(2, 4, true, 9, &[1, 2, 3, 4]);
    assert_eq!(
        newest_promise(4, &[one.clone(), newer.clone()]),
        Some(vote(4, 2).leader_id)
    );
    assert_eq!(newest_promise(4, &[newer]), None);
}
