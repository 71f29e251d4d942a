//! `praline member`: who belongs to a running cluster, and changes of that.
//!
//! *Invariants.* The cluster decides, through whichever of its nodes answers first. A config for a new machine is made of
//! the config at hand and what the cluster says of itself; its digest must come out as the cluster's, so that a wrong
//! file is noticed here and not on the other machine.

use super::{CliError, flags::DisplayFlags, http, start};
use crate::{
    config::{
        BUILTIN_CONFIG, ClusterConfig, DEFAULT_CONFIG_PATH, Overrides, public_key_of, read_key_file,
    },
    telemetry::{Format, Printer, Target},
};
use alloy::primitives::B256;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io,
    path::{Path, PathBuf},
};
use toml::{Table, Value as Toml};

/// What `praline member` cannot do.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemberError {
    #[error("no node answers: {0}; start one, or name one with `--url`")]
    NoNode(String),
    #[error("{0}")]
    Refused(String),
    #[error("`{url}` answered what cannot be understood: {source}")]
    Answer {
        url: String,
        source: serde_json::Error,
    },
    #[error("the cluster has no member `{0}`; `praline member list` shows all")]
    Unknown(String),
    #[error(
        "name the new member's key: `--public-key HEX`, or `--key-file FILE` with the file here"
    )]
    NoKey,
    #[error("the key file `{}`: {problem}", path.display())]
    KeyFile {
        path: PathBuf,
        problem: crate::config::Problem,
    },
    #[error(
        "the cluster at {url} does not run on {config}, but on other rules, accounts or founders; name the config that its \
         nodes were started with (`--config FILE`)"
    )]
    OtherConfig { url: String, config: String },
    #[error("the config `{}` is no TOML: {source}", path.display())]
    Toml {
        path: PathBuf,
        source: toml::de::Error,
    },
    #[error("the config cannot be written: {0}")]
    Render(#[from] toml::ser::Error),
    #[error("cannot read the config `{}`: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

const EXAMPLES: &str = "\
Examples:
  praline keys --out node4.key                   an identity, made where the new node will run
  praline member add --name node4 --peer 127.0.0.1:30548 --rpc 127.0.0.1:8548 --key-file node4.key --out node4.toml
                                                 a learner, and the config for its machine
  praline node --config node4.toml --node node4  it gets the whole chain, and serves all of the RPC
  praline member promote node4                   it votes
  praline member remove node2                    for a machine that is gone, or whose disk is

A node whose disk was lost comes back under a new name with a new key: its old identity has promised things that it no
longer knows.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MemberFlags {
    #[command(subcommand)]
    command: MemberCommand,
}

#[derive(Debug, Subcommand)]
enum MemberCommand {
    /// Add a learner: a read replica, and print the config for its machine
    Add(Box<AddFlags>),
    /// Make the config for the machine of a member once more
    Config(ConfigFlags),
    /// Make a learner a voter
    Promote(NameFlags),
    /// Remove a member; its name and key can be given again, its number never is
    Remove(NameFlags),
    /// Show all members
    List(ListFlags),
}

/// Which cluster.
#[derive(Debug, Args)]
struct Where {
    /// The config [default: chain-config/cluster.toml, or the same as built in]
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "PRALINE_CONFIG",
        help_heading = "Cluster"
    )]
    config: Option<PathBuf>,
    /// Any node of the cluster, for example <http://127.0.0.1:8546> [default: those of the config]
    #[arg(short, long, value_name = "URL", help_heading = "Cluster")]
    url: Option<String>,
    #[command(flatten)]
    display: DisplayFlags,
}

#[derive(Debug, Args)]
struct AddFlags {
    /// Its name: letters, digits, - and _
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Where the other members reach it
    #[arg(long, value_name = "HOST:PORT")]
    peer: String,
    /// Where clients reach it
    #[arg(long, value_name = "HOST:PORT")]
    rpc: String,
    /// Its public key, as `praline keys --out FILE` printed it
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
    #[command(flatten)]
    machine: MachineFlags,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct ConfigFlags {
    /// The member
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    machine: MachineFlags,
    #[command(flatten)]
    place: Where,
}

/// What the config of one machine says of it.
#[derive(Debug, Args)]
struct MachineFlags {
    /// Its key file, as its config shall name it [default: NAME.key]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Write its config to a new file, in place of printing it
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl MachineFlags {
    fn key_file(&self, name: &str) -> PathBuf {
        let default = || PathBuf::from(format!("{name}.key"));
        self.key_file.clone().unwrap_or_else(default)
    }

    /// Prints the config, or writes it; nothing that is there is overwritten.
    fn give(&self, name: &str, text: String, printer: &Printer) -> Result<(), CliError> {
        let Some(path) = &self.out else {
            printer.print(Target::Stdout, text);
            return Ok(());
        };
        write_private(path, &text).map_err(|source| CliError::Write {
            path: path.clone(),
            source,
        })?;
        let said = match printer.format() {
            Format::Json => json!({ "name": name, "config": path }).to_string(),
            Format::Text | Format::Quiet => format!(
                "{name} is a member; start it with: praline node --config {} --node {name}",
                path.display(),
            ),
        };
        printer.print(Target::Stdout, said);
        Ok(())
    }
}

#[derive(Debug, Args)]
struct NameFlags {
    /// The member
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct ListFlags {
    #[command(flatten)]
    place: Where,
}

impl MemberFlags {
    pub(super) fn display(&self) -> &DisplayFlags {
        match &self.command {
            MemberCommand::Add(flags) => &flags.place.display,
            MemberCommand::Config(flags) => &flags.place.display,
            MemberCommand::Promote(flags) | MemberCommand::Remove(flags) => &flags.place.display,
            MemberCommand::List(flags) => &flags.place.display,
        }
    }
}

pub(super) fn run(flags: MemberFlags, printer: &Printer) -> Result<(), CliError> {
    match flags.command {
        MemberCommand::Add(flags) => add(&flags, printer),
        MemberCommand::Config(flags) => config(&flags, printer),
        MemberCommand::Promote(flags) => change(
            &flags,
            "cluster_promoteMember",
            "votes from now on",
            printer,
        ),
        MemberCommand::Remove(flags) => change(
            &flags,
            "cluster_removeMember",
            "is no member any more: stop it",
            printer,
        ),
        MemberCommand::List(flags) => start::block_on(async move {
            let cluster = Cluster::find(&flags.place).await?;
            let members = cluster.members().await?;
            printer.print(Target::Stdout, list(&members, printer.format()));
            Ok::<(), CliError>(())
        }),
    }
}

/// Asks for a change of one member and says what came of it.
fn change(flags: &NameFlags, method: &str, done: &str, printer: &Printer) -> Result<(), CliError> {
    start::block_on(async move {
        let cluster = Cluster::find(&flags.place).await?;
        cluster.work(method, &json!([flags.name])).await?;
        let text = match printer.format() {
            Format::Json => json!({ "name": flags.name }).to_string(),
            Format::Text | Format::Quiet => format!("{} {done}", flags.name),
        };
        printer.print(Target::Stdout, text);
        Ok::<(), CliError>(())
    })
}

fn add(flags: &AddFlags, printer: &Printer) -> Result<(), CliError> {
    let key_file = flags.machine.key_file(&flags.name);
    let public_key = match &flags.public_key {
        Some(key) => key.clone(),
        None if key_file.exists() => read_key_file(&key_file)
            .map(|key| public_key_of(&key).to_string())
            .map_err(|problem| MemberError::KeyFile {
                path: key_file.clone(),
                problem,
            })?,
        None => return Err(MemberError::NoKey.into()),
    };
    if let Some(path) = flags.machine.out.as_ref().filter(|path| path.exists()) {
        // Before the cluster has a member whose config cannot be written.
        return Err(CliError::Write {
            path: path.clone(),
            source: io::ErrorKind::AlreadyExists.into(),
        });
    }
    start::block_on(async move {
        let cluster = Cluster::find(&flags.place).await?;
        let base = Base::load(flags.place.config.as_deref())?;
        let identity = cluster.identity().await?;
        base.check(&identity, &cluster.members().await?, &cluster.url)?;
        let new = json!([{
            "name": flags.name, "publicKey": public_key, "peer": flags.peer, "rpc": flags.rpc
        }]);
        cluster.work("cluster_addMember", &new).await?;
        let members = cluster.members().await?;
        let text = base.render(&identity, &members, &flags.name, &key_file)?;
        flags.machine.give(&flags.name, text, printer)
    })
}

fn config(flags: &ConfigFlags, printer: &Printer) -> Result<(), CliError> {
    start::block_on(async move {
        let cluster = Cluster::find(&flags.place).await?;
        let base = Base::load(flags.place.config.as_deref())?;
        let (identity, members) = (cluster.identity().await?, cluster.members().await?);
        base.check(&identity, &members, &cluster.url)?;
        if members.iter().all(|it| it.name != flags.name) {
            return Err(MemberError::Unknown(flags.name.clone()).into());
        }
        let key_file = flags.machine.key_file(&flags.name);
        let text = base.render(&identity, &members, &flags.name, &key_file)?;
        flags.machine.give(&flags.name, text, printer)
    })
}

/// The config may hold phrases and keys of accounts.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

/// A node that speaks for its cluster.
#[derive(Debug)]
struct Cluster {
    url: String,
}

/// The answer to `cluster_identity`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    cluster_id: B256,
    founders: B256,
    genesis_timestamp: u64,
}

/// An element of the answer to `cluster_members`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: u64,
    name: String,
    public_key: String,
    role: Option<String>,
    reachable: bool,
    peer_address: String,
    rpc_address: String,
}

impl Cluster {
    /// The first node that answers.
    async fn find(place: &Where) -> Result<Self, CliError> {
        let urls: Vec<String> = match &place.url {
            Some(url) => vec![url.trim_end_matches('/').to_owned()],
            None => start::load(place.config.as_deref(), &Overrides::default())?
                .members
                .iter()
                .map(|member| format!("http://{}", member.member.rpc_address))
                .collect(),
        };
        let mut reasons = Vec::new();
        for url in urls {
            match http::call(&url, "cluster_leader").await {
                Ok(_) => return Ok(Self { url }),
                Err(error) => reasons.push(format!("{url}: {error}")),
            }
        }
        Err(MemberError::NoNode(reasons.join(", ")).into())
    }

    async fn work(&self, method: &str, params: &Value) -> Result<Value, MemberError> {
        http::work(&self.url, method, params)
            .await
            .map_err(|error| match error {
                http::CallError::Rpc(sentence) => MemberError::Refused(
                    sentence
                        .strip_prefix("invalid argument 0: ")
                        .unwrap_or(&sentence)
                        .to_owned(),
                ),
                other => MemberError::NoNode(format!("{}: {other}", self.url)),
            })
    }

    async fn ask<T: for<'a> Deserialize<'a>>(&self, method: &str) -> Result<T, MemberError> {
        let answer = self.work(method, &json!([])).await?;
        serde_json::from_value(answer).map_err(|source| MemberError::Answer {
            url: self.url.clone(),
            source,
        })
    }

    async fn identity(&self) -> Result<Identity, MemberError> {
        self.ask("cluster_identity").await
    }

    async fn members(&self) -> Result<Vec<Listed>, MemberError> {
        self.ask("cluster_members").await
    }
}

fn list(members: &[Listed], format: Format) -> String {
    if format == Format::Json {
        let all = members.iter().map(|it| {
            json!({
                "id": it.id, "name": it.name, "publicKey": it.public_key, "role": it.role,
                "reachable": it.reachable, "peer": it.peer_address, "rpc": it.rpc_address,
            })
        });
        return all.collect::<Value>().to_string();
    }
    let mut rows =
        vec![["ID", "NAME", "ROLE", "REACHABLE", "PEER", "RPC", "KEY"].map(str::to_owned)];
    rows.extend(members.iter().map(|it| {
        [
            it.id.to_string(),
            it.name.clone(),
            it.role.clone().unwrap_or_else(|| "-".to_owned()),
            if it.reachable { "yes" } else { "no" }.to_owned(),
            it.peer_address.clone(),
            it.rpc_address.clone(),
            it.public_key.clone(),
        ]
    }));
    super::status::aligned(&rows)
}

/// The config at hand, which the new machine's is made of.
#[derive(Debug)]
struct Base {
    name: String,
    file: Option<PathBuf>,
    table: Table,
}

impl Base {
    /// The file that is named, or the one that all commands take.
    fn load(path: Option<&Path>) -> Result<Self, MemberError> {
        let default = Path::new(DEFAULT_CONFIG_PATH);
        let file = path
            .or_else(|| default.exists().then_some(default))
            .map(Path::to_owned);
        let text = match &file {
            None => BUILTIN_CONFIG.to_owned(),
            Some(path) => std::fs::read_to_string(path).map_err(|source| MemberError::Read {
                path: path.clone(),
                source,
            })?,
        };
        Ok(Self {
            name: file.as_ref().map_or_else(
                || "the built-in config".to_owned(),
                |path| format!("`{}`", path.display()),
            ),
            table: text.parse().map_err(|source| MemberError::Toml {
                path: file.clone().unwrap_or_default(),
                source,
            })?,
            file,
        })
    }

    /// Whether the cluster runs on this config: its digest must come out the same.
    fn check(&self, identity: &Identity, members: &[Listed], url: &str) -> Result<(), CliError> {
        let text =
            toml::to_string(&self.joined(identity, members, None)).map_err(MemberError::from)?;
        let config = ClusterConfig::parse(&text, self.file.as_deref(), &Overrides::default())?;
        if config.cluster_id() == identity.cluster_id {
            return Ok(());
        }
        Err(MemberError::OtherConfig {
            url: url.to_owned(),
            config: self.name.clone(),
        }
        .into())
    }

    /// The config of the member `name`.
    fn render(
        &self,
        identity: &Identity,
        members: &[Listed],
        name: &str,
        key_file: &Path,
    ) -> Result<String, MemberError> {
        let table = self.joined(identity, members, Some((name, key_file)));
        let genesis = table
            .get("chain")
            .and_then(|chain| chain.get("genesis_file"))
            .and_then(Toml::as_str)
            .map(|path| format!("# It needs `{path}` of the cluster's machines beside it.\n"));
        Ok(format!(
            "# The config of {name}, made by `praline member add`: start it with `praline node --config FILE --node {name}`,\n\
             # with its key file beside this file (mode 0600).\n{}\n{}",
            genesis.unwrap_or_default(),
            toml::to_string(&table)?
        ))
    }

    /// The config with the cluster's own members and identity; `own`: who shall run on it, with its key file.
    fn joined(&self, identity: &Identity, members: &[Listed], own: Option<(&str, &Path)>) -> Table {
        let mut table = self.table.clone();
        let founders = Toml::from(identity.founders.to_string());
        set(&mut table, "cluster", "founders", founders);
        if let Ok(seconds) = i64::try_from(identity.genesis_timestamp)
            && !has(&table, "chain", "genesis_file")
        {
            set(&mut table, "chain", "genesis_timestamp", seconds.into());
        }
        let members = members.iter().map(|member| {
            let mut section = Table::new();
            // TOML's numbers end where i64 does, and so do indices of any log in this world.
            section.insert(
                "id".into(),
                i64::try_from(member.id).unwrap_or(i64::MAX).into(),
            );
            section.insert("name".into(), member.name.clone().into());
            section.insert("peer".into(), member.peer_address.clone().into());
            section.insert("rpc".into(), member.rpc_address.clone().into());
            section.insert("public_key".into(), member.public_key.clone().into());
            if let Some((name, key_file)) = own
                && name == member.name
            {
                section.insert("key_file".into(), key_file.display().to_string().into());
            }
            Toml::Table(section)
        });
        table.insert("member".into(), Toml::Array(members.collect()));
        table
    }
}

fn has(table: &Table, section: &str, key: &str) -> bool {
    table.get(section).is_some_and(|it| it.get(key).is_some())
}

fn set(table: &mut Table, section: &str, key: &str, value: Toml) {
    let section = table
        .entry(section)
        .or_insert_with(|| Toml::Table(Table::new()));
    if let Toml::Table(section) = section {
        section.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests;
