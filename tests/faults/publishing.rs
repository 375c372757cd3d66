//! How a publisher writes: straight into the store, or through one of the edges, which must store
//! nothing that is lower than what it holds or is shown, and say truly what it did.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value as Json;
use skyful::manifest::sign;
use skyful_edge::{Facts, Request, Response};

use crate::books::{self, ENV, WORKSPACE, keys};
use crate::dice::Dice;
use crate::door::{Passage, short};
use crate::store::Network;
use crate::visits::finish;
use crate::world::Instance;

pub struct Site<'a> {
    pub network: &'a Arc<Mutex<Network>>,
    pub instances: &'a mut [Instance],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Stored,
    /// May have been done nevertheless.
    Failed,
    /// A newer one is stored or held.
    Refused,
}

/// Before an edge was asked to store something.
struct Before {
    held: Option<u64>,
    stored: Option<u64>,
    compares: bool,
}

impl Site<'_> {
    pub fn lock(&self) -> MutexGuard<'_, Network> {
        self.network.lock().expect("no check panics")
    }

    /// An `Err` is a broken promise of the edge's.
    pub fn put(&mut self, key: &str, bytes: &[u8], dice: &mut Dice) -> Result<Put, String> {
        if dice.permille(500) {
            let result = self.lock().write(key, bytes.to_vec());
            return Ok(result.map_or(Put::Failed, |()| Put::Stored));
        }
        let at = dice.below(self.instances.len() as u64) as usize;
        let (now_ms, before) = {
            let mut network = self.lock();
            network.interleave = false;
            let stored = network.stored(&keys().manifest());
            let stored = stored.and_then(|bytes| network.books.shown(bytes));
            let before = Before {
                held: network.mirrors[at].view.held.map(|held| held.current),
                stored: stored.map(|stored| stored.current),
                compares: network.compares,
            };
            (network.local_ms(at), before)
        };
        let instance = &mut self.instances[at];
        let (door, passage) = instance.door.for_publisher();
        let (response, path) = send(instance, &door, key, bytes, now_ms, dice.bytes());
        if key == keys().manifest() {
            instance.fresh = false;
        }
        let passage = passage.lock().expect("no check panics");
        let mut network = self.lock();
        let status = response.status;
        network.note(|| {
            let body = String::from_utf8_lossy(&response.body);
            format!("edge {at} is given {}: {status} {body:.120}", short(key))
        });
        let judged = if key == keys().manifest() {
            manifest(&response, bytes, &passage, &before, &mut network, at)
        } else if key == keys().settled() {
            settled(&response, &passage, &mut network)
        } else {
            object(&response, bytes, &passage, &mut network)
        };
        judged.map_err(|why| format!("edge {at}, PUT {path}: {why}, status {status}"))
    }
}

fn send(
    instance: &Instance,
    door: &crate::door::Door,
    key: &str,
    body: &[u8],
    now_ms: i64,
    random: [u8; 16],
) -> (Response, String) {
    let path = if key == keys().manifest() {
        "/v1/manifest".into()
    } else if key == keys().settled() {
        "/v1/settled".into()
    } else {
        let digest = key.rsplit('/').next().unwrap_or(key);
        format!("/v1/snapshots/b3-{digest}")
    };
    let pass = sign::pass(&books::key(books::PUBLISHER), WORKSPACE, ENV, "PUT", &path);
    let header = |name: &str| (name == "skyful-signature").then(|| pass.clone());
    let request = Request {
        method: "PUT",
        path: &path,
        query: "",
        header: &header,
        body,
        facts: Facts::default(),
    };
    let response = finish(instance.edge.handle(door, request, now_ms, random));
    (response, path)
}

fn require(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn is_written(passage: &Passage) -> bool {
    passage.writes == 1 && passage.written == Some(Ok(()))
}

fn no_store(passage: &Passage, network: &mut Network) -> Result<Put, String> {
    require(passage.failed, "503 though the store answered")?;
    network.count("published through an edge: 503");
    Ok(Put::Failed)
}

fn object(
    response: &Response,
    bytes: &[u8],
    passage: &Passage,
    network: &mut Network,
) -> Result<Put, String> {
    let shown = matches!(&passage.read, Some(Ok(Some(read))) if read == bytes);
    match response.status {
        200 => require(passage.writes == 0 && shown, "had it, and it wasn't there")?,
        201 => {
            require(is_written(passage) && shown, "visible, and it isn't")?;
            network.count("published through an edge: object");
        }
        202 => {
            require(is_written(passage) && !shown, "not visible, and it is")?;
            network.count("published through an edge: not visible yet");
        }
        503 => return no_store(passage, network),
        _ => return Err("an object that is genuine".into()),
    }
    Ok(Put::Stored)
}

fn manifest(
    response: &Response,
    bytes: &[u8],
    passage: &Passage,
    before: &Before,
    network: &mut Network,
    instance: usize,
) -> Result<Put, String> {
    let given = network.books.shown(bytes).ok_or("a genuine value")?;
    let read = passage.manifest.clone().and_then(Result::ok).flatten();
    let read = read.and_then(|read| network.books.shown(&read));
    // What this edge can know to be stored.
    let stored = if before.compares {
        before.stored
    } else {
        read.map(|read| read.current)
    };
    let newest = before.held.max(stored);
    let json: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    match response.status {
        200 => {
            require(newest <= Some(given.current), "lower, and accepted")?;
            require(json["sequence"] == given.current, "another sequence")?;
            let written = is_written(passage);
            require(json["written"] == written, "`written` isn't true")?;
            require(
                written || stored == Some(given.current),
                "not written, and not stored",
            )?;
            network.mirrors[instance].admit(given);
            network.count("published through an edge: manifest");
            Ok(Put::Stored)
        }
        409 => {
            require(
                newest > Some(given.current),
                "refused, and nothing is newer",
            )?;
            require(passage.writes == 0, "refused, and written")?;
            require(
                json["type"] == "urn:skyful:problem:older",
                "another reason than that it is older",
            )?;
            network.count("published through an edge: 409, older");
            Ok(Put::Refused)
        }
        503 => no_store(passage, network),
        _ => Err("a manifest that is genuine".into()),
    }
}

fn settled(response: &Response, passage: &Passage, network: &mut Network) -> Result<Put, String> {
    match response.status {
        200 => {
            network.count("published through an edge: settled");
            Ok(Put::Stored)
        }
        // The manifest that it is compared with may lag, or be torn.
        409 => {
            require(passage.writes == 0, "refused, and written")?;
            network.count("published through an edge: 409, settled");
            Ok(Put::Refused)
        }
        503 => no_store(passage, network),
        _ => Err("an envelope that is genuine".into()),
    }
}
