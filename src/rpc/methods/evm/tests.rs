#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn evm_mine_takes_a_timestamp_or_options() {
    let options = |timestamp, blocks| MineOptions { timestamp, blocks };
    for (json, expected) in [
        ("2000000010", options(Some(2_000_000_010), None)),
        (r#""0x10""#, options(Some(16), None)),
        (r#""16""#, options(Some(16), None)),
        ("{}", options(None, None)),
        (r#"{"blocks":3}"#, options(None, Some(3))),
        (
            r#"{"blocks":"0x3","timestamp":9}"#,
            options(Some(9), Some(3)),
        ),
        (r#"{"timestamp":null}"#, options(None, None)),
    ] {
        assert_eq!(MineOptions::read(json).unwrap(), expected, "{json}");
    }
    assert!(MineOptions::read(r#"{"blocks":"many"}"#).is_err());
}
