//! From what users want to see to what the parts print: requests, `console.log`, traces.
//!
//! The node that a client asks prints the request, and what came of what was sent to it; in a process with several
//! nodes its name stands before the request. The first node of a process prints blocks.

use crate::{
    config::ClusterConfig,
    rpc::{OnRequest, Print, RequestLog, Traces, Trees},
    telemetry::{Format, Printer},
};
use std::sync::Arc;

/// What is printed besides blocks and the names of requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    /// Not what contracts say.
    pub no_console: bool,
    /// Trees of frames.
    pub trees: Option<Trees>,
    /// Every instruction of transactions.
    pub opcodes: bool,
    /// Parameters and results of requests.
    pub bodies: bool,
}

/// A node that prints, by name where there are several.
#[derive(Clone, Debug)]
pub(super) struct Voice {
    printer: Printer,
    node: Option<String>,
    output: Output,
}

impl Voice {
    pub(super) fn new(
        config: &ClusterConfig,
        name: &str,
        printer: &Printer,
        output: Output,
    ) -> Self {
        Self {
            printer: printer.clone(),
            node: (config.members.len() > 1).then(|| name.to_owned()),
            output,
        }
    }

    /// For requests.
    pub(super) fn requests(&self) -> OnRequest {
        Arc::new(self.clone())
    }

    /// For what contracts say; nothing is looked for where nothing is printed.
    pub(super) fn console(&self) -> Option<Print> {
        if self.printer.format() == Format::Quiet || self.output.no_console {
            return None;
        }
        let voice = self.clone();
        let print = move |line: &str| voice.printer.console(voice.node.as_deref(), line);
        Some(Print(Arc::new(print)))
    }

    /// For traces.
    pub(super) fn traces(&self) -> Option<Traces> {
        let Output { trees, opcodes, .. } = self.output;
        let is_wanted = trees.is_some() || opcodes;
        if self.printer.format() == Format::Quiet || !is_wanted {
            return None;
        }
        let voice = self.clone();
        let print = move |text: &str| voice.printer.trace(voice.node.as_deref(), text);
        Some(Traces {
            print: Print(Arc::new(print)),
            trees,
            opcodes,
        })
    }
}

impl RequestLog for Voice {
    fn called(&self, method: &str) {
        self.printer.request(self.node.as_deref(), method);
    }

    fn wants_bodies(&self) -> bool {
        self.output.bodies && self.printer.format() != Format::Quiet
    }

    fn answered(&self, method: &str, params: &str, answer: &str) {
        self.printer
            .bodies(self.node.as_deref(), method, params, answer);
    }

    fn failed(&self, method: &str, params: &str, sentence: &str) {
        self.printer
            .failed_request(self.node.as_deref(), method, params, sentence);
    }
}
