//! `personal_*` and `evm_addAccount`, `evm_removeAccount`: ganache's personal namespace. Accounts and their locks are
//! a part of the chain: what is added or unlocked through one node is so on all.
//!
//! *Never here:* signing and sending, which ask the chain whether an account is open.

use super::{Method, methods};
use crate::{
    chain::{
        accounts::DevAccount,
        command::{Cheat, Outcome},
        keyring::{FOREVER, passphrase_hash},
    },
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::Json,
        params::{self, Word},
    },
};
use alloy::primitives::{Address, B256};

pub(super) const METHODS: &[Method] = methods![
    Change "personal_newAccount" => new_account;
    Change "personal_importRawKey" => import_key;
    Change "personal_lockAccount" => lock;
    Change "personal_unlockAccount" => unlock;
    Change "evm_addAccount" => add;
    Change "evm_removeAccount" => remove;
];

/// How long an account is unlocked if the caller does not say, seconds (ganache's and geth's default).
const UNLOCK_SECONDS: u64 = 300;
/// A random number is not a key with a chance of 2^-127: more tries than one are for form's sake.
const KEY_TRIES: usize = 4;

fn passphrase(call: &Call<'_>, index: usize) -> Result<B256, RpcError> {
    let text: Option<String> = call.params.optional(index)?;
    Ok(passphrase_hash(text.as_deref().unwrap_or_default()))
}

fn flag(outcome: &Outcome) -> Result<bool, RpcError> {
    match outcome {
        Outcome::Flag(flag) => Ok(*flag),
        outcome => Err(RpcError::internal(format!("the cheat came to {outcome:?}"))),
    }
}

fn new_key() -> Result<DevAccount, RpcError> {
    for _ in 0..KEY_TRIES {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|_| RpcError::internal("the system gave no random numbers"))?;
        if let Ok(account) = DevAccount::from_key(bytes.into()) {
            return Ok(account);
        }
    }
    Err(RpcError::internal("the system gave no usable random key"))
}

async fn put(call: &Call<'_>, account: DevAccount, passphrase: B256) -> Answer {
    let cheat = Cheat::AddAccount {
        address: account.address,
        key: Some(account.key),
        passphrase,
    };
    call.context.cheat(cheat).await?;
    Ok(Json::data(account.address))
}

/// A new key, locked; its address.
async fn new_account(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let passphrase = passphrase(&call, 0)?;
    put(&call, new_key()?, passphrase).await
}

/// A known key, locked; its address. One that is there already stays as it is.
async fn import_key(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let Word(key) = call.params.required(0)?;
    let account = DevAccount::from_key(key)
        .map_err(|error| RpcError::invalid_argument(0, error.to_string()))?;
    let passphrase = passphrase(&call, 1)?;
    put(&call, account, passphrase).await
}

async fn lock(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let address = call.params.required(0)?;
    let outcome = call.context.cheat(Cheat::LockAccount { address }).await?;
    Ok(Json::bool(flag(&outcome)?))
}

/// Address, passphrase, seconds (0: for good).
async fn unlock(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let address: Address = call.params.required(0)?;
    let passphrase = passphrase(&call, 1)?;
    let seconds: Option<params::Cheat<u64>> = call.params.optional(2)?;
    let until_ms = match seconds.map_or(UNLOCK_SECONDS, |seconds| seconds.0) {
        0 => FOREVER,
        seconds => {
            let now_ms = call.context.backend.now_ms();
            now_ms.saturating_add(seconds.saturating_mul(1000))
        }
    };
    let cheat = Cheat::UnlockAccount {
        address,
        passphrase,
        until_ms,
    };
    let outcome = call.context.cheat(cheat).await?;
    Ok(Json::bool(flag(&outcome)?))
}

/// Any address, without a key: once unlocked it is sent from as an impersonated one. `false`: it is there already.
async fn add(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let cheat = Cheat::AddAccount {
        address: call.params.required(0)?,
        key: None,
        passphrase: passphrase(&call, 1)?,
    };
    let outcome = call.context.cheat(cheat).await?;
    Ok(Json::bool(flag(&outcome)?))
}

/// `false`: there is no such account.
async fn remove(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let cheat = Cheat::RemoveAccount {
        address: call.params.required(0)?,
        passphrase: passphrase(&call, 1)?,
    };
    let outcome = call.context.cheat(cheat).await?;
    Ok(Json::bool(flag(&outcome)?))
}
