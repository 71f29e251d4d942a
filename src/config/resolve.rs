//! From a file as written to a config that holds: every check that needs more than one value.

use super::{
    ClusterConfig, ConfigError, MEMBERS_MAX, MemberConfig, Problem, ServerConfig, StorageConfig,
    Timing, chain,
    chain::Numbers,
    document::{Document, Key},
    file::{ClusterSection, File, ServerSection, StorageSection},
    members,
    overrides::{Origins, Overrides},
};
use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

/// A minute: no interval or timeout of the consensus makes sense beyond it.
const TIMING_MAX_MS: u64 = 60_000;
/// 50 MiB: anvil's 2 MB break deployments in batches.
const REQUEST_BYTES_DEFAULT: u64 = 50 << 20;
/// 256 MiB: traces and logs of whole ranges.
const RESPONSE_BYTES_DEFAULT: u64 = 256 << 20;
const CONNECTIONS_DEFAULT: u64 = 4096;
const SNAPSHOT_INTERVAL_DEFAULT: u64 = 10_000;

/// Checks a file with the flags over it.
pub(super) fn resolve(
    document: Document,
    mut file: File,
    path: Option<&Path>,
    overrides: &Overrides,
) -> Result<ClusterConfig, ConfigError> {
    let origins = overrides.apply(&mut file, document);
    let folder = path.and_then(Path::parent).unwrap_or(Path::new(""));
    let mut members = members::resolve(std::mem::take(&mut file.member), folder, &origins)?;
    if let Some(port) = overrides.port {
        move_to_ports(&mut members, port, &origins)?;
    }
    if overrides.genesis.is_none() {
        let genesis_file = &mut file.chain.genesis_file;
        *genesis_file = genesis_file.take().map(|path| folder.join(path));
    }
    let rules = chain::resolve(&file, &origins)?;
    let mut storage = storage(&file.storage, &origins)?;
    if overrides.data_dir.is_none() {
        // A folder in the file is relative to the file, one in a flag to where the user is.
        storage.data_dir = storage.data_dir.map(|data_dir| folder.join(data_dir));
    }
    Ok(ClusterConfig {
        file: path.map(Path::to_owned),
        members,
        chain: rules.spec,
        genesis_time: rules.genesis_time,
        wallet: rules.wallet,
        timing: timing(&file.cluster, &origins)?,
        reads: file.cluster.reads.unwrap_or_default(),
        server: server(&file.server, &origins)?,
        peer_host: host(
            file.peers.host.as_deref(),
            Key::of("peers", "host"),
            &origins,
        )?,
        storage,
    })
}

/// `--port P`: RPC at P, P+1, …; peers wherever the system has room, so that two clusters never meet.
fn move_to_ports(
    members: &mut [MemberConfig],
    port: u16,
    origins: &Origins,
) -> Result<(), ConfigError> {
    let count = members.len();
    for (index, member) in members.iter_mut().enumerate() {
        let own = match port {
            0 => 0,
            first => port_after(first, index).ok_or_else(|| {
                origins.invalid(
                    PORT,
                    Problem::PortRange {
                        port,
                        members: count,
                    },
                )
            })?,
        };
        member.member.rpc_address = with_port(&member.member.rpc_address, own);
        member.member.peer_address = with_port(&member.member.peer_address, 0);
    }
    Ok(())
}

/// A key that no file has: `--port` alone sets it.
const PORT: Key = Key::of("server", "port");

pub(super) fn port_after(first: u16, index: usize) -> Option<u16> {
    debug_assert!(index < MEMBERS_MAX, "members are counted before");
    u16::try_from(index)
        .ok()
        .and_then(|index| first.checked_add(index))
}

fn with_port(address: &str, port: u16) -> String {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    format!("{host}:{port}")
}

fn timing(section: &ClusterSection, origins: &Origins) -> Result<Timing, ConfigError> {
    let number = Numbers {
        origins,
        table: "cluster",
    };
    let ms = |name, value, default| number.in_range(name, value, default, 10, TIMING_MAX_MS);
    let timing = Timing {
        heartbeat_interval_ms: ms("heartbeat_interval_ms", section.heartbeat_interval_ms, 100)?,
        election_timeout_min_ms: ms(
            "election_timeout_min_ms",
            section.election_timeout_min_ms,
            300,
        )?,
        election_timeout_max_ms: ms(
            "election_timeout_max_ms",
            section.election_timeout_max_ms,
            600,
        )?,
        write_timeout_ms: ms("write_timeout_ms", section.write_timeout_ms, 5000)?,
    };
    if timing.election_timeout_min_ms <= timing.heartbeat_interval_ms {
        let key = Key::of("cluster", "election_timeout_min_ms");
        return Err(origins.invalid(key, Problem::ElectionTooShort(timing)));
    }
    if timing.election_timeout_max_ms <= timing.election_timeout_min_ms {
        let key = Key::of("cluster", "election_timeout_max_ms");
        return Err(origins.invalid(key, Problem::ElectionRange(timing)));
    }
    Ok(timing)
}

fn server(section: &ServerSection, origins: &Origins) -> Result<ServerConfig, ConfigError> {
    let number = Numbers {
        origins,
        table: "server",
    };
    let bytes = |name, value, default| {
        let value = number.in_range(name, value, default, 1024, u64::from(u32::MAX))?;
        Ok::<u32, ConfigError>(value as u32)
    };
    let is_cors_on = section.cors.unwrap_or(true);
    Ok(ServerConfig {
        host: host(section.host.as_deref(), Key::of("server", "host"), origins)?,
        allow_origin: is_cors_on.then(|| {
            section
                .allow_origin
                .clone()
                .unwrap_or_else(|| "*".to_owned())
        }),
        request_bytes_max: bytes(
            "request_bytes_max",
            section.request_bytes_max,
            REQUEST_BYTES_DEFAULT,
        )?,
        response_bytes_max: bytes(
            "response_bytes_max",
            section.response_bytes_max,
            RESPONSE_BYTES_DEFAULT,
        )?,
        connections_max: number.in_range(
            "connections_max",
            section.connections_max,
            CONNECTIONS_DEFAULT,
            1,
            1_000_000,
        )? as u32,
        cheats: section.cheats.unwrap_or(true),
        allow_faults: section.allow_faults.unwrap_or(false),
    })
}

fn storage(section: &StorageSection, origins: &Origins) -> Result<StorageConfig, ConfigError> {
    let number = Numbers {
        origins,
        table: "storage",
    };
    Ok(StorageConfig {
        data_dir: section.data_dir.clone(),
        snapshot_interval_entries: number.in_range(
            "snapshot_interval_entries",
            section.snapshot_interval_entries,
            SNAPSHOT_INTERVAL_DEFAULT,
            10,
            100_000_000,
        )?,
    })
}

fn host(text: Option<&str>, key: Key, origins: &Origins) -> Result<IpAddr, ConfigError> {
    match text {
        None | Some("localhost") => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        Some(text) => text
            .parse()
            .map_err(|_| origins.invalid(key, Problem::Host(text.to_owned()))),
    }
}
