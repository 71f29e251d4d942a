use super::*;

#[test]
fn an_access_list_holds_what_is_touched() {
    // SLOAD(1), BALANCE(NOBODY), BALANCE(precompile 4), BALANCE(sender).
    let world = World::new(&hex!("6001545060ee315060043150333150"));
    let (list, gas_used, error) = world
        .in_context(|context| create_access_list(context, &to_contract(), None))
        .unwrap();
    let expected = AccessList(vec![
        AccessListItem {
            address: CONTRACT,
            storage_keys: vec![B256::with_last_byte(1)],
        },
        AccessListItem {
            address: NOBODY,
            storage_keys: vec![],
        },
    ]);
    assert_eq!(list, expected);
    assert_eq!(error, None);
    let with_list = to_contract().access_list(list);
    assert_eq!(world.call(&with_list).unwrap().gas_used, gas_used);
}

#[test]
fn an_access_list_follows_the_way_that_a_call_takes_with_it() {
    // SLOAD(SLOAD(1)): the second slot is known after the first run.
    let world = World::new(&hex!("60015454"));
    let (list, ..) = world
        .in_context(|context| create_access_list(context, &to_contract(), None))
        .unwrap();
    assert_eq!(
        list.0[0].storage_keys,
        [B256::with_last_byte(1), B256::with_last_byte(42)]
    );
}

#[test]
fn an_access_list_of_a_failing_call_says_why() {
    let list = |code: &[u8]| {
        let request = to_contract().gas_limit(100_000);
        let world = World::new(code);
        world
            .in_context(|context| create_access_list(context, &request, None))
            .unwrap()
    };
    let (found, _, error) = list(&hex!("6001545f5ffd"));
    assert_eq!(found.len(), 1);
    assert_eq!(error.unwrap(), "execution reverted");
    assert_eq!(list(&hex!("01")).2.unwrap(), "stack underflow (0 <=> 2)");
    assert_eq!(list(&hex!("5b5f56")).2.unwrap(), "out of gas");
}
