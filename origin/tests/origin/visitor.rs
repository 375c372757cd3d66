//! Somebody who asks an edge again and again, and sees whole pages only: whatever became of the origin.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::process::Process;

/// Between two requests.
const PAUSE: Duration = Duration::from_millis(10);

pub struct Visitor {
    leave: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Visitor {
    pub fn come(edge: &Process) -> Self {
        let leave = Arc::<AtomicBool>::default();
        let (told, address) = (leave.clone(), edge.address);
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !told.load(Ordering::Relaxed) {
                seen.look(&page(address));
                std::thread::sleep(PAUSE);
            }
            seen.pages
        });
        Self { leave, thread }
    }

    /// How many pages there were.
    pub fn leave(self) -> u64 {
        self.leave.store(true, Ordering::Relaxed);
        self.thread.join().expect("each page was whole")
    }
}

#[derive(Default)]
struct Seen {
    pages: u64,
    highest: u64,
    of_snapshot: BTreeMap<String, Value>,
}

impl Seen {
    /// One snapshot has one page for one visitor, and none is followed by an older one.
    fn look(&mut self, page: &Value) {
        let sequence = page["release"]["sequence"].as_u64().expect("a release");
        assert!(sequence >= self.highest, "{page:#}");
        self.highest = sequence;
        let modules = page["modules"].clone();
        assert!(modules.as_array().is_some_and(|all| !all.is_empty()));
        let snapshot = page["release"]["snapshot"].to_string();
        let known = self.of_snapshot.entry(snapshot).or_insert(modules);
        assert_eq!(*known, page["modules"], "{page:#}");
        self.pages += 1;
    }
}

/// What a senior sees.
pub fn page(edge: SocketAddr) -> Value {
    let url = format!("http://{edge}/v1/pages/home?unit=u-1&locale=en&attr.age=67&attr.country=CN");
    let mut answer = ureq::get(&url).call().expect("edges always answer");
    answer.body_mut().read_json().expect("a page")
}
