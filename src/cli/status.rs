//! `praline status`: every member is asked for itself, so that the table shows disagreement too.

use super::{CliError, flags::StatusFlags, http, start};
use crate::{
    config::Overrides,
    telemetry::{Format, Printer, Target},
};
use futures::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A cluster that is not well.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum StatusError {
    #[error("{up} of {all} nodes answer and {quorum} are needed: start more of them")]
    NoQuorum {
        up: usize,
        all: usize,
        quorum: usize,
    },
    #[error("the nodes agree on no leader; look again in a moment, then at the nodes' own output")]
    NoLeader,
}

/// The answer to `cluster_status`, as far as the table needs it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    node: String,
    role: Option<String>,
    leader: Option<String>,
    term: u64,
    commit_index: u64,
    applied_index: u64,
    head: Head,
    members: Vec<MemberSeen>,
}

#[derive(Clone, Debug, Deserialize)]
struct Head {
    number: Value,
    hash: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MemberSeen {
    name: String,
    role: Option<String>,
    reachable: bool,
    rpc_address: String,
}

impl MemberSeen {
    fn votes(&self) -> bool {
        self.role.as_deref() != Some(LEARNER)
    }
}

/// The role of a read replica, which counts in no majority.
const LEARNER: &str = "learner";

/// A node and what it said.
#[derive(Debug)]
struct Row {
    name: String,
    url: String,
    answer: Result<Status, String>,
}

pub(super) fn run(flags: &StatusFlags, printer: &Printer) -> Result<(), CliError> {
    let targets: Vec<(String, String)> = if flags.urls.is_empty() {
        let config = start::load(flags.config.path.as_deref(), &Overrides::default())?;
        config
            .members
            .iter()
            .map(|m| {
                (
                    m.member.name.clone(),
                    format!("http://{}", m.member.rpc_address),
                )
            })
            .collect()
    } else {
        flags
            .urls
            .iter()
            .map(|url| (url.clone(), url.trim_end_matches('/').to_owned()))
            .collect()
    };
    start::block_on(async move {
        let mut rows = join_all(targets.into_iter().map(|(name, url)| ask(name, url))).await;
        if flags.urls.is_empty() {
            follow(&mut rows).await;
        }
        let text = match printer.format() {
            Format::Json => as_json(&rows).to_string(),
            Format::Text | Format::Quiet => table(&rows),
        };
        printer.print(Target::Stdout, text);
        judge(&rows)
    })
}

async fn ask(name: String, url: String) -> Row {
    let answer = match http::call(&url, "cluster_status").await {
        Ok(value) => serde_json::from_value::<Status>(value).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let name = answer.as_ref().map_or(name, |status| status.node.clone());
    Row { name, url, answer }
}

/// The config names the founders; who has come and gone since, the nodes know.
async fn follow(rows: &mut Vec<Row>) {
    let answers = rows.iter().filter_map(|row| row.answer.as_ref().ok());
    let Some(newest) = answers.max_by_key(|status| (status.term, status.commit_index)) else {
        return;
    };
    let members = newest.members.clone();
    rows.retain(|row| row.answer.is_ok() || members.iter().any(|it| it.name == row.name));
    let is_new = |member: &&MemberSeen| {
        !member.rpc_address.ends_with(":0") && rows.iter().all(|row| row.name != member.name)
    };
    let new = members
        .iter()
        .filter(is_new)
        .map(|it| ask(it.name.clone(), format!("http://{}", it.rpc_address)));
    let new = join_all(new).await;
    rows.extend(new);
}

/// Whether a majority answers and one leader leads it in the newest term.
fn judge(rows: &[Row]) -> Result<(), StatusError> {
    let up: Vec<&Status> = rows
        .iter()
        .filter_map(|row| row.answer.as_ref().ok())
        .collect();
    let learners = rows.iter().filter(|row| {
        let answer = row.answer.as_ref();
        let own = answer.is_ok_and(|status| status.role.as_deref() == Some(LEARNER));
        let is_learner = |it: &MemberSeen| it.name == row.name && !it.votes();
        own || up
            .iter()
            .any(|status| status.members.iter().any(is_learner))
    });
    let asked = rows.len() - learners.count();
    let up: Vec<&Status> = up
        .into_iter()
        .filter(|status| status.role.as_deref() != Some(LEARNER))
        .collect();
    // The nodes know the size of the cluster better than a list of URLs.
    let all = up
        .iter()
        .map(|status| status.members.iter().filter(|it| it.votes()).count())
        .max()
        .unwrap_or(0)
        .max(asked);
    let quorum = all / 2 + 1;
    if up.len() < quorum && up.len() < asked || up.is_empty() {
        return Err(StatusError::NoQuorum {
            up: up.len(),
            all,
            quorum,
        });
    }
    let mut votes: BTreeMap<(u64, &str), usize> = BTreeMap::new();
    for status in &up {
        if let Some(leader) = &status.leader {
            *votes.entry((status.term, leader)).or_default() += 1;
        }
    }
    let needed = quorum.min(up.len());
    match votes.last_key_value() {
        Some((_, votes)) if *votes >= needed => Ok(()),
        _ => Err(StatusError::NoLeader),
    }
}

const TITLES: [&str; 10] = [
    "NODE", "ROLE", "TERM", "LEADER", "COMMIT", "APPLIED", "HEAD", "HASH", "LAG", "PEERS",
];

fn table(rows: &[Row]) -> String {
    let newest = newest_commit(rows);
    let mut cells: Vec<[String; 10]> = vec![TITLES.map(str::to_owned)];
    let mut notes = Vec::new();
    for row in rows {
        match &row.answer {
            Ok(status) => cells.push(line(row, status, newest)),
            Err(reason) => {
                let mut line = [(); 10].map(|()| "-".to_owned());
                line[0].clone_from(&row.name);
                "down".clone_into(&mut line[1]);
                cells.push(line);
                notes.push(format!("{} at {}: {reason}", row.name, row.url));
            }
        }
    }
    let mut lines = vec![aligned(&cells)];
    if !notes.is_empty() {
        lines.push(String::new());
        lines.append(&mut notes);
    }
    lines.join("\n")
}

/// Rows as lines, each column as wide as its widest cell.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let padded: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            padded.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

fn line(row: &Row, status: &Status, newest: u64) -> [String; 10] {
    let others = status
        .members
        .iter()
        .filter(|member| member.name != status.node);
    let reachable = others.clone().filter(|member| member.reachable).count();
    [
        row.name.clone(),
        status.role.clone().unwrap_or_else(|| "-".to_owned()),
        status.term.to_string(),
        status.leader.clone().unwrap_or_else(|| "none".to_owned()),
        status.commit_index.to_string(),
        status.applied_index.to_string(),
        number(&status.head.number),
        status.head.hash.chars().take(10).collect(),
        newest.saturating_sub(status.applied_index).to_string(),
        format!("{reachable}/{}", others.count()),
    ]
}

/// The log entries that some node knows to be committed.
fn newest_commit(rows: &[Row]) -> u64 {
    rows.iter()
        .filter_map(|row| row.answer.as_ref().ok())
        .map(|status| status.commit_index.max(status.applied_index))
        .max()
        .unwrap_or(0)
}

/// A number as people read it, whether it came as a JSON number or as hex.
fn number(value: &Value) -> String {
    let hex = value.as_str().and_then(|text| text.strip_prefix("0x"));
    match hex.and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
        Some(number) => number.to_string(),
        None => value.to_string(),
    }
}

fn as_json(rows: &[Row]) -> Value {
    let newest = newest_commit(rows);
    rows.iter()
        .map(|row| match &row.answer {
            Ok(status) => json!({
                "node": row.name, "url": row.url, "up": true, "role": status.role,
                "term": status.term, "leader": status.leader,
                "commitIndex": status.commit_index, "appliedIndex": status.applied_index,
                "head": { "number": status.head.number, "hash": status.head.hash },
                "lag": newest.saturating_sub(status.applied_index),
                "reachable": status.members.iter()
                    .filter(|member| member.reachable && member.name != status.node)
                    .map(|member| &member.name).collect::<Vec<_>>(),
            }),
            Err(reason) => {
                json!({ "node": row.name, "url": row.url, "up": false, "reason": reason })
            }
        })
        .collect()
}
