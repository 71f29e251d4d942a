//! One case of the suite: requests, and what must come back.

use super::schema::Schemas;
use crate::harness::Connection;
use serde_json::Value;
use std::{fs, path::Path};

/// A request and the expected response.
struct Exchange {
    request: String,
    response: Value,
}

/// See the module.
pub(super) struct Case {
    /// Folder and file.
    pub(super) name: String,
    /// Whether only the shape of results is asked for.
    speconly: bool,
    exchanges: Vec<Exchange>,
}

impl Case {
    /// All cases under a folder in the order in which they must be played: transactions are sent before anything is
    /// simulated.
    pub(super) fn all(folder: &Path) -> Vec<Self> {
        let mut cases = Vec::new();
        for method in fs::read_dir(folder).unwrap() {
            let method = method.unwrap().path();
            if !method.is_dir() {
                continue;
            }
            for file in fs::read_dir(&method).unwrap() {
                let file = file.unwrap().path();
                if file.extension().is_some_and(|extension| extension == "io") {
                    let name = file.strip_prefix(folder).unwrap().display().to_string();
                    cases.push(Self::parse(name, &fs::read_to_string(&file).unwrap()));
                }
            }
        }
        cases.sort_by_key(|case| {
            let sends = case.name.starts_with("eth_sendRawTransaction");
            (!sends, case.name.clone())
        });
        cases
    }

    fn parse(name: String, text: &str) -> Self {
        let mut case = Self {
            speconly: text.lines().any(|line| line.starts_with("// speconly:")),
            name,
            exchanges: Vec::new(),
        };
        let mut request = None;
        for line in text.lines() {
            if let Some(sent) = line.strip_prefix(">> ") {
                request = Some(sent.to_owned());
            } else if let Some(received) = line.strip_prefix("<< ") {
                case.exchanges.push(Exchange {
                    request: request.take().expect("a request before a response"),
                    response: serde_json::from_str(received).unwrap(),
                });
            }
        }
        assert!(!case.exchanges.is_empty(), "{}: no requests", case.name);
        case
    }

    /// Plays the case; says what is wrong.
    pub(super) async fn play(
        &self,
        connection: &mut Connection,
        schemas: Option<&Schemas>,
    ) -> Result<(), String> {
        for exchange in &self.exchanges {
            let bytes = connection.post(&exchange.request).await.unwrap();
            let got: Value = serde_json::from_slice(&bytes).unwrap();
            if self.speconly {
                let request: Value = serde_json::from_str(&exchange.request).unwrap();
                has_the_shape(&request, &exchange.response, &got, schemas)?;
            } else {
                same(&exchange.response, &got, "$").map_err(|problem| match got.get("error") {
                    Some(error) => format!("{problem}: {error}"),
                    None => problem,
                })?;
            }
        }
        Ok(())
    }
}

fn has_the_shape(
    request: &Value,
    want: &Value,
    got: &Value,
    schemas: Option<&Schemas>,
) -> Result<(), String> {
    if want.get("error").is_some() != got.get("error").is_some() {
        return Err(format!("got {got}"));
    }
    match (got.get("result"), request["method"].as_str(), schemas) {
        (Some(result), Some(method), Some(schemas)) => schemas.check(method, result),
        _ => Ok(()),
    }
}

/// Whether two JSON values say the same: members in any order, numbers by value, sentences of errors left out.
fn same(want: &Value, got: &Value, path: &str) -> Result<(), String> {
    let differs = || Err(format!("{path}: want {want}, got {got}"));
    match (want, got) {
        (Value::Object(wanted), Value::Object(given)) => {
            for name in wanted.keys().chain(given.keys()) {
                if path == "$.error" && name == "message" {
                    continue;
                }
                let path = format!("{path}.{name}");
                match (wanted.get(name), given.get(name)) {
                    (Some(want), Some(got)) => same(want, got, &path)?,
                    (None, Some(got)) => return Err(format!("{path}: want nothing, got {got}")),
                    (want, None) => return Err(format!("{path}: want {want:?}, got nothing")),
                }
            }
            Ok(())
        }
        (Value::Array(wanted), Value::Array(given)) if wanted.len() == given.len() => wanted
            .iter()
            .zip(given)
            .enumerate()
            .try_for_each(|(index, (want, got))| same(want, got, &format!("{path}[{index}]"))),
        (Value::Number(wanted), Value::Number(given)) if wanted.as_f64() == given.as_f64() => {
            Ok(())
        }
        _ if want == got => Ok(()),
        _ => differs(),
    }
}
