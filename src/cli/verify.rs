//! `praline verify`: whether a certificate, a backup or a data folder is what it should be, in one sentence.
//!
//! Everything is checked here, offline. Exit code 0: it is; 1: it is not, or it cannot be read.

use super::{CliError, backup, flags::VerifyFlags, start};
use crate::{
    config::{ClusterConfig, GenesisTime, Overrides, parse_public_key},
    node::{
        replay::{Beginning, StoppedNode},
        verify::{self, Verified},
    },
    replica::certificate::{Certificate, CertificateFault},
    telemetry::{Format, Printer, Target},
    types::PublicKey,
};
use serde::Deserialize;
use serde_json::json;
use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// The largest certificate: that of a cluster of the greatest size is a hundredth of this.
const CERTIFICATE_BYTES_MAX: u64 = 1 << 20;

/// What is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum VerifyError {
    #[error("cannot read `{}`: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "`{}` is no certificate ({source}); save what cluster_getCertificate answers",
        path.display()
    )]
    NotACertificate {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("`{}`: {source}", path.display())]
    Chain {
        path: PathBuf,
        source: Box<verify::VerifyError>,
    },
    #[error("the certificate of block {block} proves nothing: {fault}")]
    Certificate { block: u64, fault: CertificateFault },
    #[error(
        "the certificate of block {block} is of another cluster: its id is {found}, that of {config} is {wanted}"
    )]
    OtherCluster {
        block: u64,
        config: String,
        found: alloy::primitives::B256,
        wanted: alloy::primitives::B256,
    },
}

pub(super) fn run(flags: &VerifyFlags, printer: &Printer) -> Result<(), CliError> {
    if flags.path.is_dir() {
        for folder in folders(&flags.path) {
            let config = flags.config.as_deref();
            let config = config.map(|path| start::load(Some(path), &Overrides::default()));
            let found = StoppedNode::open(&folder, config.transpose()?)
                .map_err(verify::VerifyError::Replay)
                .and_then(|node| verify::folder(&node, printer));
            tell(&folder, found, printer)?;
        }
        Ok(())
    } else if backup::is_backup(&flags.path) {
        let found = verify::backup(&flags.path, printer);
        Ok(tell(&flags.path, found, printer)?)
    } else {
        certificate(flags, printer)
    }
}

/// The folder itself, or those of all members in a folder of folders.
fn folders(path: &Path) -> Vec<PathBuf> {
    let is_node = |path: &Path| path.join("log").is_dir();
    let below = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut nodes: Vec<_> = below
        .map(|entry| entry.path())
        .filter(|path| is_node(path))
        .collect();
    nodes.sort();
    if is_node(path) || nodes.is_empty() {
        return vec![path.to_owned()];
    }
    nodes
}

/// One sentence about a folder or a backup.
fn tell(
    path: &Path,
    found: Result<Verified, verify::VerifyError>,
    printer: &Printer,
) -> Result<(), VerifyError> {
    let found = found.map_err(|source| VerifyError::Chain {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let log = match found.beginning {
        Beginning::Genesis => format!(
            "entries 0 to {} of the log executed again from the genesis block gave {} of these blocks",
            found.last_index, found.executed_blocks
        ),
        Beginning::Checkpoint(index) if found.entries == 0 => {
            format!("no entries of the log follow the checkpoint at entry {index}")
        }
        Beginning::Checkpoint(index) => format!(
            "entries {} to {} of the log executed again from the checkpoint (what was before is purged) gave {} more",
            index + 1,
            found.last_index,
            found.executed_blocks
        ),
        Beginning::Backup(index) => format!("it ends with entry {index} of the log"),
    };
    let text = if printer.format() == Format::Json {
        json!({
            "verified": true, "path": path, "blocks": found.blocks, "head": found.head, "entries": found.entries,
            "logIndex": found.last_index, "executedBlocks": found.executed_blocks,
        })
        .to_string()
    } else {
        format!(
            "`{}` is whole: {} blocks up to {} with their hashes, links, transactions, signatures, receipts and indexes; \
             {} state roots recomputed from the history of the state; {log}.",
            path.display(),
            found.blocks,
            found.head,
            found.blocks,
        )
    };
    printer.print(Target::Stdout, text);
    Ok(())
}

/// A certificate as it is, or in the answer to a call.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wrapped {
    Answer { result: Certificate },
    Bare(Certificate),
}

fn certificate(flags: &VerifyFlags, printer: &Printer) -> Result<(), CliError> {
    let certificate = read_certificate(&flags.path)?;
    let (keys, whose) = keys(flags, &certificate)?;
    let block = certificate.block_number;
    let signed = certificate
        .check(&keys)
        .map_err(|fault| VerifyError::Certificate { block, fault })?;
    let text = if printer.format() == Format::Json {
        json!({ "verified": true, "certificate": certificate, "signed": signed, "members": keys.len() }).to_string()
    } else {
        format!(
            "Block {block} ({}) with state root {} was committed by entry {} of the log: {signed} of {} members have \
             signed it{whose}.",
            certificate.block_hash,
            certificate.state_root,
            certificate.index,
            keys.len(),
        )
    };
    printer.print(Target::Stdout, text);
    Ok(())
}

fn read_certificate(path: &Path) -> Result<Certificate, VerifyError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(CERTIFICATE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|source| VerifyError::Read {
            path: path.to_owned(),
            source,
        })?;
    let refuse = |source| VerifyError::NotACertificate {
        path: path.to_owned(),
        source,
    };
    match serde_json::from_str(&text) {
        Ok(Wrapped::Answer { result } | Wrapped::Bare(result)) => Ok(result),
        // The untagged error says nothing; that of the thing itself does.
        Err(_) => serde_json::from_str(&text).map_err(refuse),
    }
}

/// The keys to check against, and what to say of them.
fn keys(
    flags: &VerifyFlags,
    certificate: &Certificate,
) -> Result<(Vec<PublicKey>, &'static str), CliError> {
    if !flags.public_keys.is_empty() {
        let keys = flags.public_keys.iter().map(|text| {
            parse_public_key(text).map_err(|problem| CliError::Flag {
                flag: "--public-keys",
                reason: problem.to_string(),
            })
        });
        return Ok((keys.collect::<Result<_, _>>()?, ""));
    }
    if let Some(path) = &flags.config {
        let config = start::load(Some(path), &Overrides::default())?;
        check_cluster(&config, certificate)?;
        let keys = config.members.iter().map(|one| one.member.public_key);
        return Ok((keys.collect(), ""));
    }
    let keys = certificate.members.iter().map(|one| one.public_key);
    let whose = ", if the keys that it names itself are the cluster's (pass `--config` or `--public-keys` to be sure)";
    Ok((keys.collect(), whose))
}

/// The id depends on the genesis block's time, which a config may leave to the cluster's first start.
fn check_cluster(config: &ClusterConfig, certificate: &Certificate) -> Result<(), VerifyError> {
    let wanted = config.cluster_id();
    if wanted == certificate.cluster_id || config.genesis_time == GenesisTime::Start {
        return Ok(());
    }
    Err(VerifyError::OtherCluster {
        block: certificate.block_number,
        config: config.name(),
        found: certificate.cluster_id,
        wanted,
    })
}
