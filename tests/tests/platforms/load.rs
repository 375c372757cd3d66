//! Requests by the million: a thread for each connection, which stays open, and what comes back is compared byte by byte.
//!
//! In rounds: so many at once, and the next when all are answered. Nothing but the number at once decides how busy a server
//! is then; workerd, once it is saturated, leaves some connections alone for as long as others keep it busy, also with
//! a Worker of two lines.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Barrier, Mutex};
use std::time::Instant;

use crate::wire::{Answer, Connection};

/// Calls `work` with the numbers below `count`, on so many connections at once. What it says is wrong is kept, as far as
/// somebody can read it.
pub fn at_once(
    url: &str,
    connections: usize,
    count: usize,
    work: impl Fn(usize, &mut Connection) -> Result<(), String> + Sync,
) -> Wrong {
    let wrong = Mutex::new(Wrong::default());
    let round = Barrier::new(connections);
    let one = |number: usize, connection: &mut Connection| {
        let began = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| work(number, connection)));
        let done = done.unwrap_or_else(|_| {
            *connection = Connection::open(url);
            Err(format!("no answer after {:?}", began.elapsed()))
        });
        if let Err(what) = done {
            let mut wrong = wrong.lock().expect("nobody panics with it");
            wrong.count += 1;
            if wrong.first.len() < 10 {
                wrong.first.push(format!("{number}: {what}"));
            }
        }
    };
    std::thread::scope(|scope| {
        for mine in 0..connections {
            let (one, round) = (&one, &round);
            scope.spawn(move || {
                let mut connection = Connection::open(url);
                for first in (0..count).step_by(connections) {
                    if first + mine < count {
                        one(first + mine, &mut connection);
                    }
                    round.wait();
                }
            });
        }
    });
    wrong.into_inner().expect("nobody panics with it")
}

#[derive(Debug, Default)]
pub struct Wrong {
    pub count: usize,
    pub first: Vec<String>,
}

pub fn is(answer: &Answer, status: u16, body: &[u8]) -> Result<(), String> {
    if answer.status == status && answer.body == body {
        return Ok(());
    }
    let found = String::from_utf8_lossy(&answer.body);
    Err(format!("{} {found}", answer.status))
}
