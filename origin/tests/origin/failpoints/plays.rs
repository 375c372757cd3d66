//! For each failpoint what leads there. A point without a play doesn't compile, and a play that doesn't lead there fails.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::Person;
use crate::database;
use crate::failpoint::Point;
use crate::stage::World;
use crate::story::{PROD, WALLET};

/// Until something that happens by itself has happened.
const SOON: Duration = Duration::from_secs(10);
/// What nothing names any more.
const ORPHAN: &str = "abababababababababababababababababababababababababababababababab";

pub enum Play {
    /// The first start in an empty folder.
    New,
    Backup,
    /// Whether the backup is what counts then.
    Restore {
        done: bool,
    },
    Served {
        /// By an origin that lives, if any.
        before: fn(&mut World),
        /// Leads to the point, and is asked again where nothing came of it.
        act: fn(&World),
        done: fn(&World) -> bool,
        left: Left,
    },
}

pub enum Left {
    Old,
    New,
    /// The next origin finishes it by itself.
    ToDo(fn(&mut World)),
}

type Way = (Vec<Point>, Play);

/// All ways to die at a point.
pub fn of(point: Point) -> Vec<Way> {
    use Point::*;
    match point {
        MasterKeyMade | DatabaseMade => vec![(vec![point], Play::New)],
        DraftWritten => [
            inside(point, (lives_not, saves, saved)),
            // In the middle of many.
            vec![(
                vec![point; 2],
                served((lives_not, imports, imported), Left::Old),
            )],
        ]
        .into_iter()
        .flatten()
        .collect(),
        DraftImported => inside(point, (lives_not, imports, imported)),
        IdListPiece => once(point, (lives_not, uploads, uploaded), Left::Old),
        IdListKept => inside(point, (lives_not, uploads, uploaded)),
        SnapshotCompiled => once(point, (lives_not, releases, released), Left::Old),
        SnapshotPartKept | ReleaseCreated | ReleaseFinished | ManifestSigned => {
            inside(point, (lives_not, releases, released))
        }
        IdListCollected => inside_by_itself(point, forgets_a_list, list_goes),
        SnapshotsCollected => inside_by_itself(point, forgets_a_snapshot, snapshot_goes),
        ReleaseApproved => inside(point, (waits_for_bob, approves, approved)),
        ReleaseStepped => inside(point, (goes_in_steps, skips, skipped)),
        ReleaseRolledBack => inside(point, (has_released, rolls_back, rolled_back)),
        ModeSwitched => inside(point, (lives_not, switches, switched)),
        KeyMade => inside(point, (lives_not, makes_a_key, key_made)),
        KeyActivated => inside(point, (lives_not, activates, activated)),
        KeyReissued => inside_by_itself(point, has_activated, is_signed_again),
        KeyRetired => inside(point, (has_activated, retires, retired)),
        EraKept => inside(point, (lives_not, raises, raised)),
        WriterChanged | WriterSealed => {
            let play = served((lives_not, releases, released), Left::Old);
            vec![(vec![ReleaseCreated, point], play)]
        }
        WriterCommitted => {
            let play = served((lives_not, releases, released), Left::New);
            vec![(vec![ReleaseFinished, WriterSealed, point], play)]
        }
        // Of all that is done the release is, before anything of it is delivered.
        FileWritten | DeliveryLeased | DeliveryClaimed | DeliveryUploaded | DeliveryPut
        | DeliveryReadBack | DeliverySettled => {
            once(point, (lives_not, releases, released), Left::New)
        }
        // The one page that is another, at the edge and in the folder.
        DeliveryObjectPut => (1..=2)
            .map(|many| {
                let play = served((lives_not, releases, released), Left::New);
                (vec![point; many], play)
            })
            .collect(),
        DeliveryDelivered | DeliveryEnded => [vec![point], vec![point, WriterCommitted]]
            .map(|way| (way, served((lives_not, releases, released), Left::New)))
            .into(),
        CollectCondemned | CollectDeleting => {
            inside_by_itself(point, forgets_an_object, object_goes)
        }
        CollectDeleted => by_itself(vec![point], forgets_an_object, object_goes),
        BackupBegun | BackupCopied => vec![(vec![point], Play::Backup)],
        RestoreCopied | RestoreRaised => vec![(vec![point], Play::Restore { done: false })],
        RestoreReady | RestorePlaced => vec![(vec![point], Play::Restore { done: true })],
        // Its logs, and then the database itself.
        RestoreMoved => (1..=3)
            .map(|many| (vec![point; many], Play::Restore { done: true }))
            .collect(),
    }
}

type Scene = (fn(&mut World), fn(&World), fn(&World) -> bool);

fn served((before, act, done): Scene, left: Left) -> Play {
    Play::Served {
        before,
        act,
        done,
        left,
    }
}

fn once(point: Point, scene: Scene, left: Left) -> Vec<Way> {
    vec![(vec![point], served(scene, left))]
}

/// In a transaction: there, and once it is committed, before anybody is told.
fn inside(point: Point, scene: Scene) -> Vec<Way> {
    vec![
        (vec![point], served(scene, Left::Old)),
        (
            vec![point, Point::WriterCommitted],
            served(scene, Left::New),
        ),
    ]
}

fn by_itself(way: Vec<Point>, before: fn(&mut World), finishes: fn(&mut World)) -> Vec<Way> {
    let scene: Scene = (before, |_| (), |_| true);
    vec![(way, served(scene, Left::ToDo(finishes)))]
}

fn inside_by_itself(point: Point, before: fn(&mut World), finishes: fn(&mut World)) -> Vec<Way> {
    [vec![point], vec![point, Point::WriterCommitted]]
        .into_iter()
        .flat_map(|way| by_itself(way, before, finishes))
        .collect()
}

fn lives_not(_: &mut World) {}

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

fn saves(world: &World) {
    let new = [("if-none-match", "*")];
    let body = json!({"type": "banner"}).to_string();
    asks(&world.ada, "PUT", NOTE, &new, body.as_bytes());
}

fn saved(world: &World) -> bool {
    world.ada.get(NOTE).status == 200
}

fn imports(world: &World) {
    let text = std::fs::read_to_string(world.desk.path("wallet.yaml")).expect("the sample");
    let text = text.replace("Everything within easy reach", "Imported");
    let any = [("if-match", "*")];
    let path = format!("{WALLET}/document");
    asks(&world.ada, "PUT", &path, &any, text.as_bytes());
}

fn imported(world: &World) -> bool {
    let document = world.ada.get(&format!("{WALLET}/document")).is(200).body;
    let (imported, steps) = (
        document.to_string().contains("Imported"),
        document["pipelines"]["steps"].is_null(),
    );
    assert_eq!(imported, steps, "all of it or nothing");
    imported
}

fn uploads(world: &World) {
    let ids: String = (0..50_000).map(|id| format!("u-{id}\n")).collect();
    let any = [("if-match", "*")];
    let path = format!("{WALLET}/id_lists/payday.csv");
    asks(&world.ada, "PUT", &path, &any, ids.as_bytes());
}

fn uploaded(world: &World) -> bool {
    let list = world.ada.get(&format!("{WALLET}/id_lists/payday.csv"));
    list.is(200).body["value"]["ids"] == 50_000
}

fn releases(world: &World) {
    if let Some(answer) = world.tries_to_release("second") {
        answer.is(201);
    }
}

fn released(world: &World) -> bool {
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

fn has_released(world: &mut World) {
    lives(world, |world| {
        world.releases("second").is(201);
    });
}

fn waits_for_bob(world: &mut World) {
    lives(world, |world| {
        let found = world.ada.get(PROD).is(200);
        let settings = json!({"name": found.body["name"], "protected": true});
        world.ada.put(PROD, &found.etag, &settings).is(200);
        world.releases("second").is(201);
    });
}

fn approves(world: &World) {
    let digest = json!({"digest": world.release(2)["snapshot"]}).to_string();
    let path = format!("{PROD}/releases/2/approve");
    asks(&world.bob, "POST", &path, &[], digest.as_bytes());
}

fn approved(world: &World) -> bool {
    let second = world.release(2);
    assert_eq!(
        second["approved_by"].is_null(),
        second["state"] == "checked"
    );
    second["state"] == "full"
}

fn goes_in_steps(world: &mut World) {
    lives(world, |world| {
        let body = json!({"pipeline": "steps"});
        world.ada.post(&format!("{PROD}/releases"), &body).is(201);
    });
}

fn skips(world: &World) {
    let seen = format!("\"{}\"", world.release(2)["version"]);
    let path = format!("{PROD}/releases/2/skip");
    asks(&world.ada, "POST", &path, &[("if-match", &seen)], b"{}");
}

fn skipped(world: &World) -> bool {
    let (second, live) = (world.release(2), world.live());
    assert_eq!(second["share"], live["share"], "{second:#}");
    second["step"] == 1
}

fn rolls_back(world: &World) {
    posts(world, &format!("{PROD}/releases/2/rollback"), &json!({}));
}

fn rolled_back(world: &World) -> bool {
    let (first, second) = (world.release(1), world.release(2));
    let back = second["state"] == "rolled_back";
    assert_eq!(first["state"], if back { "full" } else { "superseded" });
    back
}

fn switches(world: &World) {
    posts(world, &format!("{PROD}/mode"), &json!({"mode": "hold"}));
}

fn switched(world: &World) -> bool {
    world.live()["mode"] == "hold"
}

fn keys(world: &World) -> Value {
    world.ada.get(&format!("{PROD}/keys")).is(200).body
}

fn makes_a_key(world: &World) {
    posts(world, &format!("{PROD}/keys"), &json!({}));
}

fn key_made(world: &World) -> bool {
    keys(world)["items"].as_array().expect("keys").len() == 3
}

fn activates(world: &World) {
    let path = format!("{PROD}/keys/{}/activate", world.next_key);
    posts(world, &path, &json!({}));
}

fn activated(world: &World) -> bool {
    let signed_again = world.live()["sequence"] == 2;
    let keys = keys(world);
    let mut keys = keys["items"].as_array().expect("keys").iter();
    let active = keys.find(|key| key["state"] == "active").expect("a key");
    assert_eq!(active["id"] == *world.next_key, signed_again);
    signed_again
}

fn has_activated(world: &mut World) {
    lives(world, |world| activates(world));
}

/// The second manifest under a new key.
fn is_signed_again(world: &mut World) {
    until(|| world.live()["sequence"] == 3);
}

fn first_key(world: &World) -> Value {
    let keys = keys(world);
    let mut keys = keys["items"].as_array().expect("keys").iter();
    let first = keys.find(|key| key["id"] != *world.next_key);
    first.expect("the first key").clone()
}

fn retires(world: &World) {
    let id = first_key(world)["id"].as_str().expect("a name").to_owned();
    let force = json!({"force": true});
    posts(world, &format!("{PROD}/keys/{id}/retire"), &force);
}

fn retired(world: &World) -> bool {
    first_key(world)["state"] == "retired"
}

fn raises(world: &World) {
    posts(world, &format!("{PROD}/raise-era"), &json!({}));
}

/// One that was written down and not begun is skipped: it never comes twice.
fn raised(world: &World) -> bool {
    let era = keys(world)["era"].as_u64().expect("a number");
    let sequence = world.live()["sequence"].as_u64().expect("a number");
    assert_eq!(era, sequence >> 40);
    era > 0
}

/// Something that was condemned long ago, here and at the folder.
fn forgets_an_object(world: &mut World) {
    let sql = format!(
        "INSERT INTO target_objects (workspace, env, target, digest, state, since_ms)
         VALUES ('wallet', 'prod', 'folder', '{ORPHAN}', 'condemned', 0);
         UPDATE deliveries SET collected_ms = 0 WHERE target = 'folder';"
    );
    database::change(&world.desk, &sql);
    std::fs::write(orphan(world), "forgotten").expect("written");
}

fn orphan(world: &World) -> std::path::PathBuf {
    let objects = world.desk.path("folder/s1/wallet/prod/o");
    assert!(objects.is_dir(), "{}", objects.display());
    objects.join(ORPHAN)
}

fn object_goes(world: &mut World) {
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

fn forgets_a_list(world: &mut World) {
    let sql = format!(
        "INSERT INTO id_lists (workspace, digest, part, hashes) VALUES ('wallet', '{ORPHAN}', 0, x''),
             ('wallet', '{ORPHAN}', 1, x'')"
    );
    database::change(&world.desk, &sql);
}

fn list_goes(world: &mut World) {
    let left = format!("SELECT count(*) FROM id_lists WHERE digest = '{ORPHAN}'");
    until(|| database::number(&world.desk, &left) == 0);
}

fn forgets_a_snapshot(world: &mut World) {
    let sql = format!(
        "INSERT INTO snapshots (workspace, digest, revision, document, listing, created_ms)
         VALUES ('wallet', '{ORPHAN}', 1, '{{}}', x'', 0);
         INSERT INTO chunks (workspace, digest, bytes) VALUES ('wallet', '{ORPHAN}', x'00');
         INSERT INTO snapshot_chunks (workspace, snapshot, chunk) VALUES ('wallet', '{ORPHAN}', '{ORPHAN}');
         INSERT INTO condemned_snapshots (workspace, digest, since_ms) VALUES ('wallet', '{ORPHAN}', 0);"
    );
    database::change(&world.desk, &sql);
}

fn snapshot_goes(world: &mut World) {
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
