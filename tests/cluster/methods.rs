//! Every registered method, called once on a follower of a real cluster, and its effect on the two other nodes: the
//! table in `methods.txt`, which must speak of all of them.

use crate::harness::{Cluster, Node, quantity};
use praline::rpc::method_names;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

const TABLE: &str = include_str!("methods.txt");

/// `sstore(1, sload(1) + 1)`, a log, and 0x2a returned; behind the code that creates it.
const CREATION: &str =
    "0x6019600c60003960196000f3600154600101600155602a60005260aa60206000a160206000f3";
const NAKED: &str = "0x0000000000000000000000000000000000abcdef";
const STRANGER: &str = "0x00000000000000000000000000000000005747a6";

#[derive(Debug)]
struct Row {
    method: &'static str,
    params: &'static str,
    check: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    let lines = TABLE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let mut columns = line.split(" | ");
        Row {
            method: columns.next().unwrap(),
            params: columns.next().unwrap(),
            check: columns.next().unwrap_or_default(),
        }
    })
}

#[test]
fn the_table_of_methods_is_complete() {
    let named: Vec<&str> = rows()
        .map(|row| row.method)
        .filter(|method| !method.starts_with('!'))
        .collect();
    let unique: BTreeSet<&str> = named.iter().copied().collect();
    assert_eq!(named.len(), unique.len(), "a method is there twice");
    let registered: BTreeSet<&str> = method_names().collect();
    let forgotten: Vec<_> = registered.difference(&unique).collect();
    assert!(
        forgotten.is_empty(),
        "no line in methods.txt: {forgotten:?}"
    );
    let unknown: Vec<_> = unique.difference(&registered).collect();
    assert!(unknown.is_empty(), "not registered: {unknown:?}");
}

/// The cluster, and what the names in the table stand for.
struct Bench {
    cluster: Cluster,
    /// The node that is asked.
    asked: usize,
    names: BTreeMap<&'static str, String>,
    /// Lines so far.
    count: u64,
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Without what a node may know later than another.
fn lasting(mut value: Value) -> Value {
    let is_member = |it: &Value| it.get("publicKey").is_some();
    if let Some(members) = value.as_array_mut().filter(|it| it.iter().all(is_member)) {
        for member in members {
            *member = json!([member["name"], member["publicKey"]]);
        }
    }
    if let Some(members) = value.as_object_mut() {
        members.remove("committedIndex");
    }
    value
}

impl Bench {
    async fn new() -> Self {
        let cluster = Cluster::three().await;
        let asked = cluster.follower().await;
        let mut bench = Self {
            cluster,
            asked,
            names: BTreeMap::new(),
            count: 0,
        };
        bench.prepare().await;
        bench
    }

    fn node(&self) -> &Node {
        &self.cluster.nodes[self.asked]
    }

    fn others(&self) -> impl Iterator<Item = &Node> {
        let nodes = self.cluster.nodes.iter().enumerate();
        nodes
            .filter(|(place, _)| *place != self.asked)
            .map(|(_, node)| node)
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        self.node().ask(method, params).await
    }

    /// A contract, a call of it, and their blocks.
    async fn prepare(&mut self) {
        let accounts = self.ask("eth_accounts", json!([])).await;
        let (account, other) = (&accounts[0], &accounts[1]);
        let rich = json!([STRANGER, "0x56bc75e2d63100000"]);
        self.ask("anvil_setBalance", rich).await;
        let creation = json!([{"from": account, "data": CREATION}]);
        let creation = self.ask("eth_sendTransaction", creation).await;
        let receipt = self
            .ask("eth_getTransactionReceipt", json!([creation]))
            .await;
        let contract = &receipt["contractAddress"];
        let call = json!([{"from": account, "to": contract, "gas": "0x186a0"}]);
        let call = self.ask("eth_sendTransaction", call).await;
        let block = self
            .ask("eth_getBlockByNumber", json!(["latest", false]))
            .await;
        let proof = json!([contract, [], "latest"]);
        let code_hash = text(&self.ask("eth_getProof", proof).await["codeHash"]);
        let raw_block = self.ask("debug_getRawBlock", json!(["latest"])).await;
        let signature = json!([account, "0x68656c6c6f"]);
        let signature = self.ask("eth_sign", signature).await;
        let typed = json!({
            "types": {"EIP712Domain": [], "Note": [{"name": "text", "type": "string"}]},
            "primaryType": "Note", "domain": {}, "message": {"text": "a"},
        });
        let named = [
            ("$ACCOUNT", text(account)),
            ("$OTHER", text(other)),
            ("$STRANGER", STRANGER.to_owned()),
            ("$NAKED", NAKED.to_owned()),
            ("$CONTRACT", text(contract)),
            ("$CREATION", text(&creation)),
            ("$TX", text(&call)),
            ("$BLOCK", text(&block["hash"])),
            ("$PARENT", text(&block["parentHash"])),
            ("$RAWBLOCK", text(&raw_block)),
            ("$CODEHASH", code_hash),
            ("$SIGNATURE", text(&signature)),
            ("$TYPED", typed.to_string()),
            ("$ZERO", format!("{:#066x}", 0)),
        ];
        self.names.extend(named);
    }

    /// Gives the names that are others in each line.
    async fn renew(&mut self) {
        self.count += 1;
        let count = self.count;
        let head = self
            .ask("eth_getBlockByNumber", json!(["latest", false]))
            .await;
        let time = quantity(&head["timestamp"]) + 5000;
        let request = json!([{
            "from": self.names["$OTHER"], "to": NAKED, "gas": "0x5208", "gasPrice": "0x174876e800",
        }]);
        let signed = self.ask("eth_signTransaction", request).await;
        let of_account = json!([self.names["$ACCOUNT"], "latest"]);
        let nonce = self.ask("eth_getTransactionCount", of_account).await;
        let renewed = [
            ("$NONCE", text(&nonce)),
            ("$N", format!("{:#x}", 0x1000 + count)),
            ("$BYTE", format!("{:02x}", count % 256)),
            ("$WORD", format!("{:#066x}", 0x1000 + count)),
            ("$GWEI", format!("{:#x}", 1_000_000_000 + count)),
            ("$GAS", format!("{:#x}", 30_000_000 + count)),
            ("$TIME", format!("{time:#x}")),
            ("$RAW", text(&signed["raw"])),
        ];
        self.names.extend(renewed);
    }

    /// A column with the names replaced, as JSON.
    fn json(&self, column: &str) -> Value {
        let mut replaced = String::new();
        let mut rest = column;
        while let Some(start) = rest.find('$') {
            replaced.push_str(&rest[..start]);
            let name = &rest[start..];
            let is_name = |c: char| c == '$' || c.is_ascii_uppercase();
            let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
            let mut value = self.names[&name[..end]].as_str();
            if replaced.ends_with("0x63") {
                value = value.trim_start_matches("0x");
            }
            replaced.push_str(value);
            rest = &name[end..];
        }
        replaced.push_str(rest);
        serde_json::from_str(&replaced).unwrap_or_else(|error| panic!("{replaced}: {error}"))
    }

    /// `METHOD PARAMS`.
    fn call_of<'a>(&self, check: &'a str) -> (&'a str, Value) {
        let (method, params) = check.split_once(' ').unwrap();
        (method, self.json(params))
    }

    /// What all nodes answer, which must be the same.
    async fn everywhere(&self, method: &str, params: &Value) -> Value {
        let first = lasting(self.ask(method, params.clone()).await);
        for node in self.others() {
            let answer = lasting(node.ask(method, params.clone()).await);
            assert_eq!(answer, first, "{method} {params}: {}", node.name);
        }
        first
    }

    async fn run(&mut self, row: &Row) {
        self.renew().await;
        let params = self.json(row.params);
        if let Some(method) = row.method.strip_prefix('!') {
            let answer = self.ask(method, params).await;
            let name = match method {
                "evm_snapshot" => "$SNAPSHOT",
                "eth_sendTransaction" => "$PENDING",
                "eth_newFilter" => "$FILTER",
                "anvil_dumpState" => "$DUMP",
                _ => return,
            };
            self.names.insert(name, text(&answer));
            return;
        }
        let (word, rest) = row.check.split_once(' ').unwrap_or((row.check, ""));
        match word {
            "same" => {
                let answer = self.everywhere(row.method, &params).await;
                if rest.is_empty() {
                    assert_ne!(answer, Value::Null, "{row:?}");
                } else {
                    assert_eq!(answer, self.json(rest), "{row:?}");
                }
            }
            "here" => {
                let answer = self.ask(row.method, params).await;
                assert_ne!(answer, Value::Null, "{row:?}");
            }
            "error" => self.refused(row, &params, rest).await,
            "gives" => {
                let (value, check) = rest.split_once(' ').unwrap();
                let given = self.changes(row.method, params, check).await;
                assert_eq!(given, self.json(value), "{row:?}");
            }
            _ => {
                self.changes(row.method, params, row.check).await;
            }
        }
    }

    async fn refused(&self, row: &Row, params: &Value, code: &str) {
        let mut told = BTreeSet::new();
        for node in &self.cluster.nodes {
            let error = node.call(row.method, params.clone()).await.unwrap_err();
            assert_eq!(error.code(), code.parse().ok(), "{row:?}: {error}");
            told.insert(error.to_string());
        }
        assert_eq!(told.len(), 1, "{told:?}");
    }

    /// Makes a change and checks what it did; gives the answer.
    async fn changes(&self, method: &str, params: Value, check: &str) -> Value {
        let (word, rest) = check.split_once(' ').unwrap();
        match word {
            "then" => {
                let (look, at) = self.call_of(rest);
                let before = self.everywhere(look, &at).await;
                let answer = self.ask(method, params).await;
                let after = self.everywhere(look, &at).await;
                assert_ne!(after, before, "{method} changed nothing of {look} {at}");
                answer
            }
            "works" => {
                let (look, at) = self.call_of(rest);
                for node in self.others() {
                    assert!(node.call(look, at.clone()).await.is_err(), "{look} {at}");
                }
                let answer = self.ask(method, params).await;
                for node in self.others() {
                    node.ask(look, at.clone()).await;
                }
                answer
            }
            "mined" | "later" | "sooner" => {
                let latest = json!(["latest", false]);
                let before = self.everywhere("eth_getBlockByNumber", &latest).await;
                let answer = self.ask(method, params).await;
                let other = self.others().next().unwrap();
                other.ask("evm_mine", json!([])).await;
                let after = self.everywhere("eth_getBlockByNumber", &latest).await;
                let time = |block: &Value| quantity(&block["timestamp"]);
                let passed = time(&after) - time(&before);
                match word {
                    "mined" => {
                        let (field, value) = rest.split_once(' ').unwrap();
                        assert_eq!(after[field], self.json(value), "{method}");
                    }
                    "later" => assert!(passed >= rest.parse().unwrap(), "{method}: {passed}"),
                    _ => assert!(passed < rest.parse().unwrap(), "{method}: {passed}"),
                }
                answer
            }
            other => panic!("{method}: `{other}` is no check"),
        }
    }
}

#[tokio::test]
async fn every_method_on_a_follower_is_seen_on_the_two_other_nodes() {
    let mut bench = Bench::new().await;
    let mut done = String::new();
    for row in rows() {
        bench.run(&row).await;
        bench.cluster.agree().await;
        writeln!(done, "{}", row.method).unwrap();
    }
    assert!(done.lines().count() > 200, "{done}");
}
