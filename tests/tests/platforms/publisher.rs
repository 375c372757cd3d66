//! A publisher for all platforms at once: the same bytes everywhere, so that answers can be the same.

use ed25519_dalek::SigningKey;
use skyful::compile::Snapshot;
use skyful::ids::IdKey;
use skyful::manifest::envelope::Gray;
use skyful::manifest::{Mode, Tail, Value, sign};
use skyful::snapshot::Digest;

use crate::core_edge::CoreEdge;
use crate::platform::{Answer, Ask, Client, ENV, Platform, WORKSPACE};

pub struct Publisher {
    key: SigningKey,
    sequence: u64,
    before: Vec<u8>,
}

impl Publisher {
    pub fn new() -> Self {
        Self {
            key: SigningKey::from_bytes(&[7; 32]),
            sequence: 0,
            before: Vec::new(),
        }
    }

    pub fn trust(&self) -> String {
        Digest(self.key.verifying_key().to_bytes()).hex()
    }

    /// The requests that publish a snapshot to everybody, objects first.
    pub fn requests(&mut self, snapshot: &Snapshot) -> Vec<Ask> {
        self.release(snapshot, None, Mode::Run)
    }

    /// The same with a gray release beside it: its snapshot, its share, and the units that get it anyway.
    pub fn release(
        &mut self,
        stable: &Snapshot,
        gray: Option<(&Snapshot, u32, &[&str])>,
        mode: Mode,
    ) -> Vec<Ask> {
        let put = |target: String, body: Vec<u8>| Ask {
            method: "PUT",
            headers: vec![("skyful-signature", self.pass("PUT", &target))],
            target,
            body,
        };
        let snapshots = std::iter::once(stable).chain(gray.map(|(gray, ..)| gray));
        let mut asks: Vec<Ask> = snapshots
            .flat_map(|snapshot| &snapshot.objects)
            .map(|(digest, bytes)| put(format!("/v1/snapshots/{digest}"), bytes.clone()))
            .collect();
        let sequence = self.sequence + 1;
        let tail = Tail {
            stable: stable.listing.clone(),
            gray: gray.map(|(gray, ..)| gray.listing.clone()),
            allow: gray.map_or(Vec::new(), |(_, _, units)| {
                let ids = IdKey::of_workspace(WORKSPACE);
                units.iter().map(|unit| ids.hash(unit)).collect()
            }),
        };
        let mut header = sign::full_release(WORKSPACE, ENV, sequence, 1_790_000_000_000);
        header.mode = mode;
        header.gray = gray.map(|(_, share_bps, _)| Gray {
            snapshot: Digest::NONE,
            share_bps,
            salt: 7,
        });
        let envelope = sign::sign(header, &tail, &self.key);
        let value = Value {
            current: &envelope,
            fallback: &self.before,
        };
        asks.push(put("/v1/manifest".into(), value.join()));
        self.sequence = sequence;
        self.before = envelope;
        asks
    }

    pub fn pass(&self, method: &str, path: &str) -> String {
        sign::pass(&self.key, WORKSPACE, ENV, method, path)
    }

    /// Publishes to every platform and to the core.
    pub fn publish(
        &mut self,
        snapshot: &Snapshot,
        platforms: &[Box<dyn Platform>],
        core: &CoreEdge,
        client: &Client,
    ) -> u64 {
        let asks = self.requests(snapshot);
        self.send(&asks, platforms, core, client)
    }

    /// Sends publishing requests to every platform and to the core.
    pub fn send(
        &self,
        asks: &[Ask],
        platforms: &[Box<dyn Platform>],
        core: &CoreEdge,
        client: &Client,
    ) -> u64 {
        for ask in asks {
            let done = |name: &str, answer: &Answer| {
                assert!(
                    matches!(answer.status, 200..=202),
                    "{name}: PUT {} is answered {} {}",
                    ask.target,
                    answer.status,
                    answer.json()
                );
            };
            done("core", &core.send(ask));
            for platform in platforms {
                done(platform.name(), &client.send(&**platform, ask));
            }
        }
        self.sequence
    }
}
