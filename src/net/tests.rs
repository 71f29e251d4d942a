//! Tests of the network.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod cluster;

use super::*;
use crate::consensus::TimedCalls;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The secret key of member `id` in the tests.
fn secret(id: MemberId) -> SigningKey {
    SigningKey::from_bytes(&[u8::try_from(id).unwrap(); 32])
}

fn member(id: MemberId, address: &str) -> Member {
    Member {
        name: format!("node{id}"),
        public_key: PublicKey(secret(id).verifying_key().to_bytes()),
        peer_address: address.to_owned(),
        rpc_address: "127.0.0.1:0".to_owned(),
    }
}

fn config(id: MemberId, addresses: &[SocketAddr]) -> NetConfig {
    let members = addresses.iter().enumerate().map(|(i, address)| {
        let id = i as MemberId + 1;
        (id, member(id, &address.to_string()))
    });
    NetConfig {
        id,
        identity: secret(id),
        cluster_id: [9; 32],
        members: members.collect(),
        message_limit_bytes: MESSAGE_LIMIT_BYTES,
        neighbours: Neighbours::default(),
    }
}

async fn bind(count: usize) -> (Vec<Listener>, Vec<SocketAddr>) {
    let mut listeners = Vec::new();
    for _ in 0..count {
        listeners.push(Listener::bind("127.0.0.1:0").await.unwrap());
    }
    let addresses = listeners.iter().map(Listener::local_address).collect();
    (listeners, addresses)
}

/// Two nets; `change` may spoil the second one's config.
async fn pair(change: impl FnOnce(&mut NetConfig)) -> (Net, Net) {
    let (mut listeners, addresses) = bind(2).await;
    let second = listeners.pop().unwrap();
    let first = listeners.pop().unwrap();
    let first = start(first, config(1, &addresses)).unwrap();
    let mut spoiled = config(2, &addresses);
    change(&mut spoiled);
    let second = start(second, spoiled).unwrap();
    (first, second)
}

/// Waits until `condition` holds, for a minute at the most.
async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within a minute: {what}");
}

/// Answers with the request, reversed, after a pause that its first byte gives in milliseconds.
struct Mirror(Arc<Mutex<Vec<u8>>>);

impl PeerService for Mirror {
    fn handle(&self, from: MemberId, request: Bytes) -> BoxFuture<'static, Bytes> {
        let seen = Arc::clone(&self.0);
        async move {
            seen.lock().unwrap().extend(request.first());
            let pause = request.first().copied().unwrap_or_default();
            if pause > 0 {
                tokio::time::sleep(Duration::from_millis(pause.into())).await;
            }
            let mut answer: Vec<u8> = request.iter().rev().copied().collect();
            answer.push(u8::try_from(from).unwrap());
            answer.into()
        }
        .boxed()
    }
}

/// Two nets of one process.
async fn neighbours() -> (Net, Net) {
    let (mut listeners, addresses) = bind(2).await;
    let neighbours = Neighbours::default();
    let mut start_one = |id| {
        let config = NetConfig {
            neighbours: neighbours.clone(),
            ..config(id, &addresses)
        };
        start(listeners.remove(0), config).unwrap()
    };
    (start_one(1), start_one(2))
}

#[tokio::test]
async fn requests_are_answered() {
    answers(pair(|_| ()).await, MessageKind::Application).await;
}

#[tokio::test]
async fn requests_in_one_process_are_answered_beside_the_socket() {
    for kind in [MessageKind::Application, MessageKind::Consensus] {
        let (first, second) = neighbours().await;
        answers((first.clone(), second), kind).await;
        let sent = &first.metrics().sent_bytes;
        assert!(sent.load(Ordering::Relaxed) < 10_000, "{sent:?} bytes");
    }
}

#[tokio::test]
async fn a_neighbour_that_is_no_member_any_more_is_not_reachable() {
    let (first, second) = neighbours().await;
    second.serve(
        MessageKind::Consensus,
        Some(Arc::new(Mirror(Arc::default()))),
    );
    until("connected", || first.reachable(2)).await;
    let ask = |byte: u8| first.send(2, MessageKind::Consensus, vec![byte].into());
    assert_eq!(ask(0).await.unwrap(), Bytes::from(vec![0, 1]));
    let waiting = ask(250);
    second.set_members(&BTreeMap::new());
    assert_eq!(waiting.await, Err(PeerError::Lost(2)));
    until("cut off", || !first.reachable(2)).await;
    assert_eq!(ask(0).await, Err(PeerError::Unreachable(2)));
}

/// Requests of a kind from the first to the second one, until the second one ends.
async fn answers((first, second): (Net, Net), kind: MessageKind) {
    until("connected", || first.reachable(2) && second.reachable(1)).await;
    assert!(first.reachable(1), "a node reaches itself");
    let early = first.send(2, kind, vec![0, 1].into()).await;
    assert_eq!(early, Err(PeerError::Refused(2)), "nobody serves yet");

    let seen = Arc::<Mutex<Vec<u8>>>::default();
    second.serve(kind, Some(Arc::new(Mirror(Arc::clone(&seen)))));
    // Many at once: taken in order, answered when each is ready.
    let answers: Vec<_> = (0..100u8)
        .map(|i| first.send(2, kind, vec![100 - i, 7].into()))
        .collect();
    for (i, answer) in (0..100u8).zip(answers) {
        assert_eq!(answer.await.unwrap(), Bytes::from(vec![7, 100 - i, 1]));
    }
    assert_eq!(*seen.lock().unwrap(), (1..=100).rev().collect::<Vec<u8>>());

    // A large one, in many frames.
    let large: Vec<u8> = (0..5_000_000u32).map(|i| (i * 31) as u8).collect();
    let answer = first.send(2, kind, large.clone().into()).await.unwrap();
    assert!(answer[..large.len()].iter().eq(large.iter().rev()));

    if kind == MessageKind::Application {
        let calls = TimedCalls::<Tokio>::new(Arc::new(first.clone()));
        let limit = Duration::from_millis(20);
        let slow = crate::consensus::PeerCalls::call(&calls, 2, vec![200].into(), limit).await;
        assert_eq!(slow, Err(PeerError::TimedOut(2, limit)));
    }
    let nobody = first.send(3, kind, Bytes::new()).await;
    assert_eq!(nobody, Err(PeerError::Unreachable(3)));

    // The end of the other side is noticed at once, by those who wait too.
    let waiting = first.send(2, kind, vec![250].into());
    tokio::time::sleep(Duration::from_millis(20)).await;
    second.shutdown().await;
    assert_eq!(waiting.await, Err(PeerError::Lost(2)));
    until("disconnected", || !first.reachable(2)).await;
    first.shutdown().await;
}

#[tokio::test]
async fn a_restarted_peer_is_found_again() {
    let (first, second) = pair(|_| ()).await;
    until("connected", || first.reachable(2)).await;
    let address = second.local_address();
    let addresses = [first.local_address(), address];
    second.shutdown().await;
    until("disconnected", || !first.reachable(2)).await;
    let listener = Listener::bind(&address.to_string()).await.unwrap();
    let second = start(listener, config(2, &addresses)).unwrap();
    until("connected again", || {
        first.reachable(2) && second.reachable(1)
    })
    .await;
}

#[tokio::test]
async fn an_unknown_key_gets_nothing() {
    // The second node has another key than the one in the first one's config.
    let (first, second) = pair(|config| {
        config.identity = secret(77);
        let own = config.members.get_mut(&2).unwrap();
        own.public_key = PublicKey(secret(77).verifying_key().to_bytes());
    })
    .await;
    until("refused", || {
        first.metrics().refused(Refusal::UnknownKey) > 0
            && second.metrics().refused(Refusal::RefusedByPeer) > 0
    })
    .await;
    assert!(!first.reachable(2));
    assert!(!second.reachable(1));
}

#[tokio::test]
async fn a_wrong_cluster_is_refused() {
    let (first, second) = pair(|config| config.cluster_id = [8; 32]).await;
    until("refused", || {
        first.metrics().refused(Refusal::Cluster) > 0
            && second.metrics().refused(Refusal::Cluster) > 0
    })
    .await;
    assert!(!first.reachable(2) && !second.reachable(1));
}

#[tokio::test]
async fn a_config_with_another_key_for_this_node_is_refused() {
    let (mut listeners, addresses) = bind(2).await;
    let mut wrong = config(1, &addresses);
    wrong.identity = secret(5);
    let error = start(listeners.remove(0), wrong).unwrap_err();
    assert!(matches!(error, NetError::WrongKey(1)), "{error}");
}

#[tokio::test]
async fn a_port_in_use_is_said() {
    let (_listeners, addresses) = bind(1).await;
    let address = addresses[0].to_string();
    let error = Listener::bind(&address).await.unwrap_err();
    assert!(matches!(error, NetError::InUse(_)), "{error}");
    assert!(error.to_string().contains(&address));
}

/// Sends `bytes` to a fresh net; what it counted.
async fn knock(bytes: &[u8], cause: Refusal) {
    let (mut listeners, addresses) = bind(2).await;
    let net = start(listeners.remove(0), config(1, &addresses)).unwrap();
    let mut stream = TcpStream::connect(addresses[0]).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut rest = Vec::new();
    // It is closed without a word of use to a stranger.
    let read = stream.read_to_end(&mut rest);
    let _ = tokio::time::timeout(Duration::from_secs(5), read)
        .await
        .unwrap();
    until("refused", || net.metrics().refused(cause) == 1).await;
    assert_eq!(net.metrics().refused_total(), 1);
    net.shutdown().await;
}

#[tokio::test]
async fn strangers_are_refused() {
    let http = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n(and some more text)";
    knock(http, Refusal::NotAPeer).await;

    let mut hello = b"PRLN".to_vec();
    hello.push(PROTOCOL_VERSION + 1);
    hello.extend([9; 32]);
    knock(&hello, Refusal::Version { theirs: 0 }).await;

    hello[4] = PROTOCOL_VERSION;
    let mut oversized = hello.clone();
    oversized.extend([0xff, 0xff]);
    oversized.extend([0; 1000]);
    knock(&oversized, Refusal::BrokenFrame).await;

    let mut garbage = hello.clone();
    garbage.extend([0, 4, 1, 2, 3, 4]);
    knock(&garbage, Refusal::Handshake).await;
}

#[tokio::test]
async fn a_message_above_the_limit_ends_the_connection() {
    let (first, second) = pair(|config| config.message_limit_bytes = 100_000).await;
    until("connected", || first.reachable(2)).await;
    second.serve(
        MessageKind::Application,
        Some(Arc::new(Mirror(Arc::default()))),
    );
    let answer = first
        .send(2, MessageKind::Application, vec![0; 200_000].into())
        .await;
    assert_eq!(answer, Err(PeerError::Lost(2)));
    assert_eq!(second.metrics().refused(Refusal::Oversized), 1);
    let own = second
        .send(1, MessageKind::Application, vec![0; 200_000].into())
        .await;
    assert!(matches!(own, Err(PeerError::TooLarge { .. })), "{own:?}");
}

#[test]
fn pieces_come_together_again() {
    use frame::{Assembly, FRAME_CONTENT_LIMIT, Lanes, Message, Outcome};
    let mut lanes = Lanes::default();
    let message = |lane, id, size: usize| Message {
        lane,
        id,
        outcome: (id % 2 == 0).then_some(Outcome::Answered),
        content: vec![id as u8; size].into(),
    };
    lanes.push(message(2, 1, 300_000));
    lanes.push(message(1, 2, 0));
    lanes.push(message(0, 3, 100_000));
    lanes.push(message(0, 4, 5));
    let (mut content, mut whole) = (Vec::new(), Vec::new());
    let mut assembly = Assembly::new(1 << 20);
    while !lanes.is_empty() {
        lanes.fill(&mut content);
        assert!(!content.is_empty() && content.len() <= FRAME_CONTENT_LIMIT);
        assembly
            .take(&content, |it| {
                whole.push((it.id, it.outcome, it.content.len()));
            })
            .unwrap();
    }
    assert_eq!(lanes.bytes(), 0);
    let answered = Some(Outcome::Answered);
    assert_eq!(
        whole,
        [
            (2, answered, 0),
            (3, None, 100_000),
            (4, answered, 5),
            (1, None, 300_000)
        ]
    );
    // A piece that is cut off, and one longer than its frame.
    assert_eq!(assembly.take(&[0; 5], |_| ()), Err(Refusal::BrokenFrame));
    assert_eq!(
        assembly.take(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], |_| ()),
        Err(Refusal::BrokenFrame)
    );
}

#[test]
fn a_file_spool_gives_chunks_back_and_cleans_up() {
    use crate::consensus::SnapshotSpool;
    let folder = tempfile::tempdir().unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    std::fs::write(folder.path().join("3.snapshot"), b"left behind").unwrap();
    let spool = FileSpool::new(folder.path()).unwrap();
    assert_eq!(files(), 0);
    let mut writer = spool.create().unwrap();
    writer.write(b"one").unwrap();
    writer.write(b"").unwrap();
    writer.write(&vec![5; 70_000]).unwrap();
    let source = writer.finish().unwrap();
    for _ in 0..2 {
        let chunks: Vec<_> = source.chunks().unwrap().map(Result::unwrap).collect();
        assert_eq!(chunks, [b"one".to_vec(), vec![], vec![5; 70_000]]);
    }
    drop(source);
    drop(spool.create().unwrap());
    assert_eq!(files(), 0);
}

#[tokio::test]
async fn members_that_come_are_let_in_and_those_that_go_are_cut_off() {
    let (mut listeners, addresses) = bind(3).await;
    let third = listeners.pop().unwrap();
    let second = listeners.pop().unwrap();
    let all = config(1, &addresses).members;
    let two: BTreeMap<MemberId, Member> = all.clone().into_iter().take(2).collect();
    let of_two = |id| NetConfig {
        members: two.clone(),
        ..config(id, &addresses)
    };
    let first = start(listeners.pop().unwrap(), of_two(1)).unwrap();
    let second = start(second, of_two(2)).unwrap();
    let third = start(third, config(3, &addresses)).unwrap();
    until("two are connected", || {
        first.reachable(2) && second.reachable(1)
    })
    .await;
    until("the third one is refused", || {
        first.metrics().refused(Refusal::UnknownKey) > 0
    })
    .await;
    assert!(!first.reachable(3) && !third.reachable(1));

    first.set_members(&all);
    second.set_members(&all);
    until("all are connected", || {
        [&first, &second, &third]
            .iter()
            .all(|net| (1..=3).all(|id| net.reachable(id)))
    })
    .await;
    // The same again changes nothing.
    first.set_members(&all);
    assert!((1..=3).all(|id| first.reachable(id)));

    let without_second: BTreeMap<MemberId, Member> =
        all.into_iter().filter(|(id, _)| *id != 2).collect();
    first.set_members(&without_second);
    assert_eq!(first.peers(), [3]);
    assert!(first.reachable(3));
    until("the second one is cut off", || {
        !first.reachable(2) && !second.reachable(1)
    })
    .await;
    assert!(second.reachable(3), "others decide for themselves");
    let refused = first.metrics().refused(Refusal::UnknownKey);
    until("it is refused from now on", || {
        first.metrics().refused(Refusal::UnknownKey) > refused
    })
    .await;
    for net in [first, second, third] {
        net.shutdown().await;
    }
}
