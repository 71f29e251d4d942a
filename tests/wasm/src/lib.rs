//! The pure part of praline in wasm32. That consensus and replica compile for it comes with the crate.

mod history;

use std::sync::Mutex;

static RESULT: Mutex<[u64; 4]> = Mutex::new([0; 4]);

/// Makes a history and keeps its hash for [`word`].
#[unsafe(no_mangle)]
pub extern "C" fn run(blocks: u32) {
    let hash = history::history(blocks.into());
    let words = hash.0.as_chunks::<8>().0.iter().map(|chunk| u64::from_be_bytes(*chunk));
    if let Ok(mut result) = RESULT.lock() {
        for (slot, word) in result.iter_mut().zip(words) {
            *slot = word;
        }
    }
}

/// One of the four words of the hash that [`run`] made, the highest first.
#[unsafe(no_mangle)]
pub extern "C" fn word(index: u32) -> u64 {
    let result = RESULT.lock().map(|result| *result).unwrap_or_default();
    result.get(index as usize).copied().unwrap_or_default()
}
