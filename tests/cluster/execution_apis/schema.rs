//! JSON Schema (2019-09), as far as execution-apis uses it. A keyword that is not known here fails the test: nothing
//! passes because nobody looked.

use regex::Regex;
use serde_json::{Map, Value};

/// `schemas.json`: the schema of each method's result.
pub(super) struct Schemas(Value);

impl Schemas {
    pub(super) fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    /// Checks the result of a method.
    pub(super) fn check(&self, method: &str, result: &Value) -> Result<(), String> {
        let schema = self.0["methods"].get(method);
        let schema = schema.unwrap_or_else(|| panic!("no schema for {method}"));
        self.valid(schema, result, "$")
    }

    fn valid(&self, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
        let keywords = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err(format!("{path}: {value} must not be there")),
            Value::Object(keywords) => keywords,
            other => panic!("{other} is not a schema"),
        };
        for (keyword, argument) in keywords {
            self.keyword(keywords, keyword, argument, value, path)?;
        }
        Ok(())
    }

    fn keyword(
        &self,
        keywords: &Map<String, Value>,
        keyword: &str,
        argument: &Value,
        value: &Value,
        path: &str,
    ) -> Result<(), String> {
        let fits = |schema: &Value| self.valid(schema, value, path);
        let held = match keyword {
            "$ref" => {
                let pointer = argument.as_str().unwrap().trim_start_matches('#');
                let target = self.0.pointer(pointer);
                return fits(target.unwrap_or_else(|| panic!("no schema at {pointer}")));
            }
            "title" | "description" | "examples" | "default" => true,
            "allOf" => return alternatives(argument).try_for_each(fits),
            "anyOf" => alternatives(argument).any(|schema| fits(schema).is_ok()),
            "oneOf" => alternatives(argument).filter(|s| fits(s).is_ok()).count() == 1,
            "not" => fits(argument).is_err(),
            "type" => match argument {
                Value::Array(kinds) => kinds.iter().any(|kind| is_a(kind, value)),
                kind => is_a(kind, value),
            },
            "const" => argument == value,
            "enum" => argument.as_array().unwrap().contains(value),
            "pattern" => value
                .as_str()
                .is_none_or(|text| matches(argument.as_str().unwrap(), text)),
            "minimum" => value.as_f64() >= argument.as_f64() || !value.is_number(),
            "maximum" => value.as_f64() <= argument.as_f64() || !value.is_number(),
            "required" => value.as_object().is_none_or(|members| {
                let names = argument.as_array().unwrap();
                names
                    .iter()
                    .all(|n| members.contains_key(n.as_str().unwrap()))
            }),
            "items" => {
                let mut items = value.as_array().into_iter().flatten().enumerate();
                return items.try_for_each(|(index, item)| {
                    self.valid(argument, item, &format!("{path}[{index}]"))
                });
            }
            "properties" | "patternProperties" | "additionalProperties" => {
                return self.members(keywords, keyword, value, path);
            }
            other => panic!("the keyword {other} is not known"),
        };
        if held {
            Ok(())
        } else {
            Err(format!(
                "{path}: {value} does not hold to {keyword} {argument}"
            ))
        }
    }

    /// Checks the members that this keyword speaks of.
    fn members(
        &self,
        keywords: &Map<String, Value>,
        keyword: &str,
        value: &Value,
        path: &str,
    ) -> Result<(), String> {
        let named = |name: &str| keywords.get("properties").and_then(|p| p.get(name));
        let by_pattern = |name: &str| {
            let patterns = keywords.get("patternProperties")?.as_object()?;
            let found = patterns.iter().find(|(pattern, _)| matches(pattern, name));
            found.map(|(_, schema)| schema)
        };
        for (name, member) in value.as_object().into_iter().flatten() {
            let schema = match keyword {
                "properties" => named(name),
                "patternProperties" => by_pattern(name),
                _ if named(name).is_none() && by_pattern(name).is_none() => keywords.get(keyword),
                _ => None,
            };
            if let Some(schema) = schema {
                self.valid(schema, member, &format!("{path}.{name}"))?;
            }
        }
        Ok(())
    }
}

fn alternatives(argument: &Value) -> impl Iterator<Item = &Value> {
    argument.as_array().unwrap().iter()
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known"),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).unwrap().is_match(text)
}
