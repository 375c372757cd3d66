//! One instance's way to the store: what it is handed is told to its mirror. A publisher that comes
//! through an instance uses the same store, and changes nothing of what the instance must know.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use skyful_edge::{Rule, Ruling, SnapshotStore, StoreError};

use crate::books::{self, keys, library};
use crate::mirror::Cause;
use crate::store::{Network, Read};

type Got = Result<Option<Vec<u8>>, StoreError>;

#[derive(Clone)]
pub struct Door {
    pub network: Arc<Mutex<Network>>,
    pub instance: usize,
    pub pop: usize,
    /// What the store did during one request of a publisher.
    pub publishing: Option<Arc<Mutex<Passage>>>,
}

#[derive(Default)]
pub struct Passage {
    /// The last read of all.
    pub read: Option<Got>,
    /// The last read of the manifest.
    pub manifest: Option<Got>,
    pub writes: u32,
    pub written: Option<Result<(), StoreError>>,
    pub failed: bool,
}

impl Door {
    pub fn network(&self) -> MutexGuard<'_, Network> {
        self.network.lock().expect("no check panics")
    }

    /// The same way, for one request of a publisher.
    pub fn for_publisher(&self) -> (Self, Arc<Mutex<Passage>>) {
        let passage = Arc::new(Mutex::new(Passage::default()));
        let door = Self {
            publishing: Some(Arc::clone(&passage)),
            ..self.clone()
        };
        (door, passage)
    }

    fn passage(&self) -> Option<MutexGuard<'_, Passage>> {
        let passage = self.publishing.as_ref()?;
        Some(passage.lock().expect("no check panics"))
    }

    /// Lets other requests go on, now and then.
    async fn give_way(&self) {
        let mut turns = {
            let mut network = self.network();
            if network.interleave {
                network.dice.below(4)
            } else {
                0
            }
        };
        std::future::poll_fn(|_| {
            if turns == 0 {
                return Poll::Ready(());
            }
            turns -= 1;
            Poll::Pending
        })
        .await;
    }

    fn read(&self, key: &str, how: Read) -> Got {
        let mut network = self.network();
        let (result, cause) = network.read(self.pop, key, how);
        let instance = self.instance;
        network.note(|| {
            let what = match &result {
                Ok(Some(bytes)) => format!("{} bytes", bytes.len()),
                Ok(None) => format!("nothing ({cause:?})"),
                Err(error) => error.to_string(),
            };
            format!("  edge {instance} reads {} {how:?}: {what}", short(key))
        });
        if let Some(mut passage) = self.passage() {
            passage.failed |= result.is_err();
            passage.read = Some(result.clone());
            if key == keys().manifest() {
                passage.manifest = Some(result.clone());
            }
            return result;
        }
        let local = network.local_ms(instance);
        let mirror = &mut network.mirrors[instance];
        mirror.tally.gets += 1;
        if key == keys().manifest() {
            mirror.read_manifest(local, result.is_err());
        }
        if how == Read::Fresh {
            network.count("fresh source asked");
            if result.is_err() {
                network.count("fresh source failed");
            }
        }
        let value = result.as_ref().ok().and_then(Option::as_deref);
        let newer = self.handed(&mut network, key, value, Some(cause));
        if newer && how == Read::Fresh {
            network.count("fresh source brought something newer");
        }
        result
    }

    /// Tells the mirror what was handed over. True: a newer manifest.
    fn handed(
        &self,
        network: &mut Network,
        key: &str,
        value: Option<&[u8]>,
        cause: Option<Cause>,
    ) -> bool {
        let (now, local) = (network.now_ms, network.local_ms(self.instance));
        let keys = keys();
        let shown = if key == keys.settled() {
            let sequence = value.and_then(|bytes| network.books.envelope(bytes));
            sequence.map(|current| books::Shown {
                current,
                fallback: None,
                damaged: false,
            })
        } else {
            value.and_then(|bytes| network.books.shown(bytes))
        };
        let genuine = match library().objects.get(key) {
            Some(genuine) => value == Some(genuine.as_slice()),
            None => shown.is_some(),
        };
        let mirror = &mut network.mirrors[self.instance];
        if genuine {
            mirror.succeeded(key);
        } else if let Some(cause) = cause {
            mirror.failed(key, now, local, cause);
        }
        if let Some(shown) = shown.filter(|_| !key.contains("/o/")) {
            let newer = mirror.admit(shown);
            if key == keys.settled() {
                network.count("settled admitted");
            }
            return newer;
        }
        if value.is_some() && !genuine {
            network.count(if key.contains("/o/") {
                "bad object handed over"
            } else {
                "bad manifest handed over"
            });
        }
        false
    }
}

impl SnapshotStore for Door {
    async fn get(&self, key: &str) -> Got {
        self.give_way().await;
        self.read(key, Read::Cached)
    }

    async fn fresh(&self, key: &str) -> Got {
        self.give_way().await;
        self.read(key, Read::Fresh)
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.give_way().await;
        let mut network = self.network();
        let Some(mut passage) = self.passage() else {
            let breach = format!("a request of a visitor wrote {}", short(key));
            network.mirrors[self.instance].breach = Some(breach);
            return Ok(());
        };
        let result = network.write(key, value.to_vec());
        passage.writes += 1;
        passage.failed |= result.is_err();
        passage.written = Some(result.clone());
        result
    }

    async fn replace(&self, key: &str, value: &[u8], rule: Rule<'_>) -> Result<Ruling, StoreError> {
        let stored = if self.network().compares {
            // What is really stored, and nobody comes between.
            self.network().stored(key).map(<[u8]>::to_vec)
        } else {
            self.fresh(key).await?
        };
        let ruling = rule(stored.as_deref());
        if ruling == Ruling::Write {
            self.put(key, value).await?;
        }
        Ok(ruling)
    }

    async fn recall(&self, key: &str) -> Option<Vec<u8>> {
        self.give_way().await;
        let mut network = self.network();
        let weather = network.weather;
        let mut value = network.own[self.pop].get(key).cloned()?;
        if network.dice.permille(weather.forgets) {
            return None;
        }
        if network.dice.permille(weather.torn) {
            network.count("torn recall");
            value = network.tear(&value);
        }
        network.mirrors[self.instance].tally.recalled += 1;
        self.handed(&mut network, key, Some(&value), None);
        let kind = if key.contains("/o/") {
            "object recalled"
        } else {
            "manifest recalled"
        };
        network.count(kind);
        let instance = self.instance;
        network.note(|| format!("  edge {instance} recalls {}", short(key)));
        Some(value)
    }

    async fn keep(&self, key: &str, value: &[u8]) {
        self.give_way().await;
        let mut network = self.network();
        let forgets = network.weather.forgets;
        if !network.dice.permille(forgets) {
            network.own[self.pop].insert(key.to_owned(), value.to_vec());
        }
    }

    async fn keep_only(&self, live: &BTreeSet<String>) {
        self.give_way().await;
        self.network().own[self.pop].retain(|key, _| !key.contains("/o/") || live.contains(key));
    }
}

pub fn short(key: &str) -> &str {
    let name = key.rsplit('/').next().unwrap_or(key);
    name.get(..8).unwrap_or(name)
}
