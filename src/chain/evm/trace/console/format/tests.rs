#![allow(clippy::unwrap_used)]

use super::format_call;
use alloy::{
    dyn_abi::DynSolValue as V,
    primitives::{Address, I256, U256, keccak256},
};

fn said(signature: &str, values: Vec<V>) -> Option<String> {
    let mut input = keccak256(signature)[..4].to_vec();
    input.extend(V::Tuple(values).abi_encode_params());
    format_call(&input)
}

fn text(text: &str) -> V {
    V::String(text.to_owned())
}

fn number(number: u64) -> V {
    V::Uint(U256::from(number), 256)
}

#[test]
fn values_are_printed_as_hardhat_prints_them() {
    let owner = Address::repeat_byte(0xab);
    let cases = [
        ("log()", vec![], ""),
        ("log(string)", vec![text("hello")], "hello"),
        ("log(uint256)", vec![number(42)], "42"),
        // The signature of old versions of the library.
        ("log(uint)", vec![number(42)], "42"),
        ("log(int256)", vec![V::Int(I256::MINUS_ONE, 256)], "-1"),
        ("log(bool)", vec![V::Bool(true)], "true"),
        (
            "log(address)",
            vec![V::Address(owner)],
            "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB",
        ),
        ("log(bytes)", vec![V::Bytes(vec![1, 0xff])], "0x01ff"),
        (
            "logBytes4(bytes4)",
            vec![V::FixedBytes(alloy::primitives::B256::repeat_byte(7), 4)],
            "0x07070707",
        ),
        (
            "log(string,uint256)",
            vec![text("balance:"), number(5)],
            "balance: 5",
        ),
        (
            "log(uint256,string,bool,address)",
            vec![
                number(1),
                text("two"),
                V::Bool(false),
                V::Address(Address::ZERO),
            ],
            "1 two false 0x0000000000000000000000000000000000000000",
        ),
    ];
    for (signature, values, wanted) in cases {
        assert_eq!(
            said(signature, values).as_deref(),
            Some(wanted),
            "{signature}"
        );
    }
}

#[test]
fn a_first_string_is_a_format() {
    let two = "log(string,uint256,string)";
    let cases = [
        ("%s of %s", "7 of x"),
        ("%d %o", "7 'x'"),
        ("%x", "0x7 x"),
        ("100%% %i", "100% 7 x"),
        ("%s %s %s", "7 x %s"),
        ("%q %", "%q % 7 x"),
    ];
    for (format, wanted) in cases {
        let values = vec![text(format), number(7), text("x")];
        assert_eq!(said(two, values).as_deref(), Some(wanted), "{format}");
    }
    assert_eq!(
        said("log(string)", vec![text("%s")]).as_deref(),
        Some("%s"),
        "without values there is nothing to fill in"
    );
}

#[test]
fn what_is_no_call_of_the_console_is_not_printed() {
    assert_eq!(format_call(&[]), None);
    assert_eq!(format_call(&[1, 2, 3, 4]), None);
    let mut cut = keccak256("log(string)")[..4].to_vec();
    cut.extend([0xff; 32]);
    assert_eq!(format_call(&cut), None);
}
