//! What a parameter can be: values that fit, and values that do not.

use serde_json::{Value, json};

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 20 bytes.
    Address,
    /// 32 bytes.
    Hash,
    /// Any bytes.
    Data,
    /// A number, a tag, or EIP-1898's object.
    Block,
    /// A number or a tag.
    Tag,
    /// A quantity of 64 bits.
    Quantity,
    /// A number of a cheat: also decimal text and JSON numbers.
    Number,
    /// Seconds of a cheat, which may be negative.
    Seconds,
    /// A storage slot.
    Slot,
    /// A storage word.
    Word,
    /// `true` or `false`.
    Flag,
    /// Any text.
    Text,
    /// Anything at all.
    Any,
    /// A transaction or a call.
    Transaction,
    /// A filter of logs.
    Filter,
    /// Percentiles.
    Percentiles,
    /// A list of slots.
    Slots,
    /// Slots by account.
    SlotsByAccount,
    /// Overrides of accounts.
    Accounts,
    /// Overrides of a block.
    Header,
    /// What `eth_simulateV1` takes.
    Simulation,
    /// What the Engine API calls `PayloadAttributes`.
    Payload,
    /// A list of raw transactions.
    RawTransactions,
    /// Options of `debug_trace*`.
    TraceOptions,
    /// Kinds of Parity's traces.
    TraceKinds,
    /// What `trace_callMany` takes.
    CallsAndKinds,
    /// What `trace_filter` takes.
    TraceCriteria,
    /// A list of indexes.
    Indexes,
    /// What `eth_callMany` takes.
    Bundles,
    /// Where `eth_callMany` begins.
    StatePlace,
    /// What `eth_callBundle` takes.
    BundleCall,
    /// EIP-712.
    TypedData,
    /// What `evm_mine` takes.
    MineOptions,
    /// What must hold for a transaction to be taken.
    Conditions,
    /// A new member of the cluster.
    Member,
    /// Transactions of a reorg, each with the index of its block.
    ReorgPairs,
    /// What `anvil_reset` takes.
    ResetOptions,
}

use Kind::{
    Accounts, Address, Any, Block, BundleCall, Bundles, CallsAndKinds, Conditions, Data, Filter,
    Flag, Hash, Header, Indexes, Member, MineOptions, Number, Payload, Percentiles, Quantity,
    RawTransactions, ReorgPairs, ResetOptions, Seconds, Simulation, Slot, Slots, SlotsByAccount,
    StatePlace, Tag, Text, TraceCriteria, TraceKinds, TraceOptions, Transaction, TypedData, Word,
};

const ADDRESS: &str = "0x00000000000000000000000000000000000000aa";
const HASH: &str = "0x00000000000000000000000000000000000000000000000000000000000000aa";

impl Kind {
    /// A value that fits.
    pub(super) fn fitting(self) -> Value {
        match self {
            Address => json!(ADDRESS),
            Hash | Word => json!(HASH),
            Data => json!("0x1234"),
            Block | Tag => json!("latest"),
            Quantity | Number | Seconds | Slot => json!("0x1"),
            Flag => json!(true),
            Text => json!("text"),
            Any => json!({"a": [1, null]}),
            Transaction => json!({"from": ADDRESS, "to": ADDRESS, "value": "0x0"}),
            Filter => json!({"fromBlock": "0x0", "address": ADDRESS, "topics": [null, [HASH]]}),
            Percentiles => json!([10, 50.5]),
            Slots => json!(["0x0", HASH]),
            SlotsByAccount => json!({ADDRESS: ["0x0"]}),
            Accounts => json!({ADDRESS: {"balance": "0x1", "stateDiff": {HASH: HASH}}}),
            Header => json!({"number": "0x10", "time": "0xffffffff"}),
            Simulation => {
                json!({"blockStateCalls": [{"calls": [{"to": ADDRESS}], "stateOverrides": {}}]})
            }
            Payload => json!({
                "timestamp": "0xffffffff", "prevRandao": HASH, "suggestedFeeRecipient": ADDRESS,
                "withdrawals": [], "parentBeaconBlockRoot": HASH,
            }),
            RawTransactions => json!([]),
            other => other.fitting_structure(),
        }
    }

    /// What is asked of traces, bundles, and the like.
    fn fitting_structure(self) -> Value {
        match self {
            TraceOptions => {
                json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}, "timeout": "1s"})
            }
            TraceKinds => json!(["trace", "stateDiff"]),
            CallsAndKinds => json!([[{"to": ADDRESS}, ["trace"]]]),
            TraceCriteria => json!({"fromBlock": "0x0", "count": 1, "mode": "union"}),
            Indexes => json!(["0x0"]),
            Bundles => json!([{"transactions": [{"to": ADDRESS}]}]),
            StatePlace => json!({"blockNumber": "latest", "transactionIndex": -1}),
            BundleCall => json!({"txs": ["0x1234"], "blockNumber": "0x1"}),
            TypedData => json!({
                "types": {"EIP712Domain": [], "Note": [{"name": "text", "type": "string"}]},
                "primaryType": "Note", "domain": {}, "message": {"text": "a"},
            }),
            MineOptions => json!({"blocks": 1}),
            Conditions => json!({"blockNumberMin": "0x0", "knownAccounts": {ADDRESS: HASH}}),
            Member => json!({
                "name": "node9", "publicKey": &HASH[2..], "peer": "127.0.0.1:1", "rpc": "127.0.0.1:2",
            }),
            ReorgPairs => json!([[{"to": ADDRESS}, 0]]),
            ResetOptions => json!({}),
            other => panic!("{other:?} is a single value"),
        }
    }

    /// Values that do not fit.
    pub(super) fn unfitting(self) -> Vec<Value> {
        let list = match self.unfitting_scalar() {
            Value::Null => self.unfitting_structure(),
            list => list,
        };
        match list {
            Value::Array(values) => values,
            other => panic!("{other}"),
        }
    }

    /// Of a single value; `null` of a structure.
    fn unfitting_scalar(self) -> Value {
        let long = format!("{ADDRESS}00");
        let huge = huge();
        match self {
            Any => json!([]),
            Text => json!([1, true, {}, []]),
            Flag => json!([1, "true", {}, [], "0x1"]),
            Address => json!([
                1,
                true,
                {},
                [],
                "",
                "0x",
                "0x12",
                "nobody",
                long,
                "0xzz000000000000000000000000000000000000aa",
                &ADDRESS[2..],
            ]),
            Hash => json!([
                1,
                true,
                {},
                [],
                "",
                "0x",
                "0xaa",
                ADDRESS,
                format!("{HASH}00"),
                &HASH[2..]
            ]),
            Data => json!([1, true, {}, [], "0x123", "0xzz"]),
            Block => json!([
                true, {}, [], "", "0x", "newest", "12", "0xzz", "0x10000000000000000", -1, 1.5,
                {"blockHash": "0x12"}, {"blockNumber": {}}, {"blockHash": HASH, "blockNumber": "0x1"},
            ]),
            Tag => json!([
                true,
                {},
                [],
                "",
                "0x",
                "newest",
                "12",
                "0xzz",
                "0x10000000000000000",
                -1,
                1.5,
            ]),
            Quantity => json!([
                true,
                {},
                [],
                "",
                "0x",
                "12",
                "one",
                "0xzz",
                "0x10000000000000000",
                -1,
                1.5
            ]),
            Number => json!([true, {}, [], "", "0x", "one", "0xzz", huge, -1, 1.5]),
            Seconds => json!([true, {}, [], "", "soon", "0xzz"]),
            Slot | Word => json!([true, {}, [], "0xzz", huge]),
            _ => Value::Null,
        }
    }

    /// Of an object or a list.
    fn unfitting_structure(self) -> Value {
        let huge = huge();
        match self {
            Transaction => json!([
                1, true, "0x", [], {"from": 1}, {"to": "0x12"}, {"gas": "0xzz"}, {"value": huge},
                {"data": "0x1"}, {"data": "0x01", "input": "0x02"}, {"nonce": "0x10000000000000000"},
                {"accessList": {}}, {"accessList": [{"address": "0x1"}]}, {"gasPrice": []},
                {"authorizationList": [{}]}, {"blobVersionedHashes": ["0x1"]}, {"type": "0x100"},
                {"blobs": ["0x12"]},
            ]),
            Filter => json!([
                1, true, "0x", [], {"address": 1}, {"address": ["0x12"]}, {"topics": "0x"},
                {"topics": ["0x12"]}, {"topics": [null, null, null, null, null]},
                {"fromBlock": "newest"}, {"blockHash": "0x1"}, {"blockHash": HASH, "toBlock": "0x1"},
            ]),
            Percentiles => json!([1, true, {}, "10", ["a"], [null], [-1], [100.5], [2, 1]]),
            Slots => json!([1, true, {}, "0x0", ["0xzz"], [huge], [{}]]),
            SlotsByAccount => {
                json!([1, true, "0x", [], {}, {"0x12": []}, {ADDRESS: 1}, {ADDRESS: ["0xzz"]}])
            }
            Accounts => json!([
                1, true, "0x", [], {"0x12": {}}, {ADDRESS: 1}, {ADDRESS: {"balance": "0xzz"}},
                {ADDRESS: {"state": []}}, {ADDRESS: {"stateDiff": {"0xzz": HASH}}},
                {ADDRESS: {"code": "0x1"}}, {ADDRESS: {"nonce": "0x10000000000000000"}},
                {ADDRESS: {"movePrecompileToAddress": "0x1"}},
            ]),
            Header => json!([
                1, true, "0x", [], {"number": "0xzz"}, {"time": {}}, {"gasLimit": "0x10000000000000000"},
                {"feeRecipient": "0x1"}, {"prevRandao": huge}, {"baseFeePerGas": huge},
            ]),
            Simulation => json!([
                1, true, "0x", [], {"blockStateCalls": {}}, {"blockStateCalls": [1]},
                {"blockStateCalls": [{"calls": {}}]}, {"blockStateCalls": [{"calls": [{"to": "0x1"}]}]},
                {"blockStateCalls": [{"stateOverrides": {"0x1": {}}}]}, {"validation": 1},
                {"blockStateCalls": [{"blockOverrides": {"withdrawals": {}}}]},
                {"blockStateCalls": [{"blockOverrides": {"time": huge}}]},
            ]),
            Payload => json!([
                1, true, "0x", [], {}, {"timestamp": "0x1"}, {"timestamp": 1.5, "prevRandao": HASH,
                "suggestedFeeRecipient": ADDRESS}, {"timestamp": "0x1", "prevRandao": "0x1",
                "suggestedFeeRecipient": ADDRESS},
            ]),
            RawTransactions => json!([1, true, {}, "0x", [1], ["0x1"], [{}]]),
            other => other.unfitting_question(),
        }
    }

    /// Of what is asked of traces, bundles, and the like.
    fn unfitting_question(self) -> Value {
        match self {
            TraceOptions => json!([
                1, true, "0x", [], {"tracer": 5}, {"tracer": "callTracer", "tracerConfig": 1},
                {"disableStack": 1}, {"limit": "0xzz"}, {"timeout": 5},
                {"tracer": "prestateTracer", "tracerConfig": {"includeEmpty": 1}},
                {"tracer": "erc7562Tracer", "tracerConfig": {"ignoredOpcodes": ["0x100"]}},
            ]),
            TraceKinds => json!([1, true, {}, "trace", ["none"], [1]]),
            CallsAndKinds => json!([
                1, true, {}, "0x", [1], [[]], [[{"to": ADDRESS}]], [[{"to": ADDRESS}, ["none"]]],
                [[{"to": "0x1"}, ["trace"]]],
            ]),
            TraceCriteria => json!([
                1, true, "0x", [], {"fromAddress": 1}, {"fromAddress": ["0x1"]}, {"mode": "all"},
                {"after": "x"}, {"fromBlock": "newest"},
            ]),
            Indexes => json!([1, true, {}, "0x0", ["0xzz"], [{}]]),
            Bundles => json!([
                1, true, "0x", [], [1], [{}], [{"transactions": {}}],
                [{"transactions": [{"to": "0x1"}]}],
                [{"transactions": [], "blockOverride": {"time": {}}}],
            ]),
            StatePlace => json!([
                1, true, "0x", [], {"blockNumber": "newest"}, {"transactionIndex": -2},
                {"transactionIndex": "x"},
            ]),
            BundleCall => json!([
                1, true, "0x", [], {}, {"txs": {}, "blockNumber": "0x1"}, {"txs": ["0x12"]},
                {"txs": [1], "blockNumber": "0x1"}, {"txs": [], "blockNumber": "0x1"},
                {"txs": ["0x12"], "blockNumber": "0x0"},
                {"txs": ["0x12"], "blockNumber": "0x1", "coinbase": "0x1"},
            ]),
            TypedData => json!([1, true, [], {}, "x", {"types": 1}]),
            MineOptions => json!([true, [], "soon", -1, {"blocks": "x"}, {"timestamp": {}}]),
            Conditions => json!([
                1, true, "0x", [], {"blockNumberMin": "x"}, {"timestampMax": []}, {"knownAccounts": []},
                {"knownAccounts": {"0x1": HASH}},
            ]),
            Member => json!([
                1, true, [], {}, "node9", "enode://12@127.0.0.1:1", {"name": 1}, {"name": "node9"},
                {"name": "node9", "publicKey": "0x12", "peer": "127.0.0.1:1", "rpc": "127.0.0.1:2"},
                {"name": "node9", "publicKey": &HASH[2..], "peer": "nowhere", "rpc": "127.0.0.1:2"},
            ]),
            ReorgPairs => json!([1, true, {}, "0x", [1], [[{}]], [["0x1", 0]], [[{}, "x"]]]),
            ResetOptions => json!([1, true, "x", [], {"forking": {"jsonRpcUrl": "http://x"}}]),
            other => panic!("{other:?} is a single value"),
        }
    }
}

/// More than 256 bits.
fn huge() -> String {
    format!("0x{}", "f".repeat(65))
}
