//! The phrase that ganache makes from a text (`--wallet.seed`): the same text gives the same accounts as there.
//!
//! ganache draws the 16 bytes of entropy from the npm package `seedrandom` (D. Bau), whose generator is ARC4 keyed with
//! the text, its first 256 bytes thrown away, read 48 bits at a time as a fraction; each byte is 255 times such a
//! fraction, rounded down. `ganache --deterministic` is the text `TestRPC is awesome!`.

/// Bytes of entropy: twelve words.
const ENTROPY_BYTES: usize = 16;
const WIDTH: f64 = 256.0;
/// 2^52: a fraction has at least so many steps.
const SIGNIFICANCE: f64 = 4_503_599_627_370_496.0;
/// 2^53: and fewer than so many.
const OVERFLOW: f64 = 9_007_199_254_740_992.0;
/// 256^6.
const START_DENOMINATOR: f64 = 281_474_976_710_656.0;

pub(super) fn entropy(seed: &str) -> [u8; ENTROPY_BYTES] {
    let mut generator = Arc4::new(&key(seed));
    std::array::from_fn(|_| {
        let scaled = generator.fraction() * 255.0;
        // From 0 to 254.
        #[allow(clippy::cast_sign_loss)]
        let byte = scaled as u8;
        byte
    })
}

/// The text's UTF-16 units, folded into at most 256 bytes.
fn key(seed: &str) -> Vec<u8> {
    let mut key: Vec<u8> = Vec::new();
    let mut smear = 0_u32;
    for (index, unit) in seed.encode_utf16().enumerate() {
        let place = index % 256;
        let old = key.get(place).copied();
        smear ^= old.map_or(0, |old| u32::from(old) * 19);
        let mixed = smear.wrapping_add(u32::from(unit)) as u8;
        match key.get_mut(place) {
            Some(slot) => *slot = mixed,
            None => key.push(mixed),
        }
    }
    if key.is_empty() {
        key.push(0);
    }
    key
}

struct Arc4 {
    state: [u8; 256],
    i: u8,
    j: u8,
}

impl Arc4 {
    fn new(key: &[u8]) -> Self {
        let mut state: [u8; 256] = std::array::from_fn(|index| index as u8);
        let mut j = 0_u8;
        for index in 0..256 {
            j = j
                .wrapping_add(key[index % key.len()])
                .wrapping_add(state[index]);
            state.swap(index, usize::from(j));
        }
        let mut generator = Self { state, i: 0, j: 0 };
        for _ in 0..256 {
            generator.next();
        }
        generator
    }

    fn next(&mut self) -> u8 {
        self.i = self.i.wrapping_add(1);
        let (i, old) = (usize::from(self.i), self.state[usize::from(self.i)]);
        self.j = self.j.wrapping_add(old);
        self.state.swap(i, usize::from(self.j));
        self.state[usize::from(self.state[i].wrapping_add(old))]
    }

    /// From 0 to 1, in the steps of a double.
    fn fraction(&mut self) -> f64 {
        let mut numerator = (0..6).fold(0.0, |sum, _| sum * WIDTH + f64::from(self.next()));
        let mut denominator = START_DENOMINATOR;
        let mut low = 0_u32;
        while numerator < SIGNIFICANCE {
            numerator = (numerator + f64::from(low)) * WIDTH;
            denominator *= WIDTH;
            low = u32::from(self.next());
        }
        while numerator >= OVERFLOW {
            numerator /= 2.0;
            denominator /= 2.0;
            low >>= 1;
        }
        (numerator + f64::from(low)) / denominator
    }
}
