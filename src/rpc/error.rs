//! The table of error codes: the only place that knows them.
//!
//! Rules (measured against ethers, viem, web3 and alloy): a revert is 3 with its data; a rejected transaction is
//! -32003 in geth's words, because viem sends a second request on -32000; what fails again whenever it is asked is
//! never -32603 or -32005, because viem repeats those; a fault of the cluster is -32005, which clients do repeat.
//! Another profile of codes and words (ganache's) is laid over an error where it leaves the server.

mod ganache;

use crate::{
    chain::{
        Rejection,
        accounts::AccountError,
        archive::StoreError,
        evm::{
            call::CallError,
            simulate::{CallFailure, SimulateError, Violation},
            trace::{TraceError, failure::Failure},
        },
        state::StateError,
        transaction::TransactionError,
        view::ViewError,
    },
    replica::api::{ReadError, Unavailable, WriteError},
};
use alloy::primitives::{B256, Bytes};
use jsonrpsee::types::{
    ErrorObjectOwned,
    error::{
        CALL_EXECUTION_FAILED_CODE as SERVER_ERROR, INTERNAL_ERROR_CODE as INTERNAL_ERROR,
        INVALID_PARAMS_CODE as INVALID_PARAMS, INVALID_REQUEST_CODE as INVALID_REQUEST,
        METHOD_NOT_FOUND_CODE as METHOD_NOT_FOUND, PARSE_ERROR_CODE as PARSE_ERROR,
    },
};
use serde::Serialize;

const TRANSACTION_REJECTED: i32 = -32003;
const LIMIT_EXCEEDED: i32 = -32005;
const EXECUTION_REVERTED: i32 = 3;
/// A call in `eth_simulateV1` that the EVM stopped.
const VM_ERROR: i32 = -32015;
/// EIP-7966.
const RECEIPT_TIMEOUT: i32 = 4;

/// Whose errors clients see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorProfile {
    /// geth's words, with the codes that client libraries understand best.
    #[default]
    Geth,
    /// ganache's codes and words.
    Ganache,
}

/// What a client gets for a transaction that was mined and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failures {
    /// The hash; its receipt tells.
    #[default]
    InReceipts,
    /// ganache's error (`vmErrorsOnRPCResponse`).
    AsGanache,
    /// The error of a call that does the same, as Hardhat's node (`throwOnTransactionFailures`).
    AsHardhat,
}

/// The error of an answer: jsonrpsee's, made by the rules of this module alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RpcError {
    object: ErrorObjectOwned,
    /// What happened, where another profile has its own words for it.
    cause: Option<Box<Cause>>,
}

/// What happened, before it was put into words.
#[derive(Clone, Debug, PartialEq)]
enum Cause {
    Reverted {
        reason: Option<String>,
        data: Bytes,
    },
    Halted(String),
    Rejected(Rejection),
    MethodNotFound(String),
    MissingArgument,
    NoNotifications,
    Undecodable(String),
    UnknownTransaction(B256),
    /// In ganache's words already.
    AsGanache,
}

/// What a client may make of a fault of the cluster.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnavailableData {
    retry_after_ms: u64,
    term: u64,
    known_leader: Option<u64>,
    may_happen: bool,
}

impl RpcError {
    fn new(code: i32, message: impl Into<String>) -> Self {
        ErrorObjectOwned::owned(code, message, None::<()>).into()
    }

    fn because(self, cause: Cause) -> Self {
        Self {
            cause: Some(Box::new(cause)),
            ..self
        }
    }

    /// The same error as this profile has it.
    pub(crate) fn in_profile(self, profile: ErrorProfile) -> Self {
        match profile {
            ErrorProfile::Geth => self,
            ErrorProfile::Ganache => self.into_ganache(),
        }
    }

    /// A transaction that was mined and failed, where clients want an error for it.
    pub(crate) fn failed_transaction(hash: B256, failure: &Failure, style: Failures) -> Self {
        if style == Failures::AsGanache {
            return Self::from(ganache::transaction_failure(hash, failure))
                .because(Cause::AsGanache);
        }
        match &failure.halt {
            Some(words) => Self::new(SERVER_ERROR, words).because(Cause::Halted(words.clone())),
            None => Self::reverted(failure.reason().as_deref(), &failure.output),
        }
    }

    /// An estimate that failed, as ganache tells of it.
    pub(crate) fn failed_estimate(failure: &Failure) -> Self {
        Self::from(ganache::estimate_failure(failure)).because(Cause::AsGanache)
    }

    fn with_data(code: i32, message: impl Into<String>, data: impl Serialize) -> Self {
        ErrorObjectOwned::owned(code, message, Some(data)).into()
    }

    /// The message is not JSON.
    pub(crate) fn parse(problem: impl AsRef<str>) -> Self {
        Self::new(PARSE_ERROR, format!("parse error: {}", problem.as_ref()))
    }

    /// The message is JSON, but no request.
    pub(crate) fn invalid_request(sentence: impl Into<String>) -> Self {
        Self::new(INVALID_REQUEST, sentence)
    }

    /// No such method (geth's sentence, which ethers and viem understand).
    pub(crate) fn method_not_found(method: &str) -> Self {
        Self::new(
            METHOD_NOT_FOUND,
            format!("the method {method} does not exist/is not available"),
        )
        .because(Cause::MethodNotFound(method.to_owned()))
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
        Self::new(METHOD_NOT_FOUND, "notifications not supported").because(Cause::NoNotifications)
    }

    /// A parameter cannot be used; `problem` names its value.
    pub(crate) fn invalid_argument(index: usize, problem: impl AsRef<str>) -> Self {
        Self::new(
            INVALID_PARAMS,
            format!("invalid argument {index}: {}", problem.as_ref()),
        )
    }

    /// The parameters cannot be used, in a sentence of its own.
    pub(crate) fn invalid_params(sentence: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, sentence)
    }

    /// A parameter is missing.
    pub(crate) fn missing_argument(index: usize) -> Self {
        Self::new(
            INVALID_PARAMS,
            format!("missing value for required argument {index}"),
        )
        .because(Cause::MissingArgument)
    }

    /// More parameters than the method takes.
    pub(crate) fn too_many_arguments(want: usize) -> Self {
        Self::new(
            INVALID_PARAMS,
            format!("too many arguments, want at most {want}"),
        )
    }

    /// What was asked for is not there, or cannot be done; asking again gives the same.
    pub(crate) fn server(sentence: impl Into<String>) -> Self {
        Self::new(SERVER_ERROR, sentence)
    }

    /// No such mined transaction.
    pub(crate) fn unknown_transaction(hash: B256) -> Self {
        Self::server("transaction not found").because(Cause::UnknownTransaction(hash))
    }

    /// EIP-7966: the transaction is sent, but not mined in time; its hash is the data.
    pub(crate) fn receipt_timeout(hash: B256, timeout_ms: u64) -> Self {
        Self::with_data(
            RECEIPT_TIMEOUT,
            format!(
                "the transaction was added to the pool but was not mined within {timeout_ms} ms"
            ),
            hash,
        )
    }

    /// A transaction that is not taken.
    pub(crate) fn transaction_rejected(sentence: impl Into<String>) -> Self {
        Self::new(TRANSACTION_REJECTED, sentence)
    }

    /// A limit of this server; asking again later may help.
    pub(crate) fn limit_exceeded(sentence: impl Into<String>) -> Self {
        Self::new(LIMIT_EXCEEDED, sentence)
    }

    /// The node's own fault.
    pub(crate) fn internal(sentence: impl Into<String>) -> Self {
        Self::new(INTERNAL_ERROR, sentence)
    }

    /// A revert with its data.
    pub(crate) fn reverted(reason: Option<&str>, data: &Bytes) -> Self {
        let message = match reason {
            Some(reason) => format!("execution reverted: {reason}"),
            None => "execution reverted".to_owned(),
        };
        Self::with_data(EXECUTION_REVERTED, message, data).because(Cause::Reverted {
            reason: reason.map(str::to_owned),
            data: data.clone(),
        })
    }

    fn unavailable(fault: Unavailable) -> Self {
        let data = UnavailableData {
            retry_after_ms: fault.retry_after_ms,
            term: fault.term,
            known_leader: fault.known_leader,
            may_happen: fault.may_happen,
        };
        Self::with_data(LIMIT_EXCEEDED, "no leader is currently elected", data)
    }

    /// A block from outside that is wrong; the data names block, field and both values.
    pub(crate) fn bad_block(bad: &crate::chain::import::BadBlock) -> Self {
        Self::with_data(SERVER_ERROR, bad.to_string(), bad)
    }

    /// The code, as the client sees it.
    #[cfg(test)]
    pub(crate) fn code(&self) -> i32 {
        self.object.code()
    }

    /// The sentence, as the client sees it.
    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        self.object.message()
    }

    /// Whether the message was not JSON.
    pub(crate) fn is_parse_error(&self) -> bool {
        self.object.code() == PARSE_ERROR
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        error.object
    }
}

impl From<ErrorObjectOwned> for RpcError {
    fn from(object: ErrorObjectOwned) -> Self {
        Self {
            object,
            cause: None,
        }
    }
}

impl From<Rejection> for RpcError {
    fn from(rejection: Rejection) -> Self {
        match &rejection {
            Rejection::Reverted { reason, data } => Self::reverted(reason.as_deref(), data),
            Rejection::BadBlock(bad) => Self::bad_block(bad),
            Rejection::TimestampInPast { .. } | Rejection::InvalidValue(_) => {
                Self::new(INVALID_PARAMS, rejection.to_string())
            }
            // No transaction is refused here, and geth says -32000.
            Rejection::WrongPassphrase(_) => Self::server(rejection.to_string()),
            _ => Self::new(TRANSACTION_REJECTED, rejection.to_string())
                .because(Cause::Rejected(rejection)),
        }
    }
}

impl From<SimulateError> for RpcError {
    /// The codes of execution-apis (`eth_simulateV1`).
    fn from(error: SimulateError) -> Self {
        let code = match &error {
            SimulateError::EmptyInput => INVALID_PARAMS,
            SimulateError::TooManyBlocks => -38026,
            SimulateError::BlockNumberOrder { .. } => -38020,
            SimulateError::BlockTimestampOrder { .. } => -38021,
            SimulateError::BlockGasLimitReached { .. } => -38015,
            SimulateError::InvalidOverride(_)
            | SimulateError::InvalidCall(_)
            | SimulateError::Execution(_) => SERVER_ERROR,
            SimulateError::InvalidTransaction { violation, .. } => violation_code(violation),
            SimulateError::State(_) => INTERNAL_ERROR,
        };
        Self::new(code, error.to_string())
    }
}

fn violation_code(violation: &Violation) -> i32 {
    match violation {
        Violation::NonceTooLow { .. } => -38010,
        Violation::NonceTooHigh { .. } => -38011,
        Violation::FeeCapTooLow { .. } => -38012,
        Violation::IntrinsicGas { .. } | Violation::FloorDataGas { .. } => -38013,
        Violation::InsufficientFunds { .. } => -38014,
        Violation::InitcodeSize { .. } => -38025,
        Violation::TipAboveFeeCap { .. }
        | Violation::Blobs(_)
        | Violation::EmptyAuthorizationList(_)
        | Violation::Other(_) => INVALID_PARAMS,
        // As geth has it, and the public suite asks for it.
        Violation::NonceMax { .. } => INTERNAL_ERROR,
    }
}

/// Code and sentence of one simulated call that failed.
pub(crate) fn simulated_failure(failure: &CallFailure) -> (i32, String) {
    match failure {
        CallFailure::Reverted { reason, .. } => (
            EXECUTION_REVERTED,
            match reason {
                Some(reason) => format!("execution reverted: {reason}"),
                None => "execution reverted".to_owned(),
            },
        ),
        CallFailure::Halted(words) => (VM_ERROR, words.clone()),
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
            CallError::Halted(words) => {
                Self::new(SERVER_ERROR, &words).because(Cause::Halted(words))
            }
            CallError::AllowanceExceeded(_) => Self::new(SERVER_ERROR, error.to_string())
                .because(Cause::Halted("out of gas".to_owned())),
            CallError::InvalidOverride(_) => Self::new(SERVER_ERROR, error.to_string()),
        }
    }
}

impl From<TraceError> for RpcError {
    fn from(error: TraceError) -> Self {
        match error {
            TraceError::Call(error) => error.into(),
            TraceError::State(error) => error.into(),
            TraceError::Json(_) => Self::internal(error.to_string()),
            _ => Self::server(error.to_string()),
        }
    }
}

impl RpcError {
    /// A call is not sent: what is wrong with it is -32000, as geth has it.
    fn into_call_error(self) -> Self {
        if self.object.code() == TRANSACTION_REJECTED {
            Self {
                cause: self.cause,
                ..Self::new(SERVER_ERROR, self.object.message())
            }
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
        match error {
            StateError::Store(error) => error.into(),
            StateError::Unknown(_) => Self::server(error.to_string()),
        }
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
            _ => Self::new(INVALID_PARAMS, error.to_string())
                .because(Cause::Undecodable(error.to_string())),
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
