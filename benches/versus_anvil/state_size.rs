//! Block time and memory as the state grows: a contract makes accounts and slots, the same way on every target.

use crate::{
    Effort,
    report::{Better, Report, percentile},
    server::{GAS_LIMIT, Server},
    transfers::{Sender, confirm, receipt},
};
use alloy::primitives::U256;
use serde_json::json;
use std::time::Instant;

const FILLER: &str = "0x00000000000000000000000000000000000f111e";

/// For i in [data 0, data 32): `SSTORE(i, i)`, and 1 wei to the address `2^64 + i`.
///
/// ```text
/// PUSH0 CALLDATALOAD                                   i
/// JUMPDEST (2)  DUP1 PUSH1 32 CALLDATALOAD GT PUSH1 12 JUMPI STOP
/// JUMPDEST (12) DUP1 DUP1 SSTORE
///   PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 1 DUP6 PUSH1 1 PUSH1 64 SHL ADD GAS CALL POP
///   PUSH1 1 ADD PUSH1 2 JUMP
/// ```
const FILLER_CODE: &str =
    "0x5f355b8060203511600c57005b8080555f5f5f5f600185600160401b015af150600101600256";

/// Entries made by one transaction: at most 56,200 gas each.
const CHUNK: u64 = 15_000;

/// Measures block time and memory at each size.
pub(crate) async fn measure(server: &Server, effort: Effort, report: &mut Report) {
    let mut connection = server.connect(0).await;
    connection
        .call("anvil_setCode", json!([FILLER, FILLER_CODE]))
        .await
        .unwrap();
    connection
        .call("anvil_setBalance", json!([FILLER, "0xffffffffffffffff"]))
        .await
        .unwrap();
    let mut sender = Sender::funded(0, &mut connection).await;
    let from = connection.call("eth_accounts", json!([])).await.unwrap()[0].clone();
    let mut entries = 0;
    for size in effort.sizes {
        while entries < *size {
            let end = (entries + CHUNK).min(*size);
            let data = format!(
                "{:#066x}{:064x}",
                U256::from(entries + 1),
                U256::from(end + 1)
            );
            let request = json!([{"from": from, "to": FILLER, "gas": format!("{:#x}", GAS_LIMIT - 1), "data": data}]);
            let hash = connection
                .call("eth_sendTransaction", request)
                .await
                .unwrap();
            assert_eq!(
                receipt(&mut connection, &hash).await["status"],
                "0x1",
                "filling to {end}"
            );
            entries = end;
        }
        if *size > 0 {
            let last = connection.call(
                "eth_getBalance",
                json!([
                    format!("{:#042x}", U256::from(1_u128 << 64) + U256::from(entries)),
                    "latest"
                ]),
            );
            assert_eq!(last.await.unwrap(), "0x1", "the last account of {size}");
        }
        let mut times = Vec::new();
        for _ in 0..25 {
            let transfer = sender.transfer();
            let start = Instant::now();
            confirm(&mut connection, &transfer).await;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let name = if *size == 0 {
            "nothing else".to_owned()
        } else {
            format!("{}k accounts and slots", size / 1000)
        };
        report.add(
            server.kind,
            &format!("transfer with {name}, p50, ms"),
            Better::Less,
            percentile(&mut times, 50),
        );
        report.add(
            server.kind,
            &format!("memory with {name}, MiB"),
            Better::Less,
            server.resident_mib(),
        );
    }
}
