//! Two servers that give the same bytes, ours and the least one of the platform, measured in turns so that whatever
//! else the machine does hits both.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::host::Host;
use crate::wire::{Answer, Connection};

const WARM_UP: usize = 400;
/// Of a connection, which aren't counted.
const FIRST: usize = 20;
const TURNS: usize = 12;
const PER_TURN: usize = 250;
const RUNS: usize = 5;
const RUN: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 16;

/// A figure of ours beside the hello-world's; `ratio` is the median of those of single turns.
#[derive(Clone, Serialize)]
pub struct Beside {
    pub ours: f64,
    pub hello: f64,
    pub ratio: f64,
}

impl Beside {
    fn medians(turns: &[(f64, f64)]) -> Self {
        Self {
            ours: median(turns.iter().map(|(ours, _)| *ours)),
            hello: median(turns.iter().map(|(_, hello)| *hello)),
            ratio: median(turns.iter().map(|(ours, hello)| ours / hello)),
        }
    }
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    part(values, 0.5)
}

fn part(values: impl Iterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    values[(last as f64 * part).round() as usize]
}

/// What one after another takes, in microseconds, on a connection that stays open.
#[derive(Serialize)]
pub struct Warm {
    pub p50_us: Beside,
    pub p99_us: Beside,
    pub requests_each: usize,
}

pub fn warm(ours: &str, hello: &str, request: &[u8]) -> Warm {
    let turn = |url: &str, requests: usize| -> Vec<f64> {
        // A new one each time: servers close what was idle while it was the other's turn.
        let mut connection = Connection::open(url);
        (0..FIRST).for_each(|_| _ = timed(&mut connection, request));
        (0..requests)
            .map(|_| timed(&mut connection, request))
            .collect()
    };
    turn(ours, WARM_UP);
    turn(hello, WARM_UP);
    let (mut halves, mut slowest) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let (ours, hello) = (turn(ours, PER_TURN), turn(hello, PER_TURN));
        let of = |share| {
            let share = |times: &[f64]| part(times.iter().copied(), share);
            (share(&ours), share(&hello))
        };
        halves.push(of(0.5));
        slowest.push(of(0.99));
    }
    Warm {
        p50_us: Beside::medians(&halves),
        p99_us: Beside::medians(&slowest),
        requests_each: TURNS * PER_TURN,
    }
}

fn timed(connection: &mut Connection, request: &[u8]) -> f64 {
    let begun = Instant::now();
    let answer = connection.ask(request);
    let took = begun.elapsed();
    assert_eq!(answer.status, 200);
    took.as_secs_f64() * 1e6
}

#[derive(Serialize)]
pub struct Throughput {
    pub per_second: Beside,
    /// Of the server's processes, per request.
    pub cpu_us: Beside,
    pub connections: usize,
}

pub fn throughput(ours: &Host, hello: &Host, request: &[u8]) -> Throughput {
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (ours, hello) = (run(ours, request), run(hello, request));
        rates.push((ours.0, hello.0));
        costs.push((ours.1, hello.1));
    }
    Throughput {
        per_second: Beside::medians(&rates),
        cpu_us: Beside::medians(&costs),
        connections: CONNECTIONS,
    }
}

/// Answers per second, and the server's microseconds of processor time for each. One thread keeps every connection
/// busy: more of them would take the processor away from the server.
fn run(host: &Host, request: &[u8]) -> (f64, f64) {
    let mut connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| Connection::open(&host.url))
        .collect();
    connections.iter_mut().for_each(|c| c.send(request));
    let (begun, cpu) = (Instant::now(), host.cpu_ms());
    let mut answers = 0;
    while begun.elapsed() < RUN {
        for connection in &mut connections {
            assert_eq!(connection.receive().status, 200);
            connection.send(request);
            answers += 1;
        }
    }
    let (took, cpu) = (begun.elapsed(), host.cpu_ms() - cpu);
    connections.iter_mut().for_each(|c| drop(c.receive()));
    let answers = f64::from(answers);
    (answers / took.as_secs_f64(), cpu * 1e3 / answers)
}

/// The first request of a fresh isolate, instance or process, in milliseconds. The connection is open by then.
#[derive(Serialize)]
pub struct Cold {
    pub ms: Beside,
    pub repetitions: usize,
    /// Of the store, by the first answer of ours.
    pub reads: u32,
}

pub fn cold(
    hosts: [&mut Host; 2],
    repetitions: usize,
    fresh: impl Fn(&mut Host),
    request: &[u8],
    right: &dyn Fn(&Answer),
) -> Cold {
    let [ours, hello] = hosts;
    let mut reads = 0;
    let turns: Vec<_> = (0..repetitions)
        .map(|_| {
            let (first, answer) = first(ours, &fresh, request);
            right(&answer);
            reads = reads.max(answer.reads().expect("our answers tell it"));
            (first, self::first(hello, &fresh, request).0)
        })
        .collect();
    Cold {
        ms: Beside::medians(&turns),
        repetitions,
        reads,
    }
}

fn first(host: &mut Host, fresh: impl Fn(&mut Host), request: &[u8]) -> (f64, Answer) {
    fresh(host);
    let mut connection = Connection::open(&host.url);
    let begun = Instant::now();
    let answer = connection.ask(request);
    let took = begun.elapsed();
    assert_eq!(answer.status, 200);
    (took.as_secs_f64() * 1e3, answer)
}
