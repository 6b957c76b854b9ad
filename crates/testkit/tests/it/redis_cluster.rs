//! The Redis cluster of the tests behaves like one in production, faults included.

use fleetwire_testkit::RedisCluster;

use crate::redis::Subscriber;

const CHANNEL: &str = "response:1";

/// The port of each node, from the address.
fn ports(cluster: &RedisCluster) -> Vec<u16> {
    let url = cluster.url();
    let nodes = url.strip_prefix("redis-cluster://").unwrap().split(',');
    nodes.map(|node| node.strip_prefix("127.0.0.1:").unwrap().parse().unwrap()).collect()
}

#[test]
fn a_text_published_anywhere_reaches_who_is_subscribed_to_its_shard() {
    let cluster = RedisCluster::start();
    let ports = ports(&cluster);
    assert_eq!(ports.len(), 3);
    for channel in ["response:1", "response:2", "response:3", "response:4"] {
        let port = ports[cluster.node_of(channel)];
        let mut subscriber = Subscriber::start(port, &format!("SSUBSCRIBE {channel}"));
        assert_eq!(cluster.shard_subscribers(channel), 1);
        assert_eq!(cluster.publish(channel, r#"{"event":"response"}"#), 1);
        subscriber.waits_for(r#"{"event":"response"}"#).unwrap();
    }
}

#[test]
fn a_killed_node_takes_its_slots_along_and_brings_them_back() {
    let mut cluster = RedisCluster::start();
    let node = cluster.node_of(CHANNEL);
    let mut subscriber = Subscriber::start(ports(&cluster)[node], "SSUBSCRIBE response:1");
    cluster.kill(node);
    assert!(subscriber.waits_for("more").is_err());
    assert_eq!(cluster.shard_subscribers(CHANNEL), 0);
    assert_eq!(cluster.node_of(CHANNEL), node);
    cluster.restart(node);
    cluster.wait_until_whole();
    let mut subscriber = Subscriber::start(ports(&cluster)[node], "SSUBSCRIBE response:1");
    assert_eq!(cluster.publish(CHANNEL, "again"), 1);
    subscriber.waits_for("again").unwrap();
}

#[test]
fn a_frozen_node_rejoins_when_it_is_resumed() {
    let mut cluster = RedisCluster::start();
    cluster.pause(0);
    assert_eq!(cluster.shard_subscribers(CHANNEL), 0);
    cluster.resume(0);
    cluster.wait_until_whole();
    assert_eq!(cluster.command(0, &["PING"]), "PONG");
}
