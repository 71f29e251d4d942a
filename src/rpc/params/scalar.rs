//! Single values: quantities, data, blocks, flags.

use crate::rpc::jsonrpc::string;
use alloy::{
    eips::{BlockId, BlockNumberOrTag, RpcBlockHash},
    primitives::{Address, B256, Bytes, U256, hex},
};
use std::borrow::Cow;

use super::Fields;

/// A value that can be read from JSON text. The error says what is wrong with it, without a full stop.
pub(crate) trait Argument: Sized {
    /// Reads the value.
    fn read(json: &str) -> Result<Self, String>;
}

/// The kind of a JSON value, for messages.
pub(crate) fn json_kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// At most 80 characters of a value, for messages.
fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(80) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

fn expect_string<'a>(json: &'a str, what: &str) -> Result<Cow<'a, str>, String> {
    string(json).ok_or_else(|| format!("{} where {what} is expected", json_kind(json)))
}

/// A quantity in hex with `0x`, geth's form. Leading zeros are let through, as ganache and anvil do.
fn hex_quantity(text: &str) -> Result<U256, String> {
    let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
        return Err(if text.is_empty() {
            "empty hex string".to_owned()
        } else {
            "hex string without 0x prefix".to_owned()
        });
    };
    if digits.is_empty() {
        return Err(r#"hex string "0x""#.to_owned());
    }
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(format!("invalid hex string \"{}\"", shown(text)));
    }
    U256::from_str_radix(digits, 16).map_err(|_| "hex number > 256 bits".to_owned())
}

/// A quantity in hex, or a whole number of JSON.
fn quantity(json: &str) -> Result<U256, String> {
    if json.starts_with('"') {
        return hex_quantity(&expect_string(json, "a quantity")?);
    }
    whole_number(json)
}

fn whole_number(json: &str) -> Result<U256, String> {
    if !json.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return Err(format!("{} where a quantity is expected", json_kind(json)));
    }
    if json.bytes().all(|b| b.is_ascii_digit()) {
        return U256::from_str_radix(json, 10).map_err(|_| "number > 256 bits".to_owned());
    }
    // JavaScript writes large numbers as 1e+21.
    match json.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.fract() == 0.0 && value < 1e30 =>
        {
            #[allow(clippy::cast_sign_loss)]
            Ok(U256::from(value as u128))
        }
        _ => Err(format!("{json} is not a whole number of 0 or more")),
    }
}

fn narrow<T: TryFrom<U256>>(value: U256, bits: u32) -> Result<T, String> {
    T::try_from(value).map_err(|_| format!("hex number > {bits} bits"))
}

impl Argument for U256 {
    fn read(json: &str) -> Result<Self, String> {
        quantity(json)
    }
}

impl Argument for u128 {
    fn read(json: &str) -> Result<Self, String> {
        narrow(quantity(json)?, 128)
    }
}

impl Argument for u64 {
    fn read(json: &str) -> Result<Self, String> {
        narrow(quantity(json)?, 64)
    }
}

impl Argument for u8 {
    fn read(json: &str) -> Result<Self, String> {
        narrow(quantity(json)?, 8)
    }
}

/// A value of a cheat: besides hex also decimal text, as users of anvil, Hardhat and ganache write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cheat<T>(pub(crate) T);

impl<T: TryFrom<U256>> Argument for Cheat<T> {
    fn read(json: &str) -> Result<Self, String> {
        let value = match string(json) {
            Some(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
                U256::from_str_radix(&text, 10).map_err(|_| "number > 256 bits".to_owned())?
            }
            _ => quantity(json)?,
        };
        T::try_from(value)
            .map(Self)
            .map_err(|_| format!("{} is too large", shown(json)))
    }
}

/// Seconds, also with a fraction (a JSON number or decimal text), as milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) u64);

impl Argument for Seconds {
    fn read(json: &str) -> Result<Self, String> {
        let text = string(json).unwrap_or(Cow::Borrowed(json));
        let Some((whole, fraction)) = text.split_once('.') else {
            let Cheat(seconds) = Cheat::<u64>::read(json)?;
            return Ok(Self(seconds.saturating_mul(1000)));
        };
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) {
            return Err(format!("{} is not a number of seconds", shown(json)));
        }
        let whole: u64 = whole
            .parse()
            .map_err(|_| format!("{} is too large", shown(json)))?;
        // What is shorter than a millisecond is cut off.
        let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
        let milliseconds = digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        Ok(Self(
            whole.saturating_mul(1000).saturating_add(milliseconds),
        ))
    }
}

/// Whole seconds that may be negative: JSON number, hex or decimal text.
impl Argument for i64 {
    fn read(json: &str) -> Result<Self, String> {
        let text = string(json).unwrap_or(Cow::Borrowed(json));
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.as_ref()),
        };
        let problem = || format!("{} is not a number of seconds", shown(json));
        let value = match digits.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).map_err(|_| problem())?,
            None => match digits.parse::<u64>() {
                Ok(value) => value,
                // A fraction of a second is cut off, as ganache does.
                Err(_) => match digits.parse::<f64>() {
                    #[allow(clippy::cast_sign_loss)]
                    Ok(value) if (0.0..1e15).contains(&value) => value as u64,
                    _ => return Err(problem()),
                },
            },
        };
        let value = Self::try_from(value).map_err(|_| problem())?;
        Ok(if negative { -value } else { value })
    }
}

/// `true` or `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bool(pub(crate) bool);

impl Argument for Bool {
    fn read(json: &str) -> Result<Self, String> {
        match json {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(format!(
                "{} where true or false is expected",
                json_kind(json)
            )),
        }
    }
}

impl Argument for String {
    fn read(json: &str) -> Result<Self, String> {
        Ok(expect_string(json, "a string")?.into_owned())
    }
}

/// Exactly `N` bytes.
fn fixed<const N: usize>(json: &str, what: &str) -> Result<[u8; N], String> {
    let text = expect_string(json, what)?;
    let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
        return Err("hex string without 0x prefix".to_owned());
    };
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(format!("invalid hex string \"{}\"", shown(&text)));
    }
    if digits.len() != 2 * N {
        return Err(format!(
            "hex string has length {}, want {} for {what}",
            digits.len(),
            2 * N
        ));
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

impl Argument for Address {
    fn read(json: &str) -> Result<Self, String> {
        fixed(json, "an address").map(Self::new)
    }
}

impl Argument for B256 {
    fn read(json: &str) -> Result<Self, String> {
        fixed(json, "a 32-byte hash").map(Self::new)
    }
}

impl Argument for Bytes {
    fn read(json: &str) -> Result<Self, String> {
        let text = expect_string(json, "hex data")?;
        if text.is_empty() {
            return Ok(Self::new());
        }
        let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
            return Err("hex string without 0x prefix".to_owned());
        };
        if digits.len() % 2 == 1 {
            return Err("hex string of odd length".to_owned());
        }
        hex::decode(digits)
            .map(Self::from)
            .map_err(|_| format!("invalid hex string \"{}\"", shown(&text)))
    }
}

/// A message to sign: hex data, or any other text for its UTF-8 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message(pub(crate) Bytes);

impl Argument for Message {
    fn read(json: &str) -> Result<Self, String> {
        if let Ok(bytes) = Bytes::read(json) {
            return Ok(Self(bytes));
        }
        let text = expect_string(json, "a message")?;
        Ok(Self(Bytes::copy_from_slice(text.as_bytes())))
    }
}

/// The key of a storage slot: up to 32 bytes of hex; short ones are filled up with zeros, as geth does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) U256);

impl Argument for Slot {
    fn read(json: &str) -> Result<Self, String> {
        if !json.starts_with('"') {
            return whole_number(json).map(Self);
        }
        let text = expect_string(json, "a storage key")?;
        let digits = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(&text);
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("invalid hex in storage key: \"{}\"", shown(&text)));
        }
        if digits.len() > 64 {
            return Err(format!(
                "storage key too long (want at most 32 bytes): \"{}\"",
                shown(&text)
            ));
        }
        if digits.is_empty() {
            return Ok(Self(U256::ZERO));
        }
        U256::from_str_radix(digits, 16)
            .map(Self)
            .map_err(|e| e.to_string())
    }
}

/// The key of a slot, and whether it was given with all 64 digits: a proof repeats it in the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProofKey {
    /// The slot.
    pub(crate) slot: U256,
    /// Whether all digits were given.
    pub(crate) full: bool,
}

impl Argument for ProofKey {
    fn read(json: &str) -> Result<Self, String> {
        // 64 digits, `0x` or nothing before them, and two quotation marks.
        Slot::read(json).map(|slot| Self {
            slot: slot.0,
            full: json.len() >= 66,
        })
    }
}

/// A 32-byte word given in full, or as a shorter number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) B256);

impl Argument for Word {
    fn read(json: &str) -> Result<Self, String> {
        Slot::read(json)
            .map(|slot| Self(B256::from(slot.0)))
            .map_err(|problem| problem.replace("storage key", "32-byte value"))
    }
}

impl Argument for BlockNumberOrTag {
    fn read(json: &str) -> Result<Self, String> {
        if !json.starts_with('"') {
            return narrow(quantity(json)?, 64).map(Self::Number);
        }
        let text = expect_string(json, "a block number or tag")?;
        Ok(match text.as_ref() {
            "latest" => Self::Latest,
            "pending" => Self::Pending,
            "earliest" => Self::Earliest,
            "safe" => Self::Safe,
            "finalized" => Self::Finalized,
            _ => Self::Number(narrow(hex_quantity(&text)?, 64)?),
        })
    }
}

/// A number, a tag, a hash, or EIP-1898's object.
impl Argument for BlockId {
    fn read(json: &str) -> Result<Self, String> {
        if json.starts_with('{') {
            return block_object(json);
        }
        // A quantity of 64 digits is a hash.
        if json.len() == 68 && json.starts_with("\"0x") {
            return B256::read(json).map(Self::from);
        }
        BlockNumberOrTag::read(json).map(Self::Number)
    }
}

fn block_object(json: &str) -> Result<BlockId, String> {
    let fields = Fields::parse(json)?;
    let number: Option<BlockNumberOrTag> = fields.get(&["blockNumber"])?;
    let hash: Option<B256> = fields.get(&["blockHash"])?;
    let canonical: Option<Bool> = fields.get(&["requireCanonical"])?;
    match (number, hash) {
        (Some(number), None) => Ok(BlockId::Number(number)),
        (None, Some(hash)) => Ok(BlockId::Hash(RpcBlockHash::from_hash(
            hash,
            canonical.map(|flag| flag.0),
        ))),
        (Some(_), Some(_)) => {
            Err("cannot specify both blockHash and blockNumber, choose one or the other".to_owned())
        }
        (None, None) => Err("a block object needs blockNumber or blockHash".to_owned()),
    }
}

/// A list; an error names the place.
impl<T: Argument> Argument for Vec<T> {
    fn read(json: &str) -> Result<Self, String> {
        if !json.starts_with('[') {
            return Err(format!("{} where an array is expected", json_kind(json)));
        }
        let values: Vec<&serde_json::value::RawValue> =
            serde_json::from_str(json).map_err(|_| "not a JSON array".to_owned())?;
        values
            .into_iter()
            .enumerate()
            .map(|(i, value)| T::read(value.get()).map_err(|e| format!("element {i}: {e}")))
            .collect()
    }
}
