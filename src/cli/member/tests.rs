#![allow(clippy::unwrap_used)]

use super::*;

const BASE: &str = "\
[chain]
chain_id = 7
[[member]]
name = \"a\"
peer = \"127.0.0.1:3001\"
rpc = \"127.0.0.1:8501\"
public_key = \"d6c922bc69a0cc059565a80996188d11d29e78ded4115b1d24039ba25e655afb\"
secret_key = \"4ca246e3ab29c0085b5cbb797f86e6deea778c6e6584a45764ec10f9e0cebd7fd6c922bc69a0cc059565a80996188d11d29e78ded4115b1d24039ba25e655afb\"
[[member]]
name = \"b\"
peer = \"127.0.0.1:3002\"
rpc = \"127.0.0.1:8502\"
public_key = \"a757d4dbbeb8564e1a3575ba89a12fccaacf2940d86c453da8b3f881d1fcfdba\"
";

fn base(text: &str) -> Base {
    Base {
        name: "`lab.toml`".to_owned(),
        file: None,
        table: text.parse().unwrap(),
    }
}

fn config(text: &str) -> ClusterConfig {
    ClusterConfig::parse(text, None, &Overrides::default()).unwrap()
}

fn identity_of(config: &ClusterConfig) -> Identity {
    Identity {
        cluster_id: config.cluster_id(),
        founders: config.founders_digest(),
        genesis_timestamp: config.chain.genesis.timestamp,
    }
}

/// The members of [`BASE`] and a third one, the first of them gone.
fn members() -> Vec<Listed> {
    [
        (
            2,
            "b",
            "a757d4dbbeb8564e1a3575ba89a12fccaacf2940d86c453da8b3f881d1fcfdba",
        ),
        (
            16,
            "c",
            "009d53a3733c81375c2b5dfd4e7c51c14be84919d6e118198d35afd80965a52c",
        ),
    ]
    .into_iter()
    .map(|(id, name, key)| Listed {
        id,
        name: name.to_owned(),
        public_key: key.to_owned(),
        role: None,
        reachable: true,
        peer_address: format!("127.0.0.1:{}", 3000 + id),
        rpc_address: format!("127.0.0.1:{}", 8500 + id),
    })
    .collect()
}

#[test]
fn the_config_for_a_new_machine_is_whole_and_of_the_same_cluster() {
    let founders = config(BASE);
    let identity = identity_of(&founders);
    let base = base(BASE);
    base.check(&identity, &members(), "http://x").unwrap();
    let text = base
        .render(&identity, &members(), "c", Path::new("c.key"))
        .unwrap();
    assert!(!text.contains("4ca246e3"), "nobody else's secrets: {text}");
    let joined = config(&text);
    assert_eq!(joined.cluster_id(), founders.cluster_id());
    assert_eq!(joined.chain, founders.chain);
    assert_eq!(
        joined.members.iter().map(|it| it.id).collect::<Vec<_>>(),
        [2, 16]
    );
    let own = joined.member_named("c").unwrap();
    assert!(
        matches!(&own.secret, crate::config::SecretSource::KeyFile(path) if path == Path::new("c.key"))
    );
}

#[test]
fn a_config_of_another_chain_is_noticed() {
    let identity = identity_of(&config(BASE));
    let other = base(&BASE.replace("chain_id = 7", "chain_id = 8"));
    let error = other.check(&identity, &members(), "http://x").unwrap_err();
    assert!(error.to_string().contains("`lab.toml`"), "{error}");
}

#[test]
fn members_of_later_need_the_founders_digest_and_a_number_of_their_own() {
    let later = BASE.replace("name = \"b\"", "id = 16\nname = \"b\"");
    let error = ClusterConfig::parse(&later, None, &Overrides::default()).unwrap_err();
    assert!(
        error.to_string().contains("`founders` must stand"),
        "{error}"
    );
    let twice = BASE.replace("name = \"b\"", "id = 1\nname = \"b\"");
    let error = ClusterConfig::parse(&twice, None, &Overrides::default()).unwrap_err();
    assert!(
        error.to_string().contains("1 is already the number of a"),
        "{error}"
    );
}
