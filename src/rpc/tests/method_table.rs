//! README's table of methods: what ganache, anvil and Hardhat know (`methods.tsv`) beside what is registered here.
//!
//! The test fails if README's table is another one. `PRALINE_REWRITE=1 cargo test --lib method_table` writes it.
#![allow(clippy::unwrap_used)]

use crate::rpc::method_names;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

const OTHERS: &str = include_str!("methods.tsv");
const BEGIN: &str = "<!-- method table: begin -->";
const END: &str = "<!-- method table: end -->";

/// What the others say to a method.
#[derive(Clone, Copy, Debug, Default)]
struct Others<'a> {
    ganache: &'a str,
    anvil: &'a str,
    hardhat: &'a str,
}

fn others() -> BTreeMap<&'static str, Others<'static>> {
    let lines = OTHERS.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut columns = line.split('\t');
            let method = columns.next().unwrap();
            let mut column = || columns.next().unwrap();
            let others = Others {
                ganache: column(),
                anvil: column(),
                hardhat: column(),
            };
            (method, others)
        })
        .collect()
}

fn cell(value: &str) -> &str {
    match value {
        "" | "-" => "",
        "yes" | "1.7.1" => "✓",
        other => other,
    }
}

/// The table with its markers.
fn table() -> String {
    let (others, own): (_, BTreeSet<&str>) = (others(), method_names().collect());
    let names: BTreeSet<&str> = others.keys().copied().chain(own.iter().copied()).collect();
    let mut by_namespace: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in &names {
        let namespace = name.split('_').next().unwrap();
        by_namespace.entry(namespace).or_default().push(name);
    }
    let has = |column: fn(&Others<'static>) -> &'static str| {
        others
            .values()
            .filter(|o| !cell(column(o)).is_empty())
            .count()
    };
    let mut out = format!("{BEGIN}\n<details>\n<summary>");
    let (ganache, anvil, hardhat) = (
        has(|others| others.ganache),
        has(|others| others.anvil),
        has(|others| others.hardhat),
    );
    writeln!(
        out,
        "All methods: {} here, {ganache} in ganache 7.9.2, {anvil} in anvil (1.7.1 and its main branch), {hardhat} in Hardhat 3</summary>",
        own.len(),
    )
    .unwrap();
    for (namespace, names) in by_namespace {
        let known = names.iter().filter(|name| own.contains(*name)).count();
        writeln!(out, "\n**`{namespace}_`** ({known})\n").unwrap();
        writeln!(out, "| method | ganache | anvil | Hardhat | Praline |").unwrap();
        writeln!(out, "|---|:-:|:-:|:-:|:-:|").unwrap();
        for name in names {
            let theirs = others.get(name).copied().unwrap_or_default();
            let ours = if own.contains(name) { "✓" } else { "" };
            writeln!(
                out,
                "| `{name}` | {} | {} | {} | {ours} |",
                cell(theirs.ganache),
                cell(theirs.anvil),
                cell(theirs.hardhat)
            )
            .unwrap();
        }
    }
    write!(out, "\n</details>\n{END}").unwrap();
    out
}

#[test]
fn the_readme_has_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let start = readme.find(BEGIN).unwrap();
    let end = readme.find(END).unwrap() + END.len();
    let table = table();
    if std::env::var_os("PRALINE_REWRITE").is_some() {
        let written = format!("{}{table}{}", &readme[..start], &readme[end..]);
        fs::write(&path, written).unwrap();
        return;
    }
    assert!(
        readme[start..end] == table,
        "README's table of methods is old; `PRALINE_REWRITE=1 cargo test --lib method_table` writes the new one"
    );
}

/// What Praline leaves out: forks of live networks, and what belongs to other networks (Tempo's tokens, fee payers and
/// lanes).
const LEFT_OUT: &[&str] = &[
    "anvil_classifyTransaction",
    "anvil_dealTIP20",
    "anvil_setFeeAmmLiquidity",
    "anvil_setFeeToken",
    "anvil_setRpcUrl",
    "anvil_setValidatorFeeToken",
    "eth_getCompilers",
    "eth_signRawTransaction",
];

#[test]
fn nothing_else_is_missing() {
    let own: BTreeSet<&str> = method_names().collect();
    let missing: Vec<_> = others()
        .into_keys()
        .filter(|name| !own.contains(name) && !LEFT_OUT.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let there: Vec<_> = LEFT_OUT
        .iter()
        .filter(|name| own.contains(**name))
        .collect();
    assert!(there.is_empty(), "not left out: {there:?}");
}
