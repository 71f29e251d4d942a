//! What is printed once, when the sockets are open: anvil's sections, a table of nodes, one `Listening on` a node.
//!
//! alloy's node bindings take every line that starts with `(` after `Private Keys` for a key and the line after
//! `Chain ID` for the chain id, until the first `Listening on`; nothing here may disturb that.

use super::{printer::Printer, style::Style};
use crate::config::ClusterConfig;
use alloy::primitives::{U256, utils::format_ether};
use serde_json::json;
use std::{fmt::Write as _, net::SocketAddr, path::PathBuf};

const RULE: &str = "==================";

const ART: &str = r"
                        _ _
     _ __  _ __   __ _ | (_) _ __    ___
    | '_ \| '__| / _` || | || '_ \  / _ \
    | |_) | |   | (_| || | || | | ||  __/
    | .__/|_|    \__,_||_|_||_| |_| \___|
    |_|
";

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataPlace {
    /// Nowhere: memory.
    Memory,
    /// A folder that goes when the program ends.
    Temporary(PathBuf),
    /// A folder that stays.
    Kept(PathBuf),
}

/// A node that this process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// Where its RPC server listens.
    pub rpc: SocketAddr,
    /// Where it listens for peers; a single node does not.
    pub peer: Option<SocketAddr>,
}

/// Everything that the banner says.
#[derive(Clone, Debug)]
pub struct Banner<'a> {
    /// The cluster, its genesis time settled.
    pub config: &'a ClusterConfig,
    /// The nodes of this process.
    pub nodes: &'a [NodeRow],
    /// Where the data is.
    pub data: &'a DataPlace,
}

impl Banner<'_> {
    /// Prints all of it in the printer's format.
    pub fn print(&self, printer: &Printer) {
        printer.text(self.text(printer.style()));
        printer.json(&self.started());
        for node in self.nodes {
            printer.text(format!("Listening on {}", node.rpc));
            printer.json(&json!({
                "event": "listening", "node": node.name, "address": node.rpc.to_string(),
            }));
        }
    }

    /// The sections, without the `Listening on` lines.
    pub(super) fn text(&self, style: Style) -> String {
        let mut out = format!("{}\n    {}\n", style.green(ART), env!("CARGO_PKG_VERSION"));
        self.accounts(&mut out, style);
        self.chain(&mut out, style);
        self.nodes(&mut out, style);
        out
    }

    fn accounts(&self, out: &mut String, style: Style) {
        let spec = &self.config.chain;
        section(out, style, "Available Accounts");
        for (index, account) in spec.accounts.iter().enumerate() {
            let balance = spec
                .genesis
                .alloc
                .get(&account.address)
                .map_or(U256::ZERO, |a| a.balance);
            let _ = writeln!(
                out,
                "({index}) {} ({} ETH)",
                account.address,
                format_ether(balance)
            );
        }
        section(out, style, "Private Keys");
        for (index, account) in spec.accounts.iter().enumerate() {
            let _ = writeln!(out, "({index}) {}", account.key);
        }
        if let Some(wallet) = &self.config.wallet {
            let _ = write!(
                out,
                "\n{}\n{RULE}\nMnemonic:          {}\nDerivation path:   {}\n",
                style.green("Wallet"),
                wallet.mnemonic,
                wallet.derivation_path,
            );
        }
        out.push('\n');
    }

    fn chain(&self, out: &mut String, style: Style) {
        let spec = &self.config.chain;
        for (title, value) in [
            ("Chain ID", spec.chain_id),
            ("Base Fee", spec.genesis.base_fee),
            ("Gas Limit", spec.genesis.gas_limit),
            ("Genesis Timestamp", spec.genesis.timestamp),
            ("Genesis Number", spec.genesis.number),
        ] {
            section(out, style, title);
            let _ = writeln!(out, "{value}");
        }
    }

    fn nodes(&self, out: &mut String, style: Style) {
        section(out, style, "Nodes");
        let width = self
            .nodes
            .iter()
            .map(|node| node.name.len())
            .max()
            .unwrap_or(0);
        for NodeRow { name, rpc, peer } in self.nodes {
            let _ = write!(out, "{name:width$}  http://{rpc}  ws://{rpc}");
            let _ = match peer {
                Some(peer) => writeln!(out, "  peers at {peer}  voter"),
                None => writeln!(out),
            };
        }
        let data = match self.data {
            DataPlace::Memory => "in memory".to_owned(),
            DataPlace::Temporary(path) => format!("{} (removed at exit)", path.display()),
            DataPlace::Kept(path) => path.display().to_string(),
        };
        let _ = write!(out, "\nData:   {data}\nConfig: {}\n", self.config.name());
    }

    fn started(&self) -> serde_json::Value {
        let spec = &self.config.chain;
        json!({
            "event": "started",
            "version": env!("CARGO_PKG_VERSION"),
            "chainId": spec.chain_id,
            "clusterId": self.config.cluster_id(),
            "accounts": spec.accounts.iter().map(|account| account.address).collect::<Vec<_>>(),
            "genesisTimestamp": spec.genesis.timestamp,
            "members": self.config.members.iter().map(|m| &m.member.name).collect::<Vec<_>>(),
        })
    }
}

fn section(out: &mut String, style: Style, title: &str) {
    let _ = write!(out, "\n{}\n{RULE}\n\n", style.green(title));
}
