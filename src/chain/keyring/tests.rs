#![allow(clippy::unwrap_used)]
use super::*;
use crate::chain::{
    command::{Cheat, Outcome},
    spec::Hardfork,
    testing::{Keeper, NOW_MS, spec},
};

const ADDED: Address = Address::repeat_byte(0xad);

fn add(keeper: &mut Keeper, key: Option<B256>) -> Outcome {
    keeper.cheat(Cheat::AddAccount {
        address: ADDED,
        key,
        passphrase: passphrase_hash("secret"),
    })
}

fn unlock(keeper: &mut Keeper, until_ms: u64) -> Outcome {
    keeper.cheat(Cheat::UnlockAccount {
        address: ADDED,
        passphrase: passphrase_hash("secret"),
        until_ms,
    })
}

#[test]
fn an_added_account_is_locked_until_its_time() {
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    let configured = keeper.chain.accounts();
    let key = B256::repeat_byte(9);
    assert_eq!(add(&mut keeper, Some(key)), Outcome::Flag(true));
    assert_eq!(add(&mut keeper, None), Outcome::Flag(false));
    assert_eq!(
        keeper.chain.accounts(),
        [&configured[..], &[ADDED]].concat()
    );
    let locked = Err(Rejection::AccountLocked(ADDED));
    assert_eq!(keeper.chain.can_send(ADDED, NOW_MS), locked);
    let wrong = Cheat::UnlockAccount {
        address: ADDED,
        passphrase: passphrase_hash("wrong"),
        until_ms: FOREVER,
    };
    assert_eq!(
        keeper.chain.check_cheat(&wrong),
        Err(Rejection::WrongPassphrase(ADDED))
    );
    assert_eq!(unlock(&mut keeper, NOW_MS + 1000), Outcome::Flag(true));
    assert_eq!(keeper.chain.can_send(ADDED, NOW_MS + 999), Ok(()));
    assert_eq!(keeper.chain.can_send(ADDED, NOW_MS + 1000), locked);
    let opened = keeper.chain.open_key(ADDED, NOW_MS).unwrap().unwrap();
    assert_eq!((opened.address, opened.key), (ADDED, key));
    unlock(&mut keeper, FOREVER);
    assert_eq!(keeper.chain.can_send(ADDED, u64::MAX - 1), Ok(()));
    keeper.cheat(Cheat::LockAccount { address: ADDED });
    assert_eq!(keeper.chain.can_send(ADDED, NOW_MS), locked);
    let restarted = keeper.restarted();
    assert_eq!(restarted.chain.accounts(), keeper.chain.accounts());
    assert_eq!(restarted.chain.can_send(ADDED, NOW_MS), locked);
}

#[test]
fn an_account_without_a_key_is_sent_from_when_it_is_open() {
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    add(&mut keeper, None);
    unlock(&mut keeper, FOREVER);
    assert_eq!(keeper.chain.can_send(ADDED, NOW_MS), Ok(()));
    assert_eq!(keeper.chain.open_key(ADDED, NOW_MS).unwrap(), None);
}

#[test]
fn an_account_of_the_config_can_be_locked_and_removed() {
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    let address = keeper.chain.accounts()[1];
    assert_eq!(keeper.chain.can_send(address, NOW_MS), Ok(()));
    keeper.cheat(Cheat::LockAccount { address });
    assert!(keeper.chain.can_send(address, NOW_MS).is_err());
    let passphrase = passphrase_hash("any will do");
    assert_eq!(
        keeper.chain.check_cheat(&Cheat::RemoveAccount {
            address,
            passphrase
        }),
        Ok(())
    );
    let removed = keeper.cheat(Cheat::RemoveAccount {
        address,
        passphrase,
    });
    assert_eq!(removed, Outcome::Flag(true));
    assert_eq!(keeper.chain.accounts().len(), 2);
    let unknown = Err(Rejection::UnknownAccount(address));
    assert_eq!(keeper.chain.can_send(address, NOW_MS), unknown);
    let again = keeper.cheat(Cheat::RemoveAccount {
        address,
        passphrase,
    });
    assert_eq!(again, Outcome::Flag(false));
    assert_eq!(keeper.restarted().chain.accounts().len(), 2);
    keeper.cheat(Cheat::Reset);
    assert_eq!(keeper.chain.accounts().len(), 3);
}
