//! What each cheat does to the chain.

use super::{
    ApplyError, Chain, Rejection,
    archive::{Effects, RevertPoint},
    command::{Cheat, Outcome},
    past::Past,
    snapshot::{NextBlock, Snapshot},
    state::{AccountInfo, Draft, StateRead},
    time::TIMESTAMP_MAX,
};
use alloy::primitives::{Address, KECCAK256_EMPTY, U256};

impl Chain {
    /// Whether the cheat can be done here and now. The leader asks before it proposes.
    pub fn check_cheat(&self, cheat: &Cheat) -> Result<(), Rejection> {
        match cheat {
            Cheat::SetNextBlockTimestamp { timestamp } => self.check_timestamp(*timestamp),
            Cheat::SetTime { timestamp, .. } if *timestamp > TIMESTAMP_MAX => {
                Err(Rejection::InvalidValue(format!(
                    "time {timestamp} is above the highest the chain's clock may show, {TIMESTAMP_MAX}"
                )))
            }
            Cheat::IncreaseTime { seconds } => self
                .settings
                .time_offset_seconds
                .checked_add(*seconds)
                .filter(|offset| offset.unsigned_abs() <= TIMESTAMP_MAX)
                .map(|_| ())
                .ok_or_else(|| {
                    Rejection::InvalidValue(format!(
                        "increasing time by {seconds} seconds leaves the range of the chain's clock"
                    ))
                }),
            Cheat::SetNonce { address, nonce } => {
                let current = self.account_or_empty(*address).nonce;
                if *nonce < current && self.pool.next_nonce(*address, current) > current {
                    return Err(Rejection::InvalidValue(format!(
                        "cannot set the nonce of {address} to {nonce} while transactions from it are pending"
                    )));
                }
                Ok(())
            }
            Cheat::AddBalance { address, amount } => self
                .account_or_empty(*address)
                .balance
                .checked_add(*amount)
                .map(|_| ())
                .ok_or_else(|| {
                    Rejection::InvalidValue(format!("balance of {address} would overflow 256 bits"))
                }),
            Cheat::SetBlockGasLimit { gas_limit: 0 } => Err(Rejection::InvalidValue(
                "block gas limit cannot be 0".to_owned(),
            )),
            Cheat::SetExtraData { data } if data.len() > EXTRA_DATA_BYTES_MAX => {
                Err(Rejection::InvalidValue(format!(
                    "extra data of {} bytes, at most {EXTRA_DATA_BYTES_MAX} are allowed",
                    data.len()
                )))
            }
            Cheat::AddAccount { .. } => self.check_room_for_account(),
            Cheat::RemoveAccount {
                address,
                passphrase,
            } if self.has_account(*address) => self.check_passphrase(*address, *passphrase),
            Cheat::UnlockAccount {
                address,
                passphrase,
                ..
            } => self.check_passphrase(*address, *passphrase),
            Cheat::LockAccount { address } if !self.has_account(*address) => {
                Err(Rejection::UnknownAccount(*address))
            }
            Cheat::ImpersonateSignature { signature, .. } => self.check_signature(signature),
            _ => Ok(()),
        }
    }

    fn check_signature(&self, signature: &[u8]) -> Result<(), Rejection> {
        if signature.len() != SIGNATURE_BYTES {
            return Err(Rejection::InvalidValue(format!(
                "a signature has {SIGNATURE_BYTES} bytes (r, s, v), not {}",
                signature.len()
            )));
        }
        if self.settings.signatures.len() >= SIGNATURES_MAX {
            return Err(Rejection::InvalidValue(format!(
                "{SIGNATURES_MAX} signatures are impersonated already; `anvil_reset` forgets them"
            )));
        }
        Ok(())
    }

    fn account_or_empty(&self, address: Address) -> AccountInfo {
        // A head in memory cannot fail to be read.
        self.state
            .account(address)
            .ok()
            .flatten()
            .unwrap_or(EMPTY_ACCOUNT)
    }

    /// Does the cheat. `self.version` is already the new one.
    pub(super) fn do_cheat(
        &mut self,
        cheat: &Cheat,
        past: &dyn Past,
        effects: &mut Effects,
    ) -> Result<Outcome, ApplyError> {
        match cheat {
            Cheat::Rollback { depth: 0 } => {}
            Cheat::Rollback { depth } => self.roll_back(*depth, past, effects)?,
            Cheat::Reset => self.reset(past, effects)?,
            _ => return Ok(self.do_plain_cheat(cheat, effects)),
        }
        Ok(Outcome::Done)
    }

    /// Does a cheat that asks nothing of the past.
    fn do_plain_cheat(&mut self, cheat: &Cheat, effects: &mut Effects) -> Outcome {
        match cheat {
            Cheat::Snapshot => self.take_snapshot(),
            Cheat::Revert { id } => self.revert(*id, effects),
            Cheat::SetBalance { .. }
            | Cheat::AddBalance { .. }
            | Cheat::SetCode { .. }
            | Cheat::SetNonce { .. }
            | Cheat::SetStorageAt { .. } => self.change_state(cheat, effects),
            Cheat::DropTransaction { .. }
            | Cheat::DropAllTransactions
            | Cheat::DropTransactionsOf { .. } => self.change_pool(cheat),
            Cheat::AddAccount { .. }
            | Cheat::RemoveAccount { .. }
            | Cheat::LockAccount { .. }
            | Cheat::UnlockAccount { .. } => self.change_accounts(cheat),
            _ => self.change_settings(cheat),
        }
    }

    fn take_snapshot(&mut self) -> Outcome {
        let snapshot = Snapshot {
            head: self.head.clone(),
            hashes: self.hashes.clone(),
            state: self.state.clone(),
            pool: self.pool.clone(),
            next_block: NextBlock::of(&self.settings),
            version: self.version,
        };
        Outcome::Snapshot(self.snapshots.take(snapshot))
    }

    fn revert(&mut self, id: u64, effects: &mut Effects) -> Outcome {
        let Some(snapshot) = self.snapshots.revert(id) else {
            return Outcome::Flag(false);
        };
        effects.revert = Some(RevertPoint {
            block_number: snapshot.head.header.number,
            version: snapshot.version,
        });
        self.head = snapshot.head;
        self.hashes = snapshot.hashes;
        self.state = snapshot.state;
        self.pool = snapshot.pool;
        snapshot.next_block.restore(&mut self.settings);
        Outcome::Flag(true)
    }

    fn change_state(&mut self, cheat: &Cheat, effects: &mut Effects) -> Outcome {
        let mut draft = Draft::new(self.state.clone());
        let (Cheat::SetBalance { address, .. }
        | Cheat::AddBalance { address, .. }
        | Cheat::SetNonce { address, .. }
        | Cheat::SetStorageAt { address, .. }
        | Cheat::SetCode { address, .. }) = cheat
        else {
            return Outcome::Done;
        };
        let mut account = self.account_or_empty(*address);
        match cheat {
            Cheat::SetBalance { balance, .. } => account.balance = *balance,
            Cheat::AddBalance { amount, .. } => {
                account.balance = account.balance.saturating_add(*amount);
            }
            Cheat::SetNonce { nonce, .. } => account.nonce = *nonce,
            Cheat::SetCode { code, .. } if code.is_empty() => account.code_hash = KECCAK256_EMPTY,
            Cheat::SetCode { code, .. } => account.code_hash = draft.add_code(code.clone()),
            _ => {}
        }
        draft.set_account(*address, account);
        if let Cheat::SetStorageAt { slot, value, .. } = cheat {
            draft.set_storage(*address, *slot, *value);
        }
        // EIP-161: what is dead is not in the trie, even if a cheat touched it.
        if account == EMPTY_ACCOUNT && draft.state().storage_of(*address).next().is_none() {
            draft.remove_account(*address);
        }
        self.finish_draft(draft, effects);
        if let Cheat::SetNonce { address, nonce } = cheat {
            self.pool.remove_stale(*address, *nonce);
        }
        Outcome::Done
    }

    fn finish_draft(&mut self, draft: Draft, effects: &mut Effects) {
        let (state, diff) = draft.finish();
        self.state = state;
        effects.diffs.push((self.version, diff));
    }

    fn change_pool(&mut self, cheat: &Cheat) -> Outcome {
        match cheat {
            Cheat::DropTransaction { hash } => Outcome::Removed(
                self.pool
                    .remove(hash)
                    .map(|transaction| *transaction.hash()),
            ),
            Cheat::DropTransactionsOf { address } => {
                self.pool.remove_sender(*address);
                Outcome::Done
            }
            _ => {
                self.pool.clear();
                Outcome::Done
            }
        }
    }

    fn change_accounts(&mut self, cheat: &Cheat) -> Outcome {
        Outcome::Flag(match cheat {
            Cheat::AddAccount {
                address,
                key,
                passphrase,
            } => self.add_account(*address, *key, *passphrase),
            Cheat::RemoveAccount { address, .. } => self.remove_account(*address),
            Cheat::LockAccount { address } => self.set_unlocked(*address, 0),
            Cheat::UnlockAccount {
                address, until_ms, ..
            } => self.set_unlocked(*address, *until_ms),
            _ => false,
        })
    }

    fn change_settings(&mut self, cheat: &Cheat) -> Outcome {
        let settings = &mut self.settings;
        match cheat {
            Cheat::IncreaseTime { seconds } => {
                settings.time_offset_seconds =
                    settings.time_offset_seconds.saturating_add(*seconds);
                return Outcome::Seconds(settings.time_offset_seconds);
            }
            Cheat::SetTime { timestamp, now_ms } => {
                let before = settings.time_offset_seconds;
                settings.time_offset_seconds = offset(*timestamp, *now_ms);
                return Outcome::Seconds(settings.time_offset_seconds.saturating_sub(before));
            }
            Cheat::SetNextBlockTimestamp { timestamp } => {
                settings.next_block_timestamp = Some(*timestamp);
            }
            Cheat::SetBlockTimestampInterval { seconds } => {
                let before = std::mem::replace(&mut settings.block_timestamp_interval, *seconds);
                return Outcome::Flag(before.is_some());
            }
            // As in anvil, the two modes exclude each other: the one that is switched on wins.
            Cheat::SetAutomine { enabled } => {
                settings.automine = *enabled;
                if *enabled {
                    settings.interval_mining_ms = 0;
                }
            }
            Cheat::SetIntervalMining { interval_ms } => {
                settings.interval_mining_ms = *interval_ms;
                if *interval_ms > 0 {
                    settings.automine = false;
                }
            }
            Cheat::Impersonate { address } => {
                settings.impersonated.insert(*address);
            }
            Cheat::StopImpersonating { address } => {
                settings.impersonated.remove(address);
            }
            Cheat::AutoImpersonate { enabled } => settings.auto_impersonate = *enabled,
            Cheat::SetCoinbase { address } => settings.coinbase = *address,
            Cheat::SetNextBlockBaseFee { base_fee } => settings.next_base_fee = Some(*base_fee),
            Cheat::SetNextPrevRandao { value } => settings.next_prev_randao = Some(*value),
            Cheat::SetBlockGasLimit { gas_limit } => settings.block_gas_limit = *gas_limit,
            Cheat::SetMinGasPrice { price } => settings.min_gas_price = *price,
            Cheat::SetChainId { chain_id } => settings.chain_id = *chain_id,
            Cheat::SetExtraData { data } => settings.extra_data = data.clone(),
            Cheat::SetInstamine { mode } => settings.instamine = *mode,
            Cheat::ImpersonateSignature { signature, address } => {
                let signature = super::evm::ecrecover::normalized(signature);
                settings.signatures.insert(signature, *address);
            }
            _ => {}
        }
        Outcome::Done
    }
}

/// Bytes of extra data at the most (Yellow Paper 4.3.4).
const EXTRA_DATA_BYTES_MAX: usize = 32;
/// r, s, v.
const SIGNATURE_BYTES: usize = 65;
/// How many signatures can be impersonated.
const SIGNATURES_MAX: usize = 65_536;

/// The offset with which the clock shows `timestamp` at the real time `now_ms`.
pub(super) fn offset(timestamp: u64, now_ms: u64) -> i64 {
    i64::try_from(i128::from(timestamp) - i128::from(now_ms / 1000)).unwrap_or(i64::MAX)
}

const EMPTY_ACCOUNT: AccountInfo = AccountInfo {
    nonce: 0,
    balance: U256::ZERO,
    code_hash: KECCAK256_EMPTY,
};
