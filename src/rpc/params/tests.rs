#![allow(clippy::unwrap_used)]
use super::*;
use alloy::{
    eips::RpcBlockHash,
    primitives::{
        Address, B256, Bytes, Log, LogData, TxKind, U256, address, b256, bytes, map::B256HashMap,
    },
    rpc::types::TransactionRequest,
};

fn message<T: Argument>(json: &str) -> String {
    T::read(json)
        .err()
        .unwrap_or_else(|| panic!("{json} was accepted"))
}

#[test]
fn quantities() {
    for (json, value) in [
        (r#""0x0""#, 0),
        (r#""0x10""#, 16),
        (r#""0X1f""#, 31),
        (r#""0x0010""#, 16),
        ("7", 7),
        ("1e3", 1000),
    ] {
        assert_eq!(u64::read(json).unwrap(), value, "{json}");
    }
    for (json, problem) in [
        (r#""""#, "empty hex string"),
        (r#""12""#, "hex string without 0x prefix"),
        (r#""0x""#, r#"hex string "0x""#),
        (r#""0xzz""#, r#"invalid hex string "0xzz""#),
        (r#""0x10000000000000000""#, "hex number > 64 bits"),
        ("true", "a boolean where a quantity is expected"),
        ("[]", "an array where a quantity is expected"),
        ("-1", "-1 is not a whole number of 0 or more"),
        ("1.5", "1.5 is not a whole number of 0 or more"),
    ] {
        assert_eq!(message::<u64>(json), problem, "{json}");
    }
    assert_eq!(
        U256::read(r#""0xffffffffffffffffffff""#).unwrap(),
        U256::from(u128::MAX >> 48)
    );
    assert_eq!(
        message::<U256>(&format!("\"0x1{}\"", "0".repeat(64))),
        "hex number > 256 bits"
    );
}

#[test]
fn cheats_take_decimal_text() {
    for json in [r#""3600""#, "3600", r#""0xe10""#] {
        assert_eq!(Cheat::<u64>::read(json).unwrap().0, 3600, "{json}");
    }
    assert_eq!(
        message::<Cheat<u64>>(r#""0x10000000000000000""#),
        r#""0x10000000000000000" is too large"#
    );
    for (json, seconds) in [
        ("-5", -5),
        (r#""-5""#, -5),
        (r#""0x10""#, 16),
        ("3600.9", 3600),
        (r#""10""#, 10),
    ] {
        assert_eq!(i64::read(json).unwrap(), seconds, "{json}");
    }
    assert!(i64::read(r#""soon""#).is_err());
}

#[test]
fn data_of_fixed_length() {
    let account = address!("f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    assert_eq!(
        Address::read(r#""0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266""#).unwrap(),
        account
    );
    for (json, problem) in [
        (
            r#""0x123""#,
            "hex string has length 3, want 40 for an address",
        ),
        (
            r#""f39fd6e51aad88f6f4ce6ab8827279cfffb92266""#,
            "hex string without 0x prefix",
        ),
        ("7", "a number where an address is expected"),
    ] {
        assert_eq!(message::<Address>(json), problem);
    }
    assert_eq!(
        message::<B256>(r#""0x12""#),
        "hex string has length 2, want 64 for a 32-byte hash"
    );
    assert_eq!(Bytes::read(r#""0x""#).unwrap(), Bytes::new());
    assert_eq!(message::<Bytes>(r#""0x123""#), "hex string of odd length");
    assert_eq!(
        Message::read(r#""hello""#).unwrap().0,
        Bytes::from_static(b"hello")
    );
    assert_eq!(Message::read(r#""0x1234""#).unwrap().0, bytes!("1234"));
}

#[test]
fn storage_keys_are_short_or_full() {
    for json in [
        r#""0x1""#,
        r#""1""#,
        r#""0x01""#,
        "1",
        &format!("\"0x{}1\"", "0".repeat(63)),
    ] {
        assert_eq!(Slot::read(json).unwrap().0, U256::ONE, "{json}");
    }
    assert_eq!(
        message::<Slot>(r#""0xasdf""#),
        r#"invalid hex in storage key: "0xasdf""#
    );
    assert!(
        message::<Slot>(&format!("\"0x{}\"", "0".repeat(65))).starts_with("storage key too long")
    );
    assert!(!ProofKey::read(r#""0x0""#).unwrap().full);
    assert!(
        ProofKey::read(&format!("\"0x{}\"", "0".repeat(64)))
            .unwrap()
            .full
    );
    assert_eq!(Word::read(r#""0x1""#).unwrap().0, B256::from(U256::ONE));
}

#[test]
fn blocks() {
    let hash = b256!("00000000000000000000000000000000000000000000000000000000deadbeef");
    for (json, id) in [
        (r#""latest""#.to_owned(), BlockId::latest()),
        (r#""pending""#.to_owned(), BlockId::pending()),
        (r#""earliest""#.to_owned(), BlockId::earliest()),
        (r#""safe""#.to_owned(), BlockId::safe()),
        (r#""finalized""#.to_owned(), BlockId::finalized()),
        (r#""0x10""#.to_owned(), BlockId::from(16)),
        ("16".to_owned(), BlockId::from(16)),
        (format!("\"{hash}\""), BlockId::from(hash)),
        (r#"{"blockNumber":"0x10"}"#.to_owned(), BlockId::from(16)),
        (
            format!(r#"{{"blockHash":"{hash}","requireCanonical":true}}"#),
            BlockId::Hash(RpcBlockHash::from_hash(hash, Some(true))),
        ),
    ] {
        assert_eq!(BlockId::read(&json).unwrap(), id, "{json}");
    }
    assert_eq!(message::<BlockId>(r#""2""#), "hex string without 0x prefix");
    assert_eq!(
        message::<BlockId>("{}"),
        "a block object needs blockNumber or blockHash"
    );
    assert!(message::<BlockId>(r#"{"blockHash":"0x1"}"#).starts_with("blockHash: "));
}

#[test]
fn positions() {
    let params = Params::parse(Some(r#"["0x1", null, true, null]"#)).unwrap();
    assert_eq!(params.required::<u64>(0).unwrap(), 1);
    assert_eq!(params.optional::<u64>(1).unwrap(), None);
    assert_eq!(params.required::<Bool>(2).unwrap(), Bool(true));
    assert!(params.at_most(3).is_ok());
    let cases = [
        (
            params.at_most(2).unwrap_err(),
            "too many arguments, want at most 2",
        ),
        (
            params.required::<u64>(1).unwrap_err(),
            "missing value for required argument 1",
        ),
        (
            params.required::<u64>(9).unwrap_err(),
            "missing value for required argument 9",
        ),
        (
            params.required::<Bool>(0).unwrap_err(),
            "invalid argument 0: a string where true or false is expected",
        ),
        (
            Params::parse(Some(r#"{"a":1}"#)).unwrap_err(),
            "the parameters must be an array, not an object",
        ),
        (
            Params::parse(Some(r#""x""#)).unwrap_err(),
            "the parameters must be an array, not a string",
        ),
    ];
    for (error, sentence) in cases {
        assert_eq!((error.code(), error.message()), (-32602, sentence));
    }
    for nothing in [None, Some("null"), Some("[]"), Some("[null]")] {
        assert_eq!(
            Params::parse(nothing).unwrap().block(0).unwrap(),
            BlockId::latest()
        );
    }
}

#[test]
fn transaction_requests() {
    let json = r#"{"from":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","to":"","gasLimit":21000,
        "data":"0x6000","value":"0x1","nonce":null,"accessList":[{"address":
        "0x0000000000000000000000000000000000000001","storageKeys":["0x1"]}],"unknown":{}}"#;
    let request = TransactionRequest::read(json).unwrap();
    assert_eq!(request.to, Some(TxKind::Create));
    assert_eq!((request.gas, request.nonce), (Some(21000), None));
    assert_eq!(request.input.input(), Some(&bytes!("6000")));
    assert_eq!(
        request.access_list.unwrap().0[0].storage_keys,
        [B256::from(U256::ONE)]
    );
    assert_eq!(
        message::<TransactionRequest>(r#"{"data":"0x01","input":"0x02"}"#),
        r#"both "data" and "input" are set and not equal, use "input""#
    );
    assert_eq!(
        message::<TransactionRequest>(r#"{"gas":"lots"}"#),
        "gas: hex string without 0x prefix"
    );
    assert_eq!(
        message::<TransactionRequest>("[]"),
        "an array where an object is expected"
    );
    assert_eq!(
        message::<TransactionRequest>(r#"{"authorizationList":[{"chainId":"0x1"}]}"#),
        "authorizationList: element 0: address is missing"
    );
}

#[test]
fn overrides() {
    let json = r#"{"0x0000000000000000000000000000000000000001":{"balance":"0x5","nonce":"0x2",
        "code":"0x00","stateDiff":{"0x1":"0x2"}}}"#;
    let overrides = parse_state_overrides(json).unwrap();
    let account = &overrides[&address!("0000000000000000000000000000000000000001")];
    let word = |value: u64| B256::from(U256::from(value));
    assert_eq!(
        (account.balance, account.nonce),
        (Some(U256::from(5)), Some(2))
    );
    assert_eq!(
        account.state_diff,
        Some(B256HashMap::from_iter([(word(1), word(2))]))
    );
    let block = parse_block_overrides(
        r#"{"number":"0x5","time":"0x6","feeRecipient":"0x0000000000000000000000000000000000000001","baseFeePerGas":"0x7"}"#,
    )
    .unwrap();
    assert_eq!((block.number, block.time), (Some(U256::from(5)), Some(6)));
    assert_eq!(block.base_fee, Some(U256::from(7)));
}

fn log_of(address: Address, topics: &[B256]) -> Log {
    Log {
        address,
        data: LogData::new_unchecked(topics.to_vec(), Bytes::new()),
    }
}

#[test]
fn filters_match_logs_and_blooms() {
    let (here, there) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let (a, b, c) = (
        B256::repeat_byte(3),
        B256::repeat_byte(4),
        B256::repeat_byte(5),
    );
    let log = log_of(here, &[a, b]);
    let bloom = std::iter::once(&log).collect();
    let cases = [
        ("{}".to_owned(), true),
        (format!(r#"{{"address":"{here}"}}"#), true),
        (format!(r#"{{"address":["{there}","{here}"]}}"#), true),
        (format!(r#"{{"address":"{there}"}}"#), false),
        (format!(r#"{{"topics":["{a}"]}}"#), true),
        (format!(r#"{{"topics":[null,"{b}"]}}"#), true),
        (format!(r#"{{"topics":[[],["{c}","{b}"]]}}"#), true),
        (format!(r#"{{"topics":[["{c}",null]]}}"#), true),
        (format!(r#"{{"topics":["{b}"]}}"#), false),
        (format!(r#"{{"topics":["{a}","{b}",null]}}"#), false),
        (format!(r#"{{"topics":["{a}","{c}"]}}"#), false),
    ];
    for (json, expected) in cases {
        let filter = FilterCriteria::read(&json).unwrap().filter;
        assert_eq!(filter.matches(&log), expected, "{json}");
        assert!(filter.may_match(&bloom) || !expected, "{json}");
    }
    let elsewhere = FilterCriteria::read(&format!(r#"{{"address":"{there}"}}"#))
        .unwrap()
        .filter;
    assert!(!elsewhere.may_match(&bloom));
}

#[test]
fn filter_ranges() {
    let hash = B256::repeat_byte(9);
    let criteria = FilterCriteria::read(r#"{"fromBlock":"0x1","toBlock":"latest"}"#).unwrap();
    assert_eq!(
        criteria.range,
        FilterRange::Blocks {
            from: Some(BlockNumberOrTag::Number(1)),
            to: Some(BlockNumberOrTag::Latest)
        }
    );
    let criteria = FilterCriteria::read(&format!(r#"{{"blockHash":"{hash}"}}"#)).unwrap();
    assert_eq!(criteria.range, FilterRange::Hash(hash));
    assert!(
        message::<FilterCriteria>(&format!(r#"{{"blockHash":"{hash}","fromBlock":"0x1"}}"#))
            .starts_with("cannot specify both blockHash and fromBlock/toBlock")
    );
    assert!(
        message::<FilterCriteria>(r#"{"topics":[null,null,null,null,null]}"#)
            .contains("exceed max topics")
    );
    assert_eq!(
        message::<FilterCriteria>(r#"{"topics":["0x1"]}"#),
        "topics: element 0: hex string has length 1, want 64 for a 32-byte hash"
    );
}
