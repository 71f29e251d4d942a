//! A writer of JSON: objects, lists, and Ethereum's two encodings of values (EIP-1474: quantity and data).

use alloy::primitives::{U256, hex};
use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;
use std::io::Write as _;

/// JSON text of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Json(Vec<u8>);

impl Json {
    /// `null`.
    pub(crate) fn null() -> Self {
        Self(b"null".to_vec())
    }

    /// `true` or `false`.
    pub(crate) fn bool(value: bool) -> Self {
        Self(if value {
            b"true".to_vec()
        } else {
            b"false".to_vec()
        })
    }

    /// A quantity.
    pub(crate) fn quantity(value: impl Quantity) -> Self {
        Self::build(|out| value.write(out))
    }

    /// Data.
    pub(crate) fn data(bytes: impl AsRef<[u8]>) -> Self {
        Self::build(|out| write_data(out, bytes.as_ref()))
    }

    /// A JSON number.
    pub(crate) fn number(value: impl std::fmt::Display) -> Self {
        Self(value.to_string().into_bytes())
    }

    /// A JSON string.
    pub(crate) fn text(text: &str) -> Self {
        Self::build(|out| write_text(out, text))
    }

    /// What `write` appends, which must be one JSON value.
    pub(crate) fn build(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut out = Vec::with_capacity(96);
        write(&mut out);
        Self(out)
    }

    /// Text that is JSON already.
    pub(crate) fn raw(text: String) -> Self {
        Self(text.into_bytes())
    }

    /// An object.
    pub(crate) fn object(write: impl FnOnce(&mut Object<'_>)) -> Self {
        Self::build(|out| Object::write(out, write))
    }

    /// A list of data.
    pub(crate) fn data_list<T: AsRef<[u8]>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::build(|out| {
            List::write(out, |list| {
                for value in values {
                    write_data(list.next(), value.as_ref());
                }
            });
        })
    }

    /// The text.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// As the text that it is, for jsonrpsee's responses. It is read through once, which takes 1 to 3 ns a byte.
impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: &RawValue = serde_json::from_slice(&self.0).map_err(S::Error::custom)?;
        text.serialize(serializer)
    }
}

/// A number that EIP-1474 writes as a quantity: hex without leading zeros.
pub(crate) trait Quantity {
    /// Appends `"0x…"`.
    fn write(self, out: &mut Vec<u8>);
}

impl Quantity for u128 {
    fn write(self, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "\"0x{self:x}\"");
    }
}

impl Quantity for u64 {
    fn write(self, out: &mut Vec<u8>) {
        let _ = write!(out, "\"0x{self:x}\"");
    }
}

impl Quantity for usize {
    fn write(self, out: &mut Vec<u8>) {
        (self as u64).write(out);
    }
}

impl Quantity for U256 {
    fn write(self, out: &mut Vec<u8>) {
        let _ = write!(out, "\"0x{self:x}\"");
    }
}

/// Appends a quantity.
pub(crate) fn write_quantity(out: &mut Vec<u8>, value: impl Quantity) {
    value.write(out);
}

/// Appends `"0x…"` with two digits a byte.
pub(crate) fn write_data(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b"\"0x");
    let start = out.len();
    out.resize(start + 2 * bytes.len(), b'0');
    // The length fits, so that encoding cannot fail.
    let _ = hex::encode_to_slice(bytes, &mut out[start..]);
    out.push(b'"');
}

/// Appends a JSON string.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    // Text always serializes, and writing to a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// An object being written.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    /// Appends an object with the members that `members` writes.
    pub(crate) fn write(out: &'a mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        let mut object = Object { out, first: true };
        members(&mut object);
        object.out.push(b'}');
    }

    /// Starts a member, whose value is appended to what is returned. `name` needs no escapes.
    pub(crate) fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A quantity.
    pub(crate) fn quantity(&mut self, name: &str, value: impl Quantity) {
        value.write(self.key(name));
    }

    /// A quantity that may be absent: then there is no member.
    pub(crate) fn quantity_if<Q: Quantity>(&mut self, name: &str, value: Option<Q>) {
        if let Some(value) = value {
            self.quantity(name, value);
        }
    }

    /// Data.
    pub(crate) fn data(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        write_data(self.key(name), bytes.as_ref());
    }

    /// Data, or `null`.
    pub(crate) fn data_or_null(&mut self, name: &str, bytes: Option<impl AsRef<[u8]>>) {
        match bytes {
            Some(bytes) => self.data(name, bytes),
            None => self.null(name),
        }
    }

    /// `null`.
    pub(crate) fn null(&mut self, name: &str) {
        self.key(name).extend_from_slice(b"null");
    }

    /// `true` or `false`.
    pub(crate) fn bool(&mut self, name: &str, value: bool) {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.key(name).extend_from_slice(text);
    }

    /// A JSON number.
    pub(crate) fn number(&mut self, name: &str, value: impl std::fmt::Display) {
        let out = self.key(name);
        let _ = write!(out, "{value}");
    }

    /// A JSON string.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        write_text(self.key(name), text);
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str, members: impl FnOnce(&mut Object<'_>)) {
        Object::write(self.key(name), members);
    }

    /// A list.
    pub(crate) fn list(&mut self, name: &str, elements: impl FnOnce(&mut List<'_>)) {
        List::write(self.key(name), elements);
    }
}

/// A list being written.
#[derive(Debug)]
pub(crate) struct List<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> List<'a> {
    /// Appends a list with the elements that `elements` writes.
    pub(crate) fn write(out: &'a mut Vec<u8>, elements: impl FnOnce(&mut List<'_>)) {
        out.push(b'[');
        let mut list = List { out, first: true };
        elements(&mut list);
        list.out.push(b']');
    }

    /// Starts an element, which is appended to what is returned.
    pub(crate) fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out
    }
}
