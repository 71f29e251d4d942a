//! From a config to a running process: all members in it, or one.

use super::{
    Instance, NodeError, Output,
    assemble::{self, Member},
    chain_file::import_file,
    clock,
    data_dir::{DataLocation, DataRoot, TemporaryRoot},
    dump_file::DumpFiles,
    listeners::Listeners,
    restore::restore_new,
    signals::Signals,
    slot,
};
use crate::{
    config::ClusterConfig,
    net::Neighbours,
    telemetry::{self, Banner, DataPlace, Format, NodeRow, Printer, account_keys, config_out},
    types::MemberId,
};
use futures::{
    future::{OptionFuture, join_all},
    stream::{FuturesUnordered, StreamExt as _},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a cluster in one process keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// In memory.
    Memory,
    /// In a temporary folder, removed at exit.
    Temporary,
    /// In a folder that stays.
    Folder(PathBuf),
}

/// A whole cluster in one process.
#[derive(Debug)]
pub struct RunCluster {
    /// The cluster.
    pub config: ClusterConfig,
    /// Where its data goes.
    pub keep: Keep,
    /// The file for `--config-out`.
    pub config_out: Option<PathBuf>,
    /// Blocks to start with.
    pub import_chain: Option<PathBuf>,
    /// Dumps to start with and to write.
    pub dumps: DumpFiles,
    /// The file in which a detached program tells of itself.
    pub instance: Option<PathBuf>,
    /// The file for the accounts and their keys, in ganache's form.
    pub account_keys: Option<PathBuf>,
    /// What is printed besides blocks.
    pub output: Output,
    /// Whether the end of standard input stops it, as SIGTERM does.
    pub exit_with_stdin: bool,
    /// A backup to start with.
    pub restore: Option<PathBuf>,
}

/// One member as a process.
#[derive(Debug)]
pub struct RunMember {
    /// The cluster.
    pub config: ClusterConfig,
    /// The folder of folders.
    pub data_root: PathBuf,
    /// Which member; `None`: the first free one.
    pub node: Option<String>,
    /// The file for `--config-out`.
    pub config_out: Option<PathBuf>,
    /// Blocks to start with.
    pub import_chain: Option<PathBuf>,
    /// Dumps to start with and to write.
    pub dumps: DumpFiles,
    /// What is printed besides blocks.
    pub output: Output,
    /// Whether the end of standard input stops it, as SIGTERM does.
    pub exit_with_stdin: bool,
}

/// Runs all members until a signal comes.
pub async fn run_cluster(run: RunCluster, printer: &Printer) -> Result<(), NodeError> {
    let mut signals = Signals::catch(run.exit_with_stdin)?;
    let RunCluster {
        mut config,
        keep,
        config_out,
        import_chain,
        dumps,
        instance,
        account_keys,
        output,
        exit_with_stdin: _,
        restore,
    } = run;
    if !config.is_on_one_machine() {
        return Err(NodeError::NotOneMachine {
            config: config.name(),
        });
    }
    let root = match keep {
        Keep::Memory => DataRoot::Memory,
        Keep::Temporary => DataRoot::Temporary(TemporaryRoot::create()?),
        Keep::Folder(path) => DataRoot::Kept(path),
    };
    let mut opened = Vec::with_capacity(config.members.len());
    for index in 0..config.members.len() {
        let data = root.member(&config.members[index].member.name)?;
        let listeners = Listeners::bind(&config, &config.members[index])?;
        listeners.settle(&mut config, index);
        opened.push((config.members[index].id, data, listeners));
    }
    if let Some(file) = &restore {
        restore_into(
            file,
            &mut config,
            opened.iter().map(|(_, data, _)| data),
            printer,
        )
        .await?;
    }
    let kept = kept_genesis_time(opened.iter().map(|(_, data, _)| data))?;
    config.settle_genesis_time(kept.unwrap_or_else(clock::now_seconds));
    let place = place_of(&root);
    run_opened(
        config,
        opened,
        Files {
            place: &place,
            config_out: config_out.as_deref(),
            import_chain: import_chain.as_deref(),
            dumps: &dumps,
            instance: instance.as_deref(),
            account_keys: account_keys.as_deref(),
            output,
        },
        printer,
        &mut signals,
    )
    .await
}

/// A new cluster begins with a backup.
async fn restore_into(
    file: &Path,
    config: &mut ClusterConfig,
    places: impl Iterator<Item = &DataLocation>,
    printer: &Printer,
) -> Result<(), NodeError> {
    let folders = places.map(|place| match place {
        DataLocation::Memory => Err(NodeError::RestoreNeedsFolders),
        DataLocation::Disk(folder) => Ok(folder),
    });
    let folders: Vec<_> = folders.collect::<Result<_, _>>()?;
    let restored = restore_new(file, config, &folders, printer).await;
    Ok(restored.map_err(Box::new)?)
}

/// Runs one member until a signal comes.
pub async fn run_member(run: RunMember, printer: &Printer) -> Result<(), NodeError> {
    let mut signals = Signals::catch(run.exit_with_stdin)?;
    let RunMember {
        mut config,
        data_root,
        node,
        config_out,
        import_chain,
        dumps,
        output,
        exit_with_stdin: _,
    } = run;
    let slot = slot::take(&config, &data_root, node.as_deref())?;
    let kept = kept_genesis_time([&slot.data])?;
    if let Some(seconds) = kept {
        // The folder was made by a cluster in one process, which had a start time of its own.
        config.settle_genesis_time(seconds);
    }
    let place = slot
        .data
        .path()
        .map_or(DataPlace::Memory, |path| DataPlace::Kept(path.to_owned()));
    let opened = vec![(slot.member, slot.data, slot.listeners)];
    run_opened(
        config,
        opened,
        Files {
            place: &place,
            config_out: config_out.as_deref(),
            import_chain: import_chain.as_deref(),
            dumps: &dumps,
            instance: None,
            account_keys: None,
            output,
        },
        printer,
        &mut signals,
    )
    .await
}

/// The genesis time that one of the folders remembers.
fn kept_genesis_time<'a>(
    places: impl IntoIterator<Item = &'a DataLocation>,
) -> Result<Option<u64>, NodeError> {
    for place in places {
        if let DataLocation::Disk(dir) = place
            && let Some(identity) = dir.identity()?
        {
            return Ok(Some(identity.genesis_timestamp));
        }
    }
    Ok(None)
}

fn place_of(root: &DataRoot) -> DataPlace {
    match root {
        DataRoot::Memory => DataPlace::Memory,
        DataRoot::Kept(path) => DataPlace::Kept(path.clone()),
        DataRoot::Temporary(root) => DataPlace::Temporary(root.path().to_owned()),
    }
}

/// What a shell shows for a process that SIGKILL has ended.
const EXIT_KILLED: i32 = 128 + 9;

/// What is read and written beside the data, and what is printed.
#[derive(Clone, Copy)]
struct Files<'a> {
    place: &'a DataPlace,
    config_out: Option<&'a Path>,
    import_chain: Option<&'a Path>,
    dumps: &'a DumpFiles,
    instance: Option<&'a Path>,
    account_keys: Option<&'a Path>,
    output: Output,
}

async fn run_opened(
    config: ClusterConfig,
    opened: Vec<(MemberId, DataLocation, Listeners)>,
    files: Files<'_>,
    printer: &Printer,
    signals: &mut Signals,
) -> Result<(), NodeError> {
    for sentence in config.warnings() {
        printer.warning(&sentence);
    }
    for (id, _, _) in &opened {
        if let Some(member) = config.member(*id) {
            config.secret_key(member)?;
        }
    }
    let config = Arc::new(config);
    let mut rows = Vec::with_capacity(opened.len());
    let mut members = Vec::with_capacity(opened.len());
    let (neighbours, voice) = (Neighbours::default(), (printer, files.output));
    for (id, data, listeners) in opened {
        if let DataLocation::Disk(dir) = &data {
            dir.claim(&config)?;
        }
        let name = config
            .member(id)
            .map_or_else(String::new, |m| m.member.name.clone());
        rows.push(NodeRow {
            name,
            rpc: listeners.rpc_address,
            peer: listeners.peer_address,
        });
        members
            .push(assemble::start_member(&config, id, data, listeners, &neighbours, voice).await?);
    }
    if let (Some(path), Some(member)) = (files.import_chain, members.first()) {
        import_file(member.backend(), path, printer)
            .await
            .map_err(Box::new)?;
    }
    if let Some(member) = members.first() {
        files.dumps.load_into(member.backend(), printer).await?;
    }
    for member in &mut members {
        member.serve().await?;
    }
    write_files(&config, &rows, files)?;
    Banner {
        config: &config,
        nodes: &rows,
        data: files.place,
    }
    .print(printer);
    if let Some(member) = members
        .first()
        .filter(|_| printer.format() != Format::Quiet)
    {
        let reasons = member.failure_reasons();
        tokio::spawn(telemetry::narrate(
            printer.clone(),
            member.events(),
            reasons,
        ));
    }
    let urls = rows.iter().map(|row| format!("http://{}", row.rpc));
    let instance = files
        .instance
        .map(|path| Instance::hold(path, urls.collect()).map_err(NodeError::io("write", path)));
    let _held = instance.transpose()?;
    wait(members, files.dumps, printer, signals).await
}

/// What SIGKILL does: to the process, or where others live in it, to the one member, which ends without a word.
fn kill(members: &mut Vec<Member>, name: &str) {
    if members.len() == 1 {
        std::process::exit(EXIT_KILLED);
    }
    if let Some(index) = members.iter().position(|member| member.name() == name) {
        tokio::spawn(members.remove(index).stop());
    }
}

/// Writes what scripts read.
fn write_files(
    config: &ClusterConfig,
    rows: &[NodeRow],
    files: Files<'_>,
) -> Result<(), NodeError> {
    let wanted = [
        files
            .config_out
            .map(|path| (path, config_out(config, rows))),
        files.account_keys.map(|path| (path, account_keys(config))),
    ];
    for (path, json) in wanted.into_iter().flatten() {
        std::fs::write(path, json.to_string()).map_err(NodeError::io("write", path))?;
    }
    Ok(())
}

/// Until a signal, or until no member can go on. One that stops by itself leaves the others running.
async fn wait(
    mut members: Vec<Member>,
    dumps: &DumpFiles,
    printer: &Printer,
    signals: &mut Signals,
) -> Result<(), NodeError> {
    let mut kills: FuturesUnordered<_> = members
        .iter_mut()
        .map(|member| {
            let (name, killed) = (member.name().to_owned(), member.killed());
            async move {
                killed.await;
                name
            }
        })
        .collect();
    let backend = members.first().map(|member| member.backend().clone());
    let mut failures: FuturesUnordered<_> = members
        .iter_mut()
        .map(|member| {
            let (name, stopped) = (member.name().to_owned(), member.stopped());
            async move {
                NodeError::Stopped {
                    member: name,
                    reason: stopped.await,
                }
            }
        })
        .collect();
    let mut result = Ok(());
    let regularly = backend
        .as_ref()
        .map(|backend| dumps.dump_regularly(backend, printer));
    let mut regularly = Box::pin(OptionFuture::from(regularly));
    loop {
        tokio::select! {
            () = signals.next() => break,
            Some(name) = kills.next() => kill(&mut members, &name),
            Some(()) = &mut regularly => {}
            Some(failure) = failures.next() => {
                if failures.is_empty() {
                    result = Err(failure);
                    break;
                }
                printer.error(&failure.to_string());
            }
        }
    }
    drop(regularly);
    if let Some(backend) = &backend {
        // It may take long; another signal cuts it short and leaves the old file.
        let dumped = tokio::select! {
            dumped = dumps.dump_from(backend, Some(printer)) => dumped,
            () = signals.next() => Ok(()),
        };
        if let (Err(error), true) = (dumped, result.is_ok()) {
            result = Err(error.into());
        }
    }
    signals
        .finish(async {
            if let [member] = members.as_slice() {
                member.hand_over().await;
            }
            join_all(members.into_iter().map(Member::stop)).await;
        })
        .await;
    result
}
