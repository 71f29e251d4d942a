#![allow(clippy::unwrap_used)]
use super::*;
use crate::rpc::testing::block_with_fees;

#[test]
fn percentiles_must_ascend_from_0_to_100() {
    assert_eq!(percentiles(None).unwrap(), None);
    assert_eq!(percentiles(Some("[]")).unwrap(), None);
    assert_eq!(
        percentiles(Some("[0,50.5,100]")).unwrap(),
        Some(vec![0.0, 50.5, 100.0])
    );
    for bad in ["[101]", "[-1]", "[50,49]", "7", r#"["a"]"#] {
        assert_eq!(percentiles(Some(bad)).unwrap_err().code(), -32602, "{bad}");
    }
    let many = format!("[{}]", vec!["1"; 101].join(","));
    assert!(percentiles(Some(&many)).is_err());
}

#[test]
fn a_tip_weighs_what_its_transaction_used() {
    // Tips 1, 2 and 9 with 10 %, 80 % and 10 % of the block's gas, given in another order.
    let block = block_with_fees(100, &[(9, 10_000), (1, 10_000), (2, 80_000)]);
    assert_eq!(
        rewards(&block, &[0.0, 10.0, 10.1, 50.0, 90.0, 91.0, 100.0]),
        [1, 1, 2, 2, 2, 9, 9]
    );
    let empty = block_with_fees(100, &[]);
    assert_eq!(rewards(&empty, &[10.0, 50.0]), [0, 0]);
}

#[test]
fn the_answer_has_one_fee_more_than_blocks() {
    let line = || Line {
        base_fee: 7,
        blob_base_fee: 1,
        gas_used_ratio: 0.5,
        blob_gas_used_ratio: 0.0,
        rewards: vec![3],
    };
    let json = write_history(4, &[line(), line()], (8, 2), true);
    assert_eq!(
        std::str::from_utf8(json.as_bytes()).unwrap(),
        r#"{"oldestBlock":"0x4","reward":[["0x3"],["0x3"]],"baseFeePerGas":["0x7","0x7","0x8"],"gasUsedRatio":[0.5,0.5],"baseFeePerBlobGas":["0x1","0x1","0x2"],"blobGasUsedRatio":[0,0]}"#
    );
    assert!(
        !String::from_utf8_lossy(write_history(4, &[], (8, 2), false).as_bytes())
            .contains("reward")
    );
}
