//! The public RPC suite of ethereum/execution-apis, on one node and on each node of three.
//!
//! `EXECUTION_APIS` names the folder `tests` of a clone; where it is not set, `../shared/execution-apis` is looked at;
//! where neither is there, nothing is played, and the test says so. Every case is played: one that is `speconly` is held
//! against its method's schema (`schemas.json`, where the folder has it), every other must be answered with the same
//! JSON, but for the sentence of an error.

#[path = "execution_apis/case.rs"]
mod case;
#[path = "execution_apis/schema.rs"]
mod schema;

use crate::harness::{Connection, Program, free_ports};
use case::Case;
use schema::Schemas;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A copy of the suite.
struct Suite {
    /// Where `genesis.json` and `chain.rlp` are.
    chain: PathBuf,
    cases: Vec<Case>,
    schemas: Option<Schemas>,
}

impl Suite {
    /// The suite, if there is one here.
    fn find() -> Option<Self> {
        let named = std::env::var_os("EXECUTION_APIS").map(PathBuf::from);
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/execution-apis");
        let folder = named.unwrap_or(beside);
        if !folder.is_dir() {
            eprintln!(
                "execution-apis: not played, because {} is not there; EXECUTION_APIS may name a clone's folder `tests`",
                folder.display()
            );
            return None;
        }
        let has_chain = |folder: &Path| folder.join("genesis.json").is_file();
        let chain = if has_chain(&folder) {
            folder.clone()
        } else {
            folder.join("..")
        };
        assert!(has_chain(&chain), "{}: no genesis.json", folder.display());
        let inner = folder.join("tests");
        let cases = Case::all(if inner.is_dir() { &inner } else { &folder });
        assert!(!cases.is_empty(), "{}: no cases", folder.display());
        let schemas = fs::read_to_string(chain.join("schemas.json")).ok();
        Some(Self {
            chain,
            cases,
            schemas: schemas.map(|text| Schemas::parse(&text)),
        })
    }

    /// Plays every case against one of `nodes` new nodes with the imported chain. Says what failed.
    async fn play(&self, nodes: u16, target: u16) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let port = free_ports(nodes);
        let file = |name: &str| self.chain.join(name).display().to_string();
        let args = [
            "--nodes".to_owned(),
            nodes.to_string(),
            "--port".to_owned(),
            port.to_string(),
            "--ephemeral".to_owned(),
            "--no-mining".to_owned(),
            // Checking a blob's proofs takes seconds in a debug build.
            "--write-timeout".to_owned(),
            "60000".to_owned(),
            "--genesis".to_owned(),
            file("genesis.json"),
            "--import-chain".to_owned(),
            file("chain.rlp"),
        ];
        let mut program = Program::start(folder.path(), args);
        program
            .until_printed("Listening on ", usize::from(nodes))
            .await;
        let address = format!("127.0.0.1:{}", port + target).parse().unwrap();
        let mut connection = Connection::open(address).await.unwrap();
        let mut failed = Vec::new();
        for case in &self.cases {
            if let Err(problem) = case.play(&mut connection, self.schemas.as_ref()).await {
                failed.push(format!("{}: {problem}", case.name));
            }
        }
        program.kill().await;
        eprintln!(
            "execution-apis: node {} of {nodes}: {} of {} cases pass",
            target + 1,
            self.cases.len() - failed.len(),
            self.cases.len()
        );
        failed
    }
}

#[tokio::test]
async fn one_node_passes_the_public_suite() {
    if let Some(suite) = Suite::find() {
        let failed = suite.play(1, 0).await;
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }
}

#[tokio::test]
async fn each_node_of_three_passes_the_public_suite() {
    if let Some(suite) = Suite::find() {
        let mut failed = Vec::new();
        for target in 0..3 {
            failed.extend(suite.play(3, target).await);
        }
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }
}
