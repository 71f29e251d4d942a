use super::*;

#[test]
fn a_transfer_is_estimated_at_21000() {
    let world = World::new(&[0]);
    let transfer = TransactionRequest::default()
        .from(RICH)
        .to(NOBODY)
        .value(U256::from(1));
    assert_eq!(world.estimate(&transfer).unwrap(), 21_000);
    assert_eq!(
        world
            .estimate(&transfer.clone().gas_price(u128::from(GWEI)))
            .unwrap(),
        21_000
    );
    // With an access list it costs more.
    let list = AccessList(vec![AccessListItem {
        address: CONTRACT,
        storage_keys: vec![B256::ZERO],
    }]);
    let estimate = world.estimate(&transfer.access_list(list)).unwrap();
    assert!((25_300..=25_700).contains(&estimate), "{estimate}");
}

#[test]
fn what_cannot_be_paid_is_not_estimated() {
    let world = World::new(&[0]);
    let ether = U256::from(10).pow(U256::from(18));
    let transfer = TransactionRequest::default().from(RICH).to(NOBODY);
    let poor = format!("insufficient funds for transfer: address {RICH}");
    assert_eq!(
        message(world.estimate(&transfer.clone().value(ether + U256::from(1)))),
        poor
    );
    let priced = transfer.clone().value(ether).gas_price(u128::from(GWEI));
    assert_eq!(message(world.estimate(&priced)), poor);
    // 20,000 gas are left to pay for.
    let left = U256::from(20_000 * GWEI);
    let priced = transfer.value(ether - left).gas_price(u128::from(GWEI));
    assert_eq!(
        message(world.estimate(&priced)),
        "gas required exceeds allowance (20000)"
    );
}

#[test]
fn a_failing_call_has_no_estimate() {
    let world = World::new(REVERT_INPUT);
    let request = with_input(Revert::from("boom").abi_encode());
    assert_eq!(
        message(world.estimate(&request)),
        "execution reverted: boom"
    );
    let loops = World::new(&hex!("5b5f56"));
    assert_eq!(
        message(loops.estimate(&to_contract())),
        "gas required exceeds allowance (30000000)"
    );
    assert_eq!(
        message(loops.estimate(&to_contract().gas_limit(65_536))),
        "gas required exceeds allowance (65536)"
    );
    assert_eq!(
        message(World::new(&hex!("fe")).estimate(&to_contract())),
        "invalid opcode: INVALID"
    );
}

#[test]
fn an_estimate_covers_what_is_refunded_later() {
    // SSTORE(1, 0): clears a slot, so that 4,800 gas come back after the run.
    let world = World::new(&hex!("5f600155"));
    let used = world.call(&to_contract()).unwrap().gas_used;
    let estimate = world.estimate(&to_contract()).unwrap();
    assert!(estimate > used + 4_000, "{estimate} {used}");
    assert!(world.call(&to_contract().gas_limit(estimate)).is_ok());
}

#[test]
fn an_estimate_covers_what_an_inner_call_must_have() {
    // Reverts unless the CALL to an account whose code burns gas succeeds: 1/64 of the gas stays outside.
    let world = World::new(&hex!("5f5f5f5f5f60ee5af1600f575f5ffd5b00"));
    let burner = AccountOverride::default().with_code(bytes!("6103e85b6001900380600357"));
    let overrides = StateOverride::from_iter([(NOBODY, burner)]);
    world.in_context(|context| {
        let estimate = estimate_gas(context, &to_contract(), Some(&overrides), None).unwrap();
        let request = to_contract().gas_limit(estimate);
        assert!(call(context, &request, Some(&overrides), None).is_ok());
        let less = to_contract().gas_limit(estimate - estimate / 20);
        assert!(call(context, &less, Some(&overrides), None).is_err());
    });
}

#[test]
fn the_forks_gas_limit_of_a_transaction_binds_an_estimate() {
    let world = World::new(&hex!("5b5f56"));
    let mut spec = (*testing::spec(Hardfork::Osaka)).clone();
    spec.limits.transaction_gas_limit = true;
    let context = CallContext {
        spec: &spec,
        chain_id: 31337,
        header: &world.header,
        state: &world.state,
        block_hash: &|_| B256::ZERO,
        signatures: &imbl::OrdMap::new(),
        gas_cap: GAS_CAP,
    };
    assert_eq!(
        message(estimate_gas(&context, &to_contract(), None, None)),
        "gas required exceeds allowance (16777216)"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Writes, clears and loops in any mixture: the estimate suffices, and a few percent less do not.
    #[test]
    fn an_estimate_suffices_and_is_tight(
        writes in 0..6u8,
        clears in 0..4u8,
        rounds in 1..2000u16,
    ) {
        let mut code = Vec::new();
        for slot in 0..writes {
            code.extend([0x60, 1, 0x60, slot + 10, 0x55]);
        }
        for slot in 0..clears {
            code.extend([0x5f, 0x60, slot + 10, 0x55]);
        }
        code.extend([0x61]);
        code.extend(rounds.to_be_bytes());
        let start = code.len() as u8;
        // JUMPDEST 1 SWAP1 SUB DUP1 PUSH1 start JUMPI STOP
        code.extend([0x5b, 0x60, 1, 0x90, 0x03, 0x80, 0x60, start, 0x57, 0x00]);
        let world = World::new(&code);
        let estimate = world.estimate(&to_contract()).unwrap();
        prop_assert!(world.call(&to_contract().gas_limit(estimate)).is_ok());
        // The peak is at most 64/63 of what was spent, plus a stipend; the search may be 1.5 % above the least.
        let least = estimate - estimate * 35 / 1000 - 2_400;
        prop_assert!(world.call(&to_contract().gas_limit(least)).is_err());
    }
}

#[test]
fn a_creation_is_estimated_with_the_code_it_stores() {
    let world = World::new(&[]);
    // Returns 100 zero bytes: 200 gas each.
    let create = TransactionRequest::default()
        .from(RICH)
        .input(TransactionInput::new(bytes!("60645ff3")));
    let estimate = world.estimate(&create).unwrap();
    assert!(estimate >= 53_000 + 20_000, "{estimate}");
    let created = world.call(&create.clone().gas_limit(estimate)).unwrap();
    assert_eq!(created.output.len(), 100);
    assert!(
        world
            .call(&create.gas_limit(estimate - estimate / 20))
            .is_err()
    );
}
