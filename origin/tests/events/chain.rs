//! A native edge and a collector as processes: they can be killed at any instant, and start again where they ended.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::Process;
use crate::support::Desk;

pub const SECRET: &str = "6666666666666666666666666666666666666666666666666666666666666666";
pub const TOKEN: &str = "a token of the tests";
const DOCUMENT: &str = r#"
skyful: 1
workspace: wallet
locales: {default: en, supported: [en]}
module_types:
  card: {schema: {type: object, properties: {title: {type: string}}}}
modules:
  hero: {type: card, default: {content: {title: Hello}}}
ofrep: [home]
pages:
  home: {slots: [{key: hero}], default: {modules: {hero: [hero]}}}
"#;

/// Edge and collector over one directory.
pub struct Chain {
    desk: Desk,
    edge: Mutex<Process>,
    collector: Mutex<Process>,
    agent: ureq::Agent,
}

impl Chain {
    /// With one release. The collector has its address, and is not up yet.
    pub fn new() -> Self {
        let desk = Desk::new();
        desk.write("wallet.yaml", DOCUMENT);
        desk.run(&["keys", "new", "-o", "key"]).ends_with_code(0);
        desk.run(&["publish", "wallet.yaml", "--to", "store", "--key", "key"])
            .ends_with_code(0);
        let process = |args: &[&str]| {
            Process::new(args)
                .with("SKYFUL_SECRET", SECRET)
                .with("SKYFUL_COLLECTOR_TOKEN", TOKEN)
        };
        let mut collector = process(&["collect", "--db", "events.sqlite"]);
        // Once, to have an address that stays.
        collector.start(&desk);
        collector.kill();
        let url = format!("http://{}", collector.address);
        let mut edge = process(&[
            "edge",
            "--store",
            "store",
            "--trust",
            "key.pub",
            "--events",
            "log",
            "--collector",
            &url,
        ]);
        edge.start(&desk);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self {
            desk,
            edge: Mutex::new(edge),
            collector: Mutex::new(collector),
            agent: agent.into(),
        }
    }

    pub fn log(&self) -> PathBuf {
        self.desk.path("log")
    }

    pub fn start_collector(&self) {
        self.collector.lock().expect("a process").start(&self.desk);
    }

    pub fn kill_collector(&self) {
        self.collector.lock().expect("a process").kill();
    }

    pub fn kill_edge(&self) {
        self.edge.lock().expect("a process").kill();
    }

    pub fn start_edge(&self) {
        self.edge.lock().expect("a process").start(&self.desk);
    }

    pub fn edge_address(&self) -> SocketAddr {
        self.edge.lock().expect("a process").address
    }

    /// Resident memory of the edge.
    pub fn edge_bytes(&self) -> u64 {
        let edge = self.edge.lock().expect("a process");
        let pid = edge.id();
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
        let line = text.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        kilobytes
            .and_then(|text| text.parse::<u64>().ok())
            .expect("a size")
            << 10
    }

    /// A release by somebody who goes on publishing at every save, until it is killed.
    pub fn publish_and_be_killed(&self) {
        self.desk.edit("wallet.yaml", "Hello", "Good evening");
        let url = format!("http://{}", self.edge_address());
        let args = [
            "publish",
            "wallet.yaml",
            "--to",
            &url,
            "--key",
            "key",
            "--watch",
        ];
        let mut publisher = self.desk.command(&[&args[..], &["--json"]].concat());
        let mut publisher = publisher.stdout(Stdio::piped()).spawn().expect("it runs");
        let mut line = String::new();
        BufReader::new(publisher.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("a line");
        publisher.kill().expect("killed");
        publisher.wait().expect("gone");
        assert!(line.contains("\"sequence\":2"), "{line}");
    }

    pub fn receipt(&self) -> String {
        let url = format!("http://{}/v1/pages/home?unit=u-1", self.edge_address());
        let mut answer = self.agent.get(&url).call().expect("an answer");
        let page: Value = answer.body_mut().read_json().expect("a page");
        page["receipt"].as_str().expect("a receipt").to_owned()
    }

    /// Status and body. None: there was no answer.
    pub fn post(&self, address: SocketAddr, events: &Value) -> Option<(u16, Value)> {
        let url = format!("http://{address}/v1/events");
        let mut answer = self.agent.post(&url).send_json(events).ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.body_mut().read_json().ok()?))
    }

    /// Events that were counted so far, or None while the collector is down.
    pub fn counted(&self) -> Option<u64> {
        let address = self.collector.lock().expect("a process").address;
        let url = format!("http://{address}/v1/counts?workspace=wallet&env=dev");
        let request = self
            .agent
            .get(&url)
            .header("authorization", format!("Bearer {TOKEN}"));
        let counts: Value = request.call().ok()?.body_mut().read_json().ok()?;
        counts["events"].as_u64()
    }

    /// Waits until so many are counted.
    pub fn until_counted(&self, wanted: u64, within: Duration) {
        let since = Instant::now();
        loop {
            let asked = Instant::now();
            let counted = self.counted();
            if counted == Some(wanted) {
                return;
            }
            assert!(since.elapsed() < within, "{counted:?} of {wanted}");
            // Counting reads everything: asked without a break, it would take the time that it waits for.
            std::thread::sleep((4 * asked.elapsed()).max(Duration::from_millis(20)));
        }
    }
}

pub fn event(id: &str, receipt: &str, at: &str) -> Value {
    json!({
        "id": id, "type": "exposure", "unit": id, "page": "home", "module": "hero",
        "receipt": receipt, "at": at,
    })
}

pub fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    skyful::value::datetime::format(since.expect("after 1970").as_millis() as i64)
}
