//! The nibbles of a 32-byte key.

use alloy::primitives::B256;

/// Nibbles in a key.
pub(super) const NIBBLES: usize = 64;

/// The nibble of `key` at `depth`.
pub(super) fn nibble(key: &B256, depth: usize) -> usize {
    let byte = key.0[depth / 2];
    usize::from(if depth.is_multiple_of(2) {
        byte >> 4
    } else {
        byte & 0x0f
    })
}

/// How many nibbles two keys share from the start.
pub(super) fn common_nibbles(a: &B256, b: &B256) -> usize {
    match a.0.iter().zip(&b.0).position(|(a, b)| a != b) {
        Some(byte) => 2 * byte + usize::from((a.0[byte] ^ b.0[byte]) >> 4 == 0),
        None => NIBBLES,
    }
}

/// `key` with another nibble at `depth`.
pub(super) fn with_nibble(key: &B256, depth: usize, nibble: usize) -> B256 {
    let mut key = *key;
    let byte = &mut key.0[depth / 2];
    *byte = if depth.is_multiple_of(2) {
        *byte & 0x0f | (nibble as u8) << 4
    } else {
        *byte & 0xf0 | nibble as u8
    };
    key
}
