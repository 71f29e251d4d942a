//! Options of traces: geth's `TraceConfig` and `TraceCallConfig`, Parity's kinds of traces and `trace_filter`.

use super::{Argument, Bool, Fields, json_kind, parse_block_overrides, parse_state_overrides};
use crate::chain::evm::trace::{
    CallTracerOptions, Erc7562Options, FlatCallTracerOptions, PrestateTracerOptions,
    StructLogOptions, TracerOptions, parity::TraceTypes,
};
use alloy::{
    eips::BlockNumberOrTag,
    primitives::Address,
    rpc::types::{
        BlockOverrides,
        state::StateOverride,
        trace::{
            filter::{TraceFilter, TraceFilterMode},
            parity::TraceType,
        },
    },
};
use std::time::Duration;

/// The most tracers in one another (`muxTracer` in `muxTracer`).
const MAX_NESTED_TRACERS: usize = 4;
/// The most tracers of one `muxTracer`.
const MAX_TRACERS: usize = 16;

/// Options of `debug_trace*`.
#[derive(Clone, Debug)]
pub(crate) struct TraceConfig {
    /// Who traces, and how.
    pub(crate) tracer: TracerOptions,
    /// How long the trace of a transaction may take, as it was written.
    pub(crate) timeout: Option<String>,
}

impl Default for TraceConfig {
    fn default() -> Self {
        Self {
            tracer: TracerOptions::StructLogs(StructLogOptions::default()),
            timeout: None,
        }
    }
}

impl Argument for TraceConfig {
    fn read(json: &str) -> Result<Self, String> {
        read_config(&Fields::parse(json)?)
    }
}

fn read_config(fields: &Fields<'_>) -> Result<TraceConfig, String> {
    let name: Option<String> = fields.get(&["tracer"])?;
    let tracer = match name.as_deref() {
        None | Some("") => TracerOptions::StructLogs(StructLogOptions {
            enable_memory: flag(fields, "enableMemory")?,
            disable_stack: flag(fields, "disableStack")?,
            disable_storage: flag(fields, "disableStorage")?,
            enable_return_data: flag(fields, "enableReturnData")?,
            limit: fields
                .get::<u64>(&["limit"])?
                .map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        }),
        Some(name) => named(name, fields.raw(&["tracerConfig"]), 0)?,
    };
    Ok(TraceConfig {
        tracer,
        timeout: fields.get(&["timeout"])?,
    })
}

/// A flag that may be missing.
fn flag(fields: &Fields<'_>, name: &str) -> Result<bool, String> {
    Ok(fields.get::<Bool>(&[name])?.is_some_and(|flag| flag.0))
}

/// The tracer of that name; what is no name is a script.
fn named(name: &str, config: Option<&str>, depth: usize) -> Result<TracerOptions, String> {
    let fields = || match config {
        None => Fields::parse("{}"),
        Some(json) => Fields::parse(json).map_err(|problem| format!("tracerConfig: {problem}")),
    };
    let nested = |name: &str| flag(&fields()?, name);
    Ok(match name {
        "callTracer" => TracerOptions::Call(CallTracerOptions {
            only_top_call: nested("onlyTopCall")?,
            with_log: nested("withLog")?,
        }),
        "flatCallTracer" => TracerOptions::FlatCall(FlatCallTracerOptions {
            convert_parity_errors: nested("convertParityErrors")?,
            include_precompiles: nested("includePrecompiles")?,
        }),
        "prestateTracer" => TracerOptions::Prestate(PrestateTracerOptions {
            diff_mode: nested("diffMode")?,
            disable_code: nested("disableCode")?,
            disable_storage: nested("disableStorage")?,
            include_empty: nested("includeEmpty")?,
        }),
        "4byteTracer" => TracerOptions::FourByte,
        "erc7562Tracer" => TracerOptions::Erc7562(Erc7562Options {
            with_log: nested("withLog")?,
            ignored: fields()?
                .get(&["ignoredOpcodes"])
                .map_err(|problem| format!("tracerConfig: {problem}"))?,
        }),
        "keccak256PreimageTracer" => TracerOptions::KeccakPreimages,
        "noopTracer" => TracerOptions::Noop,
        "muxTracer" if depth >= MAX_NESTED_TRACERS => {
            return Err(format!(
                "tracerConfig: more than {MAX_NESTED_TRACERS} muxTracers in one another"
            ));
        }
        "muxTracer" => {
            let mut tracers = Vec::new();
            for (name, config) in fields()?.iter() {
                let config = Some(config).filter(|json| *json != "null");
                tracers.push((name.to_owned(), named(name, config, depth + 1)?));
            }
            if tracers.len() > MAX_TRACERS {
                return Err(format!("tracerConfig: more than {MAX_TRACERS} tracers"));
            }
            TracerOptions::Mux(tracers)
        }
        code => TracerOptions::JavaScript {
            code: code.to_owned(),
            config: config
                .map(serde_json::from_str)
                .transpose()
                .map_err(|_| "tracerConfig: not JSON".to_owned())?
                .unwrap_or_default(),
        },
    })
}

/// Options of `debug_traceCall`.
#[derive(Clone, Debug, Default)]
pub(crate) struct TraceCallConfig {
    /// Those of every trace.
    pub(crate) trace: TraceConfig,
    /// Accounts that look different.
    pub(crate) state: Option<StateOverride>,
    /// Fields of the block that look different.
    pub(crate) block: Option<BlockOverrides>,
    /// The transaction of the block before which the call runs.
    pub(crate) tx_index: Option<u64>,
}

impl Argument for TraceCallConfig {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        Ok(Self {
            trace: read_config(&fields)?,
            state: fields
                .raw(&["stateOverrides"])
                .map(parse_state_overrides)
                .transpose()
                .map_err(|problem| format!("stateOverrides: {problem}"))?,
            block: fields
                .raw(&["blockOverrides"])
                .map(parse_block_overrides)
                .transpose()
                .map_err(|problem| format!("blockOverrides: {problem}"))?,
            tx_index: fields.get(&["txIndex"])?,
        })
    }
}

/// Kinds of traces of `trace_call` and its kin.
#[derive(Clone, Debug)]
pub(crate) struct Types(pub(crate) TraceTypes);

impl Argument for Types {
    fn read(json: &str) -> Result<Self, String> {
        let names = Vec::<String>::read(json)?;
        let types = names.iter().map(|name| match name.as_str() {
            "trace" => Ok(TraceType::Trace),
            "vmTrace" => Ok(TraceType::VmTrace),
            "stateDiff" => Ok(TraceType::StateDiff),
            other => Err(format!(
                "{other:?} is no kind of trace; choose of \"trace\", \"vmTrace\", \"stateDiff\""
            )),
        });
        types.collect::<Result<_, _>>().map(Self)
    }
}

/// One call of `trace_callMany`: the call, and the kinds of traces.
#[derive(Clone, Debug)]
pub(crate) struct CallAndTypes(
    pub(crate) alloy::rpc::types::TransactionRequest,
    pub(crate) Types,
);

impl Argument for CallAndTypes {
    fn read(json: &str) -> Result<Self, String> {
        let pair: Vec<&serde_json::value::RawValue> = serde_json::from_str(json).map_err(|_| {
            format!(
                "{} where a call and its kinds of traces are expected",
                json_kind(json)
            )
        })?;
        let [call, types] = pair.as_slice() else {
            return Err(format!(
                "{} elements where a call and its kinds of traces are expected",
                pair.len()
            ));
        };
        Ok(Self(
            Argument::read(call.get())?,
            Argument::read(types.get())?,
        ))
    }
}

/// `trace_filter`'s argument; its blocks are still tags.
#[derive(Clone, Debug)]
pub(crate) struct TraceCriteria {
    /// The first block; the first of the chain where there is none.
    pub(crate) from: Option<BlockNumberOrTag>,
    /// The last block; the head where there is none.
    pub(crate) to: Option<BlockNumberOrTag>,
    /// Addresses, mode, offset and count.
    pub(crate) filter: TraceFilter,
}

impl Argument for TraceCriteria {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let addresses =
            |name| -> Result<Vec<Address>, String> { Ok(fields.get(&[name])?.unwrap_or_default()) };
        let mode = match fields.get::<String>(&["mode"])?.as_deref() {
            None | Some("intersection") => TraceFilterMode::Intersection,
            Some("union") => TraceFilterMode::Union,
            Some(other) => {
                return Err(format!(
                    "mode: {other:?} is neither \"union\" nor \"intersection\""
                ));
            }
        };
        Ok(Self {
            from: fields.get(&["fromBlock"])?,
            to: fields.get(&["toBlock"])?,
            filter: TraceFilter {
                from_address: addresses("fromAddress")?,
                to_address: addresses("toAddress")?,
                mode,
                after: fields.get(&["after"])?,
                count: fields.get(&["count"])?,
                ..TraceFilter::default()
            },
        })
    }
}

/// A duration as Go writes it (`time.ParseDuration`): `5s`, `1m30s`, `300ms`, `1.5h`.
pub(crate) fn parse_go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.');
        let unit = &rest[..end.unwrap_or(rest.len())];
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(value * seconds).ok()?)?;
        rest = &rest[unit.len()..];
    }
    Some(total)
}

#[cfg(test)]
mod tests;
