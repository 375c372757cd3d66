//! What an origin is told by its file, its environment and its flags, and what it tells Prometheus.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::api::Origin;
use crate::process::Process;
use crate::story::WALLET;
use crate::support::Desk;

const FILE: &str = r#"
data = "from-file"
listen = "127.0.0.1:0"
metrics = "127.0.0.1:0"
log_format = "json"
"#;

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Gives what it says once it answers.
fn served(desk: &Desk, args: &[&str], env: &[(&str, &str)]) -> (Running, Value) {
    let fixed = [
        "serve",
        "--config",
        "skyful.toml",
        "--until-stdin-closes",
        "--json",
    ];
    let mut child = desk
        .command(&[&fixed, args].concat())
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    let out = child.stdout.take().expect("a pipe");
    let running = Running(child);
    BufReader::new(out).read_line(&mut line).expect("a line");
    (running, serde_json::from_str(&line).expect("JSON"))
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let desk = Desk::new();
    desk.write("skyful.toml", FILE);
    let env = [("SKYFUL_DATA", "from-env")];
    let flag = ["--data", "from-flag"];
    let cases = [
        (&flag[..0], &env[..0], "from-file"),
        (&flag[..0], &env[..], "from-env"),
        (&flag[..], &env[..], "from-flag"),
    ];
    for (args, env, folder) in cases {
        let (_running, said) = served(&desk, args, env);
        assert!(
            desk.path(folder).join("skyful.sqlite").is_file(),
            "{folder}"
        );
        // Of the file alone.
        let metrics = said["metrics"].as_str().expect("an address");
        let told = ureq::get(metrics).call().expect("an answer");
        assert_eq!(told.status().as_u16(), 200);
    }
    desk.write("skyful.toml", "data = \"x\"\nlissten = \"127.0.0.1:0\"\n");
    let told = desk.run(&["serve", "--config", "skyful.toml"]);
    let told = told.ends_with_code(2).err;
    assert!(
        told.contains("lissten") && told.contains("skyful.toml"),
        "{told}"
    );
}

#[test]
fn only_below_folders_that_were_named_is_anything_delivered_and_prometheus_is_told() {
    let args = [
        "serve",
        "--data",
        "data",
        "--log-format",
        "json",
        "--config",
        "skyful.toml",
    ];
    let desk = Desk::with_sample();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let metrics = listener.local_addr().expect("an address");
    drop(listener);
    desk.write(
        "skyful.toml",
        &format!("deliver_below = [\"below\"]\nmetrics = \"{metrics}\"\n"),
    );
    let (origin, ada) = Origin::first_user_of(desk, Process::new(&args));
    ada.imports_the_sample(&origin.desk);
    let dev = &format!("{WALLET}/environments/dev");
    let into = |name: &str| {
        let path = origin.desk.path(name).display().to_string();
        json!({"settings": {"kind": "directory", "path": path}})
    };
    for outside in ["elsewhere", "below/../elsewhere"] {
        let told = ada.make(&format!("{dev}/targets/out"), &into(outside));
        assert!((400..500).contains(&told.status), "{}", told.body);
    }
    ada.make(&format!("{dev}/targets/store"), &into("below/store"))
        .is(200);
    let release = ada.post(&format!("{dev}/releases"), &json!({}));
    release.is(201);
    let since = std::time::Instant::now();
    let wanted = [
        r#"skyful_delivery_lag_seconds{workspace="wallet",env="dev",target="store"} 0.0"#,
        r#"skyful_delivery_failures{workspace="wallet",env="dev",target="store"} 0"#,
        r#"skyful_releases{workspace="wallet",env="dev",state="full"} 1"#,
        "skyful_origin_requests_total{",
        "skyful_origin_changes_total ",
        "skyful_origin_transactions_total ",
    ];
    loop {
        let mut told = ureq::get(format!("http://{metrics}/metrics"))
            .call()
            .expect("an answer");
        let told = told.body_mut().read_to_string().expect("text");
        let lacks = wanted.iter().find(|line| !told.contains(**line));
        let Some(lacks) = lacks else { break };
        assert!(since.elapsed().as_secs() < 20, "no {lacks} in {told}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
