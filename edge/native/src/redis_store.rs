//! A snapshot store in Redis (or Valkey), and one atomic read-modify-write for whatever edges share: manifests, and
//! how often visitors saw what.
//! Rules are applied here, in Rust; the script in Redis only writes if the stored value is still the one
//! that the rule saw. No cluster and no sentinel: one address, behind which may be whatever answers for it.
//!
//! Whoever asks waits for one time limit at most. After a failure nobody waits at all for a moment, so that a
//! Redis that hangs costs an edge one slow answer a second, not every answer.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::AsyncDNSResolver;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisFuture, Script};
use skyful::limits;
use skyful_edge::caps::{self, Applied};
use skyful_edge::{Rule, Ruling, StoreError};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Sets a key if its value is still the one given, or still missing.
const COMPARE_AND_SET: &str = r"
local seen = ARGV[1] == '1' and ARGV[2]
if redis.call('GET', KEYS[1]) ~= seen then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
return 1";

/// For one answer that a visitor waits for.
const READ: Duration = Duration::from_secs(1);
/// For everything that one write takes; objects have megabytes, and publishers are patient.
const WRITE: Duration = Duration::from_secs(10);
/// After a failure, until somebody tries again.
const REST: Duration = Duration::from_secs(1);
/// Every failed attempt means that another writer got through: as many requests of one visitor may race. The time limit
/// ends it before that where Redis is slow.
const ATTEMPTS: u32 = 256;

/// Where Redis is. Never shown as text: it may hold a password.
#[derive(Clone)]
pub struct RedisUrl(Box<redis::ConnectionInfo>);

impl RedisUrl {
    /// Whether a text looks like one, rather than like a directory.
    pub fn looks_like(text: &str) -> bool {
        ["redis:", "rediss:", "redis+unix:"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
    }

    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://…` with TLS, `redis+unix:///SOCKET[?db=DB]`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        redis::IntoConnectionInfo::into_connection_info(text)
            .map(|info| Self(Box::new(info)))
            .map_err(|_| "not an address of Redis, for example redis://127.0.0.1:6379/0")
    }

    /// None: it is a socket of this machine.
    pub fn host(&self) -> Option<&str> {
        match self.0.addr() {
            redis::ConnectionAddr::Tcp(host, _) | redis::ConnectionAddr::TcpTls { host, .. } => {
                Some(host)
            }
            _ => None,
        }
    }
}

impl std::fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisUrl")
    }
}

/// Keeps of the addresses that a name leads to those that may be connected to, or says why none.
pub type Bound = Arc<dyn Fn(&str, Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

pub struct Redis {
    client: Client,
    bound: Option<Bounded>,
    link: Mutex<Link>,
    compare_and_set: Script,
}

#[derive(Clone)]
struct Bounded {
    bound: Bound,
    /// Of the last attempt: the library tells only that there was one.
    refusal: Arc<std::sync::Mutex<Option<String>>>,
}

impl Bounded {
    fn refusal(&self) -> Option<String> {
        let mut held = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        held.take()
    }
}

impl AsyncDNSResolver for Bounded {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, port)).await?.collect();
            let allowed = (self.bound)(host, found);
            if let Err(why) = &allowed {
                let mut held = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
                *held = Some(why.to_string());
            }
            let allowed: Box<dyn Iterator<Item = SocketAddr> + Send> =
                Box::new(allowed?.into_iter());
            Ok(allowed)
        })
    }
}

#[derive(Default)]
struct Link {
    connection: Option<MultiplexedConnection>,
    /// Counts connections, so that a late failure doesn't end the next one.
    number: u64,
    /// After a failure, which is told again until then.
    rests: Option<(Instant, StoreError)>,
}

impl Redis {
    /// Connects when it is first asked: an edge starts from its own copy also while Redis is down.
    pub fn new(url: RedisUrl) -> Result<Self, StoreError> {
        // Named, since rustls refuses to choose once another dependency brings a second one. What a program has
        // chosen before stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::open(*url.0)
            .map_err(|_| StoreError("the address of Redis is not usable".into()))?;
        Ok(Self {
            client,
            bound: None,
            link: Mutex::default(),
            compare_and_set: Script::new(COMPARE_AND_SET),
        })
    }

    /// Connects only where that lets it, whatever the name in the address leads to by then.
    pub fn bounded_by(mut self, bound: Bound) -> Self {
        let refusal = Arc::default();
        self.bound = Some(Bounded { bound, refusal });
        self
    }

    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        // One byte more than anything may have: enough for the edge to refuse it by its size. An empty value
        // is none; Redis doesn't tell them apart here, and nothing that is stored is empty.
        let last = limits::MANIFEST_BYTES.max(limits::OBJECT_BYTES);
        let mut command = redis::cmd("GETRANGE");
        command.arg(key).arg(0).arg(last);
        let value = self
            .within(READ, async |mut connection| {
                command.query_async::<Vec<u8>>(&mut connection).await
            })
            .await?;
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    pub async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let mut command = redis::cmd("SET");
        command.arg(key).arg(value);
        self.within(WRITE, async |mut connection| {
            command.query_async::<()>(&mut connection).await
        })
        .await
    }

    /// Without keys nothing is asked.
    pub async fn delete(&self, keys: &[String]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("DEL");
        command.arg(keys);
        self.within(WRITE, async |mut connection| {
            command.query_async::<()>(&mut connection).await
        })
        .await
    }

    pub async fn replace(
        &self,
        key: &str,
        value: &[u8],
        rule: Rule<'_>,
    ) -> Result<Ruling, StoreError> {
        self.change(key, WRITE, |stored| match rule(stored) {
            Ruling::Write => Ok((value.to_vec(), Ruling::Write)),
            other => Err(other),
        })
        .await
    }

    /// Applies a command to what is stored of a visitor; nobody comes between.
    pub async fn run(&self, subject: &str, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        let apply = |stored: Option<&[u8]>| match caps::apply(stored, command) {
            Ok(Applied {
                stored: Some(book),
                reply,
            }) => Ok((book, Ok(reply))),
            Ok(Applied { reply, .. }) => Err(Ok(reply)),
            Err(error) => Err(Err(error)),
        };
        // A visitor waits for it.
        self.change(subject, READ, apply).await?
    }

    /// Reads a value, applies the rule, and writes what it gives, unless another writer came between; then all over
    /// again. After an error the value may have been written or not.
    /// `rule`: the value to write and what to answer once it is written, or what to answer without a write.
    async fn change<T>(
        &self,
        key: &str,
        limit: Duration,
        rule: impl Fn(Option<&[u8]>) -> Result<(Vec<u8>, T), T>,
    ) -> Result<T, StoreError> {
        let changed = self.within(limit, async |mut connection| {
            for _ in 0..ATTEMPTS {
                let stored: Option<Vec<u8>> = redis::cmd("GET")
                    .arg(key)
                    .query_async(&mut connection)
                    .await?;
                let (value, written) = match rule(stored.as_deref()) {
                    Ok(change) => change,
                    Err(unchanged) => return Ok(Some(unchanged)),
                };
                let set: bool = self
                    .compare_and_set
                    .key(key)
                    .arg(u8::from(stored.is_some()))
                    .arg(stored.unwrap_or_default())
                    .arg(value)
                    .invoke_async(&mut connection)
                    .await?;
                if set {
                    return Ok(Some(written));
                }
            }
            Ok(None)
        });
        changed
            .await?
            .ok_or_else(|| StoreError("too many writers at once".into()))
    }

    /// Connects if need be and asks, all within one limit.
    async fn within<T>(
        &self,
        limit: Duration,
        ask: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + limit;
        // A connection is made as quickly as a reader waits, also for a writer.
        let (connection, number) = self.connected(deadline.min(Instant::now() + READ)).await?;
        match tokio::time::timeout_at(deadline, ask(connection)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let told = told(&error);
                if gone(&error) {
                    self.disconnect(number, &told).await;
                }
                Err(told)
            }
            Err(_) => {
                self.disconnect(number, &late()).await;
                Err(late())
            }
        }
    }

    async fn connected(
        &self,
        deadline: Instant,
    ) -> Result<(MultiplexedConnection, u64), StoreError> {
        let mut link = self.link.lock().await;
        if let Some(connection) = &link.connection {
            return Ok((connection.clone(), link.number));
        }
        if let Some((until, error)) = &link.rests
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        // The limits are ours, one for everything that an answer takes.
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        if let Some(bound) = &self.bound {
            config = config.set_dns_resolver(bound.clone());
        }
        let connecting = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let failed = match tokio::time::timeout_at(deadline, connecting).await {
            Ok(Ok(connection)) => {
                link.number += 1;
                link.rests = None;
                link.connection = Some(connection.clone());
                return Ok((connection, link.number));
            }
            Ok(Err(error)) => match self.bound.as_ref().and_then(Bounded::refusal) {
                Some(refusal) => StoreError(refusal),
                None => told(&error),
            },
            Err(_) => late(),
        };
        link.rests = Some((Instant::now() + REST, failed.clone()));
        Err(failed)
    }

    async fn disconnect(&self, number: u64, why: &StoreError) {
        let mut link = self.link.lock().await;
        if link.number == number {
            link.connection = None;
            link.rests = Some((Instant::now() + REST, why.clone()));
        }
    }
}

fn late() -> StoreError {
    StoreError("Redis gave no answer in time".into())
}

/// Whether the next command needs another connection. A primary that became a replica is such a case: a new
/// connection may find the new primary.
fn gone(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || matches!(error.code(), Some("READONLY" | "LOADING" | "MASTERDOWN"))
}

/// The text reaches `/v1/status`: what Redis said in words may name machines, so that goes to the log only.
fn told(error: &RedisError) -> StoreError {
    tracing::debug!(%error, "redis");
    StoreError(match error.code() {
        Some(code) if !error.is_io_error() => format!("Redis refused: {code}"),
        _ => "Redis cannot be reached".into(),
    })
}
