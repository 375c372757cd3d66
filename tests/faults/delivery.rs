//! A publisher after section 4 of the protocol, on a store without compare-and-set: workers that crash,
//! pause and come back late, an audit each minute, and a database that never loses anything.

use crate::books::{SETTLE_MS, Shown, keys, library};
use crate::dice::Dice;
use crate::publishing::{Put, Site};
use crate::store::{LAG_MS, Network, PUBLISHER_POP, Read};

/// One delivery of one sequence.
struct Worker {
    sequence: u64,
    step: Step,
    next_ms: i64,
}

enum Step {
    /// Objects of the release and its fallback that are still to be looked at.
    Upload(Vec<&'static str>),
    /// What was uploaded and is not read back yet.
    ReadBack(Vec<&'static str>),
    Compare,
    /// Decided to write this value.
    Put(Vec<u8>),
    /// Waits until it reads its whole value, or a newer one.
    Confirm {
        until_ms: i64,
        fallback: Option<u64>,
    },
}

#[derive(Default)]
pub struct Delivery {
    worker: Option<Worker>,
    /// Lost their lease and don't know it.
    paused: Vec<Worker>,
    next_audit_ms: i64,
    /// What `settled` was last written with.
    settled_written: Option<u64>,
}

impl Delivery {
    /// A new head: older sequences are skipped.
    pub fn start(&mut self, network: &Network) {
        self.worker = Some(Worker::new(network));
    }

    /// The worker dies; another begins at the first step.
    pub fn crash(&mut self, network: &mut Network) {
        if self.worker.is_some() {
            network.count("worker crashed");
            self.start(network);
        }
    }

    /// The worker stops for longer than its lease, and goes on later where it was.
    pub fn pause(&mut self, network: &mut Network, dice: &mut Dice) {
        if let Some(mut worker) = self.worker.take() {
            network.count("worker paused");
            worker.next_ms = network.now_ms + dice.between(20_000, 400_000);
            self.paused.push(worker);
            self.start(network);
        }
    }

    pub fn run(&mut self, site: &mut Site<'_>, dice: &mut Dice) -> Result<(), String> {
        let (now, head) = {
            let network = site.lock();
            (network.now_ms, network.books.head())
        };
        if let Some(worker) = self.worker.take_if(|worker| worker.next_ms <= now) {
            self.worker = worker.go_on(site, dice)?;
        }
        if let Some(at) = self.paused.iter().position(|worker| worker.next_ms <= now) {
            let worker = self.paused.swap_remove(at);
            self.paused.extend(worker.go_on(site, dice)?);
        }
        if head > 0 && now >= self.next_audit_ms {
            self.next_audit_ms = now + 60_000;
            self.settle(site, dice)?;
            if self.worker.is_none() {
                self.audit(&mut site.lock(), head);
            }
        }
        Ok(())
    }

    fn settle(&mut self, site: &mut Site<'_>, dice: &mut Dice) -> Result<(), String> {
        let settled = {
            let network = site.lock();
            let books = &network.books;
            let settled = books.newest_settled_below(u64::MAX, network.now_ms);
            settled.map(|settled| (settled, books.envelopes[&settled].clone()))
        };
        if let Some((settled, envelope)) = settled
            && Some(settled) != self.settled_written
        {
            // The next audit reads it back.
            site.put(&keys().settled(), &envelope, dice)?;
        }
        let mut network = site.lock();
        let (stored, _) = network.read(PUBLISHER_POP, &keys().settled(), Read::Cached);
        let stored = stored.ok().flatten();
        self.settled_written = stored.and_then(|bytes| network.books.envelope(&bytes));
        Ok(())
    }

    /// The head stored, whole, and its objects there?
    fn audit(&mut self, network: &mut Network, head: u64) {
        let stored = read_manifest(network);
        let fine = stored.is_some_and(|stored| is_whole(stored, head, None));
        let missing = needed(network, head)
            .into_iter()
            .any(|key| !is_stored(network, key));
        if !fine || missing {
            network.count("audit redelivers");
            network.note(|| format!("audit: {stored:?} stored instead of {head}"));
            self.start(network);
        }
    }
}

impl Worker {
    fn new(network: &Network) -> Self {
        let sequence = network.books.head();
        Self {
            sequence,
            step: Step::Upload(needed(network, sequence)),
            next_ms: network.now_ms + 500,
        }
    }

    /// One step. None: done.
    fn go_on(mut self, site: &mut Site<'_>, dice: &mut Dice) -> Result<Option<Self>, String> {
        let now = site.lock().now_ms;
        self.next_ms = now + dice.between(50, 800);
        let step = std::mem::replace(&mut self.step, Step::Compare);
        self.step = match step {
            Step::Upload(keys) => {
                // A few at a time, so that it can die in between.
                let mut left = keys;
                let some = left.split_off(left.len().saturating_sub(4));
                let missing: Vec<_> = {
                    let mut network = site.lock();
                    let missing = some.into_iter();
                    missing
                        .filter(|key| !is_stored(&mut network, key))
                        .collect()
                };
                for key in &missing {
                    // Errors, and what isn't visible yet, show when it is read back.
                    site.put(key, &library().objects[*key], dice)?;
                }
                if !missing.is_empty() {
                    left.extend(missing);
                    self.next_ms += 1_200;
                    Step::ReadBack(left)
                } else if left.is_empty() {
                    Step::Compare
                } else {
                    Step::Upload(left)
                }
            }
            // Whatever isn't there or differs is uploaded again.
            Step::ReadBack(keys) => Step::Upload(keys),
            Step::Compare => {
                let mut network = site.lock();
                let stored = read_manifest(&mut network);
                let books = &network.books;
                let fallback = books.newest_settled_below(self.sequence, now);
                if stored.is_some_and(|stored| is_whole(stored, self.sequence, fallback)) {
                    confirm(now, fallback)
                } else {
                    Step::Put(books.value(self.sequence, fallback))
                }
            }
            Step::Put(value) => self.put(value, site, dice)?,
            Step::Confirm { until_ms, fallback } => {
                let mut network = site.lock();
                match read_manifest(&mut network) {
                    Some(stored) if is_whole(stored, self.sequence, fallback) => {
                        let stored = stored.current;
                        network.books.delivered_ms.entry(stored).or_insert(now);
                        network.note(|| format!("{stored} is delivered"));
                        return Ok(None);
                    }
                    _ if now > until_ms => return Ok(Some(Self::new(&network))),
                    _ => {
                        self.next_ms += 1_000;
                        Step::Confirm { until_ms, fallback }
                    }
                }
            }
        };
        Ok(Some(self))
    }

    fn put(
        &mut self,
        value: Vec<u8>,
        site: &mut Site<'_>,
        dice: &mut Dice,
    ) -> Result<Step, String> {
        let current = |network: &Network| {
            let stored = network.stored(&keys().manifest())?;
            Some(network.books.shown(stored)?.current)
        };
        let (now, before, given) = {
            let network = site.lock();
            (
                network.now_ms,
                current(&network),
                network.books.shown(&value),
            )
        };
        let put = site.put(&keys().manifest(), &value, dice)?;
        let mut network = site.lock();
        if before > Some(self.sequence) && current(&network) == Some(self.sequence) {
            network.count("older manifest put late");
        }
        let sequence = self.sequence;
        network.note(|| format!("manifest {sequence} is put: {put:?}"));
        Ok(match put {
            // Refused: a newer one, which is what it will read.
            Put::Stored | Put::Refused => confirm(now, given.and_then(|given| given.fallback)),
            Put::Failed => {
                self.next_ms += 1_000;
                Step::Put(value)
            }
        })
    }
}

fn confirm(now_ms: i64, fallback: Option<u64>) -> Step {
    Step::Confirm {
        until_ms: now_ms + LAG_MS,
        fallback,
    }
}

/// Whether this is the value with this sequence and fallback, or a newer one, and both its parts can be
/// read: a sequence alone may stand before a fallback that was torn.
fn is_whole(stored: Shown, sequence: u64, fallback: Option<u64>) -> bool {
    let newer = stored.current > sequence;
    let same = stored.current == sequence && stored.fallback >= fallback;
    (newer || same) && !stored.damaged
}

/// Objects of a release, and of what would be its fallback.
fn needed(network: &Network, sequence: u64) -> Vec<&'static str> {
    let books = &network.books;
    let fallback = books.newest_settled_below(sequence, network.now_ms);
    let releases = [Some(sequence), fallback].into_iter().flatten();
    let editions = releases.flat_map(|sequence| books.issued[&sequence].editions());
    let mut keys: Vec<&str> = editions
        .flat_map(|edition| edition.keys().map(String::as_str))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn is_stored(network: &mut Network, key: &str) -> bool {
    let (found, _) = network.read(PUBLISHER_POP, key, Read::Cached);
    matches!(found, Ok(Some(bytes)) if bytes == library().objects[key])
}

fn read_manifest(network: &mut Network) -> Option<Shown> {
    let (found, _) = network.read(PUBLISHER_POP, &keys().manifest(), Read::Cached);
    network.books.shown(&found.ok()??)
}

const _: () = assert!(SETTLE_MS > LAG_MS + 60_000);
