use super::*;
use crate::{
    consensus::{LeaderId, PeerService},
    net::Tokio,
};
use futures::stream;

type Config = TypeConfig<Tokio>;

/// A peer that takes everything.
#[derive(Debug)]
struct Agreeable;

impl Transport for Agreeable {
    fn send(
        &self,
        _to: MemberId,
        _kind: MessageKind,
        _request: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, PeerError>> {
        let response = Response::<Tokio>::Append(AppendEntriesResponse::Success);
        futures::future::ready(Ok(encode(&response, SMALL_MESSAGE_BYTES))).boxed()
    }

    fn reachable(&self, _id: MemberId) -> bool {
        true
    }

    fn serve(&self, _kind: MessageKind, _service: Option<Arc<dyn PeerService>>) {}
}

fn log_id(index: u64) -> LogId {
    let leader = LeaderId {
        term: 1,
        node_id: 1,
    };
    LogId::new(leader, index)
}

/// An append without entries.
fn empty(previous: u64, committed: u64) -> AppendEntriesRequest<Config> {
    AppendEntriesRequest {
        vote: Vote::new_committed(1, 1),
        prev_log_id: Some(log_id(previous)),
        entries: Vec::new(),
        leader_commit: Some(log_id(committed)),
    }
}

/// How many appends were answered, and whether the stream ended with an error.
async fn outcome(appends: Vec<AppendEntriesRequest<Config>>) -> (usize, bool) {
    let mut peers = Peers::<Tokio>::new(
        Arc::new(Agreeable),
        1,
        Duration::from_secs(1),
        Announced::default(),
    );
    let member = Member {
        name: "node2".to_owned(),
        public_key: crate::types::PublicKey([2; 32]),
        peer_address: String::new(),
        rpc_address: String::new(),
    };
    let mut peer = peers.new_client(2, &member).await;
    let option = RPCOption::new(Duration::from_secs(1));
    let answers = peer.stream_append(stream::iter(appends), option).await;
    let Ok(answers) = answers else {
        return (0, true);
    };
    let answers: Vec<_> = answers.collect().await;
    let failed = answers.iter().filter(|it| it.is_err()).count();
    assert!(failed <= 1 && answers.iter().rev().skip(1).all(Result::is_ok));
    (answers.len() - failed, failed == 1)
}

/// Found by the simulator: the engine asked for entries that had been purged, without end, and did not see that it had
/// sent a snapshot meanwhile.
#[tokio::test]
async fn a_stream_that_asks_for_purged_entries_again_and_again_ends() {
    assert_eq!(outcome(vec![empty(27, 40); 5]).await, (1, true));
    // A probe, and commits that are told of where there is nothing to send.
    assert_eq!(outcome(vec![empty(27, 40)]).await, (1, false));
    assert_eq!(
        outcome(vec![empty(40, 39), empty(40, 40), empty(40, 40)]).await,
        (3, false)
    );
}
