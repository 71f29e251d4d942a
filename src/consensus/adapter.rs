//! openraft's state machine over an [`Application`].
//!
//! *Invariants.* Entries are applied one by one, in order, and an entry is answered only after the application took
//! it. The first failure (or panic) of the application ends the node: nothing is applied or answered after it.

use super::{
    application::{Application, ApplicationError, SnapshotSource, Stored},
    failure::Failure,
    progress::Progress,
    type_config::{Entry, EntryContent, LogId, StoredMembership, TypeConfig},
};
use crate::{
    cooperate::yield_now,
    planted::{self, Bug},
    types::{LogPosition, Payload},
};
use futures::{Stream, TryStreamExt};
use openraft::{
    AsyncRuntime, OptionalSend, RaftSnapshotBuilder,
    storage::{EntryResponder, RaftStateMachine, Snapshot, SnapshotMeta},
};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

type Meta = SnapshotMeta<super::LeaderId, crate::types::MemberId, crate::types::Member>;
type RaftSnapshot =
    Snapshot<super::LeaderId, crate::types::MemberId, crate::types::Member, SnapshotData>;

/// A whole copy of the application, as openraft hands it around.
#[derive(Clone, Debug)]
pub struct SnapshotData(pub Arc<dyn SnapshotSource>);

/// What a checkpoint needs, shared with the builder of snapshots.
struct Shared {
    application: Mutex<Box<dyn Application>>,
    failure: Failure,
    progress: Progress,
}

/// The adapter. See the module.
pub struct StateMachine {
    shared: Arc<Shared>,
    applied: Option<LogId>,
    membership: StoredMembership,
    /// The membership as postcard: it changes rarely and is part of every entry's record.
    membership_bytes: Vec<u8>,
}

/// Makes copies of the application while the state machine goes on.
pub struct SnapshotBuilder {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for StateMachine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateMachine")
            .field("applied", &self.applied)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SnapshotBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SnapshotBuilder")
    }
}

impl StateMachine {
    /// Takes an application up where its stored copy is.
    ///
    /// # Errors
    /// The stored record cannot be read.
    pub(super) fn new(
        application: Box<dyn Application>,
        failure: Failure,
        progress: Progress,
    ) -> Result<Self, postcard::Error> {
        let stored = application.stored();
        let (applied, membership) = if stored.position.is_some() {
            decode_record(&stored.record)?
        } else {
            (None, StoredMembership::default())
        };
        if let Some(applied) = &applied {
            progress.advance(applied.index);
        }
        Ok(Self {
            shared: Arc::new(Shared {
                application: Mutex::new(application),
                failure,
                progress,
            }),
            applied,
            membership_bytes: postcard::to_stdvec(&membership)?,
            membership,
        })
    }

    /// A state machine for the tests of log stores.
    #[cfg(test)]
    pub(crate) fn for_test(application: impl Application) -> Self {
        Self::new(
            Box::new(application),
            Failure::default(),
            Progress::default(),
        )
        .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Applies one entry.
    fn apply_entry(&mut self, entry: &Entry) -> io::Result<()> {
        if let EntryContent::Membership(membership) = &entry.payload {
            self.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
            self.membership_bytes =
                postcard::to_stdvec(&self.membership).map_err(io::Error::other)?;
        }
        let payload = match &entry.payload {
            EntryContent::Normal(payload) => Some(payload),
            EntryContent::Blank | EntryContent::Membership(_) => None,
        };
        let (at, record) = (
            position(&entry.log_id),
            Arc::new(self.record(&entry.log_id)?),
        );
        self.shared.apply(at, Arc::clone(&record), payload)?;
        if planted::is(Bug::AppliedTwice) && at.index % 7 == 3 {
            self.shared.apply(at, record, payload)?;
        }
        self.applied = Some(entry.log_id);
        Ok(())
    }

    /// The postcard of `(Some(log id), membership)`.
    fn record(&self, log_id: &LogId) -> io::Result<Vec<u8>> {
        let mut record = Vec::with_capacity(self.membership_bytes.len() + 24);
        record = postcard::to_extend(&Some(log_id), record).map_err(io::Error::other)?;
        record.extend_from_slice(&self.membership_bytes);
        Ok(record)
    }
}

impl Shared {
    /// Runs `work` on the application; a failure or a panic is the node's end.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut dyn Application) -> Result<T, ApplicationError>,
    ) -> io::Result<T> {
        if let Some(reason) = self.failure.get() {
            return Err(io::Error::other(reason.to_owned()));
        }
        let result = match self.application.lock() {
            Ok(mut application) => catch_unwind(AssertUnwindSafe(|| work(application.as_mut())))
                .unwrap_or_else(|panic| Err(ApplicationError(panic_text(panic.as_ref())))),
            Err(_) => Err(ApplicationError("the application's lock is broken".into())),
        };
        result.map_err(|error| {
            self.failure.set(error.0.clone());
            self.progress.end();
            io::Error::other(error.0)
        })
    }

    fn apply(
        &self,
        position: LogPosition,
        record: Arc<Vec<u8>>,
        payload: Option<&Payload>,
    ) -> io::Result<()> {
        self.with(|application| application.apply(position, record, payload))?;
        self.progress.advance(position.index);
        Ok(())
    }

    /// A copy of the application as it is now.
    fn snapshot(&self) -> io::Result<RaftSnapshot> {
        let (stored, source) = self.with(|application| application.checkpoint())?;
        let (last_log_id, last_membership) = match stored.position {
            Some(_) => decode_record(&stored.record).map_err(io::Error::other)?,
            // Nothing was ever applied.
            None => (None, StoredMembership::default()),
        };
        Ok(RaftSnapshot {
            meta: Meta {
                last_log_id,
                last_membership,
            },
            snapshot: SnapshotData(source),
        })
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    format!("applying the log failed with a panic: {text}")
}

fn decode_record(record: &[u8]) -> Result<(Option<LogId>, StoredMembership), postcard::Error> {
    postcard::from_bytes(record)
}

fn position(log_id: &LogId) -> LogPosition {
    LogPosition {
        term: log_id.leader_id.term,
        index: log_id.index,
    }
}

impl<RT: AsyncRuntime> RaftSnapshotBuilder<TypeConfig<RT>> for SnapshotBuilder {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<RaftSnapshot, io::Error> {
        self.shared.snapshot()
    }
}

impl<RT: AsyncRuntime> RaftStateMachine<TypeConfig<RT>> for StateMachine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig<RT>>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            yield_now().await;
            self.apply_entry(&entry)?;
            // Whoever waited for this is answered before the engine hears of it.
            yield_now().await;
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder {
            shared: Arc::clone(&self.shared),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &Meta,
        snapshot: SnapshotData,
    ) -> Result<(), io::Error> {
        let Some(last) = meta.last_log_id else {
            return Ok(());
        };
        let membership_bytes =
            postcard::to_stdvec(&meta.last_membership).map_err(io::Error::other)?;
        self.membership = meta.last_membership.clone();
        self.membership_bytes = membership_bytes;
        let stored = Stored {
            position: Some(position(&last)),
            record: self.record(&last)?,
        };
        self.shared
            .with(|application| application.install(stored, snapshot.0))?;
        self.applied = Some(last);
        self.shared.progress.advance(last.index);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<RaftSnapshot>, io::Error> {
        if self.applied.is_none() {
            return Ok(None);
        }
        self.shared.snapshot().map(Some)
    }
}
