//! One release after another, as people live through them, with a real edge in front: a workspace from the sample, a second
//! person, an edit, an approval, a release that goes through its steps, and one that is taken back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{COLLECTOR_TOKEN, Origin, PASSWORD, Person, SECRET};
use crate::process::Process;

pub const WALLET: &str = "/api/v1/workspaces/wallet";
pub const PROD: &str = "/api/v1/workspaces/wallet/environments/prod";

#[test]
fn a_release_is_approved_by_somebody_else_goes_out_in_steps_and_a_bad_one_comes_back() {
    let (origin, ada) = Origin::with_first_user();
    ada.imports_the_sample(&origin.desk);

    // Steps for production: half of all visitors, then everybody, once both tracks have answered enough.
    let steps = json!({
        "steps": [{"share": 5000}, {"share": 10000}],
        "gates": {"min_requests": 100},
    });
    ada.make(&format!("{WALLET}/pipelines/prod"), &steps)
        .is(200);

    // Bob is invited, to approve what goes to production.
    let invited = json!({"email": "bob@example.com", "role": "approver", "env": "prod"});
    let invited = ada
        .post(&format!("{WALLET}/invitations"), &invited)
        .is(201)
        .body;
    let joins = json!({"code": invited["code"], "name": "Bob", "password": PASSWORD});
    let bob = origin.sign_in("/api/v1/invitations/accept", &joins, 200);
    bob.put(&format!("{WALLET}/modules/hero"), "\"1\"", &json!({}))
        .is(403);

    // An edge that trusts the keys of production, and a target that leads to it.
    let key = ada.post(&format!("{PROD}/keys"), &json!({})).is(201).body;
    let id = key["id"].as_str().expect("a name");
    ada.post(&format!("{PROD}/keys/{id}/activate"), &json!({}))
        .is(200);
    let trust = ada.get(&format!("{PROD}/keys")).is(200).body["trust"].clone();
    let mut edge = edge_of(&origin, trust.as_str().expect("keys"));
    edge.start(&origin.desk);
    let target = json!({"settings": {"kind": "edge", "url": format!("http://{}", edge.address)}});
    ada.make(&format!("{PROD}/targets/frankfurt"), &target)
        .is(200);

    // The first release has nothing to be gray beside. Ada can't let it out by herself.
    let first = ada
        .post(&format!("{PROD}/releases"), &json!({}))
        .is(201)
        .body;
    assert_eq!(first["state"], "checked");
    let told = approve(&ada, &first).is(403).body;
    assert!(
        told["detail"].as_str().is_some_and(|why| !why.is_empty()),
        "{told}"
    );
    approve(&bob, &first).is(200);
    until(&ada, &first, "full");
    let page = until_seen(&edge, 1, Duration::from_secs(20));
    assert_eq!(
        (&page["plan"], &page["release"]["track"]),
        (&json!("senior"), &json!("stable"))
    );

    // Two people at one plan: the second one is shown both sides.
    let at = format!("{WALLET}/modules/hero/plans/senior_hero");
    let plan = ada.get(&at).is(200);
    let mut better = plan.body["value"].clone();
    better["content"]["title"] = json!({"zh-CN": "更清楚", "en": "Clearer"});
    ada.put(&at, &plan.etag, &better).is(200);
    better["content"]["title"]["en"] = json!("Clearer still");
    let stale = ada.put(&at, &plan.etag, &better).is(412).body;
    assert_eq!(
        stale["conflict"]["current"]["value"]["content"]["title"]["en"],
        "Clearer"
    );
    assert_eq!(
        stale["conflict"]["yours"]["content"]["title"]["en"],
        "Clearer still"
    );

    // One click, an approval, and it goes its way while visitors come.
    let visitors = Visitors::come(&edge);
    let second = ada
        .post(&format!("{PROD}/releases"), &json!({}))
        .is(201)
        .body;
    approve(&bob, &second).is(200);
    until(&ada, &second, "gray");
    until(&ada, &second, "full");
    let live = ada.get(&format!("{PROD}/live")).is(200).body;
    assert_eq!(live["stable"], second["snapshot"]);

    // A mistake: the plan of the seniors asks for an age that nobody has, so that they get the page for everybody.
    let at = format!("{WALLET}/pages/home/plans/senior");
    let plan = ada.get(&at).is(200);
    let mut wrong = plan.body["value"].clone();
    wrong["audience"] = json!({"attr": "age", "op": "gte", "value": 150});
    ada.put(&at, &plan.etag, &wrong).is(200);
    let third = ada
        .post(&format!("{PROD}/releases"), &json!({}))
        .is(201)
        .body;
    approve(&bob, &third).is(200);
    until(&ada, &third, "rolled_back");
    let live = ada.get(&format!("{PROD}/live")).is(200).body;
    assert_eq!(
        (&live["stable"], &live["gray"]),
        (&second["snapshot"], &Value::Null)
    );
    let sequence = live["sequence"].as_u64().expect("a number");
    let page = until_seen(&edge, sequence, Duration::from_secs(20));
    assert_eq!(
        (&page["plan"], &page["release"]["snapshot"]),
        (&json!("senior"), &second["snapshot"])
    );
    let (asked, failed) = visitors.leave();
    assert!(asked > 500 && failed == 0, "{failed} of {asked}");

    // Who did what stands in the log, and the log is the one that was written.
    let audit = ada.get(&format!("{WALLET}/audit")).is(200).body.to_string();
    for action in [
        "release.create",
        "release.approve",
        "invitation",
        "draft.change",
    ] {
        assert!(audit.contains(action), "{action}: {audit}");
    }
    let verified = origin
        .desk
        .run(&["audit", "verify", "--db", "data/skyful.sqlite"]);
    verified.ends_with_code(0);
}

/// Pushed to, reporting to the origin.
pub fn edge_of(origin: &Origin, trust: &str) -> Process {
    edge_over(origin, trust, "edge-store")
}

/// With a store of its own.
pub fn edge_over(origin: &Origin, trust: &str, store: &str) -> Process {
    let collector = format!("http://{}", origin.process.address);
    let args = [
        "edge",
        "--store",
        store,
        "--workspace",
        "wallet",
        "--env",
        "prod",
        "--trust",
        trust,
        "--collector",
        &collector,
    ];
    Process::new(&args)
        .with("SKYFUL_SECRET", SECRET)
        .with("SKYFUL_COLLECTOR_TOKEN", COLLECTOR_TOKEN)
}

pub fn approve(who: &Person, release: &Value) -> crate::api::Answer {
    let approval = json!({"digest": release["snapshot"]});
    who.post(
        &format!("{PROD}/releases/{}/approve", release["id"]),
        &approval,
    )
}

/// Watches a release until it is in a state.
#[track_caller]
pub fn until(who: &Person, release: &Value, state: &str) {
    let since = Instant::now();
    loop {
        let now = who
            .get(&format!("{PROD}/releases/{}", release["id"]))
            .is(200)
            .body;
        if now["state"] == state {
            return;
        }
        let waits = ["checked", "approved", "gray", "halted"];
        let waits = waits.iter().any(|waits| now["state"] == *waits);
        assert!(
            waits && since.elapsed() < Duration::from_secs(90),
            "{now:#}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks an edge until it shows a sequence.
#[track_caller]
pub fn until_seen(edge: &Process, sequence: u64, within: Duration) -> Value {
    let since = Instant::now();
    loop {
        let page = ask(edge.address, 1).expect("an answer");
        if page["release"]["sequence"].as_u64() >= Some(sequence) {
            return page;
        }
        assert!(since.elapsed() < within, "{page:#}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ask(edge: std::net::SocketAddr, unit: u64) -> Option<Value> {
    let url = format!("http://{edge}/v1/pages/home?unit=u-{unit}&locale=en&attr.age=67");
    let mut answer = ureq::get(&url)
        .config()
        .http_status_as_error(false)
        .build()
        .call()
        .ok()?;
    answer.body_mut().read_json().ok()
}

/// Seniors who ask for the page, one after another, until they are told to leave.
struct Visitors {
    leave: std::sync::Arc<AtomicBool>,
    failed: std::sync::Arc<AtomicU64>,
    thread: std::thread::JoinHandle<u64>,
}

impl Visitors {
    fn come(edge: &Process) -> Self {
        let (leave, failed) = (
            std::sync::Arc::<AtomicBool>::default(),
            std::sync::Arc::<AtomicU64>::default(),
        );
        let (told, bad, address) = (leave.clone(), failed.clone(), edge.address);
        let thread = std::thread::spawn(move || {
            let mut unit = 0;
            while !told.load(Ordering::Relaxed) {
                unit += 1;
                let page = ask(address, unit);
                if page.is_none_or(|page| page["modules"].as_array().is_none_or(Vec::is_empty)) {
                    bad.fetch_add(1, Ordering::Relaxed);
                }
                // About 100 in a second: what the gates are told to be quick with.
                std::thread::sleep(Duration::from_millis(8));
            }
            unit
        });
        Self {
            leave,
            failed,
            thread,
        }
    }

    /// How many they were, and how many got no page.
    fn leave(self) -> (u64, u64) {
        self.leave.store(true, Ordering::Relaxed);
        let asked = self.thread.join().expect("visitors don't fail");
        (asked, self.failed.load(Ordering::Relaxed))
    }
}
