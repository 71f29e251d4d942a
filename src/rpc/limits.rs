//! The limits of the server. Each queue, message and list has one.

use std::time::Duration;

/// What a call may use. geth's `--rpc.gascap`, ganache's `miner.callGasLimit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallGas {
    /// The limit.
    pub least: u64,
    /// Whether a larger block gas limit does not raise it.
    pub is_fixed: bool,
}

impl Default for CallGas {
    fn default() -> Self {
        Self {
            least: 50_000_000,
            is_fixed: false,
        }
    }
}

impl CallGas {
    /// The limit at a block with this gas limit.
    pub(crate) fn cap(self, block_gas_limit: u64) -> u64 {
        if self.is_fixed {
            self.least
        } else {
            self.least.max(block_gas_limit)
        }
    }
}

/// Limits, with defaults that no honest client meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; for a further one the one goes that has said nothing for longest, or else it waits.
    pub connections: usize,
    /// Bytes of one request: an HTTP body, or a WebSocket message.
    pub request_bytes: usize,
    /// Bytes of one answer, or of all answers of a batch.
    pub response_bytes: usize,
    /// Calls in one batch.
    pub batch_calls: usize,
    /// Calls of one WebSocket connection that are worked on at once; further ones wait in the socket.
    pub calls_per_connection: usize,
    /// Subscriptions of one WebSocket connection.
    pub subscriptions_per_connection: usize,
    /// Filters (`eth_newFilter` and its kin) on this node.
    pub filters: usize,
    /// Changes that one filter keeps until they are fetched; one that overflows is dropped.
    pub filter_changes: usize,
    /// How long a filter lives without being asked.
    pub filter_idle: Duration,
    /// EVM runs at once for calls, estimates and pending blocks; further ones wait.
    pub evm_runs: usize,
    /// Gas of a call.
    pub call_gas: CallGas,
    /// How long the trace of a transaction may take where its `timeout` does not say (geth's default).
    pub trace_transaction: Duration,
    /// How long all traces of one request may take together.
    pub trace_request: Duration,
    /// Blocks that one `trace_filter` looks at.
    pub trace_filter_blocks: u64,
    /// Blocks that one `eth_feeHistory` shows (geth's limit).
    pub fee_history_blocks: u64,
    /// How long a client may take to send the head of a request, or its body, or leave a connection idle.
    pub idle: Duration,
    /// How long a WebSocket client may take to accept a message.
    pub send: Duration,
    /// After how much silence a WebSocket connection is pinged.
    pub ping: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            connections: 10_000,
            request_bytes: 50 * 1024 * 1024,
            response_bytes: 160 * 1024 * 1024,
            batch_calls: 10_000,
            calls_per_connection: 256,
            subscriptions_per_connection: 1_024,
            filters: 10_000,
            filter_changes: 100_000,
            filter_idle: Duration::from_mins(5),
            evm_runs: cores.max(2),
            call_gas: CallGas::default(),
            trace_transaction: Duration::from_secs(5),
            trace_request: Duration::from_mins(2),
            trace_filter_blocks: 10_000,
            fee_history_blocks: 1_024,
            idle: Duration::from_mins(2),
            send: Duration::from_secs(30),
            ping: Duration::from_secs(30),
        }
    }
}
