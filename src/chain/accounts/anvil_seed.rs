//! The phrase that anvil makes from a number (`--mnemonic-seed-unsafe`): the same number gives the same accounts as there.
//!
//! anvil draws each of the 16 bytes of entropy as the lowest byte of one 32-bit number of the crate `rand`'s standard
//! generator: `ChaCha` with 12 rounds (D. J. Bernstein, 2008; RFC 8439 with a 64-bit counter,
//! here 0), whose key comes from the number by PCG32 (M. E. O'Neill, 2014), as `SeedableRng::seed_from_u64` says.

/// Bytes of entropy: twelve words.
const ENTROPY_BYTES: usize = 16;
const ROUNDS: usize = 12;

pub(super) fn entropy(seed: u64) -> [u8; ENTROPY_BYTES] {
    block(key(seed)).map(|word| word as u8)
}

/// Eight words of a key: PCG XSH-RR with the increment of `rand_core`.
fn key(seed: u64) -> [u32; 8] {
    const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
    const INCREMENT: u64 = 11_634_580_027_462_260_723;
    let mut state = seed;
    std::array::from_fn(|_| {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        let shifted = (((state >> 18) ^ state) >> 27) as u32;
        shifted.rotate_right((state >> 59) as u32)
    })
}

/// The first block of the key stream.
fn block(key: [u32; 8]) -> [u32; 16] {
    let mut start = [0; 16];
    // "expand 32-byte k"
    start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    start[4..12].copy_from_slice(&key);
    let mut words = start;
    for _ in 0..ROUNDS / 2 {
        for column in 0..4 {
            quarter(&mut words, [column, 4 + column, 8 + column, 12 + column]);
        }
        for shift in 0..4 {
            let diagonal = |row: usize| 4 * row + (shift + row) % 4;
            quarter(
                &mut words,
                [diagonal(0), diagonal(1), diagonal(2), diagonal(3)],
            );
        }
    }
    std::array::from_fn(|index| words[index].wrapping_add(start[index]))
}

fn quarter(words: &mut [u32; 16], [a, b, c, d]: [usize; 4]) {
    for (first, second) in [(16, 12), (8, 7)] {
        words[a] = words[a].wrapping_add(words[b]);
        words[d] = (words[d] ^ words[a]).rotate_left(first);
        words[c] = words[c].wrapping_add(words[d]);
        words[b] = (words[b] ^ words[c]).rotate_left(second);
    }
}
