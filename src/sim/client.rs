//! A client's operation at a node.

use super::{
    history::{Asked, History, Told},
    node::Life,
    plan::{ACCOUNTS, Operation},
    world,
};
use crate::{
    chain::{
        accounts::DevAccount,
        command::{Cheat, Write},
        spec::ChainSpec,
        transaction::SignedTransaction,
    },
    replica::api::{Backend as _, WriteError},
};
use alloy::{
    consensus::{TxEip1559, TypedTransaction},
    primitives::{Address, Bytes, TxKind, U256},
    rpc::types::TransactionRequest,
};
use std::sync::Arc;

/// The note key of a number.
pub(super) fn key_name(key: u64) -> String {
    format!("key{key}")
}

fn account(spec: &ChainSpec, number: u64) -> Option<&DevAccount> {
    spec.accounts
        .get(usize::try_from(number % ACCOUNTS).unwrap_or_default())
}

fn signed(spec: &ChainSpec, from: u64, nonce: u64, value: u64) -> Option<Arc<SignedTransaction>> {
    let to = account(spec, from + 1)?.address;
    let transaction = TypedTransaction::Eip1559(TxEip1559 {
        chain_id: spec.chain_id,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(to),
        value: U256::from(value),
        access_list: alloy::rpc::types::AccessList::default(),
        input: Bytes::new(),
    });
    let account = account(spec, from)?;
    Some(Arc::new(account.sign_transaction(transaction).ok()?))
}

fn unsigned(spec: &ChainSpec, from: u64, value: u64) -> TransactionRequest {
    let address = |number| account(spec, number).map_or(Address::ZERO, |account| account.address);
    TransactionRequest {
        from: Some(address(from)),
        to: Some(TxKind::Call(address(from + 1))),
        value: Some(U256::from(value)),
        gas: Some(21_000),
        ..TransactionRequest::default()
    }
}

/// The write that an operation means; `None`: it reads.
fn write(life: &Life, operation: Operation, number: u64) -> Option<Write> {
    let chain = life.replica.local();
    let spec = chain.spec();
    let address = |number| account(spec, number).map_or(Address::ZERO, |account| account.address);
    Some(match operation {
        Operation::Get(_) => return None,
        Operation::Push(key) => Write::Note {
            key: key_name(key),
            value: value_of(number),
        },
        Operation::Send(from, value) => Write::Unsigned(Box::new(unsigned(spec, from, value))),
        Operation::SendSigned(from, value) => {
            let nonce = chain
                .pool()
                .next_nonce(address(from), chain.nonce(address(from)));
            Write::Transaction(signed(spec, from, nonce, value)?)
        }
        Operation::Mine(count) => Write::Mine {
            count,
            interval_seconds: None,
            timestamp: None,
        },
        Operation::AddBalance(of, amount) => Write::Cheat(Cheat::AddBalance {
            address: address(of),
            amount: U256::from(amount),
        }),
        Operation::SetStorage(of, value) => Write::Cheat(Cheat::SetStorageAt {
            address: address(of),
            slot: U256::from(value % 4),
            value: U256::from(value),
        }),
        Operation::IncreaseTime(seconds) => Write::Cheat(Cheat::IncreaseTime { seconds }),
        Operation::Snapshot => Write::Cheat(Cheat::Snapshot),
        Operation::Revert(id) => Write::Cheat(Cheat::Revert { id }),
        Operation::Automine(enabled) => Write::Cheat(Cheat::SetAutomine { enabled }),
    })
}

fn value_of(number: u64) -> String {
    format!("\"{number}\"")
}

/// Begins an operation at a node; its number. What comes of it gets into the history, unless the node dies before.
pub(super) fn ask(life: &Life, history: &History, operation: Operation) -> u64 {
    let number = history.begin(life.owner.node, |number| match operation {
        Operation::Push(key) => Asked::Push {
            key,
            value: value_of(number),
        },
        Operation::Get(key) => Asked::Get { key },
        _ => Asked::Write,
    });
    let (life, history) = (life.clone(), history.clone());
    world::spawn_for(life.owner, number, async move {
        let told = match write(&life, operation, number) {
            Some(write) => match life.replica.write(write).await {
                Ok(outcome) => Told::Done(outcome),
                Err(WriteError::Rejected(rejection)) => Told::Refused(rejection.to_string()),
                Err(WriteError::Unavailable(unavailable)) => Told::Unavailable {
                    may_happen: unavailable.may_happen,
                },
            },
            None => read(&life, operation).await,
        };
        history.end(number, told);
    });
    number
}

async fn read(life: &Life, operation: Operation) -> Told {
    let Ok(chain) = life.replica.read().await else {
        return Told::Unread;
    };
    let value = match operation {
        Operation::Get(key) => chain.note(&key_name(key)).map(|note| note.value.clone()),
        _ => None,
    };
    Told::Saw {
        position: chain.position(),
        value,
    }
}
