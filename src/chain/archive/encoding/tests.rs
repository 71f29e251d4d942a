//! What is written is what is read, and damaged bytes are refused.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn accounts_come_back() {
    let empty = AccountInfo {
        nonce: 0,
        balance: U256::ZERO,
        code_hash: KECCAK256_EMPTY,
    };
    let full = AccountInfo {
        nonce: u64::MAX,
        balance: U256::MAX,
        code_hash: B256::repeat_byte(3),
    };
    let plain = AccountInfo {
        nonce: 1,
        balance: U256::from(1_000),
        ..empty
    };
    for account in [None, Some(empty), Some(full), Some(plain)] {
        let bytes = encode_account(account);
        assert_eq!(decode_account(Table::Accounts, &bytes).unwrap(), account);
    }
    let bytes = encode_account(Some(full));
    for length in (1..bytes.len()).filter(|length| *length != bytes.len() - 32) {
        assert!(decode_account(Table::Accounts, &bytes[..length]).is_err());
    }
}

#[test]
fn changed_keys_come_back() {
    let changed = Changed {
        accounts: vec![Address::repeat_byte(1), Address::repeat_byte(2)],
        slots: vec![(Address::repeat_byte(1), U256::from(7))],
        codes: vec![B256::repeat_byte(3)],
    };
    let bytes = changed.encode();
    assert_eq!(Changed::decode(&bytes).unwrap(), changed);
    assert!(Changed::decode(&bytes[..bytes.len() - 1]).is_err());
    assert_eq!(
        Changed::decode(&Changed::default().encode()).unwrap(),
        Changed::default()
    );
}

#[test]
fn keys_sort_by_version_within_an_account() {
    let address = Address::repeat_byte(1);
    assert!(account_history_key(address, 255) < account_history_key(address, 256));
    assert!(
        slot_history_key(address, U256::from(1), 9) < slot_history_key(address, U256::from(2), 0)
    );
    let key = slot_history_key(address, U256::from(1), 9);
    assert_eq!(version_of(Table::SlotHistory, &key).unwrap(), 9);
    assert_eq!(
        decode_slot_key(&key[..52]).unwrap(),
        (address, U256::from(1))
    );
}

#[test]
fn values_and_places_come_back() {
    for value in [U256::ZERO, U256::from(1), U256::MAX] {
        assert_eq!(
            decode_value(Table::Slots, &encode_value(value)).unwrap(),
            value
        );
    }
    assert!(decode_value(Table::Slots, &[1; 33]).is_err());
    assert_eq!(decode_place(&encode_place(7, 3)).unwrap(), (7, 3));
    assert!(decode_place(&[0; 11]).is_err());
}
