//! Backups, and what becomes of them: a real origin is put back more than once, and a real edge in front takes what it signs.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Origin, Person};
use crate::process::Process;
use crate::story::{PROD, WALLET, edge_of, until, until_seen};

const SOON: Duration = Duration::from_secs(20);
const ERA: u64 = 1 << 40;

/// Changes what seniors see, and lets it out.
pub fn releases(ada: &Person, title: &str) -> Value {
    let at = format!("{WALLET}/modules/hero/plans/senior_hero");
    let plan = ada.get(&at).is(200);
    let mut other = plan.body["value"].clone();
    other["content"]["title"]["en"] = json!(title);
    ada.put(&at, &plan.etag, &other).is(200);
    let release = ada.post(&format!("{PROD}/releases"), &json!({}));
    let release = release.is(201).body;
    until(ada, &release, "full");
    release
}

/// One person may let out what they wrote.
pub fn unprotected(ada: &Person) {
    let found = ada.get(PROD).is(200);
    let settings = json!({"name": found.body["name"], "protected": false});
    ada.put(PROD, &found.etag, &settings).is(200);
}

pub fn with_an_edge(origin: &Origin, ada: &Person) -> Process {
    let key = ada.post(&format!("{PROD}/keys"), &json!({})).is(201).body;
    let id = key["id"].as_str().expect("a name");
    ada.post(&format!("{PROD}/keys/{id}/activate"), &json!({}))
        .is(200);
    let trust = ada.get(&format!("{PROD}/keys")).is(200).body["trust"].clone();
    let mut edge = edge_of(origin, trust.as_str().expect("keys"));
    edge.start(&origin.desk);
    let target = json!({"settings": {"kind": "edge", "url": format!("http://{}", edge.address)}});
    ada.make(&format!("{PROD}/targets/frankfurt"), &target)
        .is(200);
    edge
}

/// While somebody saves.
fn backed_up(origin: &Origin, ada: &Person) {
    let module = format!("{WALLET}/modules/note");
    let made = ada.make(&module, &json!({"type": "banner"})).is(200);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let saves = scope.spawn(|| {
            let (mut etag, mut saves) = (made.etag.clone(), 0);
            while !stop.load(Ordering::Relaxed) {
                let value = json!({"type": "banner", "description": saves.to_string()});
                etag = ada.put(&module, &etag, &value).is(200).etag;
                saves += 1;
            }
            saves
        });
        let backup = ["backup", "--data", "data", "-o", "backup.sqlite"];
        origin.desk.run(&backup).ends_with_code(0);
        origin.desk.run(&backup).ends_with_code(2);
        stop.store(true, Ordering::Relaxed);
        assert!(saves.join().expect("they go on") > 0);
    });
}

#[cfg(unix)]
fn private(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file)
        .expect("a file")
        .permissions()
        .mode();
    mode & 0o077 == 0
}

#[cfg(not(unix))]
fn private(_: &Path) -> bool {
    true
}

/// Gives what it says of production.
fn restored(origin: &Origin, args: &[&str]) -> Value {
    let restore = ["--json", "restore", "backup.sqlite"];
    let told = origin.desk.run(&[&restore, args].concat());
    let told = told.ends_with_code(0).json();
    let raised = told["raised"].as_array().expect("a list");
    let of = |env: &str| raised.iter().find(|one| one["env"] == env).expect("an era");
    // It may have released something after the backup.
    assert!(of("dev")["era"].as_i64() > Some(0), "{told}");
    of("prod").clone()
}

pub fn delivered(ada: &Person) {
    let since = Instant::now();
    loop {
        let found = ada.get(&format!("{PROD}/delivery")).is(200).body;
        let targets = found["targets"].as_array().expect("targets");
        if targets.iter().all(|target| target["state"] == "current") {
            return;
        }
        assert!(since.elapsed() < SOON, "{found:#}");
    }
}

#[test]
fn a_backup_is_restored_again_and_again_and_no_sequence_comes_twice() {
    let (mut origin, ada) = Origin::with_first_user();
    ada.imports_the_sample(&origin.desk);
    unprotected(&ada);
    let edge = with_an_edge(&origin, &ada);
    let first = releases(&ada, "First");
    until_seen(&edge, 1, SOON);
    backed_up(&origin, &ada);
    let backup = origin.desk.path("backup.sqlite");
    assert!(private(&backup), "hashes of passwords are in it");
    releases(&ada, "Second");
    releases(&ada, "Third");
    let mut seen = until_seen(&edge, 3, SOON)["release"]["sequence"].clone();

    // While it runs nothing takes its place, and nobody else its database.
    let replace = ["restore", "backup.sqlite", "--data", "data", "--replace"];
    for args in [
        &replace[..],
        &["serve", "--data", "data", "--listen", "127.0.0.1:0"],
    ] {
        let told = origin.desk.run(args).ends_with_code(2).err;
        assert!(told.contains("skyful.sqlite.lock"), "{told}");
    }

    // Two times the same backup, and once more after an admin raised the era.
    for (times, era) in [1, 2, 4].into_iter().enumerate() {
        if times == 2 {
            let raised = ada.post(&format!("{PROD}/raise-era"), &json!({})).is(200);
            assert_eq!(raised.body["era"], 3);
            seen = until_seen(&edge, 3 * ERA, SOON)["release"]["sequence"].clone();
        }
        origin.process.kill();
        let refused = ["restore", "backup.sqlite", "--data", "data"];
        origin.desk.run(&refused).ends_with_code(2);
        // What an attempt left that was killed.
        origin
            .desk
            .write("data/.skyful.sqlite.restoring", "half of");
        origin
            .desk
            .write("data/.skyful.sqlite.restoring-wal", "another");
        let went = restored(&origin, &["--data", "data", "--replace"]);
        assert_eq!((&went["era"], &went["signed"]), (&json!(era), &json!(true)));
        assert!(private(&origin.desk.path("data/skyful.sqlite")));
        origin.process.start(&origin.desk);
        let page = until_seen(&edge, era * ERA, SOON);
        assert!(
            page["release"]["sequence"].as_u64() > seen.as_u64(),
            "{page:#}"
        );
        assert_eq!(page["release"]["snapshot"], first["snapshot"]);
        // It goes on from there.
        releases(&ada, &format!("After {times}"));
        seen = until_seen(&edge, era * ERA + 2, SOON)["release"]["sequence"].clone();
    }
    // The edge shows it before the origin has read it back.
    delivered(&ada);
    let doctor = origin.desk.run(&["doctor", "--data", "data"]);
    let found = doctor.ends_with_code(0).out;
    assert!(found.contains("is sound"), "{found}");
    assert!(
        found.contains("wallet/prod/frankfurt has sequence"),
        "{found}"
    );
    let verify = ["audit", "verify", "--db", "data/skyful.sqlite"];
    origin.desk.run(&verify).ends_with_code(0);
}

#[test]
fn on_a_new_machine_the_era_is_told_and_a_key_that_is_used_up_holds_up_releases_only() {
    let (mut origin, ada) = Origin::with_first_user();
    ada.imports_the_sample(&origin.desk);
    unprotected(&ada);
    releases(&ada, "First");
    let backup = ["backup", "--data", "data", "-o", "backup.sqlite"];
    origin.desk.run(&backup).ends_with_code(0);
    origin.process.kill();
    let place = origin.desk.dir.path().to_owned();
    std::fs::copy(place.join("data/master.key"), place.join("master.key")).expect("copied");
    let new = |name: &str| {
        let folder = place.join(name);
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::copy(place.join("master.key"), folder.join("master.key")).expect("copied");
    };
    new("known");
    let went = restored(&origin, &["--data", "known", "--era-above", "9"]);
    assert_eq!((&went["era"], &went["signed"]), (&json!(10), &json!(true)));

    // Edges let the key sign up to era 15.
    let replace = ["--data", "data", "--replace", "--era-above", "15"];
    let went = restored(&origin, &replace);
    assert_eq!((&went["era"], &went["signed"]), (&json!(16), &json!(false)));
    origin.process.start(&origin.desk);
    let release = || ada.post(&format!("{PROD}/releases"), &json!({}));
    let at = format!("{WALLET}/modules/hero/plans/senior_hero");
    let plan = ada.get(&at).is(200);
    let mut other = plan.body["value"].clone();
    other["content"]["title"]["en"] = json!("Second");
    ada.put(&at, &plan.etag, &other).is(200);
    let held = release();
    let held = match held.status {
        201 => ada.get(&format!("{PROD}/live")).is(200),
        _ => held.is(409),
    };
    assert_ne!(held.body["sequence"].as_u64().unwrap_or(0) >> 40, 16);
    let doctor = ["doctor", "--data", "data"];
    let found = origin.desk.run(&doctor).ends_with_code(1).out;
    assert!(found.contains("not sign in era 16"), "{found}");
    let key = ada.post(&format!("{PROD}/keys"), &json!({})).is(201).body;
    let id = key["id"].as_str().expect("a name");
    let force = json!({"force": true});
    ada.post(&format!("{PROD}/keys/{id}/activate"), &force)
        .is(200);
    let live = ada.get(&format!("{PROD}/live")).is(200).body;
    assert!(live["sequence"].as_u64() > Some(16 * ERA), "{live}");
    origin.desk.run(&doctor).ends_with_code(0);

    // Put in place by hand, a backup is found out.
    origin.process.kill();
    std::fs::rename(origin.desk.path("data"), origin.desk.path("gone")).expect("moved");
    new("data");
    for (from, to) in [
        ("backup.sqlite", "skyful.sqlite"),
        ("gone/eras.json", "eras.json"),
    ] {
        let to = origin.desk.path("data").join(to);
        std::fs::copy(origin.desk.path(from), to).expect("copied");
    }
    let found = origin.desk.run(&doctor).ends_with_code(1).out;
    assert!(
        found.contains("is in era 0, and 16 was begun here"),
        "{found}"
    );

    // A damaged backup takes no place.
    origin.desk.write("backup.sqlite", "nothing of that kind");
    let before = std::fs::read(origin.desk.path("data/skyful.sqlite")).expect("a database");
    let damaged = ["restore", "backup.sqlite", "--data", "data", "--replace"];
    assert_ne!(origin.desk.run(&damaged).code, 0);
    let after = std::fs::read(origin.desk.path("data/skyful.sqlite")).expect("a database");
    assert!(before == after, "what was there stays");
}

#[test]
fn a_doctor_finds_what_is_in_the_way() {
    let (mut origin, ada) = Origin::with_first_user();
    ada.imports_the_sample(&origin.desk);
    unprotected(&ada);
    let doctor = ["doctor", "--data", "data"];
    origin.desk.run(&doctor).ends_with_code(0);
    // Nobody answers there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = listener.local_addr().expect("an address");
    drop(listener);
    let target = json!({"settings": {"kind": "edge", "url": format!("http://{nobody}")}});
    ada.make(&format!("{PROD}/targets/nowhere"), &target)
        .is(200);
    releases(&ada, "First");
    let found = origin.desk.run(&doctor).ends_with_code(1).out;
    assert!(
        found.contains("wallet/prod/nowhere lacks sequence 1"),
        "{found}"
    );
    origin.process.kill();
    let master = origin.desk.path("data/master.key");
    std::fs::write(&master, "77".repeat(32)).expect("written");
    let found = origin.desk.run(&doctor).ends_with_code(1).out;
    assert!(found.contains("can't be opened"), "{found}");
    std::fs::remove_file(&master).expect("removed");
    let found = origin.desk.run(&doctor).ends_with_code(1).out;
    assert!(found.contains("there is no master.key"), "{found}");
    origin
        .desk
        .run(&["doctor", "--data", "elsewhere"])
        .ends_with_code(2);
}
