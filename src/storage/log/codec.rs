//! Values of the log's records: one byte of format, a CRC-32 over key and content, the content as postcard.
//!
//! *Invariant.* A value whose checksum does not fit its key and content is never taken for one.

use serde::{Serialize, de::DeserializeOwned};

/// The format written by this version; a change of any stored type is a new number.
pub(super) const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 5;

/// A value that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CodecError {
    #[error("a value is too short")]
    Short,
    #[error("a checksum does not fit")]
    Checksum,
    #[error("a value cannot be decoded")]
    Content,
    #[error("a value has the unknown format {0}")]
    Format(u8),
}

/// Encodes `value` for `key` into `buffer`, which is emptied before.
pub(super) fn seal<T: Serialize>(
    key: &[u8],
    value: &T,
    mut buffer: Vec<u8>,
) -> Result<Vec<u8>, postcard::Error> {
    buffer.clear();
    buffer.extend_from_slice(&[FORMAT, 0, 0, 0, 0]);
    let mut buffer = postcard::to_extend(value, buffer)?;
    let crc = checksum(key, &buffer[HEADER_BYTES..]);
    buffer[1..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
    Ok(buffer)
}

/// Decodes what [`seal`] made.
pub(super) fn open<T: DeserializeOwned>(key: &[u8], sealed: &[u8]) -> Result<T, CodecError> {
    let (header, content) = sealed
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or(CodecError::Short)?;
    let [format, crc @ ..] = *header;
    if format != FORMAT {
        return Err(CodecError::Format(format));
    }
    if u32::from_le_bytes(crc) != checksum(key, content) {
        return Err(CodecError::Checksum);
    }
    postcard::from_bytes(content).map_err(|_| CodecError::Content)
}

fn checksum(key: &[u8], content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(content);
    hasher.finalize()
}
