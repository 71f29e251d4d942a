//! The methods: one file a namespace or concern, one function a method, and the table of their names.
//!
//! *Never here:* codes of errors, text of JSON, sockets.

mod anvil;
mod cluster;
mod debug;
mod eth_blocks;
mod eth_call;
mod eth_fees;
mod eth_filters;
mod eth_sign;
mod eth_state;
mod eth_subscribe;
mod eth_transactions;
mod evm;
mod net;
mod txpool;
mod web3;

use super::dispatch::{Answer, Call};
use futures::future::BoxFuture;
use std::{collections::HashMap, fmt, sync::LazyLock};

/// What a method does to its neighbours in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Changes nothing.
    Read,
    /// Sends a transaction. Those that follow each other may run at once.
    Send,
    /// Changes the chain, a filter or a subscription.
    Change,
}

/// A method.
pub(crate) struct Method {
    /// Its names; the first is the one it is known by.
    pub(crate) names: &'static [&'static str],
    /// What it does to its neighbours.
    pub(crate) kind: Kind,
    /// Runs it.
    pub(crate) run: for<'a> fn(Call<'a>) -> BoxFuture<'a, Answer>,
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Method({})", self.names[0])
    }
}

/// A table: kind, names, function.
macro_rules! methods {
    ($($kind:ident $($name:literal)|+ => $function:path;)*) => {
        &[$($crate::rpc::methods::Method {
            names: &[$($name),+],
            kind: $crate::rpc::methods::Kind::$kind,
            run: |call| Box::pin($function(call)),
        }),*]
    };
}
use methods;

const TABLES: &[&[Method]] = &[
    anvil::METHODS,
    cluster::METHODS,
    debug::METHODS,
    eth_blocks::METHODS,
    eth_call::METHODS,
    eth_fees::METHODS,
    eth_filters::METHODS,
    eth_sign::METHODS,
    eth_state::METHODS,
    eth_subscribe::METHODS,
    eth_transactions::METHODS,
    evm::METHODS,
    net::METHODS,
    txpool::METHODS,
    web3::METHODS,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Method>> = LazyLock::new(|| {
    all()
        .flat_map(|method| method.names.iter().map(move |name| (*name, method)))
        .collect()
});

fn all() -> impl Iterator<Item = &'static Method> {
    TABLES.iter().copied().flatten()
}

/// The method of that name.
pub(crate) fn find(name: &str) -> Option<&'static Method> {
    BY_NAME.get(name).copied()
}

#[cfg(test)]
mod tests;
