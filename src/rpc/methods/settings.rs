//! `cluster_settings`: all that cheats have set, which is a part of the chain and the same on every node.

use super::{Method, methods};
use crate::{
    chain::spec::Instamine,
    rpc::{
        dispatch::{Answer, Call},
        format::{Json, Object, write_data},
    },
};

pub(super) const METHODS: &[Method] = methods![
    Read "cluster_settings" => settings;
];

async fn settings(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    let now_ms = call.context.backend.now_ms();
    let settings = chain.settings();
    Ok(Json::object(|o| {
        o.number("chainId", settings.chain_id);
        o.bool("automine", settings.automine);
        o.number("intervalMiningMs", settings.interval_mining_ms);
        o.text(
            "instamine",
            match settings.instamine {
                Instamine::Eager => "eager",
                Instamine::Strict => "strict",
            },
        );
        o.number("timeOffsetSeconds", settings.time_offset_seconds);
        number_or_null(o, "nextBlockTimestamp", settings.next_block_timestamp);
        number_or_null(
            o,
            "blockTimestampInterval",
            settings.block_timestamp_interval,
        );
        number_or_null(o, "nextBlockBaseFee", settings.next_base_fee);
        o.data_or_null("nextPrevRandao", settings.next_prev_randao);
        o.number("blockGasLimit", settings.block_gas_limit);
        o.text("minGasPrice", &settings.min_gas_price.to_string());
        o.data("coinbase", settings.coinbase);
        o.data("extraData", &settings.extra_data);
        o.bool("autoImpersonate", settings.auto_impersonate);
        o.list("impersonated", |list| {
            for address in &settings.impersonated {
                write_data(list.next(), address.as_slice());
            }
        });
        o.list("impersonatedSignatures", |list| {
            for (signature, address) in &settings.signatures {
                Object::write(list.next(), |o| {
                    o.data("signature", signature);
                    o.data("address", address);
                });
            }
        });
        o.list("accounts", |list| {
            for address in chain.accounts() {
                Object::write(list.next(), |o| {
                    o.data("address", address);
                    o.bool("unlocked", chain.can_send(address, now_ms).is_ok());
                });
            }
        });
    }))
}

fn number_or_null(o: &mut Object<'_>, name: &str, number: Option<u64>) {
    match number {
        Some(number) => o.number(name, number),
        None => o.null(name),
    }
}
