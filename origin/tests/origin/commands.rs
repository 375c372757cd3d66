//! A release by the command line alone: a document is exported, edited, applied, approved by somebody else, watched, broken
//! and taken back, with a real edge in front.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Origin, PASSWORD, Person};
use crate::restoring::{unprotected, with_an_edge};
use crate::story::{WALLET, until_seen};
use crate::support::Result;

const SOON: Duration = Duration::from_secs(20);
const TITLE: &str = "Everything within easy reach";
/// Half of all visitors until somebody takes it on.
const STEPS: &str = "pipelines:\n  prod: {steps: [{share: 5000, hold: 1h}, {share: 10000}]}\n";

/// Somebody at a terminal.
pub struct Shell<'a> {
    origin: &'a Origin,
    pub token: String,
}

pub fn at<'a>(origin: &'a Origin, token: &str) -> Shell<'a> {
    Shell {
        origin,
        token: token.to_owned(),
    }
}

impl Shell<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.origin.desk.command(args);
        let address = format!("http://{}", self.origin.process.address);
        command.env("SKYFUL_ORIGIN", address);
        command.env("SKYFUL_TOKEN", &self.token);
        command
    }

    pub fn run(&self, args: &[&str]) -> Result {
        self.command(args).output().expect("it runs").into()
    }

    /// For production.
    fn prod(&self, args: &[&str]) -> Result {
        self.run(&[args, &["--env", "prod"]].concat())
    }

    /// Watches a release.
    fn watch(&self, id: &str) -> Watching {
        let mut command = self.command(&["release", "watch", id, "--env", "prod"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (tell, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(std::result::Result::ok) {
                _ = tell.send(line);
            }
        });
        Watching {
            child,
            lines,
            said: String::new(),
        }
    }
}

/// Somebody who watches, and all that they saw.
struct Watching {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Watching {
    /// Reads on until something new is said.
    #[track_caller]
    fn until(&mut self, words: &str) {
        loop {
            let line = self.lines.recv_timeout(SOON);
            let line = line.unwrap_or_else(|_| panic!("no {words:?} after: {}", self.said));
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(words) {
                return;
            }
        }
    }

    /// Its exit code, and all that was said.
    #[track_caller]
    fn ended(mut self) -> (i32, String) {
        let mut said = std::mem::take(&mut self.said);
        loop {
            match self.lines.recv_timeout(SOON) {
                Ok(line) => said.push_str(&format!("{line}\n")),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it doesn't end: {said}"),
            }
        }
        let mut err = self.child.stderr.take().expect("a pipe");
        err.read_to_string(&mut said).expect("text");
        let status = self.child.wait().expect("it ends");
        (status.code().expect("no signal"), said)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "no {words:?} in: {text}");
    }
}

/// May approve what goes to production.
fn bob(origin: &Origin, ada: &Person) -> String {
    let invited = json!({"email": "bob@example.com", "role": "approver", "env": "prod"});
    let invited = ada.post(&format!("{WALLET}/invitations"), &invited);
    let code = invited.is(201).body["code"].clone();
    let joins = json!({"code": code, "name": "Bob", "password": PASSWORD});
    let bob = origin.sign_in("/api/v1/invitations/accept", &joins, 200);
    let wanted = json!({"name": "terminal", "role": "approver", "env": "prod"});
    let made = bob.post(&format!("{WALLET}/tokens"), &wanted).is(201).body;
    made["secret"].as_str().expect("a token").to_owned()
}

#[test]
fn a_document_is_applied_approved_watched_broken_and_taken_back() {
    let (origin, owner) = Origin::with_first_user();
    let desk = &origin.desk;
    let edge = with_an_edge(&origin, &owner);
    let ada = at(&origin, &owner.token("designer"));
    let bob = at(&origin, &bob(&origin, &owner));
    desk.edit("wallet.yaml", "pipelines:\n", STEPS);

    // What would happen, without any of it happening.
    let told = ada.prod(&["apply", "wallet.yaml", "--dry-run"]);
    let told = told.ends_with_code(0);
    says(
        &told.out,
        &["upload payday.csv: 100000 ids", "all of it is new"],
    );
    says(&told.err, &["nothing was changed"]);
    assert_eq!(owner.get(WALLET).is(200).body["revision"], 0);

    // The first release. Whoever wrote it doesn't let it out.
    let told = ada.prod(&["apply", "wallet.yaml", "--note", "It begins"]);
    let told = told.ends_with_code(0);
    says(&told.out, &["release 1 of wallet/prod: waits for approval"]);
    says(
        &told.err,
        &["Bob may approve: `skyful release approve 1 --env prod`"],
    );
    let again = ada.prod(&["apply", "wallet.yaml"]).ends_with_code(0);
    says(&again.err, &["a release of this is there already"]);
    says(&again.out, &["release 1 of wallet/prod"]);
    let refused = ada.prod(&["release", "approve", "1"]).ends_with_code(2);
    says(&refused.err, &["approve a release"]);
    let author = at(&origin, &owner.token("admin"));
    let refused = author.prod(&["release", "approve", "1"]).ends_with_code(2);
    says(&refused.err, &["somebody else has to approve it"]);
    let other = [
        "release",
        "approve",
        "1",
        "--snapshot",
        &format!("b3-{}", "0".repeat(64)),
    ];
    says(
        &bob.prod(&other).ends_with_code(1).err,
        &["not of what you looked at"],
    );
    let told = bob.prod(&["release", "approve", "1", "--why", "Looks good"]);
    says(
        &told.ends_with_code(0).out,
        &["everybody sees it (sequence 1)"],
    );
    until_seen(&edge, 1, SOON);
    let told = ada
        .prod(&["apply", "wallet.yaml", "--wait"])
        .ends_with_code(0);
    says(&told.out, &["wallet/prod shows this already"]);

    // Taken home, where the ids aren't, it still is the same.
    std::fs::create_dir(desk.path("home")).expect("a folder");
    let told = ada
        .run(&["export", "-o", "home/wallet.json"])
        .ends_with_code(0);
    says(&told.err, &["at revision 2", "payday.csv is not in it"]);
    let told = ada.prod(&["apply", "home/wallet.json"]).ends_with_code(0);
    says(&told.out, &["wallet/prod shows this already"]);
    let bare: Value = ada.run(&["export", "--json"]).ends_with_code(0).json();
    assert_eq!(bare["workspace"], "wallet");

    // Edited, applied, approved: half of all visitors see it, and somebody watches.
    desk.edit("home/wallet.json", TITLE, "Closer still");
    let told = ada.prod(&["apply", "home/wallet.json", "--dry-run"]);
    let told = told.ends_with_code(0);
    says(
        &told.out,
        &["Closer still", "0 added, 0 removed, 1 changed"],
    );
    let told = ada.prod(&["apply", "home/wallet.json", "--json"]);
    let told = told.ends_with_code(0).json();
    assert_eq!(
        (&told["released"], &told["release"]["id"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(
        told["changes"].as_array().map(Vec::len),
        Some(1),
        "{told:#}"
    );
    let mut watching = ada.watch("2");
    watching.until("waits for approval: Bob may approve");
    let told = bob.prod(&["release", "approve", "2"]).ends_with_code(0);
    says(&told.out, &["50 % of visitors see it (step 1 of 2)"]);
    watching.until("50 % of visitors see it (step 1 of 2), everybody in");
    // Nothing else meanwhile.
    desk.edit("home/wallet.json", "Closer still", "Closest");
    let told = ada.prod(&["apply", "home/wallet.json"]).ends_with_code(1);
    says(
        &told.err,
        &["release 2 of wallet/prod is under way", "--supersede"],
    );
    assert_eq!(owner.get(WALLET).is(200).body["revision"], 3);
    ada.prod(&["release", "pause", "2"]).ends_with_code(0);
    watching.until("paused");
    ada.prod(&["release", "resume", "2"]).ends_with_code(0);
    let old = ["release", "skip", "2", "--if-version", "1"];
    says(&ada.prod(&old).ends_with_code(1).err, &["look at it again"]);
    ada.prod(&["release", "skip", "2"]).ends_with_code(0);
    let (code, said) = watching.ended();
    assert_eq!(code, 0, "{said}");
    says(&said, &["shown to everybody by token", "everybody sees it"]);

    // A mistake isn't taken, and says where it is.
    desk.edit("wallet.yaml", TITLE, "Closest");
    desk.edit("wallet.yaml", "op: gte", "op: above");
    let told = ada.prod(&["apply", "wallet.yaml"]).ends_with_code(1);
    says(&told.err, &["wallet.yaml:", "above"]);
    desk.edit("wallet.yaml", "op: above", "op: gte");

    // A bad one is taken back while some see it. Who watches is told.
    ada.prod(&["apply", "wallet.yaml"]).ends_with_code(0);
    bob.prod(&["release", "approve", "3"]).ends_with_code(0);
    let mut watching = ada.watch("3");
    watching.until("50 % of visitors see it");
    let told = ada
        .prod(&["rollback", "--why", "Too close"])
        .ends_with_code(0);
    says(
        &told.out,
        &["release 3 of wallet/prod: taken back", "release 2"],
    );
    let (code, said) = watching.ended();
    assert_eq!(code, 1, "{said}");
    says(&said, &["Too close", "release 3 was taken back"]);

    // And what everybody saw as well. To go on again is a release like any other.
    let told = ada.prod(&["rollback"]).ends_with_code(0);
    says(
        &told.out,
        &["release 2 of wallet/prod: taken back", "release 1"],
    );
    let live = ada
        .prod(&["release", "live", "--json"])
        .ends_with_code(0)
        .json();
    assert_eq!(live["live"]["release"], 1, "{live:#}");
    let sequence = live["live"]["sequence"].as_u64().expect("a number");
    until_seen(&edge, sequence, SOON);
    let told = ada.prod(&["rollback", "--to", "2"]).ends_with_code(0);
    says(&told.out, &["release 4 of wallet/prod: waits for approval"]);
    let told = ada.prod(&["release", "cancel", "4"]).ends_with_code(0);
    says(&told.out, &["cancelled"]);

    // All of it can be looked at.
    let told = bob.prod(&["release", "list"]).ends_with_code(0).out;
    says(
        &told,
        &[
            "cancelled",
            "rolled_back",
            "full",
            "Ada",
            "back to release 2",
        ],
    );
    let told = bob.prod(&["release", "show", "3"]).ends_with_code(0).out;
    says(
        &told,
        &[
            "approved   Bob",
            "Closest",
            "taken back by token",
            "Too close",
        ],
    );
    let told = bob.prod(&["release", "live"]).ends_with_code(0).out;
    says(
        &told,
        &["wallet/prod shows sequence", "frankfurt (edge) is"],
    );
    let told = bob.prod(&["release", "mode", "hold"]).ends_with_code(0).out;
    says(&told, &["wallet/prod is on hold"]);
}

#[test]
fn whoever_watches_stays_while_the_origin_is_replaced() {
    let (mut origin, ada) = Origin::with_first_user();
    unprotected(&ada);
    origin.desk.edit("wallet.yaml", "pipelines:\n", STEPS);
    let token = ada.token("designer");
    let apply = ["apply", "wallet.yaml"];
    at(&origin, &token).prod(&apply).ends_with_code(0);
    origin.desk.edit("wallet.yaml", TITLE, "Closer still");
    at(&origin, &token).prod(&apply).ends_with_code(0);
    let mut watching = at(&origin, &token).watch("2");
    watching.until("50 % of visitors see it");
    origin.process.kill();
    origin.process.start(&origin.desk);
    let skip = ["release", "skip", "2"];
    at(&origin, &token).prod(&skip).ends_with_code(0);
    let (code, said) = watching.ended();
    assert_eq!(code, 0, "{said}");
    // What was told isn't told again.
    assert_eq!(said.matches("put together").count(), 1, "{said}");
    says(&said, &["everybody sees it"]);
}
