//! `anvil_impersonateSignature`: the precompile `ecrecover` (Yellow Paper, appendix E.1) answers what a cheat set for
//! certain signatures, and the truth for all others. It costs the same.

use alloy::primitives::{Address, B256, Bytes};
use alloy_evm::precompiles::{DynPrecompile, Precompile as _, PrecompileInput, PrecompilesMap};
use revm::precompile::PrecompileOutput;

/// Signatures (r, s, v; 65 bytes, v as 27 or 28) and what `ecrecover` answers for them.
pub type Signatures = imbl::OrdMap<Bytes, Address>;

/// Its address.
const ECRECOVER: Address = Address::with_last_byte(1);
/// What it costs.
const GAS: u64 = 3000;

/// The form in which a signature is looked up: v is 27 or 28, as in the precompile's input.
pub(crate) fn normalized(signature: &[u8]) -> Bytes {
    let mut signature = signature.to_vec();
    if let Some(v) = signature.get_mut(64)
        && *v < 27
    {
        *v += 27;
    }
    signature.into()
}

/// Puts the answers in the precompile's place; nothing changes without any.
pub(super) fn impersonate(precompiles: &mut PrecompilesMap, signatures: &Signatures) {
    if signatures.is_empty() {
        return;
    }
    let signatures = signatures.clone();
    precompiles.map_precompile(&ECRECOVER, move |real| {
        let id = real.precompile_id().clone();
        DynPrecompile::new(id, move |input: PrecompileInput<'_>| {
            match signer(input.data, &signatures) {
                Some(signer) if input.gas >= GAS => {
                    let word = B256::left_padding_from(signer.as_slice());
                    Ok(PrecompileOutput::new(GAS, word.into(), input.reservoir))
                }
                _ => real.call(input),
            }
        })
    });
}

/// The input is hash, v, r and s, 32 bytes each; what is missing counts as zero.
fn signer(input: &[u8], signatures: &Signatures) -> Option<Address> {
    let mut padded = [0; 128];
    let length = input.len().min(128);
    padded[..length].copy_from_slice(&input[..length]);
    if padded[32..63].iter().any(|byte| *byte != 0) {
        return None;
    }
    let mut signature = [0; 65];
    signature[..64].copy_from_slice(&padded[64..]);
    signature[64] = padded[63];
    signatures.get(&Bytes::copy_from_slice(&signature)).copied()
}
