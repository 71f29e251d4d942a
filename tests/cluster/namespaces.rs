//! Real networks between real processes: each node in a network namespace of its own, joined by a bridge, cut by routes
//! that lead nowhere. Skipped with a message where there are no rights to make them.

use crate::harness::{Cluster, Options, quantity};
use serde_json::json;
use std::{
    net::Ipv4Addr,
    process::{Command, id},
};

const SOMEBODY: &str = "0x00000000000000000000000000000000000ca5e5";

/// A network with a namespace for each node; gone when this is dropped.
struct Networks {
    name: String,
    count: u8,
}

/// Runs `ip`; whether it did what it should.
fn ip(args: &str) -> bool {
    let output = Command::new("ip").args(args.split(' ')).output();
    output.is_ok_and(|output| output.status.success())
}

impl Networks {
    /// `None` where there are no rights, or no `ip`.
    fn new(count: u8) -> Option<Self> {
        let networks = Self {
            name: format!("pr{}", id() % 1_000_000),
            count,
        };
        let name = &networks.name;
        let gateway = Self::address(254);
        let mut made = ip(&format!("link add {name} type bridge"))
            && ip(&format!("addr add {gateway}/24 dev {name}"))
            && ip(&format!("link set {name} up"));
        for number in 1..=count {
            let (space, address) = (networks.space(number), Self::address(number));
            made = made
                && ip(&format!("netns add {space}"))
                && ip(&format!(
                    "link add {name}v{number} type veth peer name eth0 netns {space}"
                ))
                && ip(&format!("link set {name}v{number} master {name} up"))
                && ip(&format!("-n {space} addr add {address}/24 dev eth0"))
                && ip(&format!("-n {space} link set eth0 up"))
                && ip(&format!("-n {space} link set lo up"));
        }
        made.then_some(networks)
    }

    fn space(&self, number: u8) -> String {
        format!("{}-{number}", self.name)
    }

    fn address(number: u8) -> Ipv4Addr {
        let id = id();
        Ipv4Addr::new(10, 200 + (id % 50) as u8, (id / 50 % 250) as u8, number)
    }

    /// What one node sends to another goes nowhere from now on; or arrives again.
    fn cut(&self, from: usize, to: usize, is_cut: bool) {
        let (from, to) = (from as u8 + 1, to as u8 + 1);
        let verb = if is_cut { "add" } else { "del" };
        let (space, address) = (self.space(from), Self::address(to));
        assert!(ip(&format!(
            "-n {space} route {verb} blackhole {address}/32"
        )));
    }

    fn isolate(&self, node: usize, is_cut: bool) {
        for other in (0..usize::from(self.count)).filter(|other| *other != node) {
            self.cut(node, other, is_cut);
            self.cut(other, node, is_cut);
        }
    }

    /// A cluster with a node in each namespace.
    async fn cluster(&self) -> Cluster {
        let options = Options {
            nodes: self.count,
            cluster: "write_timeout_ms = 4000",
            ..Options::default()
        };
        let places = (1..=self.count).map(|number| {
            let space = self.space(number);
            let through = ["ip", "netns", "exec", &space].map(str::to_owned);
            (Self::address(number), through.to_vec())
        });
        Cluster::start_at(&options, places.collect()).await
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for number in 1..=self.count {
            ip(&format!("netns del {}", self.space(number)));
            ip(&format!("link del {}v{number}", self.name));
        }
        ip(&format!("link del {}", self.name));
    }
}

async fn send(cluster: &Cluster, node: usize) {
    let node = &cluster.nodes[node];
    let accounts = node.patient("eth_accounts", json!([])).await;
    let request = json!([{"from": accounts[0], "to": SOMEBODY, "value": "0x1"}]);
    node.ask("eth_sendTransaction", request).await;
}

#[tokio::test]
async fn a_real_network_is_cut_between_the_nodes() {
    let Some(networks) = Networks::new(3) else {
        eprintln!("skipped: no rights to make network namespaces here");
        return;
    };
    let cluster = networks.cluster().await;
    let balance = json!([SOMEBODY, "latest"]);
    // The leader alone: the others go on, and it says that it cannot.
    let leader = cluster.leader().await;
    let others: Vec<usize> = (0..3).filter(|node| *node != leader).collect();
    networks.isolate(leader, true);
    send(&cluster, others[0]).await;
    send(&cluster, others[1]).await;
    let alone = &cluster.nodes[leader];
    let read = alone.call("eth_getBalance", balance.clone()).await;
    assert_eq!(read.unwrap_err().code(), Some(-32005));
    networks.isolate(leader, false);
    let read = alone.patient("eth_getBalance", balance.clone()).await;
    assert_eq!(quantity(&read), 2);
    // One way only: a follower hears the leader, but nobody hears it. It deposes nobody.
    let leader = cluster.leader().await;
    let mute = (0..3).find(|node| *node != leader).unwrap();
    for other in (0..3).filter(|other| *other != mute) {
        networks.cut(mute, other, true);
    }
    for _ in 0..3 {
        send(&cluster, leader).await;
    }
    for other in (0..3).filter(|other| *other != mute) {
        networks.cut(mute, other, false);
    }
    let read = cluster.nodes[mute].patient("eth_getBalance", balance).await;
    assert_eq!(quantity(&read), 5);
    assert_eq!(cluster.leader().await, leader);
    cluster.agree().await;
}
