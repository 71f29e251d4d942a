//! `praline keys`: identities for members.

use super::{CliError, flags::KeysFlags};
use crate::{
    config::{public_key_of, write_key_file},
    node::clock,
    telemetry::{Format, Printer, Target},
};
use alloy::primitives::hex;
use ed25519_dalek::SigningKey;
use serde_json::json;

pub(super) fn run(flags: &KeysFlags, printer: &Printer) -> Result<(), CliError> {
    let is_json = printer.format() == Format::Json;
    for number in 1..=flags.count {
        let key = SigningKey::from_bytes(&clock::random_bytes()?);
        let public = public_key_of(&key).to_string();
        if let Some(path) = &flags.out {
            write_key_file(path, &key).map_err(|source| CliError::Write {
                path: path.clone(),
                source,
            })?;
            let text = if is_json {
                json!({ "publicKey": public, "keyFile": path }).to_string()
            } else {
                format!(
                    "public_key = \"{public}\"\nkey_file = \"{}\"",
                    path.display()
                )
            };
            printer.print(Target::Stdout, text);
            continue;
        }
        let secret = hex::encode(key.to_keypair_bytes());
        let text = if is_json {
            json!({ "publicKey": public, "secretKey": secret }).to_string()
        } else {
            let gap = if number == 1 { "" } else { "\n" };
            format!("{gap}public_key = \"{public}\"\nsecret_key = \"{secret}\"")
        };
        printer.print(Target::Stdout, text);
    }
    Ok(())
}
