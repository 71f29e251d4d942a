//! `anvil_dumpState` and `anvil_loadState`: the chain as JSON in anvil's format, compressed (RFC 1952), as hex.

use super::{Method, methods};
use crate::{
    chain::dump::{self, Dump, DumpError},
    replica::load::{LoadError, load, prepare},
    rpc::{
        dispatch::{Answer, Call, too_large},
        error::RpcError,
        format::Json,
        params::Bool,
    },
};
use alloy::primitives::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use std::{
    io::{self, Read as _, Write},
    sync::Arc,
};

pub(super) const METHODS: &[Method] = methods![
    Read "anvil_dumpState" | "hardhat_dumpState" => dump_state;
    Change "anvil_loadState" | "hardhat_loadState" => load_state;
];

/// Bytes of JSON that a dump may unfold to. Larger ones are loaded from a file.
const JSON_BYTES_MAX: u64 = 1 << 30;
/// How often a dump is begun anew because the chain went back meanwhile.
const TRIES: usize = 3;

/// Bytes in memory, up to a limit.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Limited {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > self.limit {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// With `true` also the state after every block.
async fn dump_state(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let historical = call.params.optional(0)?.is_some_and(|Bool(flag)| flag);
    let limit = call.context.limits.response_bytes;
    for _ in 0..TRIES {
        let chain = call.context.chain().await?;
        let archive = Arc::clone(call.context.backend.archive());
        let work = move || {
            let out = Limited {
                bytes: Vec::new(),
                // As hex, in quotation marks.
                limit: limit / 2 - 4,
            };
            let mut encoder = GzEncoder::new(out, Compression::default());
            let written = dump::write(&chain, &archive, historical, &mut encoder)
                .and_then(|()| Ok(encoder.finish()?.bytes));
            match written {
                Ok(bytes) => Ok(Some(Json::data(bytes))),
                Err(DumpError::Write(error)) if error.kind() == io::ErrorKind::OutOfMemory => {
                    Err(too_large(limit))
                }
                Err(DumpError::Changed | DumpError::Store(_)) => Ok(None),
                Err(error) => Err(RpcError::internal(error.to_string())),
            }
        };
        if let Some(dump) = call.context.run(work).await? {
            return Ok(dump);
        }
    }
    Err(RpcError::server(DumpError::Changed.to_string()))
}

/// Compressed or plain JSON, as hex.
async fn load_state(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let bytes: Bytes = call.params.required(0)?;
    let work = move || {
        let json = unfolded(&bytes)?;
        let dump = Dump::parse(&json).map_err(LoadError::from)?;
        Ok(prepare(&dump)?)
    };
    let parts = call.context.run(work).await?;
    load(&*call.context.backend, &parts).await?;
    Ok(Json::bool(true))
}

fn unfolded(bytes: &[u8]) -> Result<Vec<u8>, RpcError> {
    let mut decoder = GzDecoder::new(bytes);
    if decoder.header().is_none() {
        return Ok(bytes.to_vec());
    }
    let mut json = Vec::new();
    let mut limited = decoder.by_ref().take(JSON_BYTES_MAX + 1);
    limited.read_to_end(&mut json).map_err(|error| {
        RpcError::invalid_argument(0, format!("the dump cannot be unfolded: {error}"))
    })?;
    if json.len() as u64 > JSON_BYTES_MAX {
        return Err(RpcError::invalid_argument(
            0,
            format!(
                "the dump unfolds to more than {JSON_BYTES_MAX} bytes; start the node with `--load-state FILE`"
            ),
        ));
    }
    Ok(json)
}

impl From<LoadError> for RpcError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Dump(error) => Self::invalid_params(error.to_string()),
            LoadError::Rejected(rejection) => rejection.into(),
            LoadError::Write(error) => error.into(),
        }
    }
}
