//! A cluster without a config file: its keys are made at the first start and kept with its data.

use super::{NodeError, clock, data_dir::NodeDir, run::Keep};
use crate::config::{ClusterConfig, ConfigError, Overrides, read_key_file, write_key_file};
use ed25519_dalek::SigningKey;
use std::path::Path;

/// A cluster of `count` members, RPC on `port`, `port` + 1, …; see [`ClusterConfig::generate`].
pub fn generated(
    keep: &Keep,
    count: usize,
    port: u16,
    overrides: &Overrides,
) -> Result<ClusterConfig, NodeError> {
    let secrets: Result<Vec<_>, _> = match keep {
        Keep::Memory | Keep::Temporary => (0..count).map(|_| clock::random_bytes()).collect(),
        Keep::Folder(root) => (1..=count)
            .map(|number| kept_secret(root, number))
            .collect(),
    };
    Ok(ClusterConfig::generate(&secrets?, port, overrides)?)
}

/// The key in a member's folder, made if it is not there. The folder is locked for that moment, so that two that
/// start at once see one key.
fn kept_secret(root: &Path, number: usize) -> Result<[u8; 32], NodeError> {
    let member = format!("node{number}");
    let dir = NodeDir::open(root, &member)?;
    let path = dir.path().join("node.key");
    if path.exists() {
        let key = read_key_file(&path).map_err(|problem| ConfigError::KeyFile {
            path,
            member,
            problem,
        })?;
        return Ok(key.to_bytes());
    }
    let seed = clock::random_bytes()?;
    write_key_file(&path, &SigningKey::from_bytes(&seed)).map_err(NodeError::io("write", path))?;
    Ok(seed)
}
