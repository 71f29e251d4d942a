//! A cluster without a file: `praline --nodes N`.

use super::{
    ClusterConfig, ConfigError, Overrides, Place, Problem,
    document::Document,
    file::{File, MemberSection},
    identity::{SecretSource, public_key_of},
    resolve,
};
use alloy::primitives::hex;
use ed25519_dalek::SigningKey;

/// Members `node1`, `node2`, … with these secret keys; peers wherever the system has room.
pub(super) fn generate(
    secrets: &[[u8; 32]],
    port: u16,
    overrides: &Overrides,
) -> Result<ClusterConfig, ConfigError> {
    let mut file = File::default();
    let mut keys = Vec::with_capacity(secrets.len());
    for (index, seed) in secrets.iter().enumerate() {
        let key = SigningKey::from_bytes(seed);
        let own = match port {
            0 => 0,
            first => resolve::port_after(first, index).ok_or(ConfigError::Invalid {
                place: Place::Flag("--port"),
                problem: Problem::PortRange {
                    port,
                    members: secrets.len(),
                },
            })?,
        };
        file.member.push(MemberSection {
            name: format!("node{}", index + 1),
            peer: "127.0.0.1:0".to_owned(),
            rpc: format!("127.0.0.1:{own}"),
            public_key: hex::encode(public_key_of(&key).0),
            secret_key: None,
            key_file: None,
            id: None,
        });
        keys.push(key);
    }
    let overrides = Overrides {
        port: None,
        ..overrides.clone()
    };
    let mut config = resolve::resolve(Document::new(None, ""), file, None, &overrides)?;
    for (member, key) in config.members.iter_mut().zip(keys) {
        member.secret = SecretSource::Generated(key);
    }
    Ok(config)
}
