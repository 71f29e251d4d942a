//! The members of a cluster: names, addresses, keys, each of them once.

use super::{
    MEMBERS_MAX, MemberConfig,
    document::Key,
    error::{ConfigError, Problem},
    file::MemberSection,
    identity::{self, SecretSource},
    overrides::Origins,
};
use crate::{
    consensus::is_member_name,
    types::{Member, MemberId, PublicKey},
};
use std::{collections::HashMap, net::IpAddr, path::Path};

/// Host and port of `host:port`; an IPv6 host stands in brackets.
pub fn split_address(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let is_host = !bare.is_empty() && !bare.contains(['/', ' ', '@']);
    is_host.then_some(bare).zip(port.parse().ok())
}

/// Whether an address `host:port` is at this machine's loopback device.
pub fn is_loopback(address: &str) -> bool {
    split_address(address).is_some_and(|(host, _)| {
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

/// The port of an address that has been checked.
pub(super) fn port_of(address: &str) -> u16 {
    split_address(address).map_or(0, |(_, port)| port)
}

/// Checks all members; relative key files are relative to `folder`.
pub(super) fn resolve(
    sections: Vec<MemberSection>,
    folder: &Path,
    origins: &Origins,
) -> Result<Vec<MemberConfig>, ConfigError> {
    if sections.is_empty() {
        return Err(origins.invalid(Key::of("member", ""), Problem::NoMembers));
    }
    if sections.len() > MEMBERS_MAX {
        let key = Key::in_item("member", MEMBERS_MAX, "");
        return Err(origins.invalid(key, Problem::TooManyMembers(sections.len())));
    }
    let mut seen = Seen::default();
    let mut members = Vec::with_capacity(sections.len());
    for (index, section) in sections.into_iter().enumerate() {
        let at = |name| Key::in_item("member", index, name);
        seen.add(index, &section)
            .map_err(|(name, problem)| origins.invalid(at(name), problem))?;
        let public_key = identity::parse_public_key(&section.public_key)
            .map_err(|problem| origins.invalid(at("public_key"), problem))?;
        seen.add_key(public_key, &section.name)
            .map_err(|problem| origins.invalid(at("public_key"), problem))?;
        let secret = secret_of(&section, public_key, folder)
            .map_err(|(name, problem)| origins.invalid(at(name), problem))?;
        let member = Member {
            name: section.name,
            public_key,
            peer_address: section.peer,
            rpc_address: section.rpc,
        };
        let id = section.id.unwrap_or(index as MemberId + 1);
        seen.add_id(id, &member.name)
            .map_err(|problem| origins.invalid(at("id"), problem))?;
        members.push(MemberConfig { id, member, secret });
    }
    Ok(members)
}

fn secret_of(
    section: &MemberSection,
    public_key: PublicKey,
    folder: &Path,
) -> Result<SecretSource, (&'static str, Problem)> {
    match (&section.secret_key, &section.key_file) {
        (Some(_), Some(_)) => Err(("key_file", Problem::TwoSecrets)),
        (Some(text), None) => identity::parse_secret_key(text)
            .and_then(|key| identity::check_pair(&key, public_key).map(|()| key))
            .map(SecretSource::InFile)
            .map_err(|problem| ("secret_key", problem)),
        (None, Some(path)) => Ok(SecretSource::KeyFile(folder.join(path))),
        (None, None) => Ok(SecretSource::Elsewhere),
    }
}

/// What earlier members have taken.
#[derive(Debug, Default)]
struct Seen {
    names: HashMap<String, usize>,
    addresses: HashMap<String, String>,
    keys: HashMap<PublicKey, String>,
    ids: HashMap<MemberId, String>,
}

impl Seen {
    fn add(
        &mut self,
        index: usize,
        section: &MemberSection,
    ) -> Result<(), (&'static str, Problem)> {
        let name = &section.name;
        if !is_member_name(name) {
            return Err(("name", Problem::Name(name.clone())));
        }
        if self.names.insert(name.clone(), index).is_some() {
            return Err(("name", Problem::DuplicateName(name.clone())));
        }
        for (key, address, what) in [
            ("peer", &section.peer, "peer address"),
            ("rpc", &section.rpc, "RPC address"),
        ] {
            let Some((_, port)) = split_address(address) else {
                return Err((key, Problem::Address(address.clone())));
            };
            let mine = format!("{what} of {name}");
            // Port 0 asks the system for one, so it never clashes.
            let other = (port != 0).then(|| self.addresses.insert(address.clone(), mine));
            if let Some(Some(other)) = other {
                return Err((
                    key,
                    Problem::DuplicateAddress {
                        address: address.clone(),
                        other,
                    },
                ));
            }
        }
        Ok(())
    }

    fn add_id(&mut self, id: MemberId, name: &str) -> Result<(), Problem> {
        match self.ids.insert(id, name.to_owned()) {
            Some(other) => Err(Problem::DuplicateId(id, other)),
            None => Ok(()),
        }
    }

    fn add_key(&mut self, key: PublicKey, name: &str) -> Result<(), Problem> {
        match self.keys.insert(key, name.to_owned()) {
            Some(other) => Err(Problem::DuplicateKey(other)),
            None => Ok(()),
        }
    }
}
