//! The platforms, what is asked of them, and what is published to them first.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, thread};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::host::{Host, root};
use crate::pair::{self, Cold, Throughput, Warm};
use crate::wire::{Answer, Connection, request};

/// A visitor of the sample who gets the default home page, the largest one.
const PAGE: &str = "/v1/pages/home?unit=u-2&locale=en&attr.age=29&attr.country=CN&attr.platform=ios&attr.app_version=8.2.0";
/// The same visitor, as an SDK asks.
const BODY: &str = r#"{"page":"home","unit":"u-2","locale":"en","attributes":{"age":29,"country":"CN","platform":"ios","app_version":"8.2.0"}}"#;

/// What was built, by the paths that scripts/bench knows.
#[derive(Deserialize)]
pub struct Built {
    /// The command line, in a release build.
    pub skyful: String,
    pub hello_native: Option<String>,
    pub worker: Option<[String; 2]>,
    pub spin: Option<Spin>,
}

#[derive(Deserialize)]
pub struct Spin {
    host: String,
    ours: String,
    hello: String,
}

#[derive(Serialize)]
pub struct Platform {
    pub name: &'static str,
    pub get: Warm,
    pub post: Warm,
    pub throughput: Throughput,
    pub cold: Vec<(&'static str, Cold)>,
    /// Where it is told apart: an instance for each request.
    pub fresh: Option<Warm>,
}

/// A key, and a folder for what stores keep.
pub struct Publisher {
    skyful: String,
    folder: tempfile::TempDir,
    trust: String,
}

impl Publisher {
    pub fn new(skyful: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("key").display().to_string();
        run(skyful, &["keys", "new", "-o", &key]);
        let public = fs::read_to_string(format!("{key}.pub")).expect("a public key");
        let lines = public.lines().filter(|line| !line.starts_with('#'));
        Self {
            skyful: skyful.to_owned(),
            trust: lines.collect::<String>().trim().to_owned(),
            folder,
        }
    }

    fn publish(&self, url: &str) {
        let key = self.path("key");
        let sample = root().join("examples/wallet/wallet.yaml");
        let sample = sample.display().to_string();
        run(
            &self.skyful,
            &["publish", &sample, "--key", &key, "--to", url],
        );
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn native(&self) -> Vec<String> {
        let store = self.path("store");
        let words = [
            &self.skyful,
            "edge",
            "--json",
            "--until-stdin-closes",
            "--workspace",
            "wallet",
            "--store",
            &store,
            "--trust",
            &self.trust,
            "--listen",
            "127.0.0.1:0",
        ];
        words.map(str::to_owned).into()
    }
}

fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output();
    let done = done.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {arguments:?}: {said}");
}

/// Where the hello-worlds have their bytes from.
fn page_file() -> PathBuf {
    root().join("tests/bench/hello/page.json")
}

/// Writes what the sample's page is answered with, before the hello-worlds are built.
pub fn write_page(skyful: &str) {
    let publisher = Publisher::new(skyful);
    let host = Host::start(&publisher.native());
    publisher.publish(&host.url);
    let answer = Connection::open(&host.url).ask(&request("GET", PAGE, ""));
    assert_eq!(answer.status, 200);
    // Written only if it differs, so that nothing is built again without need.
    if fs::read(page_file()).ok().as_ref() != Some(&answer.body) {
        fs::write(page_file(), &answer.body).expect("the file is written");
    }
}

pub fn page_bytes() -> u64 {
    fs::metadata(page_file()).map_or(0, |file| file.len())
}

pub fn all(built: &Built) -> Vec<Platform> {
    let publisher = Publisher::new(&built.skyful);
    let mut measured = Vec::new();
    if let Some(folders) = &built.worker {
        measured.push(workers(&publisher, folders));
    }
    if let Some(spin) = &built.spin {
        measured.push(self::spin(&publisher, spin));
    }
    if let Some(hello) = &built.hello_native {
        measured.push(native(&publisher, hello));
    }
    measured
}

fn workers(publisher: &Publisher, [ours, hello]: &[String; 2]) -> Platform {
    let host = |folder: &str, variables| {
        let script = "tests/bench/worker.mjs".to_owned();
        Host::start(&["node".into(), script, folder.to_owned(), variables])
    };
    // What wrangler.toml says.
    let variables = json!({
        "SKYFUL_WORKSPACE": "wallet", "SKYFUL_ENV": "dev", "SKYFUL_CORS": "", "SKYFUL_PREVIEW": "false",
        "SKYFUL_TRUST": publisher.trust,
    });
    let ours = host(ours, variables.to_string());
    let hello = host(hello, "{}".into());
    let mut pair = Pair::ready("Workers", publisher, ours, hello);
    let mut measured = pair.measured();
    measured.cold = vec![
        ("fresh isolate", pair.cold(12, |host| host.restart(false))),
        (
            "fresh isolate, no own copies",
            pair.cold(12, |host| host.restart(true)),
        ),
    ];
    measured
}

fn spin(publisher: &Publisher, built: &Spin) -> Platform {
    // What spin.toml says.
    let variables = |reuse: u64| {
        json!({
            "workspace": "wallet", "env": "dev", "trust": publisher.trust, "recheck_ms": 1_000, "reuse": reuse,
        })
    };
    let host = |component: &str, reuse| {
        let variables = variables(reuse).to_string();
        Host::start(&[built.host.clone(), component.to_owned(), variables])
    };
    // The default of Spin 4.
    let pair = |reuse| (host(&built.ours, reuse), host(&built.hello, reuse));
    let (ours, hello) = pair(128);
    let mut reused = Pair::ready("Spin", publisher, ours, hello);
    let mut measured = reused.measured();
    let fresh = reused.cold(40, |host| host.restart(false));
    measured.cold = vec![("fresh instance", fresh)];
    drop(reused);
    let (ours, hello) = pair(1);
    let fresh = Pair::ready("Spin", publisher, ours, hello);
    let request = request("GET", PAGE, "");
    measured.fresh = Some(pair::warm(&fresh.ours.url, &fresh.hello.url, &request));
    measured
}

fn native(publisher: &Publisher, hello: &str) -> Platform {
    let ours = Host::start(&publisher.native());
    let hello = Host::start(&[hello.to_owned()]);
    let mut pair = Pair::ready("native", publisher, ours, hello);
    let mut measured = pair.measured();
    measured.cold = vec![("fresh process", pair.cold(20, Host::start_anew))];
    measured
}

struct Pair {
    name: &'static str,
    ours: Host,
    hello: Host,
}

impl Pair {
    /// Published, and answering rightly.
    fn ready(name: &'static str, publisher: &Publisher, ours: Host, hello: Host) -> Self {
        eprintln!("{name}: publishing");
        publisher.publish(&ours.url);
        let pair = Self { name, ours, hello };
        for question in [
            request("GET", PAGE, ""),
            request("POST", "/v1/resolve", BODY),
        ] {
            right(&Connection::open(&pair.ours.url).ask(&question));
            right(&Connection::open(&pair.hello.url).ask(&question));
        }
        pair
    }

    fn measured(&self) -> Platform {
        let (get, post) = (
            request("GET", PAGE, ""),
            request("POST", "/v1/resolve", BODY),
        );
        let Self { ours, hello, .. } = self;
        eprintln!("{}: latency", self.name);
        let measured = Platform {
            name: self.name,
            get: pair::warm(&ours.url, &hello.url, &get),
            post: pair::warm(&ours.url, &hello.url, &post),
            throughput: {
                eprintln!("{}: throughput", self.name);
                pair::throughput(ours, hello, &get)
            },
            cold: Vec::new(),
            fresh: None,
        };
        right(&Connection::open(&ours.url).ask(&get));
        measured
    }

    fn cold(&mut self, repetitions: usize, fresh: impl Fn(&mut Host)) -> Cold {
        eprintln!("{}: cold", self.name);
        let request = request("GET", PAGE, "");
        let hosts = [&mut self.ours, &mut self.hello];
        pair::cold(hosts, repetitions, fresh, &request, &right)
    }
}

/// Nothing is timed that isn't the right answer.
fn right(answer: &Answer) {
    let wanted = fs::read(page_file()).expect("the page was written");
    assert_eq!(answer.status, 200);
    assert!(
        answer.body == wanted,
        "another answer than the hello-world's: {}",
        String::from_utf8_lossy(&answer.body)
    );
}

/// The machine as far as it matters to the figures.
pub fn machine() -> serde_json::Value {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program)
            .arg(argument)
            .current_dir(root())
            .output();
        let text = output.map_or_else(|_| Vec::new(), |output| output.stdout);
        String::from_utf8_lossy(&text).trim().to_owned()
    };
    let package = |name: &str| {
        let text = fs::read(root().join("node_modules").join(name).join("package.json"));
        let found: serde_json::Value =
            serde_json::from_slice(&text.unwrap_or_default()).unwrap_or_default();
        found["version"].as_str().unwrap_or("?").to_owned()
    };
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = model
        .and_then(|line| line.split_once(": "))
        .map(|(_, name)| name);
    json!({
        "cores": thread::available_parallelism().map_or(0, usize::from),
        "processor": model,
        "load": load(),
        "rustc": said("rustc", "--version"),
        "node": said("node", "--version"),
        "miniflare": package("miniflare"),
        "workerd": package("workerd"),
        "wasmtime": wasmtime(),
    })
}

/// How busy the machine is, over the last minute.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

fn wasmtime() -> Option<String> {
    let lock = Path::new("tests/platform/spin/Cargo.lock");
    let lock = fs::read_to_string(root().join(lock)).ok()?;
    let (_, rest) = lock.split_once("name = \"wasmtime\"\nversion = \"")?;
    Some(rest.split('"').next()?.to_owned())
}
