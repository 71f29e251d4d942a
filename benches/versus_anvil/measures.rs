//! What is measured on a fresh chain.

use crate::{
    ANVIL_CONCURRENT_MAX, Effort,
    report::{Better, Report, percentile},
    server::Server,
    transfers::{confirm, senders},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::{runtime::Builder, task::JoinSet};

const SENDERS: usize = 64;
const BLOCK_TRANSACTIONS: usize = 100;
const TRACED_TRANSACTIONS: usize = 1000;
/// A contract that answers what its slot 0 holds: `PUSH0 SLOAD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN`.
const READER_CODE: &str = "0x5f545f5260205ff3";
const READER: &str = "0x00000000000000000000000000000000000000ca";

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// All measures, in an order in which none spoils the next.
pub(crate) async fn all(server: &Server, effort: Effort, report: &mut Report) {
    report.add(
        server.kind,
        "start to first answer, ms",
        Better::Less,
        milliseconds(server.first_answer),
    );
    report.add(
        server.kind,
        "start to a leader, ms",
        Better::Less,
        milliseconds(server.leader),
    );
    report.add(
        server.kind,
        "memory at rest, MiB",
        Better::Less,
        server.resident_mib(),
    );
    one_by_one(server, effort, report);
    reads_at_once(server, effort, report).await;
    full_block(server, report).await;
    concurrent(server, effort, report).await;
    traced_block(server, report).await;
}

/// What one client does, one call after the other. It has one thread: with more, each answer would first wake one and then
/// another, which costs as much as a read does.
fn one_by_one(server: &Server, effort: Effort, report: &mut Report) {
    tokio::task::block_in_place(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            sequential(server, effort, report).await;
            reads(server, effort, report).await;
        });
    });
}

async fn sequential(server: &Server, effort: Effort, report: &mut Report) {
    let mut sender = senders(server, SENDERS + 1).await.pop().unwrap();
    let transfers = sender.transfers(effort.sequential + 20);
    let mut connection = server.connect(0).await;
    let mut times = Vec::new();
    for transfer in &transfers {
        let start = Instant::now();
        confirm(&mut connection, transfer).await;
        times.push(milliseconds(start.elapsed()));
    }
    times.drain(..20);
    report.add(
        server.kind,
        "transfer to receipt, p50, ms",
        Better::Less,
        percentile(&mut times, 50),
    );
    report.add(
        server.kind,
        "transfer to receipt, p99, ms",
        Better::Less,
        percentile(&mut times, 99),
    );
}

/// The reads that are measured.
fn read_requests() -> [(&'static str, Value); 2] {
    [
        ("eth_call", json!([{"to": READER}, "latest"])),
        ("eth_getBalance", json!([READER, "latest"])),
    ]
}

async fn reads(server: &Server, effort: Effort, report: &mut Report) {
    let mut connection = server.connect(0).await;
    connection
        .call("anvil_setCode", json!([READER, READER_CODE]))
        .await
        .unwrap();
    for (method, params) in read_requests() {
        let mut times = Vec::new();
        for _ in 0..effort.reads {
            let start = Instant::now();
            connection.call(method, params.clone()).await.unwrap();
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        report.add(
            server.kind,
            &format!("{method}, p50, µs"),
            Better::Less,
            percentile(&mut times, 50),
        );
    }
}

async fn reads_at_once(server: &Server, effort: Effort, report: &mut Report) {
    for (method, params) in read_requests() {
        let rate = read_rate(server, effort, method, &params).await;
        report.add(
            server.kind,
            &format!("{method}, 16 connections, per second"),
            Better::More,
            rate,
        );
    }
}

async fn read_rate(server: &Server, effort: Effort, method: &'static str, params: &Value) -> f64 {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for number in 0..16 {
        let mut connection = server.connect(number).await;
        let params = params.clone();
        tasks.spawn(async move {
            for _ in 0..effort.reads / 4 {
                connection.call(method, params.clone()).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    (16 * (effort.reads / 4)) as f64 / start.elapsed().as_secs_f64()
}

/// A block of 100 transfers from 100 senders: mined on command, then read with its transactions.
async fn full_block(server: &Server, report: &mut Report) {
    let mut connection = server.connect(0).await;
    let mut mine = Vec::new();
    let mut read = Vec::new();
    let mut from = Vec::new();
    for number in 0..BLOCK_TRANSACTIONS {
        from.push(crate::transfers::Sender::funded(1000 + number, &mut connection).await);
    }
    for _ in 0..5 {
        connection
            .call("evm_setAutomine", json!([false]))
            .await
            .unwrap();
        for sender in &mut from {
            connection
                .call("eth_sendRawTransaction", json!([sender.transfer()]))
                .await
                .unwrap();
        }
        let start = Instant::now();
        connection.call("evm_mine", json!([])).await.unwrap();
        mine.push(milliseconds(start.elapsed()));
        for _ in 0..10 {
            let start = Instant::now();
            let block = connection
                .call("eth_getBlockByNumber", json!(["latest", true]))
                .await
                .unwrap();
            read.push(milliseconds(start.elapsed()));
            assert_eq!(
                block["transactions"].as_array().map(Vec::len),
                Some(BLOCK_TRANSACTIONS)
            );
        }
        connection
            .call("evm_setAutomine", json!([true]))
            .await
            .unwrap();
    }
    report.add(
        server.kind,
        "mine 100 transactions, ms",
        Better::Less,
        percentile(&mut mine, 50),
    );
    report.add(
        server.kind,
        "read a block of 100 transactions, ms",
        Better::Less,
        percentile(&mut read, 50),
    );
}

/// `callTracer` over a block of 1,000 transfers from 100 senders. Not asked of anvil 1.7.1, which executes all earlier
/// transactions again for each one: 2 s for a block of 100, and no answer for 1,000 within 100 s.
async fn traced_block(server: &Server, report: &mut Report) {
    if server.kind.is_anvil() {
        return;
    }
    let mut connection = server.connect(0).await;
    connection
        .call("evm_setAutomine", json!([false]))
        .await
        .unwrap();
    for number in 0..TRACED_TRANSACTIONS / 10 {
        let mut sender = crate::transfers::Sender::funded(5000 + number, &mut connection).await;
        for transfer in sender.transfers(10) {
            connection
                .call("eth_sendRawTransaction", json!([transfer]))
                .await
                .unwrap();
        }
    }
    connection.call("evm_mine", json!([])).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..11 {
        let start = Instant::now();
        let traces = connection
            .call(
                "debug_traceBlockByNumber",
                json!(["latest", {"tracer": "callTracer"}]),
            )
            .await
            .unwrap();
        times.push(milliseconds(start.elapsed()));
        assert_eq!(
            traces.as_array().map(Vec::len),
            Some(TRACED_TRANSACTIONS),
            "all transfers are in the block"
        );
    }
    connection
        .call("evm_setAutomine", json!([true]))
        .await
        .unwrap();
    report.add(
        server.kind,
        "callTracer over a block of 1,000 transfers, ms",
        Better::Less,
        percentile(&mut times, 50),
    );
}

async fn concurrent(server: &Server, effort: Effort, report: &mut Report) {
    let wanted = if server.kind.is_anvil() {
        effort.concurrent.min(ANVIL_CONCURRENT_MAX)
    } else {
        effort.concurrent
    };
    let each = wanted / SENDERS;
    let mut ready = Vec::new();
    for (number, mut sender) in senders(server, SENDERS).await.into_iter().enumerate() {
        ready.push((
            server.connect(number).await,
            sender.transfers(each),
            sender.address(),
        ));
    }
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for (mut connection, transfers, address) in ready {
        tasks.spawn(async move {
            for transfer in &transfers {
                confirm(&mut connection, transfer).await;
            }
            let nonce = connection
                .call("eth_getTransactionCount", json!([address, "latest"]))
                .await
                .unwrap();
            assert_eq!(nonce, format!("{:#x}", transfers.len()));
        });
    }
    tasks.join_all().await;
    let rate = (each * SENDERS) as f64 / start.elapsed().as_secs_f64();
    report.add(
        server.kind,
        "64 senders, confirmed per second",
        Better::More,
        rate,
    );
    report.add(
        server.kind,
        "memory after all this, MiB",
        Better::Less,
        server.resident_mib(),
    );
}
