#![allow(clippy::unwrap_used)]

mod access_list;
mod estimate;
mod overrides;

use super::*;
use crate::chain::{
    Rejection,
    spec::Hardfork,
    state::{AccountInfo, Draft, State},
    testing,
};
use alloy::{
    consensus::{Header, constants::GWEI_TO_WEI},
    eips::eip7702::Authorization,
    primitives::{KECCAK256_EMPTY, U256, address, b256, bytes, hex},
    rpc::types::{AccessList, AccessListItem, TransactionInput, state::AccountOverride},
    signers::{SignerSync as _, local::PrivateKeySigner},
    sol_types::{Panic, Revert, SolError as _},
};
use proptest::prelude::*;

const RICH: Address = address!("00000000000000000000000000000000000000aa");
const CONTRACT: Address = address!("00000000000000000000000000000000000000cc");
const NOBODY: Address = address!("00000000000000000000000000000000000000ee");
const GWEI: u64 = GWEI_TO_WEI;
const GAS_CAP: u64 = 50_000_000;

/// Returns the word on top of the stack: PUSH0 MSTORE PUSH1 32 PUSH0 RETURN.
const RETURN_WORD: &[u8] = &hex!("5f5260205ff3");
/// Reverts with its input: CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY CALLDATASIZE PUSH0 REVERT.
const REVERT_INPUT: &[u8] = &hex!("365f5f37365ffd");

/// A place to call in: `CONTRACT` has `code`, `RICH` an ether.
struct World {
    hardfork: Hardfork,
    header: Header,
    state: State,
}

impl World {
    fn new(code: &[u8]) -> Self {
        let mut draft = Draft::new(State::default());
        let rich = AccountInfo {
            nonce: 7,
            balance: U256::from(10).pow(U256::from(18)),
            code_hash: KECCAK256_EMPTY,
        };
        draft.set_account(RICH, rich);
        let code_hash = draft.add_code(code.to_vec().into());
        let contract = AccountInfo {
            nonce: 1,
            balance: U256::ZERO,
            code_hash,
        };
        draft.set_account(CONTRACT, contract);
        draft.set_storage(CONTRACT, U256::from(1), U256::from(42));
        let header = Header {
            number: 100,
            timestamp: 1_700_000_000,
            gas_limit: 30_000_000,
            beneficiary: address!("00000000000000000000000000000000000000c0"),
            mix_hash: B256::repeat_byte(9),
            base_fee_per_gas: Some(GWEI),
            excess_blob_gas: Some(0),
            ..Header::default()
        };
        Self {
            hardfork: Hardfork::LATEST,
            header,
            state: draft.finish().0,
        }
    }

    fn with_fork(self, hardfork: Hardfork) -> Self {
        Self { hardfork, ..self }
    }

    fn in_context<T>(&self, f: impl FnOnce(&CallContext<'_>) -> T) -> T {
        let spec = testing::spec(self.hardfork);
        f(&CallContext {
            spec: &spec,
            chain_id: 31337,
            header: &self.header,
            state: &self.state,
            block_hash: &|number| B256::left_padding_from(&number.to_be_bytes()),
            signatures: &imbl::OrdMap::new(),
            gas_cap: GAS_CAP,
        })
    }

    fn call(&self, request: &TransactionRequest) -> Result<CallResult, CallError> {
        self.in_context(|context| call(context, request, None, None))
    }

    fn call_on(
        &self,
        request: &TransactionRequest,
        block: &BlockOverrides,
    ) -> Result<CallResult, CallError> {
        self.in_context(|context| call(context, request, None, Some(block)))
    }

    fn call_with(
        &self,
        request: &TransactionRequest,
        address: Address,
        account: AccountOverride,
    ) -> Result<CallResult, CallError> {
        let overrides = StateOverride::from_iter([(address, account)]);
        self.in_context(|context| call(context, request, Some(&overrides), None))
    }

    fn estimate(&self, request: &TransactionRequest) -> Result<u64, CallError> {
        self.in_context(|context| estimate_gas(context, request, None, None))
    }
}

fn to_contract() -> TransactionRequest {
    TransactionRequest::default().from(RICH).to(CONTRACT)
}

fn with_input(input: impl Into<Bytes>) -> TransactionRequest {
    to_contract().input(TransactionInput::new(input.into()))
}

fn word(result: Result<CallResult, CallError>) -> U256 {
    U256::from_be_slice(&result.unwrap().output)
}

/// A contract that returns what `code` leaves on the stack.
fn returns(code: &[u8]) -> World {
    World::new(&[code, RETURN_WORD].concat())
}

fn message<T: std::fmt::Debug>(result: Result<T, CallError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_call_returns_what_the_contract_returns() {
    let world = returns(&hex!("600154")); // SLOAD(1)
    let result = world.call(&to_contract()).unwrap();
    assert_eq!(U256::from_be_slice(&result.output), U256::from(42));
    assert!(result.gas_used > 21_000 && result.gas_used < 25_000);
    assert_eq!((result.logs, result.created), (vec![], None));
}

#[test]
fn a_call_tells_its_logs() {
    let world = World::new(&hex!("60075f5fa1")); // LOG1(topic 7)
    let result = world.call(&to_contract()).unwrap();
    assert_eq!(result.logs.len(), 1);
    assert_eq!(result.logs[0].address, CONTRACT);
    assert_eq!(result.logs[0].topics()[0], B256::with_last_byte(7));
}

#[test]
fn a_creation_returns_the_code_and_the_address() {
    let world = World::new(&[]);
    // Initcode that returns one byte, 0x00.
    let request = TransactionRequest::default()
        .from(RICH)
        .create()
        .input(TransactionInput::new(bytes!("60015ff3")));
    let result = world.call(&request).unwrap();
    assert_eq!(result.output, bytes!("00"));
    assert_eq!(result.created, Some(RICH.create(7)));
}

#[test]
fn reverts_tell_their_reason() {
    let world = World::new(REVERT_INPUT);
    let reason = |data: Vec<u8>| match world.call(&with_input(data.clone())) {
        Err(error @ CallError::Reverted { .. }) => {
            let CallError::Reverted { data: got, .. } = &error else {
                unreachable!()
            };
            assert_eq!(got.as_ref(), data);
            error.to_string()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        reason(Revert::from("boom").abi_encode()),
        "execution reverted: boom"
    );
    assert_eq!(reason(Revert::from("").abi_encode()), "execution reverted");
    assert_eq!(
        reason(Revert::from("a\0b").abi_encode()),
        "execution reverted"
    );
    assert_eq!(
        reason(Revert::from("größer").abi_encode()),
        "execution reverted: größer"
    );
    let panic = |code: u64| {
        reason(
            Panic {
                code: U256::from(code),
            }
            .abi_encode(),
        )
    };
    assert_eq!(
        panic(0x11),
        "execution reverted: arithmetic underflow or overflow"
    );
    assert_eq!(panic(0x01), "execution reverted: assert(false)");
    assert_eq!(panic(0x99), "execution reverted: unknown panic code: 0x99");
    assert_eq!(reason(vec![]), "execution reverted");
    assert_eq!(reason(hex!("deadbeef0001").to_vec()), "execution reverted");
    // Selectors with nothing that belongs to them.
    assert_eq!(reason(Revert::SELECTOR.to_vec()), "execution reverted");
    assert_eq!(reason(Panic::SELECTOR.to_vec()), "execution reverted");
}

#[test]
fn halts_are_told_in_geths_words() {
    for (code, words) in [
        (&hex!("fe")[..], "invalid opcode: INVALID"),
        (&hex!("01"), "stack underflow (0 <=> 2)"),
        (&hex!("5f01"), "stack underflow (1 <=> 2)"),
        (&hex!("0c"), "invalid opcode: opcode 0xc not defined"),
        (&hex!("5f56"), "invalid jump destination"),
        (&hex!("5b5f56"), "out of gas"),
        (&hex!("5b5f5f56"), "stack limit reached 1024 (1023)"),
        (&hex!("60015f5f3e"), "return data out of bounds"),
    ] {
        let request = to_contract().gas_limit(100_000);
        assert_eq!(
            message(World::new(code).call(&request)),
            words,
            "{}",
            hex::encode(code)
        );
    }
    let old = World::new(&hex!("5f")).with_fork(Hardfork::Paris);
    assert_eq!(message(old.call(&to_contract())), "invalid opcode: PUSH0");
    // A halt in an inner frame is a zero for the outer one: CALL(gas, NOBODY's override, …).
    let inner = AccountOverride::default().with_code(bytes!("fe"));
    let world = returns(&hex!("5f5f5f5f5f60ee5af1"));
    assert_eq!(
        word(world.call_with(&to_contract(), NOBODY, inner)),
        U256::ZERO
    );
}

#[test]
fn a_creation_that_halts_says_why() {
    let world = World::new(&[]);
    let create = |initcode: Bytes| {
        let request = TransactionRequest::default().from(RICH).create();
        message(world.call(&request.input(TransactionInput::new(initcode))))
    };
    // Returns 24577 zero bytes.
    assert_eq!(create(bytes!("6160015ff3")), "max code size exceeded");
    assert_eq!(
        create(bytes!("60ef5f5360015ff3")),
        "invalid code: must not begin with 0xef"
    );
    assert_eq!(
        create(vec![0; 49_153].into()),
        "max initcode size exceeded: code size 49153, limit 49152"
    );
}

#[test]
fn memory_has_a_limit() {
    let world = World::new(&hex!("63100000005153")); // MLOAD(2^28)
    let spec = testing::spec(Hardfork::LATEST);
    let context = CallContext {
        spec: &spec,
        chain_id: 31337,
        header: &world.header,
        state: &world.state,
        block_hash: &|_| B256::ZERO,
        signatures: &imbl::OrdMap::new(),
        gas_cap: u64::MAX,
    };
    assert_eq!(
        message(call(&context, &to_contract(), None, None)),
        "out of gas"
    );
}

#[test]
fn without_a_price_the_base_fee_is_zero() {
    let basefee = returns(&hex!("48"));
    let gasprice = returns(&hex!("3a"));
    let priced = to_contract()
        .gas_price(u128::from(3 * GWEI))
        .gas_limit(100_000);
    assert_eq!(word(basefee.call(&to_contract())), U256::ZERO);
    assert_eq!(word(gasprice.call(&to_contract())), U256::ZERO);
    assert_eq!(word(basefee.call(&priced)), U256::from(GWEI));
    assert_eq!(word(gasprice.call(&priced)), U256::from(3 * GWEI));
    let dynamic = to_contract()
        .max_fee_per_gas(u128::from(5 * GWEI))
        .max_priority_fee_per_gas(u128::from(GWEI))
        .gas_limit(100_000);
    assert_eq!(word(gasprice.call(&dynamic)), U256::from(2 * GWEI));
    let overridden = BlockOverrides {
        base_fee: Some(U256::from(77)),
        ..BlockOverrides::default()
    };
    assert_eq!(
        word(basefee.call_on(&to_contract(), &overridden)),
        U256::from(77)
    );
}

#[test]
fn what_the_sender_cannot_pay_is_refused() {
    let world = World::new(&[]);
    let ether = U256::from(10).pow(U256::from(18));
    assert_eq!(
        message(world.call(&to_contract().value(ether + U256::from(1)))),
        format!(
            "insufficient funds for gas * price + value: address {RICH} have {ether} want {}",
            ether + U256::from(1)
        )
    );
    assert!(
        world.call(&to_contract().value(ether)).is_ok(),
        "gas costs nothing"
    );
    let priced = to_contract().gas_price(u128::from(GWEI)).gas_limit(30_000);
    assert!(world.call(&priced).is_ok());
    assert_eq!(
        message(world.call(&priced.clone().from(NOBODY))),
        format!(
            "insufficient funds for gas * price + value: address {NOBODY} have 0 want {}",
            30_000 * GWEI
        )
    );
    assert_eq!(
        message(world.call(&priced.gas_price(5))),
        format!(
            "max fee per gas less than block base fee: address {RICH}, maxFeePerGas: 5, baseFee: {GWEI}"
        )
    );
    let tip_alone = to_contract().max_priority_fee_per_gas(1);
    assert!(message(world.call(&tip_alone)).starts_with("max priority fee per gas higher than"));
    assert_eq!(
        message(world.call(&to_contract().gas_limit(20_000))),
        "intrinsic gas too low: gas 20000, minimum needed 21000"
    );
}

#[test]
fn contradictions_and_other_chains_are_refused() {
    let world = World::new(&[]);
    let mut request = with_input(bytes!("01"));
    request.input.data = Some(bytes!("02"));
    assert!(message(world.call(&request)).starts_with("both \"data\" and \"input\" are set"));
    let request = to_contract().gas_price(1).max_fee_per_gas(1);
    assert!(message(world.call(&request)).starts_with("both gasPrice and"));
    let request = TransactionRequest {
        chain_id: Some(1),
        ..to_contract()
    };
    assert_eq!(
        message(world.call(&request)),
        "chainId does not match node's (have=1, want=31337)"
    );
}

#[test]
fn neither_nonce_nor_code_of_the_sender_matter() {
    let world = World::new(&[0]);
    let any_nonce = to_contract().nonce(u64::MAX);
    assert!(world.call(&any_nonce).is_ok());
    let from_contract = TransactionRequest::default().from(CONTRACT).to(RICH);
    assert!(world.call(&from_contract).is_ok());
    assert!(
        world
            .call(&TransactionRequest::default().to(CONTRACT))
            .is_ok()
    );
}

#[test]
fn gas_is_capped() {
    let world = returns(&hex!("5a")); // GAS
    let all = word(world.call(&to_contract()));
    assert_eq!(word(world.call(&to_contract().gas_limit(u64::MAX))), all);
    assert_eq!(all, U256::from(GAS_CAP - 21_000 - 2));
}

#[test]
fn the_block_is_the_headers() {
    let context = |code: &[u8]| word(returns(code).call(&to_contract()));
    assert_eq!(context(&hex!("43")), U256::from(100));
    assert_eq!(context(&hex!("42")), U256::from(1_700_000_000));
    assert_eq!(context(&hex!("45")), U256::from(30_000_000));
    assert_eq!(context(&hex!("41")), U256::from(0xc0));
    assert_eq!(context(&hex!("44")), U256::from_be_bytes([9; 32]));
    assert_eq!(context(&hex!("46")), U256::from(31337));
    assert_eq!(context(&hex!("605f40")), U256::from(0x5f), "BLOCKHASH(95)");
}

#[test]
fn a_call_can_carry_authorizations() {
    let signer = PrivateKeySigner::from_slice(&[5; 32]).unwrap();
    let authorization = Authorization {
        chain_id: U256::from(31337),
        address: CONTRACT,
        nonce: 0,
    };
    let signature = signer
        .sign_hash_sync(&authorization.signature_hash())
        .unwrap();
    let request = TransactionRequest {
        authorization_list: Some(vec![authorization.into_signed(signature)]),
        ..TransactionRequest::default()
            .from(RICH)
            .to(signer.address())
    };
    let world = returns(&hex!("602a"));
    assert_eq!(
        word(world.call(&request)),
        U256::from(42),
        "it runs the contract's code"
    );
    assert!(world.estimate(&request).unwrap() > 21_000 + 25_000);
    let old = returns(&hex!("602a")).with_fork(Hardfork::Cancun);
    assert_eq!(
        message(old.call(&request)),
        "transaction type not supported: type 4 needs hardfork prague"
    );
}

#[test]
fn a_call_can_carry_blob_hashes() {
    let hash = b256!("0100000000000000000000000000000000000000000000000000000000000007");
    let request = TransactionRequest {
        blob_versioned_hashes: Some(vec![hash]),
        ..to_contract()
    };
    let world = returns(&hex!("5f49")); // BLOBHASH(0)
    assert_eq!(word(world.call(&request)), U256::from_be_bytes(hash.0));
    let old = returns(&hex!("5f49")).with_fork(Hardfork::Shanghai);
    assert_eq!(
        message(old.call(&request)),
        "transaction type not supported: type 3 needs hardfork cancun"
    );
    let odd = TransactionRequest {
        blob_versioned_hashes: Some(vec![B256::ZERO]),
        ..to_contract()
    };
    assert_eq!(message(world.call(&odd)), "blob has invalid hash version");
}

#[test]
fn a_state_that_cannot_be_read_is_an_error() {
    struct Broken;
    impl StateRead for Broken {
        fn account(&self, _: Address) -> Result<Option<AccountInfo>, StateError> {
            let problem = "disk on fire".to_owned();
            Err(crate::chain::archive::StoreError::Backend(problem).into())
        }
        fn storage(&self, _: Address, _: U256) -> Result<U256, StateError> {
            Ok(U256::ZERO)
        }
        fn code(&self, _: B256) -> Result<revm::bytecode::Bytecode, StateError> {
            Ok(revm::bytecode::Bytecode::default())
        }
    }
    let world = World::new(&[]);
    world.in_context(|context| {
        let context = CallContext {
            state: &Broken,
            ..*context
        };
        let error = call(&context, &to_contract(), None, None).unwrap_err();
        assert!(matches!(error, CallError::State(_)), "{error}");
        assert!(error.to_string().contains("disk on fire"));
    });
}

#[test]
fn rejections_of_calls_are_told_apart() {
    let world = World::new(&[]);
    let error = world.call(&to_contract().value(U256::MAX)).unwrap_err();
    assert!(matches!(
        error,
        CallError::Rejected(Rejection::InsufficientFundsForCall { want, .. }) if want == U256::MAX
    ));
}
