//! Amounts as people write them: ether, whole or with decimals.

use alloy::primitives::{U256, utils};
use serde::{Deserialize, Deserializer, de};
use std::{fmt, str::FromStr};

/// An amount given in ether, held in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ether(pub U256);

impl Ether {
    /// A whole number of ether.
    pub fn whole(ether: u64) -> Self {
        Self(U256::from(ether) * U256::from(10).pow(U256::from(18)))
    }
}

/// Not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an amount of ether; write for example 10000 or 0.5, with at most 18 decimals"
)]
pub struct NotEther(String);

impl FromStr for Ether {
    type Err = NotEther;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || NotEther(text.to_owned());
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 18 {
            return Err(refuse());
        }
        utils::parse_ether(text).map(Self).map_err(|_| refuse())
    }
}

impl<'de> Deserialize<'de> for Ether {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EtherVisitor)
    }
}

struct EtherVisitor;

impl de::Visitor<'_> for EtherVisitor {
    type Value = Ether;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount of ether: 10000 or \"0.5\"")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Ether, E> {
        u64::try_from(value)
            .map(Ether::whole)
            .map_err(|_| E::custom(NotEther(value.to_string())))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Ether, E> {
        Ok(Ether::whole(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Ether, E> {
        value.to_string().parse().map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Ether, E> {
        value.parse().map_err(E::custom)
    }
}
