//! `anvil_*` and `hardhat_*`: the cheats of anvil and Hardhat, each an entry of the log, and what the node says of
//! itself.

use super::{
    Method,
    eth_fees::suggested_price,
    evm::{flag, unexpected},
    methods, web3,
};
use crate::{
    chain::{
        command::{Cheat, Outcome, Write},
        pool::Order,
    },
    rpc::{
        dispatch::{Answer, Call},
        format::Json,
        params::{self, Bool, Slot, Word},
    },
};
use alloy::primitives::{B256, Bytes, U256};

pub(super) const METHODS: &[Method] = methods![
    Change "anvil_mine" | "hardhat_mine" => mine;
    Change "anvil_setBalance" | "hardhat_setBalance" | "tenderly_setBalance" => set_balance;
    Change "anvil_addBalance" | "hardhat_addBalance" | "tenderly_addBalance" => add_balance;
    Change "anvil_setCode" | "hardhat_setCode" => set_code;
    Change "anvil_setNonce" | "hardhat_setNonce" => set_nonce;
    Change "anvil_setStorageAt" | "hardhat_setStorageAt" => set_storage_at;
    Change "anvil_impersonateAccount" | "hardhat_impersonateAccount" => impersonate;
    Change "anvil_stopImpersonatingAccount" | "hardhat_stopImpersonatingAccount" => stop_impersonating;
    Change "anvil_autoImpersonateAccount" | "hardhat_autoImpersonateAccount" => auto_impersonate;
    Change "anvil_setCoinbase" | "hardhat_setCoinbase" => set_coinbase;
    Change "anvil_setNextBlockBaseFeePerGas" | "hardhat_setNextBlockBaseFeePerGas" => set_next_base_fee;
    Change "anvil_setPrevRandao" | "anvil_setNextBlockPrevRandao" | "hardhat_setPrevRandao" => set_prev_randao;
    Change "anvil_setMinGasPrice" | "hardhat_setMinGasPrice" => set_min_gas_price;
    Change "anvil_setChainId" => set_chain_id;
    Change "anvil_setBlockTimestampInterval" => set_timestamp_interval;
    Change "anvil_removeBlockTimestampInterval" => remove_timestamp_interval;
    Change "anvil_dropTransaction" | "hardhat_dropTransaction" => drop_transaction;
    Change "anvil_dropAllTransactions" | "hardhat_dropAllTransactions" | "debug_clearTxpool" => drop_all;
    Change "anvil_removePoolTransactions" => drop_transactions_of;
    Change "anvil_setLoggingEnabled" | "hardhat_setLoggingEnabled" => set_logging;
    Read "anvil_getAutomine" | "hardhat_getAutomine" => automine;
    Read "anvil_getIntervalMining" => interval_mining;
    Read "anvil_getGenesisTime" => genesis_time;
    Read "anvil_getLastBlockWallTime" => last_block_wall_time;
    Change "anvil_impersonateSignature" => impersonate_signature;
    Read "anvil_nodeInfo" => node_info;
    Read "anvil_metadata" | "hardhat_metadata" => metadata;
];

impl Call<'_> {
    /// Does a cheat, and answers as the node does whose name for it was used.
    pub(super) async fn done(&self, cheat: Cheat) -> Answer {
        self.context.cheat(cheat).await?;
        Ok(self.nothing())
    }

    /// The answer of a cheat that has nothing to say: Hardhat and ganache answer `true`, anvil `null`.
    fn nothing(&self) -> Json {
        if self.method.starts_with("hardhat_") || self.method.starts_with("evm_setAccount") {
            Json::bool(true)
        } else {
            Json::null()
        }
    }
}

/// A number of blocks, and seconds between them.
async fn mine(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let count: Option<params::Cheat<u64>> = call.params.optional(0)?;
    let interval: Option<params::Cheat<u64>> = call.params.optional(1)?;
    let count = count.map_or(1, |count| count.0);
    if count == 0 {
        return Ok(call.nothing());
    }
    let write = Write::Mine {
        count,
        interval_seconds: interval.map(|interval| interval.0),
        timestamp: None,
    };
    call.context.write(write).await?;
    Ok(call.nothing())
}

pub(super) async fn set_balance(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let balance: params::Cheat<U256> = call.params.required(1)?;
    let cheat = Cheat::SetBalance {
        address: call.params.required(0)?,
        balance: balance.0,
    };
    call.done(cheat).await
}

async fn add_balance(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let amount: params::Cheat<U256> = call.params.required(1)?;
    let cheat = Cheat::AddBalance {
        address: call.params.required(0)?,
        amount: amount.0,
    };
    call.done(cheat).await
}

pub(super) async fn set_code(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let code: Bytes = call.params.required(1)?;
    let cheat = Cheat::SetCode {
        address: call.params.required(0)?,
        code,
    };
    call.done(cheat).await
}

pub(super) async fn set_nonce(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let nonce: params::Cheat<u64> = call.params.required(1)?;
    let cheat = Cheat::SetNonce {
        address: call.params.required(0)?,
        nonce: nonce.0,
    };
    call.done(cheat).await
}

/// All of them answer `true`.
pub(super) async fn set_storage_at(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let Slot(slot) = call.params.required(1)?;
    let Word(value) = call.params.required(2)?;
    let cheat = Cheat::SetStorageAt {
        address: call.params.required(0)?,
        slot,
        value: value.into(),
    };
    call.context.cheat(cheat).await?;
    Ok(Json::bool(true))
}

async fn impersonate(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let address = call.params.required(0)?;
    call.done(Cheat::Impersonate { address }).await
}

async fn stop_impersonating(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let address = call.params.required(0)?;
    call.done(Cheat::StopImpersonating { address }).await
}

async fn auto_impersonate(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let Bool(enabled) = call.params.required(0)?;
    call.done(Cheat::AutoImpersonate { enabled }).await
}

async fn set_coinbase(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let address = call.params.required(0)?;
    call.done(Cheat::SetCoinbase { address }).await
}

async fn set_next_base_fee(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let base_fee: params::Cheat<u64> = call.params.required(0)?;
    let cheat = Cheat::SetNextBlockBaseFee {
        base_fee: base_fee.0,
    };
    call.done(cheat).await
}

async fn set_prev_randao(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let Word(value) = call.params.required(0)?;
    call.done(Cheat::SetNextPrevRandao { value }).await
}

async fn set_min_gas_price(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let price: params::Cheat<u128> = call.params.required(0)?;
    call.done(Cheat::SetMinGasPrice { price: price.0 }).await
}

async fn set_chain_id(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let chain_id: params::Cheat<u64> = call.params.required(0)?;
    let cheat = Cheat::SetChainId {
        chain_id: chain_id.0,
    };
    call.done(cheat).await
}

async fn set_timestamp_interval(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let seconds: params::Cheat<u64> = call.params.required(0)?;
    let cheat = Cheat::SetBlockTimestampInterval {
        seconds: Some(seconds.0),
    };
    call.done(cheat).await
}

/// Whether there was an interval.
async fn remove_timestamp_interval(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let cheat = Cheat::SetBlockTimestampInterval { seconds: None };
    flag(call.context.cheat(cheat).await?)
}

/// anvil answers with the hash, or `null` where there was no such transaction; Hardhat with yes or no.
async fn drop_transaction(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash: B256 = call.params.required(0)?;
    match call.context.cheat(Cheat::DropTransaction { hash }).await? {
        Outcome::Removed(removed) if call.method.starts_with("hardhat_") => {
            Ok(Json::bool(removed.is_some()))
        }
        Outcome::Removed(removed) => Ok(removed.map_or_else(Json::null, Json::data)),
        outcome => Err(unexpected(&outcome)),
    }
}

async fn drop_all(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    call.done(Cheat::DropAllTransactions).await
}

async fn drop_transactions_of(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let address = call.params.required(0)?;
    call.done(Cheat::DropTransactionsOf { address }).await
}

/// The log is this node's own and is set where it is started: accepted, so that helpers run.
async fn set_logging(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let Bool(_) = call.params.required(0)?;
    Ok(call.nothing())
}

async fn automine(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::bool(chain.settings().automine))
}

/// Seconds between blocks, `null` where interval mining is off.
async fn interval_mining(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(match chain.settings().interval_mining_ms {
        0 => Json::null(),
        whole if whole % 1000 == 0 => Json::number(whole / 1000),
        #[allow(clippy::cast_precision_loss)]
        parts => Json::number(parts as f64 / 1000.0),
    })
}

/// When the newest block was made, by a real clock, Unix seconds; 0 if this chain did not make it.
async fn last_block_wall_time(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::number(chain.head().built_at_ms / 1000))
}

/// A signature (65 bytes), and the address that `ecrecover` answers for it from now on.
async fn impersonate_signature(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let signature: Bytes = call.params.required(0)?;
    let address = call.params.required(1)?;
    let cheat = Cheat::ImpersonateSignature { signature, address };
    call.done(cheat).await
}

/// Unix seconds, a JSON number.
async fn genesis_time(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::number(chain.spec().genesis.timestamp))
}

async fn node_info(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    let head = chain.head();
    Ok(Json::object(|o| {
        o.quantity("currentBlockNumber", head.header.number);
        o.number("currentBlockTimestamp", head.header.timestamp);
        o.data("currentBlockHash", head.hash);
        let next = chain.next_rules(head.header.timestamp.saturating_add(1));
        o.text("hardFork", next.fork.name());
        o.text(
            "transactionOrder",
            match chain.spec().order {
                Order::Fees => "fees",
                Order::Fifo => "fifo",
            },
        );
        o.object("environment", |o| {
            o.quantity("baseFee", chain.next_base_fee());
            o.number("chainId", chain.settings().chain_id);
            o.quantity("gasLimit", chain.settings().block_gas_limit);
            o.quantity("gasPrice", suggested_price(&chain));
        });
        o.object("forkConfig", |o| {
            for name in ["forkUrl", "forkBlockNumber", "forkRetryBackoff"] {
                o.null(name);
            }
        });
    }))
}

/// anvil's and Hardhat's members together. The instance is the chain: all nodes of a cluster give the same.
async fn metadata(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    let head = chain.head();
    Ok(Json::object(|o| {
        o.text("clientVersion", &web3::version());
        o.text("clientSemver", env!("CARGO_PKG_VERSION"));
        o.null("clientCommitSha");
        o.number("chainId", chain.settings().chain_id);
        o.data("instanceId", chain.genesis_hash());
        o.number("latestBlockNumber", head.header.number);
        o.data("latestBlockHash", head.hash);
        o.null("forkedNetwork");
        o.object("snapshots", |o| {
            for (id, number, hash) in chain.live_snapshots() {
                o.list(&format!("0x{id:x}"), |list| {
                    list.next().extend_from_slice(number.to_string().as_bytes());
                    crate::rpc::format::write_data(list.next(), hash.as_slice());
                });
            }
        });
    }))
}
