//! The methods: one file a namespace or concern, one function a method, and the tables of their names, which become
//! jsonrpsee's [`RpcModule`].
//!
//! *Never here:* codes of errors, text of JSON, sockets.

mod anvil;
mod blobs;
mod block_access_lists;
mod cluster;
mod debug;
mod debug_state;
mod debug_trace;
mod dump;
mod erc20;
mod eth_blocks;
mod eth_bundles;
mod eth_call;
mod eth_conditional;
mod eth_config;
mod eth_fees;
mod eth_filters;
mod eth_sign;
mod eth_simulate;
mod eth_state;
mod eth_subscribe;
mod eth_transactions;
mod evm;
mod faults;
mod import;
mod members;
mod net;
mod ots;
mod personal;
mod rewind;
mod settings;
mod testing;
mod trace;
mod txpool;
mod web3;

use super::{
    context::Context,
    dispatch::{Answer, Call, Caller, too_large},
    error::RpcError,
    params::Params,
};
use futures::future::BoxFuture;
use jsonrpsee::{Methods, RpcModule, core::RegisterMethodError};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock},
};

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

pub(crate) use debug_trace::{Deadline, find_transaction, run_traced_in, with_block};

const TABLES: &[&[Method]] = &[
    anvil::METHODS,
    blobs::METHODS,
    block_access_lists::METHODS,
    cluster::METHODS,
    debug::METHODS,
    debug_state::METHODS,
    debug_trace::METHODS,
    dump::METHODS,
    erc20::METHODS,
    eth_blocks::METHODS,
    eth_bundles::METHODS,
    eth_call::METHODS,
    eth_conditional::METHODS,
    eth_config::METHODS,
    eth_fees::METHODS,
    eth_filters::METHODS,
    eth_sign::METHODS,
    eth_simulate::METHODS,
    eth_state::METHODS,
    eth_subscribe::METHODS,
    eth_transactions::METHODS,
    evm::METHODS,
    faults::METHODS,
    import::METHODS,
    members::METHODS,
    net::METHODS,
    ots::METHODS,
    personal::METHODS,
    rewind::METHODS,
    settings::METHODS,
    testing::METHODS,
    trace::METHODS,
    txpool::METHODS,
    web3::METHODS,
];

pub(crate) fn all() -> impl Iterator<Item = &'static Method> {
    TABLES.iter().copied().flatten()
}

/// The methods of a server, each under all its names. They find their [`Caller`] in the extensions.
///
/// # Errors
/// A name is there twice.
pub(crate) fn register(context: Arc<Context>) -> Result<Methods, RegisterMethodError> {
    let mut module = RpcModule::from_arc(context);
    for method in all() {
        let [name, aliases @ ..] = method.names else {
            continue;
        };
        module.register_async_method(name, move |params, context, extensions| async move {
            let Some(caller) = extensions.get::<Caller>() else {
                return Err(RpcError::internal("the call came without its caller"));
            };
            let call = Call {
                method: caller.method,
                context: &context,
                params: if caller.method == "anvil_reorg" {
                    // alloy sends its options as the parameters themselves.
                    Params::parse_or_object(params.as_str())?
                } else {
                    Params::parse(params.as_str())?
                },
                session: caller.session.as_deref(),
            };
            within(context.limits.response_bytes, (method.run)(call).await)
                .map_err(|error| error.in_profile(context.errors))
        })?;
        for alias in aliases {
            module.register_alias(alias, name)?;
        }
    }
    Ok(module.into())
}

/// Refuses a result beyond the limit, before anything reads it.
fn within(limit: usize, answer: Answer) -> Answer {
    answer.and_then(|json| {
        if json.as_bytes().len() > limit {
            return Err(too_large(limit));
        }
        Ok(json)
    })
}

/// What the methods that are no reads do to their neighbours; jsonrpsee's table has no place for it.
static KINDS: LazyLock<HashMap<&'static str, Kind>> = LazyLock::new(|| {
    all()
        .filter(|method| method.kind != Kind::Read)
        .flat_map(|method| method.names.iter().map(|name| (*name, method.kind)))
        .collect()
});

/// What the method of that name does to its neighbours; one that is not there does nothing.
pub(crate) fn kind(name: &str) -> Kind {
    KINDS.get(name).copied().unwrap_or(Kind::Read)
}

/// Namespaces whose methods, where they change something, change what only a dev chain lets one change.
const CHEATS: [&str; 5] = ["anvil_", "evm_", "hardhat_", "miner_", "tenderly_"];

/// Whether the method changes the chain by other means than transactions.
pub(crate) fn is_cheat(name: &str) -> bool {
    kind(name) == Kind::Change && CHEATS.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests;
