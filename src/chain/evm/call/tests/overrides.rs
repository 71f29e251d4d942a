use super::*;

#[test]
fn the_block_can_be_overridden() {
    let overrides = BlockOverrides {
        number: Some(U256::from(5000)),
        time: Some(9),
        gas_limit: Some(8),
        coinbase: Some(NOBODY),
        random: Some(B256::with_last_byte(6)),
        blob_base_fee: Some(U256::from(4)),
        block_hash: Some([(4999, B256::with_last_byte(3))].into()),
        ..BlockOverrides::default()
    };
    let read = |code: &[u8]| word(returns(code).call_on(&to_contract(), &overrides));
    assert_eq!(read(&hex!("43")), U256::from(5000));
    assert_eq!(read(&hex!("42")), U256::from(9));
    assert_eq!(read(&hex!("45")), U256::from(8));
    assert_eq!(read(&hex!("41")), U256::from(0xee));
    assert_eq!(read(&hex!("44")), U256::from(6));
    assert_eq!(read(&hex!("4a")), U256::from(4));
    assert_eq!(read(&hex!("61138740")), U256::from(3), "BLOCKHASH(4999)");
}

#[test]
fn accounts_can_be_overridden() {
    let slot = |number: u8| B256::with_last_byte(number);
    let sload = returns(&hex!("5f3554")); // SLOAD(CALLDATALOAD(0))
    let read = |number: u8, account: AccountOverride| {
        word(sload.call_with(&with_input(slot(number).to_vec()), CONTRACT, account))
    };
    let none = AccountOverride::default;
    assert_eq!(read(1, none()), U256::from(42));
    let diff = || none().with_state_diff([(slot(2), slot(5))]);
    assert_eq!(
        (read(1, diff()), read(2, diff())),
        (U256::from(42), U256::from(5))
    );
    let whole = || none().with_state([(slot(2), slot(5))]);
    assert_eq!(
        (read(1, whole()), read(2, whole())),
        (U256::ZERO, U256::from(5))
    );

    let code = none().with_code(returns_code(&hex!("6009")));
    assert_eq!(
        word(sload.call_with(&to_contract(), CONTRACT, code)),
        U256::from(9)
    );
    // Begins like a delegation and is none.
    let broken = none().with_code(bytes!("ef01"));
    let error = sload.call_with(&to_contract(), CONTRACT, broken);
    assert_eq!(message(error), "invalid opcode: opcode 0xef not defined");
    let delegated =
        AccountOverride::default().with_code([&hex!("ef0100")[..], CONTRACT.as_slice()].concat());
    let request = TransactionRequest::default().to(NOBODY);
    assert!(sload.call_with(&request, NOBODY, delegated).is_ok());

    let selfbalance = returns(&hex!("47"));
    let rich = AccountOverride {
        balance: Some(U256::from(3)),
        ..none()
    };
    assert_eq!(
        word(selfbalance.call_with(&to_contract(), CONTRACT, rich)),
        U256::from(3)
    );
    let sent_twelve = AccountOverride {
        nonce: Some(12),
        ..none()
    };
    let create = TransactionRequest::default().from(RICH).create();
    let create = create.input(TransactionInput::new(bytes!("00")));
    let created = selfbalance
        .call_with(&create, RICH, sent_twelve)
        .unwrap()
        .created;
    assert_eq!(created, Some(RICH.create(12)));

    let both = diff().with_state([(slot(1), slot(1))]);
    assert_eq!(
        message(sload.call_with(&to_contract(), CONTRACT, both)),
        format!("account {CONTRACT} has both 'state' and 'stateDiff'")
    );
}

fn returns_code(code: &[u8]) -> Bytes {
    [code, RETURN_WORD].concat().into()
}

#[test]
fn precompiles_can_be_moved_and_replaced() {
    let world = World::new(&[]);
    let identity = Address::with_last_byte(4);
    let to = |address| {
        TransactionRequest::default()
            .to(address)
            .input(TransactionInput::new(bytes!("abcd")))
    };
    assert_eq!(world.call(&to(identity)).unwrap().output, bytes!("abcd"));
    let moved = AccountOverride {
        move_precompile_to: Some(NOBODY),
        code: Some(returns_code(&hex!("6007"))),
        ..AccountOverride::default()
    };
    let result = world
        .call_with(&to(NOBODY), identity, moved.clone())
        .unwrap();
    assert_eq!(result.output, bytes!("abcd"));
    assert_eq!(
        word(world.call_with(&to(identity), identity, moved.clone())),
        U256::from(7)
    );
    let replaced = AccountOverride {
        move_precompile_to: None,
        ..moved.clone()
    };
    assert_eq!(
        word(world.call_with(&to(identity), identity, replaced)),
        U256::from(7)
    );
    assert_eq!(
        message(world.call_with(&to(RICH), RICH, moved.clone())),
        format!("account {RICH} is not a precompile")
    );
    let overrides =
        StateOverride::from_iter([(identity, moved), (NOBODY, AccountOverride::default())]);
    let error = world.in_context(|context| call(context, &to(NOBODY), Some(&overrides), None));
    assert_eq!(
        message(error),
        format!("account {NOBODY} is already overridden")
    );
}
