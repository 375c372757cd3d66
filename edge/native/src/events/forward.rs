//! Sends the log to the collector, in a thread of its own: at least once, one batch after another, and without end.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skyful::event::Line;
use skyful_edge::forward::{self, Refused, Verdict};
use tokio::sync::{mpsc, oneshot};

use super::Collector;
use super::dead::DeadLetters;
use super::log::Shared;
use super::read::Reader;
use super::segment;
use super::write::{Entry, Message};
use crate::serve::now_ms;

/// For a whole answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Nothing of use is longer.
const ANSWER_BYTES: u64 = 1 << 20;
/// How often the log is looked at while nobody writes.
const IDLE: Duration = Duration::from_secs(30);
/// How often an outage is told of.
const REMIND: Duration = Duration::from_secs(600);

pub struct Forwarder {
    agent: ureq::Agent,
    url: String,
    authorization: String,
    reader: Reader,
    dead: DeadLetters,
    shared: Arc<Shared>,
    /// Where what has to wait longer goes.
    log: mpsc::Sender<Message>,
    failures: u32,
    told: Option<Instant>,
}

/// Stopped before it was sent.
struct Stopped;

impl Forwarder {
    pub fn new(
        collector: &Collector,
        folder: &Path,
        shared: Arc<Shared>,
        log: mpsc::Sender<Message>,
    ) -> io::Result<Self> {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(ANSWER))
            .build();
        Ok(Self {
            agent: agent.into(),
            url: format!("{}{}", collector.url.trim_end_matches('/'), forward::PATH),
            authorization: format!("Bearer {}", collector.token),
            reader: Reader::open(folder, Arc::clone(&shared)),
            dead: DeadLetters::open(folder)?,
            shared,
            log,
            failures: 0,
            told: None,
        })
    }

    pub fn run(mut self) {
        while !self.shared.stopped() {
            let seen = self.shared.open();
            match self.step() {
                Ok(true) => {}
                Ok(false) => self.shared.wait_for_more(seen, IDLE),
                Err(error) => {
                    self.tell(&format!("the log cannot be read on: {error}"));
                    self.wait();
                }
            }
        }
    }

    /// Sends what comes next. False: there is nothing.
    fn step(&mut self) -> io::Result<bool> {
        let Some(batch) = self.reader.more()? else {
            return Ok(false);
        };
        if let Ok(refused) = self.send(&batch.lines) {
            let now_ms = now_ms();
            let (again, dead): (Vec<_>, Vec<_>) = refused
                .into_iter()
                .partition(|(why, line)| forward::may_pass(why, age_ms(line, now_ms)));
            self.bury(&dead)?;
            self.put_back(&again)?;
            self.reader.settle(batch.end)?;
            if again.len() == batch.lines.len() {
                self.tell("its secret is not the edge's: forged_receipt");
                self.wait();
            } else {
                self.arrived();
            }
        }
        Ok(true)
    }

    /// To the log's end, where it holds up nothing.
    fn put_back(&self, lines: &[(String, Vec<u8>)]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let lines: Vec<&[u8]> = lines.iter().map(|(_, line)| line.as_slice()).collect();
        let (done, written) = oneshot::channel();
        let entry = Entry {
            records: segment::records(&lines.join(&b'\n')),
            done,
        };
        let closed = || io::Error::other("this edge is shutting down");
        self.log
            .blocking_send(Message::Write(entry))
            .map_err(|_| closed())?;
        written.blocking_recv().map_err(|_| closed())?
    }

    /// Until all of it is settled. What will never be taken comes back with its reason.
    fn send(&mut self, lines: &[Vec<u8>]) -> Result<Vec<(String, Vec<u8>)>, Stopped> {
        let mut dead = Vec::new();
        let mut open = vec![lines];
        while let Some(part) = open.pop() {
            loop {
                if self.shared.stopped() {
                    return Err(Stopped);
                }
                match self.post(part) {
                    Verdict::Settled(refused) => {
                        let line =
                            |Refused { line, why }: Refused| Some((why, part.get(line)?.clone()));
                        dead.extend(refused.into_iter().filter_map(line));
                    }
                    Verdict::Poison if part.len() > 1 => {
                        let (first, second) = part.split_at(part.len() / 2);
                        open.extend([second, first]);
                    }
                    Verdict::Poison => {
                        dead.extend(part.iter().map(|line| ("poison".into(), line.clone())));
                    }
                    Verdict::Later => {
                        self.wait();
                        continue;
                    }
                }
                break;
            }
        }
        Ok(dead)
    }

    fn post(&mut self, lines: &[Vec<u8>]) -> Verdict {
        let mut body = Vec::new();
        for line in lines {
            body.extend_from_slice(line);
            body.push(b'\n');
        }
        let answer = self
            .agent
            .post(&self.url)
            .header("authorization", &self.authorization)
            .header("content-type", "application/x-ndjson")
            .send(&body[..]);
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.tell(&error.to_string());
                return Verdict::Later;
            }
        };
        let mut said = Vec::new();
        let read = answer
            .body_mut()
            .as_reader()
            .take(ANSWER_BYTES)
            .read_to_end(&mut said);
        if let Err(error) = read {
            self.tell(&error.to_string());
            return Verdict::Later;
        }
        let verdict = forward::verdict(answer.status().as_u16(), &said);
        if verdict == Verdict::Later {
            self.tell(&format!("it answered {}", answer.status()));
        }
        verdict
    }

    fn bury(&mut self, dead: &[(String, Vec<u8>)]) -> io::Result<()> {
        if dead.is_empty() {
            return Ok(());
        }
        let letters: Vec<(&str, &[u8])> = dead
            .iter()
            .map(|(why, event)| (why.as_str(), event.as_slice()))
            .filter(|(why, event)| {
                let made_up = forward::is_made_up(why);
                if made_up {
                    let what = forward::letter(&mut Vec::new(), why, event);
                    tracing::warn!("{what}");
                }
                !made_up
            })
            .collect();
        self.dead.add(&letters)
    }

    fn wait(&mut self) {
        let [a, b, c, d, e, f, g, h, ..] = crate::serve::random();
        let random = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let pause = forward::pause_ms(self.failures, random);
        self.failures = self.failures.saturating_add(1);
        self.shared.pause(Duration::from_millis(pause));
    }

    fn arrived(&mut self) {
        if self.told.take().is_some() {
            tracing::warn!("the collector takes events again");
        }
        self.failures = 0;
    }

    /// Not at every attempt, which would bury everything else.
    fn tell(&mut self, why: &str) {
        if self.told.is_none_or(|told| told.elapsed() >= REMIND) {
            self.told = Some(Instant::now());
            let waiting_bytes = self.shared.waiting_bytes();
            tracing::error!(
                why,
                waiting_bytes,
                "events wait: the collector doesn't take them"
            );
        }
    }
}

/// How long ago this edge took it. What cannot be read waits for nothing.
fn age_ms(line: &[u8], now_ms: i64) -> i64 {
    let line = std::str::from_utf8(line).ok().map(Line::read);
    let line = line.and_then(Result::ok);
    line.map_or(i64::MAX, |line| now_ms.saturating_sub(line.received_ms))
}
