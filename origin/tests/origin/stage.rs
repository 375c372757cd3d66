//! An origin with one release at a real edge and in a folder, made once and copied for each who wants to see it die.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Origin, PASSWORD, Person, SECRET};
use crate::database;
use crate::failpoint::{KILL_AT, Point};
use crate::process::Process;
use crate::restoring::unprotected;
use crate::story::{PROD, WALLET};
use crate::support::Desk;
use crate::visitor::page;

pub const TITLE: &str = "/api/v1/workspaces/wallet/modules/hero/plans/senior_everyday";
/// Until a process that is to die is dead.
const LONG: Duration = Duration::from_secs(30);
/// A busy machine gets more than the two seconds that are the goal; `tests/faults/RESULTS.md` has what was measured.
const READY: Duration = Duration::from_secs(5);
/// Shorter than a lease: nobody waits for one of the dead.
const FINISHED: Duration = Duration::from_secs(5);

pub struct World {
    pub desk: Desk,
    pub origin: Process,
    pub edge: Process,
    pub ada: Person,
    pub bob: Person,
    /// Signs nothing yet, and edges trust it.
    pub next_key: String,
}

/// From the start of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recovery {
    pub ready: Duration,
    /// Every target has the newest, and it has settled there.
    pub delivered: Duration,
}

impl Recovery {
    pub fn slowest(self, other: Self) -> Self {
        Self {
            ready: self.ready.max(other.ready),
            delivered: self.delivered.max(other.delivered),
        }
    }
}

fn origin() -> Process {
    let args = ["serve", "--data", "data", "--log-format", "json"];
    Process::new(&[&args[..], &["--deliver-below", "."]].concat())
}

impl World {
    /// Running, with the first release delivered, and a draft that differs from it. Ada may release, Bob may approve.
    pub fn new() -> Self {
        let (origin, ada) = Origin::first_user_of(Desk::with_sample(), origin());
        ada.imports_the_sample(&origin.desk);
        unprotected(&ada);
        let steps = json!({
            "steps": [{"share": 1000}, {"share": 5000}, {"share": 10000}],
            "gates": {"min_requests": 100},
        });
        ada.make(&format!("{WALLET}/pipelines/steps"), &steps)
            .is(200);
        let invited = json!({"email": "bob@example.com", "role": "approver", "env": "prod"});
        let invited = ada.post(&format!("{WALLET}/invitations"), &invited).is(201);
        let joins = json!({"code": invited.body["code"], "name": "Bob", "password": PASSWORD});
        let bob = origin.sign_in("/api/v1/invitations/accept", &joins, 200);
        let key = || {
            let key = ada.post(&format!("{PROD}/keys"), &json!({})).is(201).body;
            key["id"].as_str().expect("a name").to_owned()
        };
        let (first, next_key) = (key(), key());
        ada.post(&format!("{PROD}/keys/{first}/activate"), &json!({}))
            .is(200);
        let trust = ada.get(&format!("{PROD}/keys")).is(200).body["trust"].clone();
        let args = ["edge", "--store", "edge-store", "--workspace", "wallet"];
        let trust = ["--env", "prod", "--trust", trust.as_str().expect("keys")];
        let mut edge = Process::new(&[&args[..], &trust].concat()).with("SKYFUL_SECRET", SECRET);
        edge.start(&origin.desk);
        let mut world = Self {
            desk: origin.desk,
            origin: origin.process,
            edge,
            ada,
            bob,
            next_key,
        };
        let folder = world.desk.path("folder");
        for (name, settings) in [
            (
                "frankfurt",
                json!({"kind": "edge", "url": world.edge_url()}),
            ),
            ("folder", json!({"kind": "directory", "path": folder})),
        ] {
            let target = json!({"settings": settings});
            world
                .ada
                .make(&format!("{PROD}/targets/{name}"), &target)
                .is(200);
        }
        world.writes("First");
        world.releases("first").is(201);
        world.finished(Instant::now());
        world.writes("Second");
        world
    }

    /// Nobody runs in it any more, so that it can be copied.
    pub fn still(mut self) -> Self {
        self.origin.kill();
        self.edge.kill();
        self
    }

    /// With an edge of its own, and an origin that doesn't run yet.
    pub fn copied(&self) -> Self {
        let desk = Desk::new();
        copy(self.desk.dir.path(), desk.dir.path());
        let mut edge = self.edge.elsewhere();
        edge.start(&desk);
        let copy = Self {
            origin: self.origin.elsewhere(),
            edge,
            ada: self.ada.clone(),
            bob: self.bob.clone(),
            next_key: self.next_key.clone(),
            desk,
        };
        let (here, there) = (self.desk.path("folder"), copy.desk.path("folder"));
        // What is there was looked at just now.
        let moved = format!(
            "UPDATE targets SET settings = replace(replace(settings, '{}', '{}'), '{}', '{}');
             UPDATE deliveries SET audited_ms = unixepoch() * 1000, collected_ms = unixepoch() * 1000;",
            self.edge_url(),
            copy.edge_url(),
            here.display(),
            there.display(),
        );
        database::change(&copy.desk, &moved);
        copy
    }

    fn edge_url(&self) -> String {
        format!("http://{}", self.edge.address)
    }

    pub fn start(&mut self) {
        self.origin.start(&self.desk);
        self.meet();
    }

    /// People come back to where it listens now.
    pub fn meet(&mut self) {
        self.ada = self.ada.before(&self.origin);
        self.bob = self.bob.before(&self.origin);
    }

    /// An origin that will die once it came this way; false if it did before it could answer.
    pub fn launch_to_die(&mut self, way: &[Point]) -> bool {
        let names: Vec<_> = way.iter().map(|point| point.name()).collect();
        self.origin.set(KILL_AT, &names.join(","));
        let lives = self.origin.launch(&self.desk);
        self.origin.without(KILL_AT);
        self.meet();
        lives
    }

    /// Waits for it to die where it was told to, and nowhere else.
    #[track_caller]
    pub fn died(&mut self, way: &[Point]) {
        let status = self.origin.ended(LONG);
        assert_eq!(status.code(), None, "{way:?}: {status}");
        let log = std::fs::read_to_string(self.desk.path("serve.log")).expect("a log");
        let last = log.lines().last().unwrap_or_default();
        let point = way.last().expect("a way").name();
        assert_eq!(last, format!("killed at {point}"));
    }

    /// Starts it again, and waits until everything is where it belongs.
    #[track_caller]
    pub fn recovers(&mut self) -> Recovery {
        let since = Instant::now();
        self.start();
        self.ada.get("/readyz").is(200);
        let ready = since.elapsed();
        assert!(ready < READY, "ready after {ready:?}");
        let delivered = self.finished(since);
        Recovery { ready, delivered }
    }

    /// Until every target has the newest, it has settled, and the edge shows it.
    #[track_caller]
    pub fn finished(&mut self, since: Instant) -> Duration {
        let begun = Instant::now();
        loop {
            let found = self.ada.get(&format!("{PROD}/delivery")).is(200).body;
            let is_there = |target: &Value| {
                target["state"] == "current"
                    && target["delivered"] == found["wanted"]
                    && target["settled"] == found["wanted"]
            };
            let targets = found["targets"].as_array().expect("targets");
            if targets.iter().all(is_there)
                && page(self.edge.address)["release"]["sequence"] == found["wanted"]
            {
                return since.elapsed();
            }
            assert!(begun.elapsed() < FINISHED, "{found:#}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Nothing is there by halves, and nothing is in the way.
    #[track_caller]
    pub fn sound(&self) {
        database::whole(&self.desk);
        let doctor = self.desk.run(&["doctor", "--data", "data"]);
        let found = doctor.ends_with_code(0).out;
        assert!(!found.contains("error"), "{found}");
        let verify = ["audit", "verify", "--db", "data/skyful.sqlite"];
        self.desk.run(&verify).ends_with_code(0);
        let live = self.ada.get(&format!("{PROD}/live")).is(200).body;
        let page = page(self.edge.address);
        let shown = &page["release"];
        assert!([&live["stable"], &live["gray"]].contains(&&shown["snapshot"]));
    }

    /// What seniors see after the next release.
    pub fn writes(&self, title: &str) {
        let plan = self.ada.get(TITLE).is(200);
        let mut other = plan.body["value"].clone();
        other["content"]["title"]["en"] = json!(title);
        self.ada.put(TITLE, &plan.etag, &other).is(200);
    }

    /// The one click. Asked twice by one name, it happens once.
    pub fn releases(&self, name: &str) -> crate::api::Answer {
        let answer = self.tries_to_release(name);
        answer.expect("an answer")
    }

    pub fn tries_to_release(&self, name: &str) -> Option<crate::api::Answer> {
        let body = json!({"note": name}).to_string();
        let once = [("idempotency-key", name)];
        let path = format!("{PROD}/releases");
        self.ada.try_ask("POST", &path, &once, body.as_bytes())
    }

    pub fn release(&self, id: i64) -> Value {
        let found = self.ada.get(&format!("{PROD}/releases/{id}"));
        found.body
    }

    pub fn live(&self) -> Value {
        self.ada.get(&format!("{PROD}/live")).is(200).body
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("copied");
        }
    }
}
