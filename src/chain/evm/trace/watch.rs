//! Limits on a trace: its time and the bytes of its text.

use super::{TraceError, tracer::Tracer};
use alloy::primitives::{Address, Log, U256};
use revm::{
    Inspector,
    context::ContextTr,
    context_interface::ContextError,
    inspector::JournalExt,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter,
        interpreter_types::LoopControl as _,
    },
};

/// Instructions between two looks at the clock.
const STEPS_A_LOOK: usize = 1024;

/// Time, as it enters from outside.
pub trait Stopwatch {
    /// The trace of a transaction begins.
    fn restart(&self);
    /// Whether it has taken too long.
    fn is_over(&self) -> bool;
}

/// What one answer may take.
#[derive(Clone, Copy)]
pub struct TraceLimits<'a> {
    /// Bytes of its text.
    pub bytes: usize,
    /// Time.
    pub stopwatch: &'a dyn Stopwatch,
}

impl std::fmt::Debug for TraceLimits<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TraceLimits({} bytes)", self.bytes)
    }
}

impl TraceLimits<'_> {
    /// What is left after an answer has this many bytes.
    pub(in crate::chain::evm) fn check(&self, bytes: usize) -> Result<(), TraceError> {
        if bytes > self.bytes {
            return Err(TraceError::TooLarge { limit: self.bytes });
        }
        Ok(())
    }
}

/// Why a run was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    Timeout,
    TooLarge,
}

/// An inspector that is stopped at its limits.
pub(super) struct Watched<'a, T> {
    pub(super) tracer: T,
    pub(super) stopped: Option<Stopped>,
    limits: TraceLimits<'a>,
    /// Bytes that the answer has already.
    bytes_before: usize,
    steps: usize,
}

/// An inspector that knows how much it holds.
pub(super) trait Recorder {
    /// About how many bytes it holds, without those of [`Self::step_bytes`].
    fn recorded_bytes(&self) -> usize;
    /// About how many bytes it holds for each instruction.
    fn step_bytes(&self) -> usize {
        0
    }
}

impl<'a, T> Watched<'a, T> {
    pub(super) fn new(tracer: T, limits: TraceLimits<'a>, bytes_before: usize) -> Self {
        Self {
            tracer,
            stopped: None,
            limits,
            bytes_before,
            steps: 0,
        }
    }

    /// The error that the stop means.
    pub(super) fn error(&self) -> Option<TraceError> {
        Some(match self.stopped? {
            Stopped::Timeout => TraceError::Timeout,
            Stopped::TooLarge => TraceError::TooLarge {
                limit: self.limits.bytes,
            },
        })
    }
}

impl<T: Recorder> Watched<'_, T> {
    /// About how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        self.tracer.recorded_bytes() + self.tracer.step_bytes() * self.steps
    }

    fn look<C: ContextTr>(&mut self, context: &mut C) -> bool {
        if self.stopped.is_none() {
            if self.bytes_before + self.bytes() > self.limits.bytes {
                self.stopped = Some(Stopped::TooLarge);
            } else {
                self.steps += 1;
                if self.steps.is_multiple_of(STEPS_A_LOOK) && self.limits.stopwatch.is_over() {
                    self.stopped = Some(Stopped::Timeout);
                }
            }
        }
        if self.stopped.is_some() && context.error().is_ok() {
            *context.error() = Err(ContextError::Custom("the trace was stopped".into()));
        }
        self.stopped.is_some()
    }
}

/// Ends the frame at once.
fn halt(interpreter: &mut Interpreter) {
    interpreter.bytecode.action().take();
    interpreter.bytecode.reset_action();
    interpreter.halt_fatal();
}

impl<C, T> Inspector<C> for Watched<'_, T>
where
    C: ContextTr<Journal: JournalExt>,
    T: Inspector<C> + Recorder,
{
    fn initialize_interp(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        self.tracer.initialize_interp(interpreter, context);
    }

    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        if self.look(context) {
            halt(interpreter);
            return;
        }
        self.tracer.step(interpreter, context);
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        if self.stopped.is_none() {
            self.tracer.step_end(interpreter, context);
        }
    }

    fn log(&mut self, context: &mut C, log: Log) {
        self.tracer.log(context, log);
    }

    fn log_full(&mut self, interpreter: &mut Interpreter, context: &mut C, log: Log) {
        self.tracer.log_full(interpreter, context, log);
    }

    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.look(context);
        self.tracer.call(context, inputs)
    }

    fn call_end(&mut self, context: &mut C, inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.tracer.call_end(context, inputs, outcome);
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.look(context);
        self.tracer.create(context, inputs)
    }

    fn create_end(&mut self, context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        self.tracer.create_end(context, inputs, outcome);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        <T as Inspector<C>>::selfdestruct(&mut self.tracer, contract, target, value);
    }
}

impl Recorder for Tracer {
    fn recorded_bytes(&self) -> usize {
        Tracer::recorded_bytes(self)
    }
}
