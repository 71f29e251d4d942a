//! Why a node had to stop, remembered for whoever asks.

use std::sync::{Arc, OnceLock};

/// The first failure after which the node must not go on. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure(Arc<OnceLock<String>>);

impl Failure {
    /// Notes a failure; the first one stays.
    pub(super) fn set(&self, reason: String) {
        let _ = self.0.set(reason);
    }

    /// The failure, if there was one.
    pub(super) fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
