//! The text of a config file and the way back from a key to its line.
//!
//! Parsing happens twice on purpose: serde gives the values, and only when something is wrong the text is parsed
//! again into a tree of spans, to name the line and the key.

use super::{
    error::{ConfigError, Place, Problem},
    file::File,
};
use std::{borrow::Cow, ops::Range, path::Path};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A key of the file: every one stands in a table, or in one of an array of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// `chain`, `member`.
    pub(super) table: &'static str,
    /// Which table of an array, from 0.
    pub(super) index: Option<usize>,
    /// The key in the table; empty for the table itself.
    pub(super) name: &'static str,
}

impl Key {
    /// A key of a plain table.
    pub(super) const fn of(table: &'static str, name: &'static str) -> Self {
        Self {
            table,
            index: None,
            name,
        }
    }

    /// A key of a table in an array.
    pub(super) const fn in_item(table: &'static str, index: usize, name: &'static str) -> Self {
        Self {
            table,
            index: Some(index),
            name,
        }
    }

    fn dotted(self) -> String {
        if self.name.is_empty() {
            self.table.to_owned()
        } else {
            format!("{}.{}", self.table, self.name)
        }
    }
}

/// The text of a config file.
#[derive(Clone, Debug)]
pub(super) struct Document {
    name: String,
    text: String,
}

/// The deepest value at a place of the text.
struct Found {
    keys: Vec<String>,
    span: Range<usize>,
}

impl Document {
    pub(super) fn new(path: Option<&Path>, text: &str) -> Self {
        let name = path.map_or_else(
            || "the built-in config".to_owned(),
            |path| path.display().to_string(),
        );
        Self {
            name,
            text: text.to_owned(),
        }
    }

    /// The values of the file.
    pub(super) fn deserialize(&self) -> Result<File, ConfigError> {
        toml::from_str(&self.text).map_err(|error| self.explain(&error))
    }

    /// The place of a key; of the nearest table above it, where the key is not in the file.
    pub(super) fn place(&self, key: Key) -> Place {
        let offset = DeTable::parse(&self.text)
            .ok()
            .and_then(|table| offset_of(table.get_ref(), key))
            .unwrap_or(0);
        Place::Line {
            file: self.name.clone(),
            line: self.line_at(offset),
            key: key.dotted(),
        }
    }

    fn line_at(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text
            .get(..end)
            .map_or(1, |before| before.matches('\n').count() + 1)
    }

    /// Says in one sentence what the TOML parser or serde found.
    fn explain(&self, error: &toml::de::Error) -> ConfigError {
        let offset = error.span().map_or(0, |span| span.start);
        let found = DeTable::parse(&self.text)
            .ok()
            .map(|table| find_in_table(table.get_ref(), offset));
        let is_syntax = found.is_none();
        let key = found
            .flatten()
            .map_or_else(String::new, |found| found.keys.join("."));
        let message = error.message().replace('\n', "; ");
        let problem = if is_syntax {
            Problem::Syntax(format!("this is not TOML: {message}"))
        } else if let Some(rest) = message.strip_prefix("unknown field ") {
            // serde: unknown field `x`, expected one of `a`, `b`
            let expected = rest.split_once(", ").map_or("", |(_, expected)| expected);
            Problem::UnknownKey(expected.to_owned())
        } else if let Some(field) = message.strip_prefix("missing field ") {
            Problem::MissingKey(field.trim_matches('`').to_owned())
        } else {
            Problem::Type(message)
        };
        let place = Place::Line {
            file: self.name.clone(),
            line: self.line_at(offset),
            key,
        };
        ConfigError::Invalid { place, problem }
    }
}

/// The start of a key, or of the nearest table above it.
fn offset_of(root: &DeTable<'_>, key: Key) -> Option<usize> {
    let (table_key, value) = entry(root, key.table)?;
    let value = match (value.get_ref(), key.index) {
        (DeValue::Array(items), Some(index)) => items.get(index)?,
        _ => value,
    };
    let inner = value
        .get_ref()
        .as_table()
        .and_then(|table| entry(table, key.name));
    let above = if key.index.is_some() {
        value.span().start
    } else {
        table_key.span().start
    };
    Some(inner.map_or(above, |(key, _)| key.span().start))
}

type Entry<'a, 'i> = (&'a Spanned<Cow<'i, str>>, &'a Spanned<DeValue<'i>>);

fn entry<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<Entry<'a, 'i>> {
    table.iter().find(|(key, _)| key.get_ref() == name)
}

/// The deepest key whose own text or value holds `offset`.
fn find_in_table(table: &DeTable<'_>, offset: usize) -> Option<Found> {
    table
        .iter()
        .filter_map(|(key, value)| {
            let mut found = match find_in_value(value, offset) {
                Some(found) => found,
                None if holds(&key.span(), offset) => Found {
                    keys: Vec::new(),
                    span: key.span(),
                },
                None => return None,
            };
            found.keys.insert(0, key.get_ref().to_string());
            Some(found)
        })
        .min_by_key(|found| found.span.len())
}

fn find_in_value(value: &Spanned<DeValue<'_>>, offset: usize) -> Option<Found> {
    let inner = match value.get_ref() {
        DeValue::Table(table) => find_in_table(table, offset),
        DeValue::Array(array) => array.iter().find_map(|item| find_in_value(item, offset)),
        _ => None,
    };
    let itself = || {
        holds(&value.span(), offset).then(|| Found {
            keys: Vec::new(),
            span: value.span(),
        })
    };
    inner.or_else(itself)
}

fn holds(span: &Range<usize>, offset: usize) -> bool {
    span.contains(&offset)
}
