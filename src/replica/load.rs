//! A dump on its way into the cluster: its parts, one write after the other.

use super::api::{Backend, WriteError};
use crate::chain::{
    Rejection,
    command::Write,
    dump::{Dump, DumpError},
    load::{LoadPart, parts},
};
use std::sync::Arc;

/// A dump that did not come in. What was loaded before the failure stays; it can be loaded again.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// It cannot be loaded.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The cluster did not take it.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Reads a dump's steps and cuts them into parts: the costly half, which needs no cluster.
pub fn prepare(dump: &Dump) -> Result<Vec<Arc<LoadPart>>, LoadError> {
    let parts = parts(dump.steps()?)?;
    Ok(parts.into_iter().map(Arc::new).collect())
}

/// Loads the parts of a dump. Bounded in time as every write is.
pub async fn load(backend: &dyn Backend, parts: &[Arc<LoadPart>]) -> Result<(), WriteError> {
    for part in parts {
        backend.write(Write::Load(Arc::clone(part))).await?;
    }
    Ok(())
}
