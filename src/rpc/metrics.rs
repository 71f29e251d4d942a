//! `GET /metrics`: numbers of this node in the text format of `OpenMetrics`, for Prometheus.
//!
//! Counters of calls are kept here; all else is read when the page is asked for. Names: geth's and reth's, where they
//! have the thing, with underscores; those of hashicorp/raft for the consensus. What only the wiring can see (the
//! network, the log) comes in as [`Collector`]s.
//! *Never here:* a label whose values a client can choose.

mod chain;

use crate::replica::api::Backend;
use prometheus_client::{
    collector::Collector,
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

/// Seconds: a cached answer takes some microseconds, a write under a fault some seconds.
const SECONDS: [f64; 12] = [
    0.000_05, 0.000_2, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfMethod {
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    method: &'static str,
    outcome: &'static str,
}

/// What the methods have done so far.
struct MethodMetrics {
    succeeded: Counter,
    failed: Counter,
    seconds: Histogram,
}

/// See the module.
pub(crate) struct Metrics {
    registry: Registry,
    methods: HashMap<&'static str, MethodMetrics>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Of a server in front of `backend`, whose methods are called `names`, with `more` of the node behind it.
    pub(crate) fn new(
        names: impl Iterator<Item = &'static str>,
        backend: Arc<dyn Backend>,
        more: Vec<Box<dyn Collector>>,
    ) -> Self {
        let mut registry = Registry::with_prefix("praline");
        let calls = Family::<OfOutcome, Counter>::default();
        let seconds = Family::<OfMethod, Histogram, _>::new_with_constructor(new_histogram);
        let methods = names
            .map(|method| {
                let counter = |outcome| {
                    let labels = OfOutcome { method, outcome };
                    calls.get_or_create(&labels).clone()
                };
                let of_method = MethodMetrics {
                    succeeded: counter("success"),
                    failed: counter("failure"),
                    seconds: seconds.get_or_create(&OfMethod { method }).clone(),
                };
                (method, of_method)
            })
            .collect();
        // The format adds `_total` to counters.
        registry.register("rpc_requests", "Calls, by method and outcome", calls);
        registry.register(
            "rpc_duration_seconds",
            "Time from a call to its answer, writes included",
            seconds,
        );
        registry.register_collector(Box::new(chain::ChainCollector(backend)));
        for collector in more {
            registry.register_collector(collector);
        }
        Self { registry, methods }
    }

    /// A call of a registered method was answered.
    pub(crate) fn called(&self, method: &str, succeeded: bool, took: Duration) {
        let Some(metrics) = self.methods.get(method) else {
            return;
        };
        let counter = if succeeded {
            &metrics.succeeded
        } else {
            &metrics.failed
        };
        counter.inc();
        metrics.seconds.observe(took.as_secs_f64());
    }

    /// The page.
    pub(crate) fn page(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

fn new_histogram() -> Histogram {
    Histogram::new(SECONDS)
}

#[cfg(test)]
mod tests;
