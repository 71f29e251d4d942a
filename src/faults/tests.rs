//! Faults on links between two ends in memory, under a clock that the test moves.
#![allow(clippy::unwrap_used)]

use super::{EdgeFault, Faults, FaultyTransport, order::Order};
use crate::{
    consensus::{MessageKind, PeerError, PeerService, Transport},
    types::MemberId,
};
use alloy::primitives::Bytes;
use futures::{
    FutureExt,
    future::{BoxFuture, join_all, ready},
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// A way to peers that all answer with what they were asked, and that remembers it.
#[derive(Default)]
struct Echo {
    sent: Mutex<Vec<u8>>,
    service: Mutex<Option<Arc<dyn PeerService>>>,
}

impl Transport for Echo {
    fn send(
        &self,
        _to: MemberId,
        _kind: MessageKind,
        request: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, PeerError>> {
        self.sent.lock().unwrap().extend_from_slice(&request);
        ready(Ok(request)).boxed()
    }
    fn reachable(&self, _id: MemberId) -> bool {
        true
    }
    fn serve(&self, _kind: MessageKind, service: Option<Arc<dyn PeerService>>) {
        *self.service.lock().unwrap() = service;
    }
}

struct Parrot;

impl PeerService for Parrot {
    fn handle(&self, _from: MemberId, request: Bytes) -> BoxFuture<'static, Bytes> {
        ready(request).boxed()
    }
}

fn ends() -> (Arc<Echo>, FaultyTransport, Faults) {
    let (echo, faults) = (Arc::new(Echo::default()), Faults::default());
    let transport = FaultyTransport::new(echo.clone(), faults.clone());
    (echo, transport, faults)
}

fn order(faults: &Faults, order: &Order) {
    faults.obey(order, Instant::now());
}

fn cut(peer: MemberId, limit_ms: u64) -> Order {
    Order::Cut {
        peers: vec![peer],
        limit_ms,
    }
}

fn delay(delay_ms: u64, jitter_ms: u64) -> Order {
    Order::Delay {
        peers: vec![2],
        delay_ms,
        jitter_ms,
        limit_ms: 60_000,
    }
}

#[tokio::test]
async fn a_cut_closes_one_link_both_ways_but_not_for_orders() {
    let (echo, transport, faults) = ends();
    transport.serve(MessageKind::Consensus, Some(Arc::new(Parrot)));
    let gate = echo.service.lock().unwrap().clone().unwrap();
    order(&faults, &cut(2, 60_000));
    let kind = MessageKind::Consensus;
    let sent = transport.send(2, kind, Bytes::from_static(b"a")).await;
    assert_eq!(sent, Err(PeerError::Unreachable(2)));
    assert!(!transport.reachable(2));
    assert!(gate.handle(2, Bytes::new()).now_or_never().is_none());
    // Another member, and orders.
    assert!(
        transport
            .send(3, kind, Bytes::from_static(b"b"))
            .await
            .is_ok()
    );
    assert!(gate.handle(3, Bytes::new()).now_or_never().is_some());
    let fault = transport.send(2, MessageKind::Fault, Bytes::from_static(b"c"));
    assert!(fault.await.is_ok());
    assert_eq!(*echo.sent.lock().unwrap(), b"bc");
    order(&faults, &Order::Heal);
    assert!(transport.reachable(2));
    assert!(transport.send(2, kind, Bytes::new()).await.is_ok());
}

#[tokio::test]
async fn a_cut_ends_at_its_limit_and_what_was_asked_before_it_is_lost() {
    let (_, transport, faults) = ends();
    order(&faults, &delay(60_000, 0));
    let asked = transport.send(2, MessageKind::Application, Bytes::from_static(b"a"));
    order(&faults, &cut(2, 50));
    assert_eq!(asked.await, Err(PeerError::Lost(2)));
    faults.joined(2).await;
    assert!(transport.reachable(2));
    assert!(
        faults.active(Instant::now()).len() == 1,
        "the delay is left"
    );
}

#[tokio::test]
async fn delayed_messages_keep_their_order_also_past_the_end_of_the_delay() {
    let (echo, transport, faults) = ends();
    order(&faults, &delay(20, 20));
    let kind = MessageKind::Application;
    let first: Vec<_> = (0..50)
        .map(|i| transport.send(2, kind, vec![i].into()))
        .collect();
    order(&faults, &Order::Heal);
    let rest: Vec<_> = (50..100)
        .map(|i| transport.send(2, kind, vec![i].into()))
        .collect();
    for (i, answer) in join_all(first.into_iter().chain(rest))
        .await
        .into_iter()
        .enumerate()
    {
        assert_eq!(answer.unwrap()[0], u8::try_from(i).unwrap());
    }
    let in_order: Vec<u8> = (0..100).collect();
    assert_eq!(*echo.sent.lock().unwrap(), in_order);
}

#[tokio::test]
async fn a_message_is_late_by_at_least_the_delay() {
    let (_, transport, faults) = ends();
    order(&faults, &delay(30, 0));
    let start = Instant::now();
    transport
        .send(2, MessageKind::Consensus, Bytes::new())
        .await
        .unwrap();
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn what_is_lost_is_never_sent() {
    let (echo, transport, faults) = ends();
    let all = Order::Drop {
        peers: vec![2],
        per_mille: 1000,
        limit_ms: 60_000,
    };
    order(&faults, &all);
    let sent = transport.send(2, MessageKind::Consensus, Bytes::from_static(b"a"));
    assert_eq!(sent.await, Err(PeerError::Lost(2)));
    assert!(echo.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_paused_member_neither_speaks_nor_listens_until_it_is_resumed() {
    let (echo, transport, faults) = ends();
    transport.serve(MessageKind::Consensus, Some(Arc::new(Parrot)));
    let gate = echo.service.lock().unwrap().clone().unwrap();
    order(&faults, &Order::Pause { limit_ms: 60_000 });
    let mut asked = transport.send(2, MessageKind::Consensus, Bytes::from_static(b"a"));
    let mut heard = gate.handle(2, Bytes::from_static(b"b"));
    assert!((&mut asked).now_or_never().is_none());
    assert!((&mut heard).now_or_never().is_none());
    assert!(faults.answering().now_or_never().is_none());
    order(&faults, &Order::Resume);
    assert_eq!(asked.await.unwrap(), Bytes::from_static(b"a"));
    assert_eq!(heard.await, Bytes::from_static(b"b"));
    faults.answering().await;
}

#[tokio::test]
async fn clients_hang_until_the_limit() {
    let (_, _, faults) = ends();
    let hang = Order::Edge {
        fault: EdgeFault::Hang,
        limit_ms: 40,
    };
    let start = Instant::now();
    order(&faults, &hang);
    assert!(faults.hold_clients());
    faults.answering().await;
    assert!(start.elapsed() >= Duration::from_millis(40));
    assert!(!faults.hold_clients());
}
