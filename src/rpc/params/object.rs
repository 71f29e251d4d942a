//! The members of a JSON object, read one by one.

use super::{Argument, json_kind};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The members of an object by name. Unknown ones are ignored, as all nodes do.
#[derive(Debug)]
pub(crate) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// From JSON text.
    pub(crate) fn parse(json: &'a str) -> Result<Self, String> {
        if !json.starts_with('{') {
            return Err(format!("{} where an object is expected", json_kind(json)));
        }
        serde_json::from_str(json)
            .map(Self)
            .map_err(|_| "not a JSON object".to_owned())
    }

    /// The first of `names` that is there and not `null`, as JSON text.
    pub(crate) fn raw(&self, names: &[&str]) -> Option<&'a str> {
        names
            .iter()
            .filter_map(|name| self.0.get(*name))
            .map(|value| value.get())
            .find(|json| *json != "null")
    }

    /// The first of `names` that is there and not `null`. An error names the member.
    pub(crate) fn get<T: Argument>(&self, names: &[&str]) -> Result<Option<T>, String> {
        for name in names {
            if let Some(value) = self.0.get(*name).filter(|value| value.get() != "null") {
                return T::read(value.get())
                    .map(Some)
                    .map_err(|problem| format!("{name}: {problem}"));
            }
        }
        Ok(None)
    }

    /// Like [`Self::get`], for a member that must be there.
    pub(crate) fn need<T: Argument>(&self, name: &str) -> Result<T, String> {
        self.get(&[name])?
            .ok_or_else(|| format!("{name} is missing"))
    }

    /// All members in the order of their names, as JSON text.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.get()))
    }
}
