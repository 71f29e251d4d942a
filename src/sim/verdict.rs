//! What is checked when a run is over: every client's answer against what all nodes applied.
//!
//! - *Acknowledged writes live and happened once*: a write that was called done is in the log, once, and its outcome is what
//!   applying it gave; one that was refused, or of which the client was told that it will not happen, is not.
//! - *Linearizable*: the whole chain is one object whose order is the log's. Whatever was answered before another
//!   operation began is before it there ([`in_order`]). And once more without knowing the log, from clients' words
//!   alone, for each key of the notes ([`super::linearizable`]).

use super::{
    history::{Asked, Record, Told},
    ledger::Facts,
    linearizable::{self, Event},
    node::operation_of,
};
use crate::{chain::command::Outcome, types::LogIndex};
use std::{collections::BTreeMap, time::Duration};

/// Where the log has what clients asked for: number of the operation → places and outcomes.
type Happened = BTreeMap<u64, Vec<(LogIndex, Outcome)>>;

fn happened(facts: &Facts) -> Happened {
    let mut happened = Happened::new();
    for (index, fact) in facts.by_index.iter().filter(|(_, fact)| !fact.skipped) {
        for (request, outcome) in &fact.finished {
            let places = happened.entry(operation_of(*request)).or_default();
            places.push((*index, outcome.clone()));
        }
    }
    happened
}

/// The first thing that is wrong with what clients were told.
pub(super) fn judge(facts: &Facts, records: &[Record]) -> Option<String> {
    let happened = happened(facts);
    let numbered = || (1_u64..).zip(records);
    for (number, record) in numbered() {
        let places = happened.get(&number).map(Vec::as_slice).unwrap_or_default();
        if let Some(problem) = once(record, places) {
            return Some(format!(
                "operation {number} ({:?}, node {}): {problem}",
                record.asked, record.node
            ));
        }
    }
    if let Some(problem) = in_order(facts, records, &happened) {
        return Some(problem);
    }
    let mut keys: BTreeMap<u64, Vec<Event>> = BTreeMap::new();
    for (number, record) in numbered() {
        if let Some((key, event)) = event(number, record) {
            keys.entry(key).or_default().push(event);
        }
    }
    for (key, events) in keys {
        if let Err(problem) = linearizable::check(&events) {
            return Some(format!("key {key} is not linearizable: {problem}"));
        }
    }
    None
}

/// Whether a write happened as often as its client was told.
fn once(record: &Record, places: &[(LogIndex, Outcome)]) -> Option<String> {
    if places.len() > 1 {
        return Some(format!("it happened {} times: {places:?}", places.len()));
    }
    let (_, told) = record.told.as_ref()?;
    match (told, places.first()) {
        (Told::Done(_), None) => Some("it was called done, and is not in the log".to_owned()),
        (Told::Done(outcome), Some((index, real))) if outcome != real => Some(format!(
            "its client was told {outcome:?}, but at {index} it came to {real:?}"
        )),
        (Told::Refused(reason), Some((index, _))) => Some(format!(
            "it was refused ({reason}), and happened at {index}"
        )),
        (Told::Unavailable { may_happen: false }, Some((index, _))) => Some(format!(
            "its client was told that it will not happen, and it happened at {index}"
        )),
        _ => None,
    }
}

/// Whether everything that was answered before an operation began comes before it in the log.
fn in_order(facts: &Facts, records: &[Record], happened: &Happened) -> Option<String> {
    struct Placed {
        number: u64,
        from: Duration,
        to: Duration,
        index: LogIndex,
        writes: bool,
    }
    let mut placed = Vec::new();
    for (number, record) in (1_u64..).zip(records) {
        let Some((to, told)) = &record.told else {
            continue;
        };
        let (index, writes) = match told {
            Told::Done(_) => (happened.get(&number).and_then(|it| it.first())?.0, true),
            Told::Saw { position, .. } => match facts.index_of.get(position) {
                Some(index) => (*index, false),
                // The chain before the first entry.
                None if facts.by_index.values().all(|fact| {
                    fact.after != *position || fact.skipped || fact.payload.is_none()
                }) =>
                {
                    (0, false)
                }
                None => return Some(format!("operation {number} saw a chain that nobody has")),
            },
            _ => continue,
        };
        placed.push(Placed {
            number,
            from: record.from,
            to: *to,
            index,
            writes,
        });
    }
    let mut by_end: Vec<&Placed> = placed.iter().collect();
    by_end.sort_by_key(|one| one.to);
    let mut by_begin: Vec<&Placed> = placed.iter().collect();
    by_begin.sort_by_key(|one| one.from);
    let mut ended = by_end.into_iter().peekable();
    let mut newest: Option<&Placed> = None;
    for one in by_begin {
        while let Some(before) = ended.next_if(|before| before.to < one.from) {
            if newest.is_none_or(|newest| newest.index < before.index) {
                newest = Some(before);
            }
        }
        if let Some(newest) = newest
            && (newest.index > one.index || (one.writes && newest.index == one.index))
        {
            return Some(format!(
                "operation {} began after operation {} was answered, but stands at {} in the log, and that one at {}",
                one.number, newest.number, one.index, newest.index
            ));
        }
    }
    None
}

/// An operation on a key of the notes, as its client knows it.
fn event(number: u64, record: &Record) -> Option<(u64, Event)> {
    let (key, write) = match &record.asked {
        Asked::Push { key, .. } => (*key, Some(number)),
        Asked::Get { key } => (*key, None),
        Asked::Write => return None,
    };
    let (to, read) = match (&record.told, write) {
        // A read that came to nothing says nothing.
        (
            None
            | Some((_, Told::Unread | Told::Done(_) | Told::Refused(_) | Told::Unavailable { .. })),
            None,
        ) => return None,
        (Some((_, Told::Refused(_) | Told::Unavailable { may_happen: false })), Some(_)) => {
            return None;
        }
        (Some((to, Told::Done(_))), Some(_)) => (Some(*to), None),
        // It may have happened at any time, or never.
        (_, Some(_)) => (None, None),
        (Some((to, Told::Saw { value, .. })), None) => {
            let value = value
                .as_ref()
                .and_then(|value| value.trim_matches('"').parse().ok());
            (Some(*to), value)
        }
    };
    let event = Event {
        from: record.from,
        to,
        write,
        read: read.unwrap_or_default(),
        number,
    };
    Some((key, event))
}
