//! Databases of earlier versions, as SQL in `tests/golden`: an origin of now brings each up to date, and goes on where it ended.
//! A migration that was changed after somebody ran it is refused here, as it would be there.
//!
//! A change that adds a migration keeps the database of the one before it: on the commit before that,
//! `SKYFUL_GOLDEN=write cargo test -p skyful-origin --test origin golden`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::{Origin, PASSWORD, Person};
use crate::database;
use crate::process::Process;
use crate::restoring::delivered;
use crate::story::{PROD, WALLET, approve, until};
use crate::support::Desk;

/// In place of the folder that a target was in.
const HERE: &str = "{here}";
const MASTER: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
const DOCUMENT: &str = r#"
skyful: 1
workspace: wallet
locales: {default: en, supported: [en]}
attributes: {age: {type: integer}}
segments:
  seniors: {rule: {attr: age, op: gte, value: 60}}
  payday: {ids: {file: payday.csv}}
module_types:
  note: {schema: {type: object, properties: {text: {type: string}}}}
modules:
  hero:
    type: note
    plans: [{key: old, audience: {segment: seniors}, content: {text: Slowly}}]
    default: {content: {text: First}}
pages:
  home: {slots: [{key: top}], default: {modules: {top: [hero]}}}
pipelines:
  prod: {steps: [{share: 5000}, {share: 10000}], gates: {min_requests: 100}}
"#;

fn origin() -> Process {
    let args = ["serve", "--data", "data", "--log-format", "json"];
    Process::new(&[&args[..], &["--deliver-below", "."]].concat())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn writes(ada: &Person, text: &str) {
    let at = format!("{WALLET}/modules/hero");
    let found = ada.get(&at).is(200);
    let mut other = found.body["value"].clone();
    other["default"]["content"]["text"] = json!(text);
    ada.put(&at, &found.etag, &other).is(200);
}

fn releases(ada: &Person) -> serde_json::Value {
    let release = ada.post(&format!("{PROD}/releases"), &json!({}));
    release.is(201).body
}

/// Two people, a draft with a history, a release that everybody sees, one that was taken back half-way, one that waits for Bob.
fn lived(desk: Desk) -> Desk {
    std::fs::create_dir_all(desk.path("data")).expect("a folder");
    desk.write("data/master.key", &format!("{MASTER}\n"));
    let (mut origin, ada) = Origin::first_user_of(desk, origin());
    let any = [("if-match", "*")];
    let list = format!("{WALLET}/id_lists/payday.csv");
    ada.ask("PUT", &list, &any, b"u-1\nu-2\n").is(200);
    let document = format!("{WALLET}/document");
    ada.ask("PUT", &document, &any, DOCUMENT.as_bytes()).is(200);
    let invited = json!({"email": "bob@example.com", "role": "approver", "env": "prod"});
    let invited = ada.post(&format!("{WALLET}/invitations"), &invited).is(201);
    let joins = json!({"code": invited.body["code"], "name": "Bob", "password": PASSWORD});
    let bob = origin.sign_in("/api/v1/invitations/accept", &joins, 200);
    ada.token("operator");
    let target = json!({"settings": {"kind": "directory", "path": origin.desk.path("folder")}});
    ada.make(&format!("{PROD}/targets/folder"), &target).is(200);

    let first = releases(&ada);
    approve(&bob, &first).is(200);
    until(&ada, &first, "full");
    delivered(&ada);
    writes(&ada, "Second");
    let second = releases(&ada);
    approve(&bob, &second).is(200);
    let back = format!("{PROD}/releases/{}/rollback", second["id"]);
    ada.post(&back, &json!({})).is(200);
    delivered(&ada);
    writes(&ada, "Third");
    releases(&ada);
    origin.process.kill();
    origin.desk
}

fn write() {
    let desk = lived(Desk::new());
    let here = desk.dir.path().display().to_string();
    let (name, text) = database::dump(&desk);
    let file = folder().join(format!("{name}.sql"));
    std::fs::write(&file, text.replace(&here, HERE)).expect("it is written");
    println!("wrote {}", file.display());
}

#[test]
fn databases_of_earlier_versions_go_on_where_they_ended() {
    if std::env::var("SKYFUL_GOLDEN").is_ok_and(|what| what == "write") {
        return write();
    }
    let mut tried = 0;
    for file in std::fs::read_dir(folder()).expect("a folder") {
        let file = file.expect("a file").path();
        let text = std::fs::read_to_string(&file).expect("a database");
        println!("{}", file.display());
        goes_on(&text);
        tried += 1;
    }
    assert!(tried > 0);
}

fn goes_on(text: &str) {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("data")).expect("a folder");
    desk.write("data/master.key", &format!("{MASTER}\n"));
    let here = desk.dir.path().display().to_string();
    database::load(&desk, &text.replace(HERE, &here));
    let mut origin = Origin {
        desk,
        process: origin(),
    };
    let since = Instant::now();
    origin.process.start(&origin.desk);
    let signs_in = |email: &str| {
        let who = json!({"email": email, "password": PASSWORD});
        origin.sign_in("/api/v1/session", &who, 200)
    };
    let (ada, bob) = (signs_in("ada@example.com"), signs_in("bob@example.com"));
    println!("ready after {:?}", since.elapsed());

    let states = database::releases(&origin.desk, "prod");
    let states: Vec<_> = states.iter().map(|(_, _, state)| &**state).collect();
    assert_eq!(states, ["full", "rolled_back", "checked"]);
    // What waited goes on: the folder, which was lost, gets it whole, with the key from before.
    let third = ada.get(&format!("{PROD}/releases/3")).is(200).body;
    approve(&bob, &third).is(200);
    let skip = ada.get(&format!("{PROD}/releases/3")).is(200);
    let at = format!("{PROD}/releases/3/skip");
    ada.ask("POST", &at, &[("if-match", &skip.etag)], b"{}")
        .is(200);
    until(&ada, &third, "full");
    delivered(&ada);
    assert!(origin.desk.path("folder").is_dir());
    // The last change is taken back, and shown to everybody.
    let history = ada.get(&format!("{WALLET}/history")).is(200).body;
    let last = history["items"][0]["revision"].as_i64().expect("a number");
    ada.post(&format!("{WALLET}/history/{last}/undo"), &json!({}))
        .is(200);
    let fourth = releases(&ada);
    assert_eq!(fourth["state"], "checked");

    origin.process.kill();
    database::whole(&origin.desk);
    let doctor = origin.desk.run(&["doctor", "--data", "data"]);
    let found = doctor.ends_with_code(0).out;
    assert!(!found.contains("error"), "{found}");
    let verify = ["audit", "verify", "--db", "data/skyful.sqlite"];
    origin.desk.run(&verify).ends_with_code(0);
    assert!(since.elapsed() < Duration::from_secs(60));
}
