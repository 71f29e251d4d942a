//! What users set besides the rules of Ethereum.

use crate::chain::{
    Chain,
    command::Cheat,
    spec::{ChainSpec, DevOptions, Hardfork},
    state::StateRead,
    testing::{NOW_MS, block, cheat, entry, spec},
};
use crate::{chain::command::Body, types::LogPosition};
use alloy::primitives::{Address, address};
use std::sync::Arc;

fn chain(change: impl FnOnce(&mut DevOptions)) -> Chain {
    let mut spec: ChainSpec = Arc::unwrap_or_clone(spec(Hardfork::LATEST));
    change(&mut spec.dev);
    Chain::genesis(Arc::new(spec)).0
}

fn mined(chain: &Chain) -> Chain {
    let (entry, digest, built) = block(chain, &[]);
    chain.adopt(&entry, vec![built], digest).chain
}

#[test]
fn a_clock_that_starts_with_the_genesis_block_goes_on_from_its_time() {
    let chain = chain(|dev| dev.clock_from_genesis = true);
    let start = chain.head().header.timestamp;
    assert_eq!(chain.next_timestamp(NOW_MS), start + 1);
    assert_eq!(
        chain.next_timestamp(NOW_MS + 60_000),
        start + 1,
        "it stands until the first entry"
    );
    let (first, digest) = entry(&chain, Body::Cheat(Cheat::IncreaseTime { seconds: 100 }));
    let started = chain
        .apply(&first, digest, LogPosition::default())
        .unwrap()
        .chain;
    assert_eq!(started.next_timestamp(NOW_MS), start + 100);
    assert_eq!(started.next_timestamp(NOW_MS + 60_000), start + 160);
    let real = self::chain(|_| {});
    assert_eq!(real.next_timestamp(NOW_MS), NOW_MS / 1000);
}

#[test]
fn blocks_are_so_much_apart_and_carry_the_extra_data_that_the_config_says() {
    let chain = chain(|dev| {
        dev.timestamp_increment = Some(12);
        dev.extra_data = vec![1, 2].into();
    });
    let start = chain.head().header.timestamp;
    let second = mined(&mined(&chain));
    assert_eq!(second.head().header.timestamp, start + 24);
    assert_eq!(second.head().header.extra_data.as_ref(), [1, 2]);
}

#[test]
fn the_first_state_has_what_is_wanted() {
    let deployer = address!("4e59b44847b379578588920ca78fbf26c0b4956c");
    let has = |chain: &Chain| chain.state().account(deployer).unwrap().is_some();
    assert!(has(&chain(|_| {})));
    assert!(!has(&chain(|dev| dev.create2_deployer = false)));
    let unlocked = chain(|dev| dev.unlocked = vec![Address::repeat_byte(7)]);
    assert!(
        unlocked
            .settings()
            .is_impersonated(&Address::repeat_byte(7))
    );
    let locked = cheat(
        &unlocked,
        Cheat::StopImpersonating {
            address: Address::repeat_byte(7),
        },
    );
    assert!(
        !locked
            .chain
            .settings()
            .is_impersonated(&Address::repeat_byte(7))
    );
}
