//! What the server tells of requests, for the log that a user sees.

use std::sync::Arc;

/// Who is told of requests. A closure that takes a method's name is told of calls alone.
pub trait RequestLog: Send + Sync {
    /// A method is called; a name that is no method's has no control characters.
    fn called(&self, method: &str);

    /// Whether [`Self::answered`] wants to know.
    fn wants_bodies(&self) -> bool {
        false
    }

    /// The parameters of a call and its whole answer, both JSON.
    fn answered(&self, _method: &str, _params: &str, _answer: &str) {}

    /// A call failed: its parameters as JSON, and the error's sentence.
    fn failed(&self, _method: &str, _params: &str, _sentence: &str) {}
}

impl<F: Fn(&str) + Send + Sync> RequestLog for F {
    fn called(&self, method: &str) {
        self(method);
    }
}

/// A log shared by all connections.
pub type OnRequest = Arc<dyn RequestLog>;
