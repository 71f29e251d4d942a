//! The list of steps.

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_list_of_steps_has_numbers_and_ranges() {
    let list: Vec<u64> = parse_only("1,4-6,9").unwrap().into_iter().collect();
    assert_eq!(list, [1, 4, 5, 6, 9]);
    for wrong in ["", "x", "0", "5-3", "1,,2", "1-99999999999"] {
        assert!(
            parse_only(wrong).unwrap_err().to_string().contains(wrong),
            "{wrong}"
        );
    }
}
