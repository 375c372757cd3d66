//! What happens in the plays: what was before, what somebody asks for, and how it shows that it was done.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::Person;
use crate::database;
use crate::stage::World;
use crate::story::{PROD, WALLET};

/// Until something that happens by itself has happened.
const SOON: Duration = Duration::from_secs(10);
/// What nothing names any more.
const ORPHAN: &str = "abababababababababababababababababababababababababababababababab";
/// The master secret that follows.
const NEXT_MASTER: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

pub fn lives_not(_: &mut World) {}

fn lives(world: &mut World, what: impl FnOnce(&mut World)) {
    world.start();
    what(world);
    world.finished(Instant::now());
    world.origin.kill();
}

/// Whoever is asked may die over it, but not refuse it.
fn asks(person: &Person, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
    if let Some(answer) = person.try_ask(method, path, headers, body) {
        assert!(answer.status < 300, "{path}: {:#}", answer.body);
    }
}

fn posts(world: &World, path: &str, body: &Value) {
    asks(&world.ada, "POST", path, &[], body.to_string().as_bytes());
}

const NOTE: &str = "/api/v1/workspaces/wallet/modules/note";

pub fn saves(world: &World) {
    let new = [("if-none-match", "*")];
    let body = json!({"type": "banner"}).to_string();
    asks(&world.ada, "PUT", NOTE, &new, body.as_bytes());
}

pub fn saved(world: &World) -> bool {
    world.ada.get(NOTE).status == 200
}

pub fn imports(world: &World) {
    let text = std::fs::read_to_string(world.desk.path("wallet.yaml")).expect("the sample");
    let text = text.replace("Everything within easy reach", "Imported");
    let any = [("if-match", "*")];
    let path = format!("{WALLET}/document");
    asks(&world.ada, "PUT", &path, &any, text.as_bytes());
}

pub fn imported(world: &World) -> bool {
    let document = world.ada.get(&format!("{WALLET}/document")).is(200).body;
    let (imported, steps) = (
        document.to_string().contains("Imported"),
        document["pipelines"]["steps"].is_null(),
    );
    assert_eq!(imported, steps, "all of it or nothing");
    imported
}

pub fn uploads(world: &World) {
    let ids: String = (0..50_000).map(|id| format!("u-{id}\n")).collect();
    let any = [("if-match", "*")];
    let path = format!("{WALLET}/id_lists/payday.csv");
    asks(&world.ada, "PUT", &path, &any, ids.as_bytes());
}

pub fn uploaded(world: &World) -> bool {
    let list = world.ada.get(&format!("{WALLET}/id_lists/payday.csv"));
    list.is(200).body["value"]["ids"] == 50_000
}

pub fn releases(world: &World) {
    if let Some(answer) = world.tries_to_release("second") {
        answer.is(201);
    }
}

pub fn released(world: &World) -> bool {
    let second = world.release(2);
    let full = second["state"] == "full";
    let live = world.live();
    // Asked again by its name, it is told and not done again.
    if full {
        assert_eq!(live["stable"], second["snapshot"]);
        assert_eq!(world.releases("second").is(201).body["id"], 2);
    } else {
        assert_eq!(
            (second["state"].as_str(), &live["sequence"]),
            (None, &json!(1))
        );
    }
    full
}

pub fn has_released(world: &mut World) {
    lives(world, |world| {
        world.releases("second").is(201);
    });
}

pub fn waits_for_bob(world: &mut World) {
    lives(world, |world| {
        let found = world.ada.get(PROD).is(200);
        let settings = json!({"name": found.body["name"], "protected": true});
        world.ada.put(PROD, &found.etag, &settings).is(200);
        world.releases("second").is(201);
    });
}

pub fn approves(world: &World) {
    let digest = json!({"digest": world.release(2)["snapshot"]}).to_string();
    let path = format!("{PROD}/releases/2/approve");
    asks(&world.bob, "POST", &path, &[], digest.as_bytes());
}

pub fn approved(world: &World) -> bool {
    let second = world.release(2);
    assert_eq!(
        second["approved_by"].is_null(),
        second["state"] == "checked"
    );
    second["state"] == "full"
}

pub fn goes_in_steps(world: &mut World) {
    lives(world, |world| {
        let body = json!({"pipeline": "steps"});
        world.ada.post(&format!("{PROD}/releases"), &body).is(201);
    });
}

pub fn skips(world: &World) {
    let seen = format!("\"{}\"", world.release(2)["version"]);
    let path = format!("{PROD}/releases/2/skip");
    asks(&world.ada, "POST", &path, &[("if-match", &seen)], b"{}");
}

pub fn skipped(world: &World) -> bool {
    let (second, live) = (world.release(2), world.live());
    assert_eq!(second["share"], live["share"], "{second:#}");
    second["step"] == 1
}

pub fn rolls_back(world: &World) {
    posts(world, &format!("{PROD}/releases/2/rollback"), &json!({}));
}

pub fn rolled_back(world: &World) -> bool {
    let (first, second) = (world.release(1), world.release(2));
    let back = second["state"] == "rolled_back";
    assert_eq!(first["state"], if back { "full" } else { "superseded" });
    back
}

pub fn switches(world: &World) {
    posts(world, &format!("{PROD}/mode"), &json!({"mode": "hold"}));
}

pub fn switched(world: &World) -> bool {
    world.live()["mode"] == "hold"
}

pub fn keys(world: &World) -> Value {
    world.ada.get(&format!("{PROD}/keys")).is(200).body
}

pub fn makes_a_key(world: &World) {
    posts(world, &format!("{PROD}/keys"), &json!({}));
}

pub fn key_made(world: &World) -> bool {
    keys(world)["items"].as_array().expect("keys").len() == 3
}

pub fn activates(world: &World) {
    let path = format!("{PROD}/keys/{}/activate", world.next_key);
    posts(world, &path, &json!({}));
}

pub fn activated(world: &World) -> bool {
    let signed_again = world.live()["sequence"] == 2;
    let keys = keys(world);
    let mut keys = keys["items"].as_array().expect("keys").iter();
    let active = keys.find(|key| key["state"] == "active").expect("a key");
    assert_eq!(active["id"] == *world.next_key, signed_again);
    signed_again
}

pub fn has_activated(world: &mut World) {
    lives(world, |world| activates(world));
}

/// The second manifest under a new key.
pub fn is_signed_again(world: &mut World) {
    until(|| world.live()["sequence"] == 3);
}

pub fn first_key(world: &World) -> Value {
    let keys = keys(world);
    let mut keys = keys["items"].as_array().expect("keys").iter();
    let first = keys.find(|key| key["id"] != *world.next_key);
    first.expect("the first key").clone()
}

pub fn retires(world: &World) {
    let id = first_key(world)["id"].as_str().expect("a name").to_owned();
    let force = json!({"force": true});
    posts(world, &format!("{PROD}/keys/{id}/retire"), &force);
}

pub fn retired(world: &World) -> bool {
    first_key(world)["state"] == "retired"
}

pub fn raises(world: &World) {
    posts(world, &format!("{PROD}/raise-era"), &json!({}));
}

/// One that was written down and not begun is skipped: it never comes twice.
pub fn raised(world: &World) -> bool {
    let era = keys(world)["era"].as_u64().expect("a number");
    let sequence = world.live()["sequence"].as_u64().expect("a number");
    assert_eq!(era, sequence >> 40);
    era > 0
}

/// Something that was condemned long ago, here and at the folder.
pub fn forgets_an_object(world: &mut World) {
    let sql = format!(
        "INSERT INTO target_objects (workspace, env, target, digest, state, since_ms)
         VALUES ('wallet', 'prod', 'folder', '{ORPHAN}', 'condemned', 0);
         UPDATE deliveries SET collected_ms = 0 WHERE target = 'folder';"
    );
    database::change(&world.desk, &sql);
    std::fs::write(orphan(world), "forgotten").expect("written");
}

pub fn orphan(world: &World) -> std::path::PathBuf {
    let objects = world.desk.path("folder/s1/wallet/prod/o");
    assert!(objects.is_dir(), "{}", objects.display());
    objects.join(ORPHAN)
}

pub fn object_goes(world: &mut World) {
    // A request to delete it may be under way for some minutes. They are over.
    world.origin.kill();
    let later = "UPDATE target_objects SET since_ms = 0 WHERE state = 'deleting';
                 UPDATE deliveries SET collected_ms = 0 WHERE target = 'folder';";
    database::change(&world.desk, later);
    world.start();
    let left = format!("SELECT count(*) FROM target_objects WHERE digest = '{ORPHAN}'");
    until(|| database::number(&world.desk, &left) == 0);
    let orphan = orphan(world);
    assert!(!orphan.exists());
    let there = std::fs::read_dir(orphan.parent().expect("a folder")).expect("a folder");
    let wanted = "SELECT count(*) FROM target_objects WHERE target = 'folder' AND state = 'live'";
    assert_eq!(there.count() as i64, database::number(&world.desk, wanted));
}

pub fn forgets_a_list(world: &mut World) {
    let sql = format!(
        "INSERT INTO id_lists (workspace, digest, part, hashes) VALUES ('wallet', '{ORPHAN}', 0, x''),
             ('wallet', '{ORPHAN}', 1, x'')"
    );
    database::change(&world.desk, &sql);
}

pub fn list_goes(world: &mut World) {
    let left = format!("SELECT count(*) FROM id_lists WHERE digest = '{ORPHAN}'");
    until(|| database::number(&world.desk, &left) == 0);
}

pub fn forgets_a_snapshot(world: &mut World) {
    let sql = format!(
        "INSERT INTO snapshots (workspace, digest, revision, document, listing, created_ms)
         VALUES ('wallet', '{ORPHAN}', 1, '{{}}', x'', 0);
         INSERT INTO chunks (workspace, digest, bytes) VALUES ('wallet', '{ORPHAN}', x'00');
         INSERT INTO snapshot_chunks (workspace, snapshot, chunk) VALUES ('wallet', '{ORPHAN}', '{ORPHAN}');
         INSERT INTO condemned_snapshots (workspace, digest, since_ms) VALUES ('wallet', '{ORPHAN}', 0);"
    );
    database::change(&world.desk, &sql);
}

pub fn snapshot_goes(world: &mut World) {
    for table in ["snapshots", "chunks"] {
        let left = format!("SELECT count(*) FROM {table} WHERE digest = '{ORPHAN}'");
        until(|| database::number(&world.desk, &left) == 0);
    }
}

#[track_caller]
fn until(is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < SOON, "it doesn't come to be");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The first one, which is no target's fallback any more.
pub fn forgets_a_manifest(world: &mut World) {
    lives(world, |world| {
        for name in ["second", "third"] {
            world.writes(name);
            world.releases(name).is(201);
            world.finished(Instant::now());
        }
    });
    let sql = "UPDATE manifests SET issued_ms = 0 WHERE sequence = 1";
    database::change(&world.desk, sql);
}

pub fn manifest_goes(world: &mut World) {
    let left = "SELECT count(*) FROM manifests WHERE sequence = 1 AND length(envelope) > 0";
    until(|| database::number(&world.desk, left) == 0);
}

pub fn master_follows(world: &mut World) {
    let file = "data/master.key";
    let older = std::fs::read_to_string(world.desk.path(file)).expect("a secret");
    let older = older.lines().last().expect("a line");
    world.desk.write(file, &format!("{NEXT_MASTER},{older}\n"));
}

/// Without the older one everything opens that there is.
pub fn older_master_goes(world: &mut World) {
    world.origin.kill();
    world
        .desk
        .write("data/master.key", &format!("{NEXT_MASTER}\n"));
    world.start();
    let doctor = world.desk.run(&["doctor", "--data", "data"]);
    let found = doctor.ends_with_code(0).out;
    assert!(found.contains("secrets that open: 2"), "{found}");
    world.writes("After");
    world.releases("after").is(201);
}
