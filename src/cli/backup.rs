//! `praline backup` and `praline restore`: a chain between a running cluster and a file.
//!
//! *Invariant.* A backup has its name only when it is whole: until then it is called `….part`, and that is removed when
//! something fails.

use super::{
    CliError,
    flags::{BackupFlags, RestoreFlags},
    http::{self, CallError},
    start,
};
use crate::{
    config::Overrides,
    node::{self, Keep, restore, restore::Restore},
    replica::backup::{BackupError, FILE_BEGINNING, Manifest, Sealing},
    telemetry::{Format, Printer, Progress, Target},
};
use alloy::primitives::{B256, hex};
use http_body_util::BodyExt as _;
use serde_json::json;
use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a node may take over the next piece.
const PIECE_TIME_LIMIT: Duration = Duration::from_mins(1);

/// A backup that was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    #[error("cannot write `{}`: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("`{}` is there already: choose another name, or a folder, in which it is named by its hash", .0.display())]
    Exists(PathBuf),
    #[error("{url}: {source}")]
    Node { url: String, source: CallError },
    #[error("the backup from {url} is not whole: {source}")]
    Broken { url: String, source: BackupError },
}

pub(super) fn backup(flags: &BackupFlags, printer: &Printer) -> Result<(), CliError> {
    start::block_on(async {
        let (path, hash) = fetch(flags, printer).await?;
        let manifest = restore::open(&path)?.manifest().clone();
        tell("Saved", &path, hash, &manifest, "", printer);
        Ok::<_, CliError>(())
    })
}

pub(super) fn restore(flags: RestoreFlags, printer: &Printer) -> Result<(), CliError> {
    let overrides = Overrides::default();
    let (config, data_root) = if let (Some(nodes), Some(root)) = (flags.nodes, &flags.data_dir) {
        let keep = Keep::Folder(root.clone());
        let config = node::generated(&keep, usize::from(nodes), start::DEFAULT_PORT, &overrides)?;
        (config, root.clone())
    } else {
        let config = start::load(flags.config.as_deref(), &overrides)?;
        let root = flags.data_dir.clone();
        let root = root.or_else(|| config.storage.data_dir.clone());
        let root = root.unwrap_or_else(|| start::beside(&config));
        (config, root)
    };
    let restore = Restore {
        file: flags.file.clone(),
        config,
        data_root: data_root.clone(),
        node: flags.node,
    };
    start::block_on(async {
        let restored = restore::restore(restore, printer).await?;
        let into = format!(
            " into {} of `{}`",
            restored.members.join(", "),
            data_root.display()
        );
        let (hash, manifest) = (restored.hash, &restored.manifest);
        tell("Restored", &flags.file, hash, manifest, &into, printer);
        Ok::<_, CliError>(())
    })
}

/// Whether a file begins like a backup.
pub(super) fn is_backup(path: &Path) -> bool {
    let mut beginning = [0; FILE_BEGINNING.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut beginning));
    read.is_ok() && beginning == *FILE_BEGINNING
}

/// One line about a backup.
pub(super) fn tell(
    verb: &str,
    path: &Path,
    hash: B256,
    manifest: &Manifest,
    more: &str,
    printer: &Printer,
) {
    let text = if printer.format() == Format::Json {
        json!({
            "event": verb.to_lowercase(), "file": path, "hash": hash, "logIndex": manifest.log_index,
            "head": { "number": manifest.head_number, "hash": manifest.head_hash },
        })
        .to_string()
    } else {
        format!(
            "{verb} `{}`{more}: blocks up to {} ({}), log entry {}, hash {hash}",
            path.display(),
            manifest.head_number,
            manifest.head_hash,
            manifest.log_index
        )
    };
    printer.print(Target::Stdout, text);
}

/// A file that is removed unless it is kept.
struct Part {
    path: PathBuf,
    kept: bool,
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            // It is called a part, so nobody takes it for a backup.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Brings the backup; its file and its hash.
async fn fetch(flags: &BackupFlags, printer: &Printer) -> Result<(PathBuf, B256), TransferError> {
    let in_folder = flags.path.is_dir();
    if flags.path.exists() && !in_folder {
        return Err(TransferError::Exists(flags.path.clone()));
    }
    let path = if in_folder {
        flags
            .path
            .join(format!("praline-{}.part", std::process::id()))
    } else {
        flags.path.with_added_extension("part")
    };
    let mut part = Part { path, kept: false };
    let hash = stream(&flags.node.url, &part.path, printer).await?;
    let path = if in_folder {
        let name = format!("praline-{}.backup", hex::encode(&hash[..8]));
        flags.path.join(name)
    } else {
        flags.path.clone()
    };
    let renamed = fs::rename(&part.path, &path);
    renamed.map_err(|source| TransferError::File {
        path: path.clone(),
        source,
    })?;
    part.kept = true;
    Ok((path, hash))
}

async fn stream(url: &str, path: &Path, printer: &Printer) -> Result<B256, TransferError> {
    let of_node = |source| TransferError::Node {
        url: url.to_owned(),
        source,
    };
    let unwritable = |source| TransferError::File {
        path: path.to_owned(),
        source,
    };
    let mut body = http::download(url, "/backup").await.map_err(of_node)?;
    let mut file = File::create(path).map_err(unwritable)?;
    let mut progress = Progress::new(printer.clone(), "Saving", 0);
    let mut sealing = Sealing::default();
    loop {
        let frame = tokio::time::timeout(PIECE_TIME_LIMIT, body.frame()).await;
        let frame = frame.map_err(|_| of_node(CallError::Timeout(PIECE_TIME_LIMIT.as_secs())))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| of_node(error.into()))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        file.write_all(&bytes).map_err(unwritable)?;
        sealing.update(&bytes);
        progress.advance(bytes.len() as u64, 0, 0);
    }
    let hash = sealing.finish();
    let hash = hash.map_err(|source| TransferError::Broken {
        url: url.to_owned(),
        source,
    })?;
    file.sync_all().map_err(unwritable)?;
    progress.finish();
    Ok(hash)
}
