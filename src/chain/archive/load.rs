//! The state and the checkpoint of the last flush, at start.

use super::{
    Archive, StoreError,
    encoding::{
        corrupt, decode_account, decode_address, decode_hash, decode_slot_key, decode_u64,
        decode_value, meta,
    },
    store::{KeyRange, Table},
};
use crate::chain::state::{AccountInfo, State, StateBuilder};
use alloy::primitives::{Address, Bytes, U256};
use std::ops::Bound;

const ALL: KeyRange<'static> = (Bound::Unbounded, Bound::Unbounded);

impl Archive {
    /// The state and the checkpoint of the last flush, if there was one. Checks the root of the state.
    pub fn load(&self) -> Result<Option<(State, Vec<u8>)>, StoreError> {
        let _nobody_writes = self.flushing();
        let Some(checkpoint) = self.store.get(Table::Meta, meta::CHECKPOINT)? else {
            return Ok(None);
        };
        let state = self.stored_state()?;
        let root = self.store.get(Table::Meta, meta::STATE_ROOT)?;
        let root = root.ok_or_else(|| corrupt(Table::Meta, "the state root is missing"))?;
        if decode_hash(Table::Meta, &root)? != state.root() {
            let problem = "the accounts do not have the state root that was stored with them";
            return Err(corrupt(Table::Accounts, problem));
        }
        Ok(Some((state, checkpoint)))
    }

    /// The version of the chain at the last flush.
    pub(super) fn stored_version(&self) -> Result<Option<u64>, StoreError> {
        let version = self.store.get(Table::Meta, meta::VERSION)?;
        version
            .map(|version| decode_u64(Table::Meta, &version))
            .transpose()
    }

    fn stored_state(&self) -> Result<State, StoreError> {
        let mut builder = StateBuilder::default();
        self.store.each(Table::Codes, ALL, |_, code| {
            builder.add_code(Bytes::copy_from_slice(code));
            Ok(())
        })?;
        let mut slots: Vec<(Address, U256, U256)> = Vec::new();
        self.store.each(Table::Slots, ALL, |key, value| {
            let (address, slot) = decode_slot_key(key)?;
            slots.push((address, slot, decode_value(Table::Slots, value)?));
            Ok(())
        })?;
        // Both tables are sorted by address, so the slots of the next account are the next slots.
        let mut rest = &slots[..];
        self.store.each(Table::Accounts, ALL, |key, value| {
            let (address, info) = stored_account(key, value)?;
            let (own, others) =
                rest.split_at(rest.partition_point(|(owner, ..)| *owner <= address));
            if own.iter().any(|(owner, ..)| *owner != address) {
                return Err(corrupt(Table::Slots, "a slot belongs to no account"));
            }
            builder.add_account(
                address,
                info,
                own.iter().map(|(_, slot, value)| (*slot, *value)),
            );
            rest = others;
            Ok(())
        })?;
        if !rest.is_empty() {
            return Err(corrupt(Table::Slots, "a slot belongs to no account"));
        }
        Ok(builder.finish())
    }
}

fn stored_account(key: &[u8], value: &[u8]) -> Result<(Address, AccountInfo), StoreError> {
    let address = decode_address(Table::Accounts, key)?;
    let info = decode_account(Table::Accounts, value)?
        .ok_or_else(|| corrupt(Table::Accounts, format!("the account {address} is empty")))?;
    Ok((address, info))
}
