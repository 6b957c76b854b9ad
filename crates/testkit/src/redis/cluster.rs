//! A Redis cluster of three masters, each of which can be killed and frozen.
//! It has no replicas: the slots of a node that is away are away.

use std::thread;
use std::time::{Duration, Instant};

use super::node::{Access, Node};
use super::number;

/// Nodes in the cluster: the fewest that Redis accepts.
const NODES: usize = 3;

/// Longest time in which the nodes must have found each other.
const AGREEMENT_LIMIT: Duration = Duration::from_secs(30);

/// Between two looks at what the nodes think of each other.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Three Redis masters without replicas. Every call blocks, and panics when it cannot be done.
///
/// Dropping it kills the servers, as does the end of the test process.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Node>,
}

impl RedisCluster {
    /// Starts three servers and waits until each of them serves its third of the slots.
    pub fn start() -> Self {
        let access = || Access { clustered: true, ..Access::default() };
        let nodes: anyhow::Result<Vec<_>> = (0..NODES).map(|_| Node::start(access())).collect();
        let cluster = Self { nodes: nodes.unwrap_or_else(|error| panic!("{error:#}")) };
        cluster.join();
        cluster.wait_until_whole();
        cluster
    }

    fn join(&self) {
        let addresses = self.addresses();
        let mut words = vec!["--cluster", "create"];
        words.extend(addresses.iter().map(String::as_str));
        words.extend(["--cluster-replicas", "0", "--cluster-yes"]);
        self.nodes[0].command(&words);
    }

    fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect()
    }

    /// The address, with all three nodes in it.
    pub fn url(&self) -> String {
        format!("redis-cluster://{}", self.addresses().join(","))
    }

    /// Waits until all three nodes agree that every slot is served. No node may be away.
    pub fn wait_until_whole(&self) {
        let deadline = Instant::now() + AGREEMENT_LIMIT;
        while !self.nodes.iter().all(is_content) {
            assert!(Instant::now() < deadline, "no agreement after {AGREEMENT_LIMIT:?}");
            #[expect(clippy::disallowed_methods, reason = "these calls block, by design")]
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Ends a node, 0 to 2, at once (`SIGKILL`), and waits until it is gone.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts a killed or still running node again. It is empty and knows its slots; follow it with
    /// [`RedisCluster::wait_until_whole`].
    pub fn restart(&mut self, node: usize) {
        self.nodes[node].restart().unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Freezes a node (`SIGSTOP`).
    pub fn pause(&mut self, node: usize) {
        self.nodes[node].pause();
    }

    /// Lets a frozen node go on (`SIGCONT`).
    pub fn resume(&mut self, node: usize) {
        self.nodes[node].resume();
    }

    /// Runs one command on one node, whatever slot it is about.
    pub fn command(&self, node: usize, words: &[&str]) -> String {
        self.nodes[node].command(words)
    }

    /// The node that serves a shard channel, or would if it were not away.
    pub fn node_of(&self, channel: &str) -> usize {
        let slot = number(&self.living().command(&["CLUSTER", "KEYSLOT", channel]));
        let map = self.living().command(&["CLUSTER", "NODES"]);
        let line = map.lines().find(|line| serves(line, slot)).expect("every slot has a node");
        let is_meant = |node: &Node| line.contains(&format!("127.0.0.1:{}@", node.port()));
        self.nodes.iter().position(is_meant).expect("it is one of the three")
    }

    /// How many connections are subscribed to a shard channel, on all nodes that answer.
    pub fn shard_subscribers(&self, channel: &str) -> u64 {
        let answering = self.nodes.iter().filter(|node| node.answers());
        answering.map(|node| number(&node.command(&["PUBSUB", "SHARDNUMSUB", channel]))).sum()
    }

    /// Publishes any bytes on a shard channel (`SPUBLISH`); how many subscribers got them.
    pub fn publish(&self, channel: &str, text: impl AsRef<[u8]>) -> u64 {
        let words = ["-c", "-x", "SPUBLISH", channel];
        number(&self.living().command_with_input(&words, text.as_ref()))
    }

    fn living(&self) -> &Node {
        self.nodes.iter().find(|node| node.answers()).expect("a node that answers")
    }
}

fn is_content(node: &Node) -> bool {
    let opinion = node.command(&["CLUSTER", "INFO"]);
    let says = |wanted: &str| opinion.lines().any(|line| line.trim_end() == wanted);
    says("cluster_state:ok") && says("cluster_slots_ok:16384") && says("cluster_known_nodes:3")
}

/// Whether a line of `CLUSTER NODES` is about the node with this slot: its ranges stand last.
fn serves(line: &str, slot: u64) -> bool {
    let ranges = line.split_whitespace().skip(8).filter_map(|range| range.split_once('-'));
    let mut bounds = ranges.filter_map(|(from, to)| Some(from.parse().ok()?..=to.parse().ok()?));
    bounds.any(|slots: std::ops::RangeInclusive<u64>| slots.contains(&slot))
}
