//! A toy application for tests: a list of payloads, with a copy that outlives the node.

#![allow(clippy::unwrap_used)]

use super::{Application, ApplicationError, SnapshotSource, Stored};
use crate::types::{LogPosition, Payload};
use std::{
    io,
    sync::{Arc, Mutex},
};

/// What a list holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) items: Vec<Vec<u8>>,
    pub(crate) stored: Stored,
}

/// The list as the tests see it. The second content is the "disk": the last checkpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    now: Arc<Mutex<Content>>,
    disk: Arc<Mutex<Content>>,
    /// Fails at this payload.
    pub(crate) poison: Option<Vec<u8>>,
}

impl List {
    pub(crate) fn items(&self) -> Vec<Vec<u8>> {
        self.now.lock().unwrap().items.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.now.lock().unwrap().items.len()
    }

    /// What a new process would find: the last checkpoint.
    pub(crate) fn after_crash(&self) -> Self {
        let content = self.disk.lock().unwrap().clone();
        Self {
            now: Arc::new(Mutex::new(content.clone())),
            disk: Arc::new(Mutex::new(content)),
            poison: None,
        }
    }
}

#[derive(Debug)]
struct Copy(Vec<u8>);

impl SnapshotSource for Copy {
    fn chunks(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>> {
        let chunks: Vec<_> = self.0.chunks(1000).map(|it| Ok(it.to_vec())).collect();
        Ok(Box::new(chunks.into_iter()))
    }
}

impl Application for List {
    fn stored(&self) -> Stored {
        self.now.lock().unwrap().stored.clone()
    }

    fn apply(
        &mut self,
        position: LogPosition,
        record: Arc<Vec<u8>>,
        payload: Option<&Payload>,
    ) -> Result<(), ApplicationError> {
        let mut now = self.now.lock().unwrap();
        if let Some(payload) = payload {
            if self.poison.as_deref() == Some(payload.0.as_ref()) {
                return Err(ApplicationError("the toy was poisoned".to_owned()));
            }
            now.items.push(payload.0.to_vec());
        }
        now.stored = Stored {
            position: Some(position),
            record: record.to_vec(),
        };
        Ok(())
    }

    fn checkpoint(&self) -> Result<(Stored, Arc<dyn SnapshotSource>), ApplicationError> {
        let now = self.now.lock().unwrap().clone();
        *self.disk.lock().unwrap() = now.clone();
        let copy = postcard::to_stdvec(&now.items).unwrap();
        Ok((now.stored, Arc::new(Copy(copy))))
    }

    fn install(
        &mut self,
        stored: Stored,
        snapshot: Arc<dyn SnapshotSource>,
    ) -> Result<(), ApplicationError> {
        let bytes: Vec<u8> = snapshot
            .chunks()
            .unwrap()
            .flat_map(Result::unwrap)
            .collect();
        let content = Content {
            items: postcard::from_bytes(&bytes).unwrap(),
            stored,
        };
        *self.now.lock().unwrap() = content.clone();
        *self.disk.lock().unwrap() = content;
        Ok(())
    }
}
