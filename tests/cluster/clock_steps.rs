//! Wall clocks that jump, under real processes: NTP that steps, a laptop that wakes up, somebody who types `date -s`.
//! A small library that is preloaded puts the clock of each process where a file says (`clock_steps.c`).

use crate::{
    harness::{Cluster, Options, quantity},
    load::Load,
};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Builds the library; `None` where there is no C compiler, or libraries are not preloaded so.
fn library(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/clock_steps.c");
    let library = folder.join("clock_steps.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .status();
    if cfg!(target_os = "linux") && built.is_ok_and(|status| status.success()) {
        return Some(library);
    }
    eprintln!("no C compiler for a library that steps clocks: this test is left out");
    None
}

/// Three nodes with clocks of their own.
struct Clocks {
    cluster: Cluster,
    files: Vec<PathBuf>,
}

impl Clocks {
    async fn start(library: &Path) -> Self {
        let mut cluster = Cluster::planned(&Options::default());
        let mut files = Vec::new();
        for (number, node) in cluster.nodes.iter_mut().enumerate() {
            let file = library.with_file_name(format!("clock-{number}"));
            fs::write(&file, "0").unwrap();
            node.start_through(&[
                "env",
                &format!("LD_PRELOAD={}", library.display()),
                &format!("CLOCK_STEP_FILE={}", file.display()),
            ]);
            files.push(file);
        }
        Self {
            cluster: cluster.started().await,
            files,
        }
    }

    /// Steps a clock to so many seconds beside the true time, in one write that a reader sees whole or not at all.
    fn step(&self, node: usize, seconds: i64) {
        let next = self.files[node].with_extension("next");
        fs::write(&next, seconds.to_string()).unwrap();
        fs::rename(next, &self.files[node]).unwrap();
    }

    async fn head_timestamp(&self) -> i64 {
        let head = self.cluster.running().next().unwrap().head().await;
        i64::try_from(quantity(&head["timestamp"])).unwrap()
    }
}

fn now() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[tokio::test]
async fn clocks_that_are_stepped_under_load_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(library) = library(folder.path()) else {
        return;
    };
    let mut clocks = Clocks::start(&library).await;
    let load = Load::start(&clocks.cluster, 8).await;
    load.more(100).await;
    let leader = clocks.cluster.leader().await;
    clocks.step(leader, DAY);
    load.more(100).await;
    let ahead = clocks.head_timestamp().await - now();
    assert!(
        (DAY - HOUR..DAY + HOUR).contains(&ahead),
        "the step of the leader's clock was not seen: {ahead} seconds"
    );
    let followers = [(leader + 1) % 3, (leader + 2) % 3];
    clocks.step(followers[0], -HOUR);
    clocks.step(followers[1], -2 * DAY);
    load.more(100).await;
    // Back before all blocks there are: their times go on all the same.
    clocks.step(leader, -DAY);
    load.more(100).await;
    clocks.cluster.nodes[leader].kill().await;
    load.more(200).await;
    clocks.cluster.nodes[leader].restart().await;
    for (node, seconds) in [(leader, 0), (followers[0], 0), (followers[1], 7)] {
        clocks.step(node, seconds);
    }
    load.more(100).await;
    let account = load.finish().await;
    assert_eq!(account.refused, Vec::<String>::new());
    account.check_all(&clocks.cluster).await;
    let node = &clocks.cluster.nodes[0];
    let head = quantity(&node.head().await["number"]);
    let mut before = 0;
    for number in 0..=head {
        let block = json!([format!("{number:#x}"), false]);
        let block = node.ask("eth_getBlockByNumber", block).await;
        let timestamp = quantity(&block["timestamp"]);
        assert!(timestamp >= before, "block {number} is before its parent");
        before = timestamp;
    }
}
