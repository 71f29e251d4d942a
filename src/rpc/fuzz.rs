//! The body of a request; see [`crate::fuzzing`].

use super::{Limits, dispatch::Dispatcher, methods, testing::context};
use crate::replica::testing::TestCluster;
use std::cell::RefCell;
use tokio::runtime::{Builder, Runtime};

/// Bodies that one chain answers before there is a new one.
const BODIES_PER_CHAIN: u32 = 1_000;
/// A node's own fault, which no input may bring about.
const INTERNAL_ERROR: &[u8] = br#""code":-32603"#;

struct Server {
    runtime: Runtime,
    dispatcher: Dispatcher,
    _cluster: TestCluster,
    answered: u32,
}

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

fn start() -> Option<Server> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .ok()?;
    let (cluster, dispatcher) = runtime.block_on(async {
        let (cluster, context) = context(Limits {
            batch_calls: 4,
            ..Limits::default()
        });
        (cluster, Dispatcher::new(context).ok())
    });
    Some(Server {
        runtime,
        dispatcher: dispatcher?,
        _cluster: cluster,
        answered: 0,
    })
}

/// As JSON-RPC; or, where the first byte is small, as the parameters of the method that the second names.
pub(crate) fn body(data: &[u8]) {
    let call;
    let message = match data {
        [first, method, params @ ..] if *first < 8 => {
            let names: Vec<_> = methods::all().map(|one| one.names[0]).collect();
            let index = usize::from(*first) * 256 + usize::from(*method);
            let name = names[index % names.len()];
            let head = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{name}","params":"#);
            call = [head.as_bytes(), params, b"}"].concat();
            call.as_slice()
        }
        _ => data,
    };
    SERVER.with_borrow_mut(|kept| {
        let server = kept.take().filter(|it| it.answered < BODIES_PER_CHAIN);
        let Some(mut server) = server.or_else(start) else {
            return;
        };
        server.answered += 1;
        let answer = server
            .runtime
            .block_on(server.dispatcher.answer(message, None));
        let is_internal = answer.is_some_and(|answer| {
            answer
                .windows(INTERNAL_ERROR.len())
                .any(|it| it == INTERNAL_ERROR)
        });
        assert!(!is_internal, "the node's own fault");
        *kept = Some(server);
    });
}
