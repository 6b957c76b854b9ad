//! A connection to one Redis server, or to a cluster of them.
//!
//! Refuses to come back by itself: whoever holds it notices that it broke, and opens another.

use super::PATIENCE;
use ::redis::aio::{AsyncPushSender, MultiplexedConnection};
use ::redis::cluster::ClusterClientBuilder;
use ::redis::cluster_async::ClusterConnection;
use ::redis::{
    AsyncCommands, AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo,
    FromRedisValue, IntoConnectionInfo, ProtocolVersion, RedisResult, TlsCertificates, Value, cmd,
    pipe,
};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::sync::Arc;

/// How many channels one command names.
const AT_ONCE: usize = 256;

/// Where the bus is, and whom its certificate has to come from.
#[derive(Clone)]
pub(crate) struct Place {
    servers: Servers,
    /// In PEM; `None` = from anybody whom the system trusts.
    authority: Option<Arc<str>>,
}

#[derive(Clone)]
enum Servers {
    /// One server.
    Single(Box<ConnectionInfo>),
    /// Some nodes of a cluster; the others are learnt from them.
    Cluster(Vec<ConnectionInfo>),
}

/// Why a text is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "redis_url must be redis://[user:password@]host:port, rediss://… for TLS, or \
     redis-cluster://… (rediss-cluster://…) with host:port,host:port,… of a cluster"
)]
pub struct NotAnAddress;

impl Place {
    /// The place of a URL.
    ///
    /// # Errors
    ///
    /// [`NotAnAddress`], which does not repeat the URL: there may be a password in it.
    pub(crate) fn parse(url: &str) -> Result<Self, NotAnAddress> {
        let (scheme, rest) = url.split_once("://").ok_or(NotAnAddress)?;
        match scheme {
            "redis" | "rediss" => Ok(Servers::Single(Box::new(info(scheme, rest)?))),
            "redis-cluster" => Servers::cluster("redis", rest),
            "rediss-cluster" => Servers::cluster("rediss", rest),
            _ => Err(NotAnAddress),
        }
        .map(|servers| Self { servers, authority: None })
    }

    /// The same, believed by this authority alone.
    pub(crate) fn vouched_for_by(self, authority: &str) -> Self {
        Self { authority: Some(authority.into()), ..self }
    }

    /// The hosts that do not have to prove who they are.
    pub(crate) fn unverified_hosts(&self) -> impl Iterator<Item = &str> {
        let nodes = match &self.servers {
            Servers::Single(node) => std::slice::from_ref(&**node),
            Servers::Cluster(nodes) => nodes,
        };
        nodes.iter().filter_map(|node| {
            let ConnectionAddr::Tcp(host, _) = node.addr() else { return None };
            Some(host.as_str())
        })
    }

    fn certificates(&self) -> Option<TlsCertificates> {
        let root_cert = self.authority.as_ref().map(|pem| pem.as_bytes().to_vec());
        let is_plain = self.unverified_hosts().next().is_some();
        (root_cert.is_some() && !is_plain)
            .then_some(TlsCertificates { client_tls: None, root_cert })
    }

    /// Opens a connection whose pushes go to `on_push`, which must not block.
    pub(super) async fn connect(&self, on_push: impl AsyncPushSender) -> RedisResult<Line> {
        match &self.servers {
            Servers::Single(place) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(PATIENCE))
                    .set_response_timeout(Some(PATIENCE))
                    .set_push_sender(on_push);
                let client = match self.certificates() {
                    Some(certificates) => Client::build_with_tls(*place.clone(), certificates)?,
                    None => Client::open(*place.clone())?,
                };
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                Ok(Line::Single(connection.await?))
            }
            Servers::Cluster(nodes) => {
                let mut builder = ClusterClientBuilder::new(nodes.clone())
                    .connection_timeout(PATIENCE)
                    .response_timeout(PATIENCE)
                    // It would send an order twice.
                    .retries(0)
                    .use_protocol(ProtocolVersion::RESP3)
                    .push_sender(on_push);
                if let Some(certificates) = self.certificates() {
                    builder = builder.certs(certificates);
                }
                let client = builder.build()?;
                Ok(Line::Cluster(client.get_async_connection().await?))
            }
        }
    }
}

impl Servers {
    /// The first host carries the user and password of all.
    fn cluster(scheme: &str, rest: &str) -> Result<Self, NotAnAddress> {
        let (credentials, hosts) = match rest.rsplit_once('@') {
            Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
            None => (String::new(), rest),
        };
        let nodes: Result<Vec<_>, _> =
            hosts.split(',').map(|host| info(scheme, &format!("{credentials}{host}"))).collect();
        Ok(Self::Cluster(nodes?))
    }
}

fn info(scheme: &str, rest: &str) -> Result<ConnectionInfo, NotAnAddress> {
    let url = format!("{scheme}://{rest}");
    let info = url.as_str().into_connection_info().map_err(|_| NotAnAddress)?;
    // There is a way to write in the URL that any certificate will do.
    if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err(NotAnAddress);
    }
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Ok(info.set_redis_settings(redis))
}

/// A connection.
#[derive(Clone)]
pub(super) enum Line {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Line {
    /// Whether it finds its way back to single nodes by itself.
    pub(super) fn heals_itself(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Subscribes; answers the channels for which that failed, because the part of the cluster that
    /// they belong to is away.
    pub(super) async fn subscribe(&mut self, channels: &[String]) -> RedisResult<Vec<String>> {
        match self {
            Self::Single(line) => {
                for channels in channels.chunks(AT_ONCE) {
                    line.subscribe(channels).await?;
                }
                Ok(Vec::new())
            }
            // Every channel belongs to a shard of its own.
            Self::Cluster(line) => {
                let subscribe =
                    async |mut line: ClusterConnection, channel| line.ssubscribe(channel).await;
                Ok(each(line, channels, subscribe).await)
            }
        }
    }

    pub(super) async fn unsubscribe(&mut self, channels: &[String]) -> RedisResult<()> {
        match self {
            Self::Single(line) => {
                for channels in channels.chunks(AT_ONCE) {
                    line.unsubscribe(channels).await?;
                }
            }
            Self::Cluster(line) => {
                let unsubscribe =
                    async |mut line: ClusterConnection, channel| line.sunsubscribe(channel).await;
                // What is away has no subscriptions any more.
                each(line, channels, unsubscribe).await;
            }
        }
        Ok(())
    }

    /// Publishes texts in order; answers for each how many heard it, and nothing for one whose part of
    /// the cluster did not take it.
    pub(super) async fn publish(
        &mut self,
        texts: impl Iterator<Item = (&str, &Arc<str>)>,
    ) -> RedisResult<Vec<Option<u64>>> {
        match self {
            Self::Single(line) => {
                let mut all = pipe();
                for (channel, text) in texts {
                    all.publish(channel, &**text);
                }
                let heard: Vec<u64> = all.query_async(line).await?;
                Ok(heard.into_iter().map(Some).collect())
            }
            Self::Cluster(line) => {
                let sending = texts.map(|(channel, text)| {
                    let mut line = line.clone();
                    async move { line.spublish(channel, &**text).await.ok() }
                });
                Ok(join_all(sending.collect::<Vec<_>>()).await)
            }
        }
    }

    /// How many listen on each of these channels.
    pub(super) async fn listeners(&mut self, channels: &[String]) -> RedisResult<Vec<u64>> {
        let of_shards = matches!(self, Self::Cluster(_));
        let mut question = cmd("PUBSUB");
        question.arg(if of_shards { "SHARDNUMSUB" } else { "NUMSUB" }).arg(channels);
        let counts: HashMap<String, u64> = self.ask(&question).await?;
        Ok(channels.iter().map(|channel| counts.get(channel).copied().unwrap_or(0)).collect())
    }

    pub(super) async fn ping(&mut self) -> RedisResult<()> {
        let _: Value = self.ask(&cmd("PING")).await?;
        Ok(())
    }

    async fn ask<T: FromRedisValue>(&mut self, question: &Cmd) -> RedisResult<T> {
        match self {
            Self::Single(line) => question.query_async(line).await,
            Self::Cluster(line) => question.query_async(line).await,
        }
    }
}

/// Does something with every channel, for many at the same time; answers where it failed.
async fn each<F: Future<Output = RedisResult<()>>>(
    line: &ClusterConnection,
    channels: &[String],
    act: impl Fn(ClusterConnection, String) -> F,
) -> Vec<String> {
    let mut failed = Vec::new();
    for channels in channels.chunks(AT_ONCE) {
        let acting = channels.iter().map(|channel| act(line.clone(), channel.clone()));
        let done = join_all(acting.collect::<Vec<_>>()).await;
        let faults = channels.iter().zip(done).filter(|(_, done)| done.is_err());
        failed.extend(faults.map(|(channel, _)| channel.clone()));
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_certificate_will_do_is_no_way_to_ask() {
        assert!(Place::parse("rediss://redis.example:6379/#insecure").is_err());
        assert!(Place::parse("rediss-cluster://a.example:1,b.example:2/#insecure").is_err());
    }

    #[test]
    fn who_does_not_speak_tls_proves_nothing() {
        let hosts = |url| {
            let place = Place::parse(url).ok().unwrap();
            place.unverified_hosts().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(hosts("redis://10.0.0.6:6379"), ["10.0.0.6"]);
        assert_eq!(hosts("redis-cluster://127.0.0.1:1,10.0.0.7:2"), ["127.0.0.1", "10.0.0.7"]);
        assert!(hosts("rediss://redis.example:6379").is_empty());
        assert!(hosts("rediss-cluster://a.example:1,b.example:2").is_empty());
    }
}
