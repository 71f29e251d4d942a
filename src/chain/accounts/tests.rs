#![allow(clippy::unwrap_used)]

use super::*;
use alloy::{
    consensus::{
        Transaction as _, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy,
        transaction::SignerRecoverable as _,
    },
    eips::eip7702::Authorization,
    primitives::{TxKind, address, b256, hex, keccak256},
};

fn first() -> DevAccount {
    DevAccount::from_mnemonic(DEFAULT_MNEMONIC, DEFAULT_PATH, 1)
        .unwrap()
        .remove(0)
}

#[test]
fn the_default_phrase_gives_the_well_known_accounts() {
    let accounts = DevAccount::from_mnemonic(DEFAULT_MNEMONIC, DEFAULT_PATH, 10).unwrap();
    let addresses: Vec<_> = accounts.iter().map(|account| account.address).collect();
    assert_eq!(
        addresses,
        [
            address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
            address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
            address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
            address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
            address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
            address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
            address!("976EA74026E726554dB657fA54763abd0C3a0aa9"),
            address!("14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
            address!("23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
            address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720"),
        ]
    );
    assert_eq!(
        accounts[0].key,
        b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
    );
    assert_eq!(
        accounts[9].key,
        b256!("2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6")
    );
    assert_eq!(DevAccount::from_key(accounts[3].key).unwrap(), accounts[3]);
}

#[test]
fn paths_and_phrases_may_be_written_loosely() {
    let spaced = "  test test test test test test\ntest test test test  test junk ";
    let accounts = DevAccount::from_mnemonic(spaced, "m/44'/60'/0'/0", 2).unwrap();
    assert_eq!(accounts[0], first());
    let other = DevAccount::from_mnemonic(DEFAULT_MNEMONIC, "m/44'/60'/1'/0/", 1).unwrap();
    assert_ne!(other[0], first());
    assert_eq!(
        DevAccount::from_mnemonic(DEFAULT_MNEMONIC, DEFAULT_PATH, 0).unwrap(),
        []
    );
}

#[test]
fn what_is_no_key_is_refused() {
    fn message(phrase: &str, path: &str) -> String {
        DevAccount::from_mnemonic(phrase, path, 1)
            .unwrap_err()
            .to_string()
    }
    assert!(message("test test", DEFAULT_PATH).starts_with("`test test` is not a usable mnemonic"));
    assert!(message(DEFAULT_MNEMONIC, "m/x/").contains("`m/x/`"));
    // The last word carries a checksum, and there is no word `tset`.
    assert!(message(&DEFAULT_MNEMONIC.replace("junk", "test"), DEFAULT_PATH).contains("`test"));
    assert!(message(&DEFAULT_MNEMONIC.replace("junk", "tset"), DEFAULT_PATH).contains("tset"));
    assert!(matches!(
        DevAccount::from_key(B256::ZERO),
        Err(AccountError::Key)
    ));
    assert!(matches!(
        DevAccount::from_key(B256::repeat_byte(0xff)),
        Err(AccountError::Key)
    ));
    assert!(matches!(
        DevAccount::from_mnemonic(DEFAULT_MNEMONIC, DEFAULT_PATH, MAX_ACCOUNTS + 1),
        Err(AccountError::TooMany(_))
    ));
}

#[test]
fn phrases_come_from_entropy_alone() {
    // BIP-39's own test vectors.
    assert_eq!(
        mnemonic_from_entropy(&[0; 16]).unwrap(),
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
    );
    assert_eq!(
        mnemonic_from_entropy(&hex!("77c2b00716cec7213839159e404db50d")).unwrap(),
        "jelly better achieve collect unaware mountain thought cargo oxygen act hood bridge"
    );
    assert!(matches!(
        mnemonic_from_entropy(&[0; 17]),
        Err(AccountError::Entropy(17))
    ));
    let phrase = mnemonic_from_seed(1).unwrap();
    assert_eq!(phrase, mnemonic_from_seed(1).unwrap());
    assert_ne!(phrase, mnemonic_from_seed(2).unwrap());
    assert!(DevAccount::from_mnemonic(&phrase, DEFAULT_PATH, 1).is_ok());
}

#[test]
fn messages_are_signed_as_eip_191_says() {
    let signature = first().sign_message(b"hello").unwrap();
    assert_eq!(
        signature.recover_address_from_msg("hello").unwrap(),
        first().address
    );
    assert_eq!(
        signature,
        first().sign_message(b"hello").unwrap(),
        "always the same bytes"
    );
    // What ethers' `Wallet.signMessage("hello")` gives for this key.
    assert_eq!(
        hex::encode(signature.as_bytes()),
        "f16ea9a3478698f695fd1401bfe27e9e4a7e8e3da94aa72b021125e31fa899cc573c48ea3fe1d4ab61a9db10c19032026e3ed2dbccba5a178235ac27f94504311c"
    );
}

#[test]
fn typed_data_is_signed_as_eip_712_says() {
    // The example of EIP-712, signed with its key, keccak256("cow").
    let data: TypedData = serde_json::from_value(serde_json::json!({
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"}
            ],
            "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
            "Mail": [
                {"name": "from", "type": "Person"},
                {"name": "to", "type": "Person"},
                {"name": "contents", "type": "string"}
            ]
        },
        "primaryType": "Mail",
        "domain": {
            "name": "Ether Mail",
            "version": "1",
            "chainId": 1,
            "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"
        },
        "message": {
            "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
            "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
            "contents": "Hello, Bob!"
        }
    }))
    .unwrap();
    let cow = DevAccount::from_key(keccak256("cow")).unwrap();
    assert_eq!(
        cow.address,
        address!("CD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826")
    );
    let signature = cow.sign_typed_data(&data).unwrap();
    assert_eq!(
        hex::encode(signature.as_bytes()),
        "4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c"
    );
    let broken = TypedData {
        primary_type: "Letter".into(),
        ..data
    };
    assert!(matches!(
        cow.sign_typed_data(&broken),
        Err(AccountError::TypedData(_))
    ));
}

/// One transaction of each type.
fn all_types() -> Vec<TypedTransaction> {
    let to = TxKind::Call(Address::repeat_byte(7));
    let authorization = Authorization {
        chain_id: U256::from(1),
        address: Address::repeat_byte(8),
        nonce: 0,
    };
    let authorization = authorization.into_signed(Signature::test_signature());
    vec![
        TypedTransaction::Legacy(TxLegacy {
            chain_id: Some(1),
            to,
            ..TxLegacy::default()
        }),
        TypedTransaction::Legacy(TxLegacy {
            to,
            ..TxLegacy::default()
        }),
        TypedTransaction::Eip2930(TxEip2930 {
            chain_id: 1,
            to,
            ..TxEip2930::default()
        }),
        TypedTransaction::Eip1559(TxEip1559 {
            chain_id: 1,
            to,
            ..TxEip1559::default()
        }),
        TypedTransaction::Eip4844(TxEip4844Variant::TxEip4844(TxEip4844 {
            chain_id: 1,
            blob_versioned_hashes: vec![B256::with_last_byte(1)],
            ..TxEip4844::default()
        })),
        TypedTransaction::Eip7702(TxEip7702 {
            chain_id: 1,
            authorization_list: vec![authorization],
            ..TxEip7702::default()
        }),
    ]
}

#[test]
fn every_type_is_signed_so_that_its_sender_is_found() {
    for transaction in all_types() {
        let signed = first().sign_transaction(transaction.clone()).unwrap();
        assert_eq!(signed.envelope.recover_signer().unwrap(), first().address);
        assert_eq!(signed.sender, first().address);
        assert_eq!(
            SignedTransaction::decode_network(&signed.encode_2718()).unwrap(),
            signed
        );
        assert_eq!(
            first().sign_transaction(transaction).unwrap(),
            signed,
            "always the same bytes"
        );
    }
}

#[test]
fn impersonated_transactions_differ_by_sender() {
    for transaction in all_types() {
        let one = impersonate(transaction.clone(), Address::repeat_byte(1));
        let two = impersonate(transaction, Address::repeat_byte(2));
        assert_ne!(one.hash(), two.hash());
        assert_eq!(*one.hash(), keccak256(one.encode_2718()));
        assert_eq!(one.envelope.chain_id(), two.envelope.chain_id());
    }
}

#[test]
fn a_text_gives_the_accounts_that_ganache_makes_of_it() {
    // What `ganache --deterministic` says, whose text is this one.
    assert_eq!(
        mnemonic_from_ganache_seed("TestRPC is awesome!").unwrap(),
        "myth like bonus scare over problem client lizard pioneer submit female collect"
    );
    // `ganache --wallet.seed`, 7.9.2.
    for (seed, phrase) in GANACHE_PHRASES {
        assert_eq!(mnemonic_from_ganache_seed(seed).unwrap(), phrase, "{seed}");
    }
}

const GANACHE_PHRASES: [(&str, &str); 4] = [
    (
        "foo",
        "jeans speed clerk degree hammer heavy now write gym guard pig hero",
    ),
    (
        "hello world",
        "matrix flag rate inquiry bunker kite tag ribbon airport gloom worth bean",
    ),
    (
        "42",
        "abuse garden okay stuff mistake exotic vanish unlock certain erase female umbrella",
    ),
    (
        "ünï",
        "begin have mercy unable pioneer own castle range increase consider direct ramp",
    ),
];

#[test]
fn a_number_gives_the_accounts_that_anvil_makes_of_it() {
    // `anvil --mnemonic-seed-unsafe`, 1.7.1.
    for (seed, phrase) in [
        (
            0,
            "leisure need topic clown code attend earn lounge baby omit vault crunch",
        ),
        (
            5,
            "key exile year ready box laugh trick dice banana accuse ribbon chest",
        ),
        (
            42,
            "pen brief eager pepper brass detect problem vital physical tent assume damp",
        ),
        (
            u64::MAX,
            "reunion eager public radio victory silver palm elite make sing accuse moon",
        ),
    ] {
        assert_eq!(mnemonic_from_seed(seed).unwrap(), phrase, "{seed}");
    }
}
