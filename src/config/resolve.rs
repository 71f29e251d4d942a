//! From a file as written to a config that holds: every check that needs more than one value.

use super::{
    ClusterConfig, ConfigError, MEMBERS_MAX, MemberConfig, Problem, ServerConfig, StorageConfig,
    Timing, chain,
    chain::Numbers,
    document::{Document, Key},
    file::{ClusterSection, File, ServerSection, StorageSection},
    members,
    overrides::{Origins, Overrides},
    process,
};
use crate::{
    consensus::is_founder,
    rpc::{Failures, Limits},
};
use alloy::primitives::B256;
use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

/// A minute: no interval or timeout of the consensus makes sense beyond it.
const TIMING_MAX_MS: u64 = 60_000;
/// 50 MiB: anvil's 2 MB break deployments in batches.
const REQUEST_BYTES_DEFAULT: usize = 50 << 20;
/// 256 MiB: traces and logs of whole ranges.
const RESPONSE_BYTES_DEFAULT: usize = 256 << 20;
const CONNECTIONS_DEFAULT: u64 = 4096;
/// Names of this machine to itself, and to the containers that run on it.
const LOCAL_NAMES: [&str; 2] = ["localhost", "host.docker.internal"];
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
    let founders = founders(file.cluster.founders.as_deref(), &members, &origins)?;
    let rules = chain::resolve(&file, &origins)?;
    let server = server(&file.server, &members, &origins)?;
    let mut storage = storage(&file.storage, &origins)?;
    if overrides.data_dir.is_none() {
        // A folder in the file is relative to the file, one in a flag to where the user is.
        storage.data_dir = storage.data_dir.map(|data_dir| folder.join(data_dir));
    }
    Ok(ClusterConfig {
        file: path.map(Path::to_owned),
        members,
        founders,
        chain: rules.spec,
        genesis_time: rules.genesis_time,
        wallet: rules.wallet,
        timing: timing(&file.cluster, &origins)?,
        reads: file.cluster.reads.unwrap_or_default(),
        server,
        peer_host: host(
            file.peers.host.as_deref(),
            Key::of("peers", "host"),
            &origins,
        )?,
        storage,
        files: process::resolve_files(file.files, folder, &origins)?,
        display: process::resolve_display(file.display, folder),
        process: file.process,
    })
}

/// The digest of the founders, which only a member that came later is told.
fn founders(
    text: Option<&str>,
    members: &[MemberConfig],
    origins: &Origins,
) -> Result<Option<B256>, ConfigError> {
    let Some(text) = text else {
        let later = members.iter().position(|member| !is_founder(member.id));
        return match later {
            None => Ok(None),
            Some(index) => {
                let key = Key::in_item("member", index, "id");
                Err(origins.invalid(key, Problem::NoFounders(members[index].id)))
            }
        };
    };
    let digest = text.parse().map_err(|_| {
        let key = Key::of("cluster", "founders");
        origins.invalid(key, Problem::Founders(text.to_owned()))
    })?;
    Ok(Some(digest))
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
        heartbeat_interval_ms: ms("heartbeat_interval_ms", section.heartbeat_interval_ms, 50)?,
        election_timeout_min_ms: ms(
            "election_timeout_min_ms",
            section.election_timeout_min_ms,
            300,
        )?,
        election_timeout_max_ms: ms(
            "election_timeout_max_ms",
            section.election_timeout_max_ms,
            400,
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

fn server(
    section: &ServerSection,
    members: &[MemberConfig],
    origins: &Origins,
) -> Result<ServerConfig, ConfigError> {
    let number = Numbers {
        origins,
        table: "server",
    };
    // A count, by its own name.
    macro_rules! count {
        ($name:ident, $default:expr, $min:literal) => {
            number.in_range(
                stringify!($name),
                section.$name,
                $default as u64,
                $min,
                u64::from(u32::MAX),
            )? as u32
        };
    }
    let limits = Limits::default();
    let host = host(section.host.as_deref(), Key::of("server", "host"), origins)?;
    let is_cors_on = section.cors.unwrap_or(true);
    let any_origin = || "*".to_owned();
    Ok(ServerConfig {
        host,
        allow_origin: is_cors_on.then(|| section.allow_origin.clone().unwrap_or_else(any_origin)),
        request_bytes_max: count!(request_bytes_max, REQUEST_BYTES_DEFAULT, 1024),
        response_bytes_max: count!(response_bytes_max, RESPONSE_BYTES_DEFAULT, 1024),
        connections_max: number.in_range(
            "connections_max",
            section.connections_max,
            CONNECTIONS_DEFAULT,
            1,
            1_000_000,
        )? as u32,
        cheats: section.cheats.unwrap_or(true),
        allow_faults: section.allow_faults.unwrap_or(false),
        batch_calls_max: count!(batch_calls_max, limits.batch_calls, 1),
        calls_per_connection_max: count!(calls_per_connection_max, limits.calls_per_connection, 1),
        subscriptions_per_connection_max: count!(
            subscriptions_per_connection_max,
            limits.subscriptions_per_connection,
            0
        ),
        filters_max: count!(filters_max, limits.filters, 0),
        filter_changes_max: count!(filter_changes_max, limits.filter_changes, 1),
        filter_idle_seconds: number.in_range(
            "filter_idle_seconds",
            section.filter_idle_seconds,
            limits.filter_idle.as_secs(),
            1,
            86_400,
        )?,
        call_gas_limit: section.call_gas_limit,
        allowed_hosts: allowed_hosts(section, host, members),
        rpc_endpoint: endpoint(section, origins)?,
        websockets: section.websockets.unwrap_or(true),
        ipc: section.ipc.clone(),
        errors: section.errors.unwrap_or_default(),
        failures: failures(section, origins)?,
    })
}

/// The names by which browsers may call, a guard against DNS rebinding as geth's `--http.vhosts`. A server that other
/// machines reach is called by names that nobody here knows, so it takes any unless the config says which.
fn allowed_hosts(
    section: &ServerSection,
    host: IpAddr,
    members: &[MemberConfig],
) -> Option<Vec<String>> {
    let named = section.allowed_hosts.clone();
    if named.is_none() && !host.is_loopback() {
        return None;
    }
    let named = named.unwrap_or_default();
    if named.iter().any(|name| name == "*") {
        return None;
    }
    let own = members
        .iter()
        .filter_map(|member| members::split_address(&member.member.rpc_address))
        .map(|(name, _)| name.to_owned());
    let usual = LOCAL_NAMES.iter().map(|name| (*name).to_owned());
    Some(usual.chain(own).chain(named).collect())
}

fn endpoint(section: &ServerSection, origins: &Origins) -> Result<Option<String>, ConfigError> {
    match section.rpc_endpoint.as_deref() {
        // ganache's default: the root.
        None | Some("" | "/") => Ok(None),
        Some(path) if path.starts_with('/') && !path.contains(['?', '#', ' ']) => {
            Ok(Some(path.to_owned()))
        }
        Some(path) => Err(origins.invalid(
            Key::of("server", "rpc_endpoint"),
            Problem::Endpoint(path.to_owned()),
        )),
    }
}

fn failures(section: &ServerSection, origins: &Origins) -> Result<Failures, ConfigError> {
    let ganache = section.vm_errors_on_rpc_response.unwrap_or(false);
    let hardhat = section.throw_on_transaction_failures.unwrap_or(false);
    match (ganache, hardhat) {
        (false, false) => Ok(Failures::InReceipts),
        (true, false) => Ok(Failures::AsGanache),
        (false, true) => Ok(Failures::AsHardhat),
        (true, true) => {
            let key = Key::of("server", "throw_on_transaction_failures");
            Err(origins.invalid(key, Problem::TwoFailureStyles))
        }
    }
}

fn storage(section: &StorageSection, origins: &Origins) -> Result<StorageConfig, ConfigError> {
    let number = Numbers {
        origins,
        table: "storage",
    };
    let ephemeral = section.ephemeral.unwrap_or(false);
    if ephemeral && section.data_dir.is_some() {
        return Err(origins.invalid(Key::of("storage", "ephemeral"), Problem::TwoPlaces));
    }
    Ok(StorageConfig {
        data_dir: section.data_dir.clone(),
        ephemeral,
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
