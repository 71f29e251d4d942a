#![allow(clippy::unwrap_used)]

use super::{
    data_dir::{DataLocation, DataRoot, NodeDir, TemporaryRoot},
    generated,
    listeners::Listeners,
    slot::{self, Slot},
    *,
};
use crate::{
    config::{ClusterConfig, Overrides},
    replica::environment::Environment as _,
};
use std::{
    collections::BTreeSet,
    net::TcpListener,
    sync::{Arc, Barrier},
    thread,
};

/// A cluster whose ports are free now.
fn cluster(members: usize) -> ClusterConfig {
    let mut config = generate(members);
    let held: Vec<Listeners> = (0..members)
        .map(|index| {
            let listeners = Listeners::bind(&config, &config.members[index]).unwrap();
            listeners.settle(&mut config, index);
            listeners
        })
        .collect();
    drop(held);
    config
}

fn generate(members: usize) -> ClusterConfig {
    let secrets: Vec<[u8; 32]> = (1..=members).map(|number| [number as u8; 32]).collect();
    ClusterConfig::generate(&secrets, 0, &Overrides::default()).unwrap()
}

#[test]
fn three_that_start_at_once_get_three_slots() {
    for _ in 0..20 {
        let config = Arc::new(cluster(3));
        let root = tempfile::tempdir().unwrap();
        let start = Arc::new(Barrier::new(3));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (config, root) = (config.clone(), root.path().to_owned());
                let start = start.clone();
                thread::spawn(move || {
                    start.wait();
                    slot::take(&config, &root, None).unwrap()
                })
            })
            .collect();
        let slots: Vec<Slot> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        let members: BTreeSet<_> = slots.iter().map(|slot| slot.member).collect();
        assert_eq!(members, BTreeSet::from([1, 2, 3]));

        let error = slot::take(&config, root.path(), None).unwrap_err();
        assert!(matches!(error, NodeError::NoFreeSlot { .. }));
        assert_eq!(
            error.to_string(),
            "no member of the generated cluster is free to start here: node1 is running, node2 is running, node3 is \
             running; stop one, or name one with `--node`"
        );
        drop(slots);
        assert_eq!(slot::take(&config, root.path(), None).unwrap().member, 1);
    }
}

#[test]
fn a_slot_whose_port_is_taken_is_passed_over_and_named_when_asked_for() {
    let config = cluster(3);
    let root = tempfile::tempdir().unwrap();
    let other = TcpListener::bind(config.rpc_bind(&config.members[0])).unwrap();
    assert_eq!(slot::take(&config, root.path(), None).unwrap().member, 2);
    let error = slot::take(&config, root.path(), Some("node1")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "Address already in use (os error 98): node1 cannot listen for clients on {}; stop the program that uses it, \
             or choose another port with `--port` or in the config",
            other.local_addr().unwrap()
        )
    );
    let error = slot::take(&config, root.path(), Some("node9")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the generated cluster has no member `node9`; its members are node1, node2, node3"
    );
}

#[test]
fn a_member_of_another_machine_is_never_guessed() {
    let mut config = cluster(2);
    config.members[1].member.peer_address = "10.0.0.2:3000".to_owned();
    let root = tempfile::tempdir().unwrap();
    let error = slot::take(&config, root.path(), None).unwrap_err();
    assert!(matches!(error, NodeError::SlotUnknown { .. }), "{error}");
    assert!(slot::take(&config, root.path(), Some("node1")).is_ok());
}

#[test]
fn a_folder_is_worked_on_by_one_and_belongs_to_one_cluster() {
    let root = tempfile::tempdir().unwrap();
    let config = generate(1);
    let dir = NodeDir::open(root.path(), "node1").unwrap();
    assert!(matches!(
        NodeDir::open(root.path(), "node1"),
        Err(NodeError::DataInUse(_))
    ));
    assert_eq!(dir.identity().unwrap(), None);
    dir.claim(&config).unwrap();
    dir.claim(&config).unwrap();
    let identity = dir.identity().unwrap().unwrap();
    assert_eq!(identity.cluster_id, config.cluster_id());
    assert_eq!(identity.genesis_timestamp, config.chain.genesis.timestamp);
    drop(dir);

    let dir = NodeDir::open(root.path(), "node1").unwrap();
    let mut other = generate(1);
    other.chain.chain_id += 1;
    let sentence = dir.claim(&other).unwrap_err().to_string();
    assert!(
        sentence.contains("belongs to another cluster"),
        "{sentence}"
    );
    std::fs::write(dir.path().join("cluster.json"), "{}").unwrap();
    assert!(matches!(
        dir.claim(&config),
        Err(NodeError::Identity { .. })
    ));
}

#[test]
fn a_generated_cluster_keeps_its_keys_with_its_data() {
    let root = tempfile::tempdir().unwrap();
    let make = |keep: &Keep| {
        generated(keep, 2, 0, &Overrides::default())
            .unwrap()
            .cluster_id()
    };
    let kept = Keep::Folder(root.path().to_owned());
    assert_eq!(make(&kept), make(&kept));
    assert_ne!(make(&Keep::Memory), make(&Keep::Memory));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(root.path().join("node1/node.key"))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
}

#[test]
fn a_temporary_folder_goes_with_its_run_and_leftovers_with_the_next() {
    let parent = tempfile::tempdir().unwrap();
    let root = TemporaryRoot::create_in(parent.path()).unwrap();
    let path = root.path().to_owned();
    let data = DataRoot::Temporary(root);
    let member = data.member("node1").unwrap();
    assert_eq!(member.path(), Some(path.join("node1").as_path()));
    drop(member);
    drop(data);
    assert!(!path.exists());

    // A killed process leaves its folder; an old one without a holder of its lock is removed.
    let old = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    let leave = |name: &str| {
        let left = parent.path().join(name);
        std::fs::create_dir(&left).unwrap();
        let lock = std::fs::File::create(left.join("lock")).unwrap();
        std::fs::File::open(&left)
            .unwrap()
            .set_modified(old)
            .unwrap();
        (left, lock)
    };
    let (dead, _) = leave("praline-data-dead");
    let (alive, lock) = leave("praline-data-alive");
    lock.lock().unwrap();
    let (foreign, _) = leave("somebody-elses");
    let _root = TemporaryRoot::create_in(parent.path()).unwrap();
    assert!(!dead.exists());
    assert!(alive.exists() && foreign.exists());
    assert!(matches!(
        DataRoot::Memory.member("node1").unwrap(),
        DataLocation::Memory
    ));
}

#[test]
fn request_ids_never_repeat() {
    let (one, two) = (clock::World::new().unwrap(), clock::World::new().unwrap());
    let ids: BTreeSet<_> = (0..1000)
        .flat_map(|_| [one.request_id(), two.request_id()])
        .collect();
    assert_eq!(ids.len(), 2000);
}

#[test]
fn members_on_several_machines_are_not_one_process() {
    let mut config = cluster(2);
    config.members[1].member.peer_address = "10.0.0.2:3000".to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let printer = crate::telemetry::Printer::with_outputs(
        crate::telemetry::Format::Quiet,
        crate::telemetry::Style::default(),
        std::io::sink(),
        std::io::sink(),
    );
    let run = RunCluster {
        config,
        keep: Keep::Memory,
        config_out: None,
        import_chain: None,
        dumps: super::DumpFiles::default(),
        exit_with_stdin: false,
        instance: None,
        account_keys: None,
        output: super::Output::default(),
    };
    let error = runtime.block_on(run_cluster(run, &printer)).unwrap_err();
    assert!(matches!(error, NodeError::NotOneMachine { .. }));
}
