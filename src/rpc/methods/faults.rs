//! `cluster_partition` and its kin: faults on request, where the node was started with `--allow-faults`.
//!
//! All answer `{applied: [name…], unreachable: [name…]}`: which members obeyed, and which are down or take no orders. An
//! order for one member that it does not take is an error. Any member may be asked; these methods are answered also while
//! this node's other answers are at fault.

use super::{Method, methods};
use crate::{
    faults::{
        Control, DEFAULT_LIMIT, EdgeFault, FaultError, MAX_DELAY_MS, MAX_LIMIT, Order, Report,
    },
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::{Json, List, Object},
        params::{Argument, Fields, json_kind},
    },
    types::MemberId,
};
use std::time::Duration;

pub(super) const METHODS: &[Method] = methods![
    Change "cluster_partition" => partition;
    Change "cluster_heal" => heal;
    Change "cluster_delay" => delay;
    Change "cluster_drop" => lose;
    Change "cluster_pause" => pause;
    Change "cluster_resume" => resume;
    Change "cluster_kill" => kill;
    Change "cluster_rpcFault" => rpc_fault;
    Read "cluster_faults" => list;
];

fn control<'a>(call: &Call<'a>) -> Result<&'a Control, RpcError> {
    call.context.faults.as_deref().ok_or_else(|| {
        RpcError::server("faults are off on this node; start its cluster with `--allow-faults`")
    })
}

fn wrong(index: usize, error: &FaultError) -> RpcError {
    RpcError::invalid_argument(index, error.to_string())
}

/// Any JSON number, also a fraction.
struct Number(f64);

impl Argument for Number {
    fn read(json: &str) -> Result<Self, String> {
        serde_json::from_str(json)
            .map(Self)
            .map_err(|_| format!("{} where a number is expected", json_kind(json)))
    }
}

/// How long a fault is to last, in milliseconds, from a number of seconds.
fn limit_of(seconds: Option<&Number>) -> Result<u64, FaultError> {
    let Some(&Number(seconds)) = seconds else {
        return Ok(in_ms(DEFAULT_LIMIT));
    };
    if !(seconds > 0.0 && seconds <= MAX_LIMIT.as_secs_f64()) {
        return Err(FaultError::Limit(seconds.to_string()));
    }
    Ok(in_ms(Duration::from_secs_f64(seconds)).max(1))
}

fn in_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn limit(call: &Call<'_>, index: usize) -> Result<u64, RpcError> {
    limit_of(call.params.optional(index)?.as_ref()).map_err(|error| wrong(index, &error))
}

fn answer(report: &Report) -> Json {
    Json::object(|o| {
        let names = |o: &mut Object<'_>, key: &str, names: &[String]| {
            o.list(key, |list| {
                for name in names {
                    list.next().extend_from_slice(text(name).as_bytes());
                }
            });
        };
        names(o, "applied", &report.applied);
        names(o, "unreachable", &report.unreachable);
    })
}

fn text(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// For one member, which must obey.
async fn order_one(call: &Call<'_>, order: impl FnOnce() -> Result<Order, RpcError>) -> Answer {
    let control = control(call)?;
    let name: String = call.params.required(0)?;
    let id = control.member(&name).map_err(|error| wrong(0, &error))?;
    let report = control.give(vec![(id, order()?)]).await;
    if report.applied.is_empty() {
        return Err(RpcError::server(FaultError::Refused(name).to_string()));
    }
    Ok(answer(&report))
}

/// For all members, those down left out.
async fn order_all(control: &Control, order: &Order) -> Report {
    let orders = control.all().into_iter().map(|id| (id, order.clone()));
    control.give(orders.collect()).await
}

/// `(groups, seconds?)`: lists of names; members in none of them are together one more group.
async fn partition(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let control = control(&call)?;
    let Some(json) = call.params.raw(0) else {
        return Err(RpcError::missing_argument(0));
    };
    let groups: Vec<Vec<String>> = serde_json::from_str(json).map_err(|_| {
        RpcError::invalid_argument(
            0,
            r#"groups are lists of names: [["node1"], ["node2", "node3"]]"#,
        )
    })?;
    let limit_ms = limit(&call, 1)?;
    let cuts = control
        .partition(&groups)
        .map_err(|error| wrong(0, &error))?;
    let orders = cuts
        .into_iter()
        .map(|(id, peers)| (id, Order::Cut { peers, limit_ms }));
    Ok(answer(&control.give(orders.collect()).await))
}

/// The end of all faults on all members.
async fn heal(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(answer(&order_all(control(&call)?, &Order::Heal).await))
}

/// Which links a fault is for: `{from: [name…], to: [name…], seconds}`, all where nothing is said.
struct Links {
    from: Vec<MemberId>,
    to: Vec<MemberId>,
    limit_ms: u64,
}

impl Links {
    fn read(control: &Control, fields: Option<&Fields<'_>>) -> Result<Self, RpcError> {
        let members = |key: &str| -> Result<Vec<MemberId>, RpcError> {
            let Some(json) = fields.and_then(|fields| fields.raw(&[key])) else {
                return Ok(control.all());
            };
            let names: Vec<String> = serde_json::from_str(json).map_err(|_| {
                RpcError::invalid_argument(1, format!("{key}: not a list of names"))
            })?;
            let ids = names.iter().map(|name| control.member(name));
            ids.collect::<Result<_, _>>()
                .map_err(|error| wrong(1, &error))
        };
        let seconds = match fields {
            Some(fields) => fields
                .get::<Number>(&["seconds"])
                .map_err(|problem| RpcError::invalid_argument(1, problem))?,
            None => None,
        };
        Ok(Self {
            from: members("from")?,
            to: members("to")?,
            limit_ms: limit_of(seconds.as_ref()).map_err(|error| wrong(1, &error))?,
        })
    }

    /// An order for each member that sends.
    fn orders(&self, order: impl Fn(Vec<MemberId>) -> Order) -> Vec<(MemberId, Order)> {
        let to = |from: &MemberId| self.to.iter().copied().filter(|to| to != from).collect();
        (self.from.iter())
            .map(|from| (*from, order(to(from))))
            .collect()
    }
}

fn options<'a>(call: &Call<'a>) -> Result<Option<Fields<'a>>, RpcError> {
    call.params
        .raw(1)
        .map(|json| Fields::parse(json).map_err(|problem| RpcError::invalid_argument(1, problem)))
        .transpose()
}

/// `(milliseconds, {from, to, jitter, seconds}?)`: messages between members come later.
async fn delay(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let control = control(&call)?;
    let delay_ms: u64 = call.params.required(0)?;
    let fields = options(&call)?;
    let jitter_ms = match &fields {
        Some(fields) => fields
            .get::<u64>(&["jitter"])
            .map_err(|problem| RpcError::invalid_argument(1, problem))?
            .unwrap_or_default(),
        None => 0,
    };
    for (index, ms) in [(0, delay_ms), (1, jitter_ms)] {
        if ms > MAX_DELAY_MS {
            return Err(wrong(index, &FaultError::Delay(ms)));
        }
    }
    let links = Links::read(control, fields.as_ref())?;
    let orders = links.orders(|peers| Order::Delay {
        peers,
        delay_ms,
        jitter_ms,
        limit_ms: links.limit_ms,
    });
    Ok(answer(&control.give(orders).await))
}

/// `(probability, {from, to, seconds}?)`: messages between members are lost.
async fn lose(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let control = control(&call)?;
    let Number(probability) = call.params.required(0)?;
    if !(0.0..=1.0).contains(&probability) {
        return Err(wrong(0, &FaultError::Probability(probability.to_string())));
    }
    let fields = options(&call)?;
    let links = Links::read(control, fields.as_ref())?;
    #[allow(clippy::cast_sign_loss)] // between 0 and 1, as was just seen
    let per_mille = (probability * 1000.0).round() as u16;
    let orders = links.orders(|peers| Order::Drop {
        peers,
        per_mille,
        limit_ms: links.limit_ms,
    });
    Ok(answer(&control.give(orders).await))
}

/// `(name, seconds?)`.
async fn pause(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let limit_ms = limit(&call, 1)?;
    order_one(&call, || Ok(Order::Pause { limit_ms })).await
}

/// `(name)`.
async fn resume(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    order_one(&call, || Ok(Order::Resume)).await
}

/// `(name)`.
async fn kill(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    order_one(&call, || Ok(Order::Kill)).await
}

/// `(name, {status} | {hang: true} | {closeWebSockets: true} | {lagBlocks}, seconds?)`.
async fn rpc_fault(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let limit_ms = limit(&call, 2)?;
    order_one(&call, || {
        let Some(json) = call.params.raw(1) else {
            return Err(RpcError::missing_argument(1));
        };
        edge_order(json, limit_ms).map_err(|problem| RpcError::invalid_argument(1, problem))
    })
    .await
}

fn edge_order(json: &str, limit_ms: u64) -> Result<Order, String> {
    let fields = Fields::parse(json)?;
    let wants = |key: &str| fields.raw(&[key]) == Some("true");
    if let Some(blocks) = fields.get::<u64>(&["lagBlocks"])? {
        return Ok(Order::Lag { blocks, limit_ms });
    }
    let fault = if let Some(status) = fields.get::<u64>(&["status"])? {
        let status = u16::try_from(status)
            .ok()
            .filter(|it| (400..600).contains(it))
            .ok_or_else(|| FaultError::Status(status).to_string())?;
        EdgeFault::Status(status)
    } else if wants("hang") {
        EdgeFault::Hang
    } else if wants("closeWebSockets") {
        EdgeFault::CloseWebSockets
    } else {
        return Err(
            "one of {status: 429}, {hang: true}, {closeWebSockets: true} and {lagBlocks: 3} is expected"
                .to_owned(),
        );
    };
    Ok(Order::Edge { fault, limit_ms })
}

/// What each member that can be reached suffers now: `[{node, fault, …, millisecondsLeft}]`.
async fn list(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let control = control(&call)?;
    let report = order_all(control, &Order::List).await;
    Ok(Json::build(|out| {
        List::write(out, |list| {
            for (node, orders) in &report.active {
                for order in orders {
                    Object::write(list.next(), |o| fault_fields(o, control, node, order));
                }
            }
        });
    }))
}

fn fault_fields(o: &mut Object<'_>, control: &Control, node: &str, order: &Order) {
    let peers_to = |o: &mut Object<'_>, peers: &[MemberId]| {
        o.list("peers", |list| {
            for peer in peers {
                list.next()
                    .extend_from_slice(text(&control.name(*peer)).as_bytes());
            }
        });
    };
    o.text("node", node);
    let limit_ms = match order {
        Order::Cut { peers, limit_ms } => {
            o.text("fault", "partition");
            peers_to(o, peers);
            limit_ms
        }
        Order::Delay {
            peers,
            delay_ms,
            jitter_ms,
            limit_ms,
        } => {
            o.text("fault", "delay");
            peers_to(o, peers);
            o.number("milliseconds", *delay_ms);
            o.number("jitter", *jitter_ms);
            limit_ms
        }
        Order::Drop {
            peers,
            per_mille,
            limit_ms,
        } => {
            o.text("fault", "drop");
            peers_to(o, peers);
            o.number("perMille", u64::from(*per_mille));
            limit_ms
        }
        Order::Pause { limit_ms } => {
            o.text("fault", "pause");
            limit_ms
        }
        Order::Edge { fault, limit_ms } => {
            match fault {
                EdgeFault::Status(status) => {
                    o.text("fault", "status");
                    o.number("status", u64::from(*status));
                }
                EdgeFault::Hang => o.text("fault", "hang"),
                EdgeFault::CloseWebSockets => o.text("fault", "closeWebSockets"),
            }
            limit_ms
        }
        Order::Lag { blocks, limit_ms } => {
            o.text("fault", "lag");
            o.number("lagBlocks", *blocks);
            limit_ms
        }
        Order::Resume | Order::Kill | Order::Heal | Order::List => return,
    };
    o.number("millisecondsLeft", *limit_ms);
}
