//! Which of geth's tracers watches a transaction, and what it has to say in the end.

use super::{
    super::database::StateDatabase,
    TraceError,
    calls::{CallRecorder, CallTracerOptions, FlatCallTracerOptions, Place},
    erc7562::{Erc7562Options, Erc7562Recorder},
    keccak::KeccakRecorder,
    prestate::{self, PrestateTracerOptions},
    struct_log::{StructLogOptions, StructLogger},
};
use alloy::{
    primitives::{Address, Log, U256},
    rpc::types::trace::geth::FourByteFrame,
};
use revm::{
    Inspector,
    context::{BlockEnv, ContextTr, TxEnv, result::ResultAndState},
    inspector::JournalExt,
    interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter},
};
use revm_inspectors::tracing::FourByteInspector;

/// A tracer and its options.
#[derive(Clone, Debug, PartialEq)]
pub enum TracerOptions {
    /// One entry an instruction: what geth does where no tracer is named.
    StructLogs(StructLogOptions),
    /// `callTracer`.
    Call(CallTracerOptions),
    /// `flatCallTracer`.
    FlatCall(FlatCallTracerOptions),
    /// `prestateTracer`.
    Prestate(PrestateTracerOptions),
    /// `4byteTracer`.
    FourByte,
    /// `erc7562Tracer`.
    Erc7562(Erc7562Options),
    /// `keccak256PreimageTracer`.
    KeccakPreimages,
    /// `noopTracer`.
    Noop,
    /// `muxTracer`: several at once, by name.
    Mux(Vec<(String, TracerOptions)>),
    /// A tracer in JavaScript.
    JavaScript {
        /// Its source: an expression that is an object.
        code: String,
        /// What its `setup` gets.
        config: serde_json::Value,
    },
}

/// A tracer at work.
#[derive(Debug)]
pub(super) enum Tracer {
    StructLogs(Box<StructLogger>),
    Call(Box<CallRecorder>),
    FlatCall(Box<CallRecorder>, FlatCallTracerOptions),
    Prestate(PrestateTracerOptions),
    FourByte(FourByteInspector),
    Erc7562(Box<Erc7562Recorder>),
    KeccakPreimages(KeccakRecorder),
    Noop,
    Mux(Vec<(String, Tracer)>),
    #[cfg(feature = "js-tracer")]
    JavaScript(Box<revm_inspectors::tracing::js::JsInspector>),
}

/// What a tracer may look at in the end.
pub(super) struct Ending<'a, 'b> {
    pub(super) outcome: &'a ResultAndState,
    pub(super) transaction: &'a TxEnv,
    #[cfg_attr(not(feature = "js-tracer"), allow(dead_code))]
    pub(super) block: &'a BlockEnv,
    /// The state before the transaction's changes.
    pub(super) database: &'a StateDatabase<'b>,
    pub(super) place: Place,
}

impl Tracer {
    /// `first_log`: how many logs stand before the transaction's in the block.
    pub(super) fn new(options: &TracerOptions, first_log: u64) -> Result<Self, TraceError> {
        let recorder = |options| {
            let mut recorder = CallRecorder::new(options);
            recorder.set_first_log(first_log);
            Box::new(recorder)
        };
        Ok(match options {
            TracerOptions::StructLogs(options) => {
                Self::StructLogs(Box::new(StructLogger::new(*options)))
            }
            TracerOptions::Call(options) => Self::Call(recorder(*options)),
            TracerOptions::FlatCall(options) => {
                Self::FlatCall(recorder(CallTracerOptions::default()), *options)
            }
            TracerOptions::Prestate(options) if options.diff_mode && options.include_empty => {
                return Err(TraceError::EmptyInDiff);
            }
            TracerOptions::Prestate(options) => Self::Prestate(*options),
            TracerOptions::Erc7562(options) => {
                Self::Erc7562(Box::new(Erc7562Recorder::new(options, first_log)))
            }
            TracerOptions::KeccakPreimages => Self::KeccakPreimages(KeccakRecorder::default()),
            TracerOptions::FourByte => Self::FourByte(FourByteInspector::default()),
            TracerOptions::Noop => Self::Noop,
            TracerOptions::Mux(tracers) => {
                let tracers = tracers
                    .iter()
                    .map(|(name, options)| Ok((name.clone(), Self::new(options, first_log)?)));
                Self::Mux(tracers.collect::<Result<_, TraceError>>()?)
            }
            #[cfg(feature = "js-tracer")]
            TracerOptions::JavaScript { code, config } => Self::JavaScript(Box::new(
                revm_inspectors::tracing::js::JsInspector::new(code.clone(), config.clone())
                    .map_err(|error| TraceError::JavaScript(error.to_string()))?,
            )),
            #[cfg(not(feature = "js-tracer"))]
            TracerOptions::JavaScript { code, .. } => {
                return Err(TraceError::NoJavaScript(code.chars().take(80).collect()));
            }
        })
    }

    pub(super) fn recorded_bytes(&self) -> usize {
        match self {
            Self::StructLogs(logger) => logger.recorded_bytes(),
            Self::Call(recorder) | Self::FlatCall(recorder, _) => recorder.recorded_bytes(),
            Self::Erc7562(recorder) => recorder.recorded_bytes(),
            Self::KeccakPreimages(recorder) => recorder.recorded_bytes(),
            Self::Mux(tracers) => tracers.iter().map(|(_, t)| t.recorded_bytes()).sum(),
            _ => 0,
        }
    }

    /// The answer, as JSON.
    pub(super) fn finish(self, ending: &Ending<'_, '_>) -> Result<String, TraceError> {
        let result = &ending.outcome.result;
        Ok(match self {
            Self::StructLogs(logger) => logger.finish(result),
            Self::Call(mut recorder) => {
                recorder.finish(result, ending.transaction);
                recorder.tree()?
            }
            Self::FlatCall(mut recorder, options) => {
                recorder.finish(result, ending.transaction);
                recorder.flat(options, ending.place)?
            }
            Self::Prestate(options) => prestate::json(ending.outcome, options, ending.database)?,
            Self::Erc7562(recorder) => recorder.finish(result, ending.transaction)?,
            Self::KeccakPreimages(recorder) => recorder.json()?,
            Self::FourByte(inspector) => serde_json::to_string(&FourByteFrame::from(&inspector))?,
            Self::Noop => "{}".to_owned(),
            Self::Mux(tracers) => mux(tracers, ending)?,
            #[cfg(feature = "js-tracer")]
            Self::JavaScript(inspector) => java_script(inspector, ending)?,
        })
    }
}

fn mux(tracers: Vec<(String, Tracer)>, ending: &Ending<'_, '_>) -> Result<String, TraceError> {
    let mut out = String::from("{");
    for (name, tracer) in tracers {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&serde_json::to_string(&name)?);
        out.push(':');
        out.push_str(&tracer.finish(ending)?);
    }
    out.push('}');
    Ok(out)
}

#[cfg(feature = "js-tracer")]
fn java_script(
    mut inspector: Box<revm_inspectors::tracing::js::JsInspector>,
    ending: &Ending<'_, '_>,
) -> Result<String, TraceError> {
    use revm_inspectors::tracing::TransactionContext;
    let place = ending.place;
    inspector.set_transaction_context(TransactionContext {
        block_hash: place.block_hash,
        tx_index: place
            .transaction_hash
            .map(|_| usize::try_from(place.transaction_index).unwrap_or(usize::MAX)),
        tx_hash: place.transaction_hash,
    });
    let value = inspector
        .json_result(
            ending.outcome.clone(),
            ending.transaction,
            ending.block,
            ending.database,
        )
        .map_err(|error| TraceError::JavaScript(error.to_string()))?;
    Ok(serde_json::to_string(&value)?)
}

/// Hands an event to the tracer that wants it.
macro_rules! hand_on {
    ($tracer:expr, $inspector:ident => $event:expr, $other:expr) => {
        match $tracer {
            Tracer::StructLogs($inspector) => $event,
            Tracer::Call($inspector) | Tracer::FlatCall($inspector, _) => $event,
            Tracer::FourByte($inspector) => $event,
            Tracer::Erc7562($inspector) => $event,
            Tracer::KeccakPreimages($inspector) => $event,
            Tracer::Prestate(_) | Tracer::Noop => $other,
            Tracer::Mux(tracers) => {
                for (_, $inspector) in tracers {
                    let _ = $event;
                }
                $other
            }
            #[cfg(feature = "js-tracer")]
            Tracer::JavaScript($inspector) => $event,
        }
    };
}

/// No tracer changes what a call comes to, so that what it returns is of no use.
impl<C: ContextTr<Journal: JournalExt>> Inspector<C> for Tracer {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        hand_on!(self, inspector => inspector.step(interpreter, context), ());
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        hand_on!(self, inspector => inspector.step_end(interpreter, context), ());
    }

    fn log(&mut self, context: &mut C, log: Log) {
        hand_on!(self, inspector => inspector.log(context, log.clone()), ());
    }

    fn log_full(&mut self, interpreter: &mut Interpreter, context: &mut C, log: Log) {
        hand_on!(self, inspector => inspector.log_full(interpreter, context, log.clone()), ());
    }

    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        hand_on!(self, inspector => inspector.call(context, inputs), None)
    }

    fn call_end(&mut self, context: &mut C, inputs: &CallInputs, outcome: &mut CallOutcome) {
        hand_on!(self, inspector => inspector.call_end(context, inputs, outcome), ());
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        hand_on!(self, inspector => inspector.create(context, inputs), None)
    }

    fn create_end(&mut self, context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        hand_on!(self, inspector => inspector.create_end(context, inputs, outcome), ());
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        hand_on!(self, inspector => {
            Inspector::<C>::selfdestruct(inspector, contract, target, value);
        }, ());
    }
}
