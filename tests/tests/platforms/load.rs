//! Requests by the million: a thread for each connection, which stays open, and what comes back is compared byte by byte.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Wrong::default());
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut connection = Connection::open(url);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let began = Instant::now();
                    let done = catch_unwind(AssertUnwindSafe(|| work(number, &mut connection)));
                    let done = done.unwrap_or_else(|_| {
                        connection = Connection::open(url);
                        Err(format!("no answer after {:?}", began.elapsed()))
                    });
                    if let Err(what) = done {
                        let mut wrong = wrong.lock().expect("nobody panics with it");
                        wrong.count += 1;
                        if wrong.first.len() < 10 {
                            wrong.first.push(format!("{number}: {what}"));
                        }
                    }
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
