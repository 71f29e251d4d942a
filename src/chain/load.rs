//! Taking over a dumped chain (`anvil_loadState`, `--load-state`): blocks as they are, accounts over the state.
//!
//! A dump comes as steps, cut into parts that fit into entries of the log. Blocks replace those of the same number and
//! all above; nothing of them is executed, their receipts are believed. An account of the dump is afterwards exactly
//! as in the dump, but that its nonce does not fall; other accounts stay as they are. With the first block all
//! snapshots die, and transactions that can never be mined any more leave the pool.
//!
//! A part is one entry: all of it or nothing. A larger dump takes several: whoever reads meanwhile sees how far it is,
//! and one that failed on its way can be loaded again.

#[cfg(test)]
mod tests;

use super::{
    ApplyError, Chain, Head, Rejection,
    archive::{Effects, RevertPoint},
    block::BlockRecord,
    cheats::offset,
    past::Past,
    rewind::family_at,
    state::{AccountInfo, Draft, StateRead},
};
use alloy::primitives::{Address, Bytes, KECCAK256_EMPTY, U256};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// About how many bytes of steps go into one part.
pub const PART_BYTES: usize = 4 << 20;
/// The largest step: it must fit into a message between nodes.
pub const STEP_BYTES_MAX: usize = 32 << 20;

/// A part of a dump: steps in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadPart {
    /// The steps.
    pub steps: Vec<LoadStep>,
}

/// One thing that a load does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoadStep {
    /// Changes accounts.
    Accounts(Vec<AccountChange>),
    /// Makes a block the head.
    Block {
        /// [`BlockRecord::encode`]; its version is not looked at.
        record: Bytes,
        /// Whether the state is now the one after this block. If not, it cannot be read once the chain goes on.
        has_state: bool,
    },
    /// The end: what the chain goes on with.
    Finish {
        /// The gas limit of blocks from now on.
        gas_limit: Option<u64>,
        /// The beneficiary of blocks from now on.
        coinbase: Option<Address>,
    },
}

/// A change of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountChange {
    /// It is there.
    Set {
        /// Which.
        address: Address,
        /// The next nonce.
        nonce: u64,
        /// Whether a higher nonce that it has already stays.
        keeps_higher_nonce: bool,
        /// Wei.
        balance: U256,
        /// Runtime code; `None`: as it was.
        code: Option<Bytes>,
        /// Whether its old storage goes first.
        clears_storage: bool,
        /// Slots and their values; zero removes.
        storage: Vec<(U256, U256)>,
    },
    /// It is gone, with its storage.
    Removed {
        /// Which.
        address: Address,
    },
}

impl LoadStep {
    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        match self {
            Self::Accounts(changes) => changes.iter().map(AccountChange::size).sum(),
            Self::Block { record, .. } => record.len(),
            Self::Finish { .. } => 32,
        }
    }
}

impl AccountChange {
    fn size(&self) -> usize {
        match self {
            Self::Set { code, storage, .. } => {
                64 + code.as_ref().map_or(0, |code| code.len()) + storage.len() * 68
            }
            Self::Removed { .. } => 21,
        }
    }
}

/// Puts steps together to parts of about [`PART_BYTES`]. A step that no part can hold is refused.
pub fn parts(steps: impl IntoIterator<Item = LoadStep>) -> Result<Vec<LoadPart>, Rejection> {
    let mut parts = Vec::new();
    let (mut part, mut bytes) = (LoadPart::default(), 0);
    for step in steps {
        let size = step.size();
        if size > STEP_BYTES_MAX {
            return Err(Rejection::InvalidValue(format!(
                "the dump has a block of {size} bytes; at most {STEP_BYTES_MAX} fit into an entry of the log"
            )));
        }
        if bytes + size > PART_BYTES && !part.steps.is_empty() {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += size;
        part.steps.push(step);
    }
    if !part.steps.is_empty() {
        parts.push(part);
    }
    Ok(parts)
}

impl Chain {
    /// Whether the part can be loaded here. The leader asks before it proposes.
    pub fn check_load(&self, part: &LoadPart) -> Result<(), Rejection> {
        let refuse = |sentence: String| Err(Rejection::InvalidValue(sentence));
        let mut before: Option<u64> = None;
        for step in &part.steps {
            if step.size() > STEP_BYTES_MAX {
                return refuse(format!(
                    "a step of the dump has {} bytes, at most {STEP_BYTES_MAX} are taken",
                    step.size()
                ));
            }
            let LoadStep::Block { record, .. } = step else {
                continue;
            };
            let number = match BlockRecord::decode(record) {
                Ok(block) => block.header.number,
                Err(error) => return refuse(format!("the dump holds {error}")),
            };
            if before.is_some_and(|before| before.checked_add(1) != Some(number)) {
                return refuse(format!(
                    "block {number} of the dump does not follow the one before it"
                ));
            }
            if number < self.spec.genesis.number || number == u64::MAX {
                return refuse(format!(
                    "block {number} of the dump lies before this chain's first block {}",
                    self.spec.genesis.number
                ));
            }
            before = Some(number);
        }
        Ok(())
    }

    /// Does the steps of a part.
    pub(super) fn load(
        &mut self,
        part: &LoadPart,
        proposed_at_ms: u64,
        past: &dyn Past,
        effects: &mut Effects,
    ) -> Result<(), ApplyError> {
        let base = self.version;
        let mut is_first_block = true;
        // What changes before a block belongs to the block's own version, so that it can be executed again on the
        // one before.
        let mut changed: Option<Draft> = None;
        for step in &part.steps {
            match step {
                LoadStep::Accounts(changes) => {
                    let draft = changed.get_or_insert_with(|| Draft::new(self.state.clone()));
                    for change in changes {
                        let (address, nonce) = apply_change(draft, change);
                        self.pool.remove_stale(address, nonce);
                    }
                }
                LoadStep::Block { record, has_state } => {
                    let block = BlockRecord::decode(record).map_err(|error| {
                        ApplyError::Refused(Rejection::InvalidValue(error.to_string()))
                    })?;
                    self.next_version(changed.take(), effects);
                    if std::mem::take(&mut is_first_block) {
                        self.make_room_for(block.header.number, base, past, effects)?;
                    }
                    self.load_block(block, *has_state, effects);
                }
                LoadStep::Finish {
                    gas_limit,
                    coinbase,
                } => {
                    let settings = &mut self.settings;
                    settings.block_gas_limit = gas_limit.unwrap_or(settings.block_gas_limit);
                    settings.coinbase = coinbase.unwrap_or(settings.coinbase);
                }
            }
        }
        self.next_version(changed, effects);
        // The chain's clock does not stand before its newest block.
        let timestamp = self.head.header.timestamp;
        if self.settings.clock(proposed_at_ms) < timestamp {
            self.settings.time_offset_seconds = offset(timestamp, proposed_at_ms);
        }
        Ok(())
    }

    /// Removes the blocks from `number` on, not their states: the dump is laid over the newest one, of version `base`.
    fn make_room_for(
        &mut self,
        number: u64,
        base: u64,
        past: &dyn Past,
        effects: &mut Effects,
    ) -> Result<(), ApplyError> {
        self.snapshots.kill_after(0);
        let first = self.spec.genesis.number;
        let head = self.head.header.number;
        // The first block is not removed but replaced: a chain always has one.
        let stays = number.saturating_sub(1).max(first);
        if stays >= head {
            return Ok(());
        }
        effects.revert = Some(RevertPoint {
            block_number: stays,
            version: base,
        });
        if let Some(block) = past.block(stays)? {
            self.head = Arc::new(Head {
                header: block.header.clone(),
                hash: block.hash,
                total_difficulty: self.total_difficulty_at(&block, past)?,
                family: family_at(&block, past)?,
                built_at_ms: 0,
            });
            self.cut_hashes(past)?;
        }
        Ok(())
    }

    fn load_block(&mut self, mut block: BlockRecord, has_state: bool, effects: &mut Effects) {
        block.version = if has_state {
            self.version
        } else {
            BlockRecord::NO_STATE
        };
        let number = block.header.number;
        let difficulty = block.header.difficulty;
        let is_first = number == self.spec.genesis.number;
        self.hashes.insert(number, block.hash);
        if let Some(old) = number.checked_sub(256) {
            self.hashes.remove(&old);
        }
        self.head = Arc::new(Head {
            header: block.header.clone(),
            hash: block.hash,
            family: self
                .head
                .family
                .with(block.hash, &block.header, &block.ommers),
            total_difficulty: if is_first {
                difficulty
            } else {
                self.head.total_difficulty.saturating_add(difficulty)
            },
            built_at_ms: 0,
        });
        effects.blocks.push(Arc::new(block));
    }

    /// Begins a version of the chain, with these changes of the state.
    fn next_version(&mut self, changed: Option<Draft>, effects: &mut Effects) {
        self.version += 1;
        if let Some(draft) = changed {
            let (state, diff) = draft.finish();
            self.state = state;
            effects.diffs.push((self.version, diff));
        }
    }
}

/// Changes one account; its address and the nonce that it has now.
fn apply_change(draft: &mut Draft, change: &AccountChange) -> (Address, u64) {
    let AccountChange::Set {
        address,
        nonce,
        keeps_higher_nonce,
        balance,
        code,
        clears_storage,
        storage,
    } = change
    else {
        let AccountChange::Removed { address } = change else {
            return (Address::ZERO, 0);
        };
        draft.remove_account(*address);
        return (*address, 0);
    };
    // A draft over a head in memory cannot fail to be read.
    let before = draft.account(*address).ok().flatten();
    let floor = before
        .filter(|_| *keeps_higher_nonce)
        .map_or(0, |account| account.nonce);
    let info = AccountInfo {
        nonce: (*nonce).max(floor),
        balance: *balance,
        code_hash: match code {
            None => before.map_or(KECCAK256_EMPTY, |account| account.code_hash),
            Some(code) if code.is_empty() => KECCAK256_EMPTY,
            Some(code) => draft.add_code(code.clone()),
        },
    };
    if *clears_storage {
        draft.clear_storage(*address);
    }
    draft.set_account(*address, info);
    for (slot, value) in storage {
        draft.set_storage(*address, *slot, *value);
    }
    let is_empty = info.nonce == 0 && info.balance.is_zero() && info.code_hash == KECCAK256_EMPTY;
    // EIP-161: what is dead is not in the trie.
    if is_empty && draft.state().storage_of(*address).next().is_none() {
        draft.remove_account(*address);
    }
    (*address, info.nonce)
}
