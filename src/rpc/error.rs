//! The table of error codes: the only place that knows them.
//!
//! Rules (measured against ethers, viem, web3 and alloy): a revert is 3 with its data; a rejected transaction is
//! -32003 in geth's words, because viem sends a second request on -32000; what fails again whenever it is asked is
//! never -32603 or -32005, because viem repeats those; a fault of the cluster is -32005, which clients do repeat.

use crate::{
    chain::{
        Rejection, accounts::AccountError, archive::StoreError, evm::call::CallError,
        state::StateError, transaction::TransactionError, view::ViewError,
    },
    replica::api::{ReadError, Unavailable, WriteError},
};
use alloy::primitives::{B256, Bytes, hex};
use std::borrow::Cow;

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const INTERNAL_ERROR: i32 = -32603;
const SERVER_ERROR: i32 = -32000;
const TRANSACTION_REJECTED: i32 = -32003;
const LIMIT_EXCEEDED: i32 = -32005;
const EXECUTION_REVERTED: i32 = 3;
/// EIP-7966.
const RECEIPT_TIMEOUT: i32 = 4;

/// The error of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RpcError {
    code: i32,
    message: Cow<'static, str>,
    /// JSON text.
    data: Option<String>,
}

impl RpcError {
    fn new(code: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// The message is not JSON.
    pub(crate) fn parse(problem: impl AsRef<str>) -> Self {
        Self::new(PARSE_ERROR, format!("parse error: {}", problem.as_ref()))
    }

    /// The message is JSON, but no request.
    pub(crate) fn invalid_request(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID_REQUEST, sentence)
    }

    /// No such method (geth's sentence, which ethers and viem understand).
    pub(crate) fn method_not_found(method: &str) -> Self {
        let name: String = method.chars().take(80).collect();
        Self::new(
            METHOD_NOT_FOUND,
            format!("the method {name} does not exist/is not available"),
        )
    }

    /// No such thing in a namespace (geth's sentence).
    pub(crate) fn method_not_found_in(what: &str, namespace: &str) -> Self {
        let what: String = what.chars().take(80).collect();
        Self::new(
            METHOD_NOT_FOUND,
            format!("no {what} in {namespace} namespace"),
        )
    }

    /// A subscription over HTTP.
    pub(crate) fn notifications_not_supported() -> Self {
        Self::new(METHOD_NOT_FOUND, "notifications not supported")
    }

    /// A parameter cannot be used; `problem` names its value.
    pub(crate) fn invalid_argument(index: usize, problem: impl AsRef<str>) -> Self {
        Self::new(
            INVALID_PARAMS,
            format!("invalid argument {index}: {}", problem.as_ref()),
        )
    }

    /// The parameters cannot be used, in a sentence of its own.
    pub(crate) fn invalid_params(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID_PARAMS, sentence)
    }

    /// A parameter is missing.
    pub(crate) fn missing_argument(index: usize) -> Self {
        Self::new(
            INVALID_PARAMS,
            format!("missing value for required argument {index}"),
        )
    }

    /// More parameters than the method takes.
    pub(crate) fn too_many_arguments(want: usize) -> Self {
        Self::new(
            INVALID_PARAMS,
            format!("too many arguments, want at most {want}"),
        )
    }

    /// What was asked for is not there, or cannot be done; asking again gives the same.
    pub(crate) fn server(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SERVER_ERROR, sentence)
    }

    /// EIP-7966: the transaction is sent, but not mined in time; its hash is the data.
    pub(crate) fn receipt_timeout(hash: B256, timeout_ms: u64) -> Self {
        Self {
            data: Some(format!("\"{hash}\"")),
            ..Self::new(
                RECEIPT_TIMEOUT,
                format!(
                    "the transaction was added to the pool but was not mined within {timeout_ms} ms"
                ),
            )
        }
    }

    /// A limit of this server; asking again later may help.
    pub(crate) fn limit_exceeded(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(LIMIT_EXCEEDED, sentence)
    }

    /// The node's own fault.
    pub(crate) fn internal(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INTERNAL_ERROR, sentence)
    }

    /// A revert with its data.
    pub(crate) fn reverted(reason: Option<&str>, data: &Bytes) -> Self {
        let message = match reason {
            Some(reason) => Cow::Owned(format!("execution reverted: {reason}")),
            None => Cow::Borrowed("execution reverted"),
        };
        Self {
            data: Some(format!("\"{}\"", hex::encode_prefixed(data))),
            ..Self::new(EXECUTION_REVERTED, message)
        }
    }

    fn unavailable(fault: Unavailable) -> Self {
        let leader = fault
            .known_leader
            .map_or_else(|| "null".to_owned(), |id| id.to_string());
        let data = format!(
            r#"{{"retryAfterMs":{},"term":{},"knownLeader":{leader},"mayHappen":{}}}"#,
            fault.retry_after_ms, fault.term, fault.may_happen
        );
        Self {
            data: Some(data),
            ..Self::new(LIMIT_EXCEEDED, "no leader is currently elected")
        }
    }

    /// The code, as the client sees it.
    #[cfg(test)]
    pub(crate) fn code(&self) -> i32 {
        self.code
    }

    /// The sentence, as the client sees it.
    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Whether the message was not JSON.
    pub(crate) fn is_parse_error(&self) -> bool {
        self.code == PARSE_ERROR
    }

    /// Appends the error object.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"code":"#);
        out.extend_from_slice(self.code.to_string().as_bytes());
        out.extend_from_slice(br#","message":"#);
        super::format::write_text(out, &self.message);
        if let Some(data) = &self.data {
            out.extend_from_slice(br#","data":"#);
            out.extend_from_slice(data.as_bytes());
        }
        out.push(b'}');
    }
}

impl From<Rejection> for RpcError {
    fn from(rejection: Rejection) -> Self {
        match &rejection {
            Rejection::Reverted { reason, data } => Self::reverted(reason.as_deref(), data),
            Rejection::TimestampInPast { .. } | Rejection::InvalidValue(_) => {
                Self::new(INVALID_PARAMS, rejection.to_string())
            }
            _ => Self::new(TRANSACTION_REJECTED, rejection.to_string()),
        }
    }
}

impl From<WriteError> for RpcError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Rejected(rejection) => rejection.into(),
            WriteError::Unavailable(fault) => Self::unavailable(fault),
        }
    }
}

impl From<ReadError> for RpcError {
    fn from(error: ReadError) -> Self {
        let ReadError::Unavailable(fault) = error;
        Self::unavailable(fault)
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Reverted { reason, data } => Self::reverted(reason.as_deref(), &data),
            CallError::Rejected(rejection) => Self::from(rejection).into_call_error(),
            CallError::State(error) => error.into(),
            CallError::InvalidOverride(_) => Self::new(INVALID_PARAMS, error.to_string()),
            CallError::Halted(_) | CallError::AllowanceExceeded(_) => {
                Self::new(SERVER_ERROR, error.to_string())
            }
        }
    }
}

impl RpcError {
    /// A call is not sent: what is wrong with it is -32000, as geth has it.
    fn into_call_error(self) -> Self {
        if self.code == TRANSACTION_REJECTED {
            Self::new(SERVER_ERROR, self.message)
        } else {
            self
        }
    }
}

impl From<ViewError> for RpcError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::HeaderNotFound | ViewError::NotCanonical => {
                Self::new(SERVER_ERROR, error.to_string())
            }
            ViewError::Store(error) => error.into(),
            ViewError::State(error) => error.into(),
            ViewError::Execution(error) => Self::internal(error.to_string()),
        }
    }
}

impl From<StateError> for RpcError {
    fn from(error: StateError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<StoreError> for RpcError {
    fn from(error: StoreError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<TransactionError> for RpcError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::InvalidSignature => {
                Self::new(TRANSACTION_REJECTED, error.to_string())
            }
            _ => Self::new(INVALID_PARAMS, error.to_string()),
        }
    }
}

impl From<AccountError> for RpcError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Signing(_) => Self::new(SERVER_ERROR, error.to_string()),
            _ => Self::new(INVALID_PARAMS, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
