//! Parameters that nobody would write: what fits, with parts replaced, moved, cut and made longer.

use super::kinds::Kind;
use serde_json::{Value, json};

/// Marsaglia's xorshift64*: the same seed gives the same noise.
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `end`, which is not zero.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// The text of parameters for what takes `kinds`; now and then no JSON at all.
    pub(super) fn params(&mut self, kinds: &[(Kind, bool)]) -> Vec<u8> {
        let mut params: Vec<Value> = kinds
            .iter()
            .map(|(kind, _)| match self.below(4) {
                0 => self.any(3),
                1 => {
                    let bad = kind.unfitting();
                    if bad.is_empty() {
                        Value::Null
                    } else {
                        bad[self.below(bad.len())].clone()
                    }
                }
                _ => kind.fitting(),
            })
            .collect();
        if kinds.is_empty() || self.one_in(8) {
            params.push(self.any(3));
        }
        for value in &mut params {
            self.disturb(value);
        }
        let mut text = Value::Array(params).to_string().into_bytes();
        if self.one_in(16) {
            let at = self.below(text.len());
            match self.below(3) {
                0 => text[at] = self.next() as u8,
                1 => text.truncate(at),
                _ => text.insert(at, self.next() as u8),
            }
        }
        text
    }

    /// Any value, at most so deep.
    fn any(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 7 } else { 9 }) {
            0 => Value::Null,
            1 => json!(self.one_in(2)),
            2 => json!(self.next()),
            3 => json!(-1.5e300),
            4 | 5 => json!(self.hex()),
            6 => json!(["latest", "pending", "earliest", "safe", "", "\u{0}é\n"][self.below(6)]),
            7 => (0..self.below(4)).map(|_| self.any(depth - 1)).collect(),
            _ => (0..self.below(4))
                .map(|_| (self.name(), self.any(depth - 1)))
                .collect(),
        }
    }

    fn hex(&mut self) -> String {
        let digits = [0, 1, 2, 15, 16, 17, 39, 40, 41, 63, 64, 65, 128, 1000][self.below(14)];
        let one = ["0", "1", "f", "a"][self.below(4)];
        format!("0x{}", one.repeat(digits))
    }

    /// A member that some method looks for.
    fn name(&mut self) -> String {
        let names = [
            "from",
            "to",
            "gas",
            "gasPrice",
            "maxFeePerGas",
            "maxPriorityFeePerGas",
            "value",
            "data",
            "input",
            "nonce",
            "accessList",
            "authorizationList",
            "blobVersionedHashes",
            "maxFeePerBlobGas",
            "chainId",
            "type",
            "blobs",
            "commitments",
            "proofs",
            "blockHash",
            "blockNumber",
            "requireCanonical",
            "fromBlock",
            "toBlock",
            "address",
            "topics",
            "balance",
            "code",
            "state",
            "stateDiff",
            "movePrecompileToAddress",
            "number",
            "time",
            "gasLimit",
            "feeRecipient",
            "prevRandao",
            "baseFeePerGas",
            "blobBaseFee",
            "blockStateCalls",
            "blockOverrides",
            "stateOverrides",
            "calls",
            "validation",
            "traceTransfers",
            "withdrawals",
            "tracer",
            "tracerConfig",
            "0x00000000000000000000000000000000000000aa",
            "0x0000000000000000000000000000000000000001",
        ];
        names[self.below(names.len())].to_owned()
    }

    /// Replaces parts, and adds members.
    fn disturb(&mut self, value: &mut Value) {
        if self.one_in(24) {
            *value = self.any(2);
            return;
        }
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.disturb(value)),
            Value::Object(members) => {
                members.values_mut().for_each(|value| self.disturb(value));
                if self.one_in(2) {
                    let value = self.any(2);
                    members.insert(self.name(), value);
                }
            }
            _ => {}
        }
    }
}
