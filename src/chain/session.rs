//! What became of clients' requests: the memory that makes a retry happen once.
//!
//! A part of the replicated chain. The oldest requests are forgotten beyond [`SESSIONS_MAX`]: a retry comes within seconds, and
//! no node writes as many entries in that time.

use super::command::Outcome;
use crate::types::RequestId;
use serde::{Deserialize, Serialize};

/// How many requests are remembered.
pub const SESSIONS_MAX: usize = 65_536;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What it came to, so far.
    pub outcome: Outcome,
    /// Whether nothing is left to do.
    pub complete: bool,
}

/// The remembered requests; a persistent value.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    by_request: imbl::HashMap<RequestId, (u64, Session)>,
    by_age: imbl::OrdMap<u64, RequestId>,
    next_age: u64,
}

impl Sessions {
    /// What is known of a request.
    pub fn get(&self, request: &RequestId) -> Option<&Session> {
        self.by_request.get(request).map(|(_, session)| session)
    }

    /// Remembers what a request came to.
    pub fn put(&mut self, request: RequestId, session: Session) {
        let age = self.next_age;
        self.next_age += 1;
        if let Some((old_age, _)) = self.by_request.insert(request, (age, session)) {
            self.by_age.remove(&old_age);
        }
        self.by_age.insert(age, request);
        while self.by_age.len() > SESSIONS_MAX {
            let Some((oldest, request)) = self.by_age.get_min().map(|(age, id)| (*age, *id)) else {
                break;
            };
            self.by_age.remove(&oldest);
            self.by_request.remove(&request);
        }
    }

    /// All, oldest first.
    pub fn to_list(&self) -> Vec<(RequestId, Session)> {
        self.by_age
            .values()
            .filter_map(|request| Some((*request, self.by_request.get(request)?.1.clone())))
            .collect()
    }

    /// The same sessions again.
    pub fn from_list(list: Vec<(RequestId, Session)>) -> Self {
        let mut sessions = Self::default();
        for (request, session) in list {
            sessions.put(request, session);
        }
        sessions
    }
}
