//! Which member `praline node` is: the one that was named, or the first of the config that is free.
//!
//! A slot is taken by two things at once, the lock of its data folder and its RPC port; both are kept from then on.
//! Three that start at the same moment therefore get three slots, or a sentence: whoever comes second at a lock goes on
//! to the next member.

use super::{
    NodeError,
    data_dir::{DataLocation, DataRoot},
    listeners::Listeners,
};
use crate::{config::ClusterConfig, types::MemberId};
use std::path::Path;

/// A member that this process may be.
#[derive(Debug)]
pub struct Slot {
    /// Its number.
    pub member: MemberId,
    /// Its folder, locked.
    pub data: DataLocation,
    /// Its sockets, open.
    pub listeners: Listeners,
}

/// Takes the member `name`, or the first free one.
pub fn take(config: &ClusterConfig, root: &Path, name: Option<&str>) -> Result<Slot, NodeError> {
    let root = DataRoot::Kept(root.to_owned());
    let names = || -> Vec<&str> {
        config
            .members
            .iter()
            .map(|m| m.member.name.as_str())
            .collect()
    };
    match name {
        Some(name) => {
            let index = config.members.iter().position(|m| m.member.name == name);
            let index = index.ok_or_else(|| NodeError::UnknownMember {
                config: config.name(),
                name: name.to_owned(),
                names: names().join(", "),
            })?;
            take_member(config, index, &root)
        }
        None if !config.is_on_one_machine() => Err(NodeError::SlotUnknown {
            config: config.name(),
            names: names().join(", "),
        }),
        None => take_first(config, &root),
    }
}

fn take_member(config: &ClusterConfig, index: usize, root: &DataRoot) -> Result<Slot, NodeError> {
    let member = &config.members[index];
    let data = root.member(&member.member.name)?;
    let listeners = Listeners::bind(config, member)?;
    Ok(Slot {
        member: member.id,
        data,
        listeners,
    })
}

fn take_first(config: &ClusterConfig, root: &DataRoot) -> Result<Slot, NodeError> {
    let mut taken = Vec::new();
    for index in 0..config.members.len() {
        let name = &config.members[index].member.name;
        match take_member(config, index, root) {
            Ok(slot) => return Ok(slot),
            Err(NodeError::DataInUse(_)) => taken.push(format!("{name} is running")),
            Err(NodeError::Listen { address, .. }) => {
                taken.push(format!("{name} finds {address} in use"));
            }
            Err(other) => return Err(other),
        }
    }
    Err(NodeError::NoFreeSlot {
        config: config.name(),
        taken: taken.join(", "),
    })
}
