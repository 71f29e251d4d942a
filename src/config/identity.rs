//! The ed25519 key pairs of members (RFC 8032): as hex text, in the config or in a key file of its own.
//!
//! A secret key is written as 64 bytes, the 32 bytes of the seed and then the public key, as `NaCl` and libsodium do.
//! A key file holds nothing but those digits and belongs to its owner alone (mode 0600).

use super::{
    ClusterConfig, MemberConfig,
    error::{ConfigError, Problem},
};
use crate::types::PublicKey;
use alloy::primitives::hex;
use ed25519_dalek::{SigningKey, VerifyingKey};
use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

/// A key file that is longer than this is none.
const KEY_FILE_BYTES_MAX: u64 = 4096;

/// Where the secret key of a member is.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// In the config itself: public, for demonstrations.
    InFile(SigningKey),
    /// In a file that is read when the member starts here.
    KeyFile(PathBuf),
    /// Made for this cluster, never written into a config.
    Generated(SigningKey),
    /// On the machine where the member runs.
    Elsewhere,
}

impl ClusterConfig {
    /// The secret key of a member that shall run in this process; reads its key file.
    pub fn secret_key(&self, member: &MemberConfig) -> Result<SigningKey, ConfigError> {
        match &member.secret {
            SecretSource::InFile(key) | SecretSource::Generated(key) => Ok(key.clone()),
            SecretSource::KeyFile(path) => read_key_file(path)
                .and_then(|key| check_pair(&key, member.member.public_key).map(|()| key))
                .map_err(|problem| ConfigError::KeyFile {
                    path: path.clone(),
                    member: member.member.name.clone(),
                    problem,
                }),
            SecretSource::Elsewhere => Err(ConfigError::NoSecretKey {
                config: self.name(),
                member: member.member.name.clone(),
            }),
        }
    }
}

/// The public half of a secret key.
pub fn public_key_of(key: &SigningKey) -> PublicKey {
    PublicKey(key.verifying_key().to_bytes())
}

/// Reads a public key: 64 hex digits.
pub fn parse_public_key(text: &str) -> Result<PublicKey, Problem> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.chars().count() != 64 {
        return Err(Problem::PublicKeyLength(digits.chars().count()));
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| Problem::Hex(digits.to_owned()))?;
    VerifyingKey::from_bytes(&bytes).map_err(|_| Problem::PublicKeyPoint)?;
    Ok(PublicKey(bytes))
}

/// Reads a secret key: 128 hex digits (seed and public key) or 64 (the seed). Messages never repeat it.
pub fn parse_secret_key(text: &str) -> Result<SigningKey, Problem> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let refuse_digits = |_| Problem::Hex("…".to_owned());
    match digits.chars().count() {
        64 => {
            let mut seed = [0; 32];
            hex::decode_to_slice(digits, &mut seed).map_err(refuse_digits)?;
            Ok(SigningKey::from_bytes(&seed))
        }
        128 => {
            let mut pair = [0; 64];
            hex::decode_to_slice(digits, &mut pair).map_err(refuse_digits)?;
            SigningKey::from_keypair_bytes(&pair).map_err(|_| Problem::SecretKeyHalves)
        }
        length => Err(Problem::SecretKeyLength(length)),
    }
}

/// Whether the two keys are one pair.
pub(super) fn check_pair(secret: &SigningKey, public: PublicKey) -> Result<(), Problem> {
    let actual = public_key_of(secret);
    if actual == public {
        Ok(())
    } else {
        Err(Problem::KeyMismatch {
            expected: public.to_string(),
            actual: actual.to_string(),
        })
    }
}

/// Reads a key file, which nobody but its owner may be able to read.
pub fn read_key_file(path: &Path) -> Result<SigningKey, Problem> {
    let file = File::open(path).map_err(Problem::KeyFileRead)?;
    check_mode(&file)?;
    let mut text = String::new();
    file.take(KEY_FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(Problem::KeyFileRead)?;
    parse_secret_key(&text)
}

/// Writes a new key file with mode 0600; one that is there is left alone, which is an error.
pub fn write_key_file(path: &Path, key: &SigningKey) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{}", hex::encode(key.to_keypair_bytes()))?;
    file.sync_all()
}

#[cfg(unix)]
fn check_mode(file: &File) -> Result<(), Problem> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file
        .metadata()
        .map_err(Problem::KeyFileRead)?
        .permissions()
        .mode()
        & 0o777;
    let is_private = mode.trailing_zeros() >= 6; // nothing for group and others
    if is_private {
        Ok(())
    } else {
        Err(Problem::KeyFileMode(mode))
    }
}

#[cfg(not(unix))]
fn check_mode(_file: &File) -> Result<(), Problem> {
    Ok(())
}
