//! A publisher after section 4 of the protocol, on a store without compare-and-set: workers that crash,
//! pause and come back late, an audit each minute, and a database that never loses anything.

use crate::books::{SETTLE_MS, keys, library};
use crate::dice::Dice;
use crate::store::{LAG_MS, Network, PUBLISHER_POP};

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
    /// Waits until it reads its sequence or a higher one.
    Confirm {
        until_ms: i64,
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

    pub fn run(&mut self, network: &mut Network, dice: &mut Dice) {
        let now = network.now_ms;
        if let Some(worker) = self.worker.take_if(|worker| worker.next_ms <= now) {
            self.worker = worker.go_on(network, dice);
        }
        if let Some(at) = self.paused.iter().position(|worker| worker.next_ms <= now) {
            let worker = self.paused.swap_remove(at);
            self.paused.extend(worker.go_on(network, dice));
        }
        if network.books.head() > 0 && now >= self.next_audit_ms {
            self.next_audit_ms = now + 60_000;
            self.audit(network);
        }
    }

    /// The head stored, its objects there, `settled` written?
    fn audit(&mut self, network: &mut Network) {
        let head = network.books.head();
        let settled = network.books.newest_settled_below(u64::MAX, network.now_ms);
        if let Some(settled) = settled.filter(|settled| Some(*settled) != self.settled_written) {
            let envelope = network.books.envelopes[&settled].clone();
            // The next audit reads it back.
            let _ = network.write(&keys().settled(), envelope);
        }
        let (stored, _) = network.read(PUBLISHER_POP, &keys().settled());
        let stored = stored.ok().flatten();
        self.settled_written = stored.and_then(|bytes| network.books.envelope(&bytes));
        if self.worker.is_some() {
            return;
        }
        let stored = read_manifest(network);
        let missing = needed(network, head)
            .into_iter()
            .any(|key| !is_stored(network, key));
        if stored != Some(head) || missing {
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
    fn go_on(mut self, network: &mut Network, dice: &mut Dice) -> Option<Self> {
        self.next_ms = network.now_ms + dice.between(50, 800);
        self.step = match self.step {
            Step::Upload(keys) => {
                // A few at a time, so that it can die in between.
                let mut left = keys;
                let now = left.split_off(left.len().saturating_sub(4));
                let missing: Vec<_> = now
                    .into_iter()
                    .filter(|key| !is_stored(network, key))
                    .collect();
                for key in &missing {
                    // Errors show when it is read back.
                    let _ = network.write(key, library().objects[*key].clone());
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
                if read_manifest(network).is_some_and(|stored| stored >= self.sequence) {
                    confirm(network)
                } else {
                    let books = &network.books;
                    let fallback = books.newest_settled_below(self.sequence, network.now_ms);
                    Step::Put(books.value(self.sequence, fallback))
                }
            }
            Step::Put(value) => {
                let sequence = self.sequence;
                let stored = network.stored(&keys().manifest());
                let stored = stored.and_then(|bytes| network.books.shown(bytes));
                if stored.is_some_and(|stored| stored.current > sequence) {
                    network.count("older manifest put late");
                }
                match network.write(&keys().manifest(), value.clone()) {
                    Ok(()) => {
                        network.note(|| format!("manifest {sequence} is put"));
                        confirm(network)
                    }
                    Err(_) => {
                        self.next_ms += 1_000;
                        Step::Put(value)
                    }
                }
            }
            Step::Confirm { until_ms } => match read_manifest(network) {
                Some(stored) if stored >= self.sequence => {
                    let now = network.now_ms;
                    network.books.delivered_ms.entry(stored).or_insert(now);
                    network.note(|| format!("{stored} is delivered"));
                    return None;
                }
                _ if network.now_ms > until_ms => return Some(Self::new(network)),
                _ => {
                    self.next_ms += 1_000;
                    Step::Confirm { until_ms }
                }
            },
        };
        Some(self)
    }
}

fn confirm(network: &Network) -> Step {
    Step::Confirm {
        until_ms: network.now_ms + LAG_MS,
    }
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
    let (found, _) = network.read(PUBLISHER_POP, key);
    matches!(found, Ok(Some(bytes)) if bytes == library().objects[key])
}

fn read_manifest(network: &mut Network) -> Option<u64> {
    let (found, _) = network.read(PUBLISHER_POP, &keys().manifest());
    let shown = network.books.shown(&found.ok()??)?;
    Some(shown.current)
}

const _: () = assert!(SETTLE_MS > LAG_MS + 60_000);
