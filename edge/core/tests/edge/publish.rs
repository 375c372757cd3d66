//! Publishing through the edge: what is genuine and newer gets in, all else is refused with a reason.

use skyful::compile::Snapshot;
use skyful::manifest::sign;
use skyful::snapshot::{Digest, Kind};

use crate::fixture::{self, ENV, WORKSPACE, chunk_key, key, keys, release, snapshot, value};
use crate::world::{Answer, World};

impl World {
    /// As a publisher with the key of this seed.
    fn publisher(&mut self, seed: u8, method: &str, path: &str, body: &[u8]) -> Answer {
        let pass = sign::pass(&key(seed), WORKSPACE, ENV, method, path);
        self.headers = vec![("skyful-signature", pass)];
        let answer = self.send(method, path, body);
        self.headers.clear();
        answer
    }

    fn put_objects(&mut self, snapshot: &Snapshot, status: u16) {
        for (digest, bytes) in &snapshot.objects {
            let path = format!("/v1/snapshots/{digest}");
            let answer = self.publisher(1, "PUT", &path, bytes);
            assert_eq!(answer.response.status, status, "{}", answer.json);
        }
    }

    fn put_value(&mut self, value: &[u8]) -> Answer {
        self.send("PUT", "/v1/manifest", value)
    }
}

impl Answer {
    fn refused(&self, status: u16, kind: &str, says: &str) {
        assert_eq!(self.response.status, status, "{}", self.json);
        assert_eq!(self.json["type"], format!("urn:skyful:problem:{kind}"));
        let detail = self.json["detail"].as_str().unwrap_or("");
        assert!(detail.contains(says), "{detail}");
    }

    fn published(&self, sequence: u64, written: bool) {
        assert_eq!(self.response.status, 200, "{}", self.json);
        assert_eq!(self.json["sequence"], sequence);
        assert_eq!(self.json["written"], written);
    }
}

#[test]
fn a_snapshot_is_published_and_answers_at_once() {
    let one = snapshot("one");
    let mut world = World::empty();
    world.put_objects(&one, 201);
    world.put_objects(&one, 200);
    let envelope = release(1, &one).sign(1);
    world.put_value(&value(&envelope, &[])).published(1, true);
    world.home().check("one in en", 1, None);
    world.put_value(&value(&envelope, &[])).published(1, false);
    let stored = world.publisher(1, "GET", "/v1/manifest", &[]);
    assert_eq!(stored.response.body, value(&envelope, &[]));
    let digest = one.listing.chunk("home", 0).unwrap();
    let path = format!("/v1/snapshots/{digest}");
    assert_eq!(world.publisher(1, "HEAD", &path, &[]).response.status, 200);
    world.store.remove(&chunk_key(&one, "home"));
    assert_eq!(world.publisher(1, "HEAD", &path, &[]).response.status, 404);
}

#[test]
fn only_a_trusted_publisher_uploads_and_reads() {
    let one = snapshot("one");
    let (digest, bytes) = one.objects.first_key_value().unwrap();
    let path = format!("/v1/snapshots/{digest}");
    let mut world = World::empty();
    for (method, path) in [
        ("PUT", &*path),
        ("HEAD", &path),
        ("GET", "/v1/manifest"),
        ("GET", "/v1/settled"),
    ] {
        let status = |answer: Answer| answer.response.status;
        assert_eq!(status(world.send(method, path, bytes)), 401, "{path}");
        assert_eq!(status(world.publisher(2, method, path, bytes)), 403);
        for pass in [
            sign::pass(&key(1), WORKSPACE, ENV, method, "/v1/snapshots/other"),
            sign::pass(&key(1), WORKSPACE, ENV, "POST", path),
            sign::pass(&key(1), WORKSPACE, "other", method, path),
            sign::pass(&key(1), "other", ENV, method, path),
            "x".into(),
            format!("{}.{}", "0".repeat(16), "0".repeat(128)),
            sign::pass(&key(1), WORKSPACE, ENV, method, path).replace('.', "-"),
        ] {
            world.headers = vec![("skyful-signature", pass)];
            assert_eq!(status(world.send(method, path, bytes)), 403);
            world.headers.clear();
        }
    }
    assert_eq!(world.store.value(&keys().object(digest)), None);
}

#[test]
fn a_key_that_may_not_sign_in_this_era_uploads_nothing_any_more() {
    let one = snapshot("one");
    let (digest, bytes) = one.objects.first_key_value().unwrap();
    let path = format!("/v1/snapshots/{digest}");
    let old = Digest(key(1).verifying_key().to_bytes()).hex();
    let new = Digest(key(2).verifying_key().to_bytes()).hex();
    let mut config = crate::world::config();
    config.trust = skyful::manifest::TrustSet::parse(&format!("{old}:0 {new}")).unwrap();
    let mut world = World::with(config);
    assert_eq!(world.publisher(1, "PUT", &path, bytes).response.status, 201);
    // The origin was restored, and goes on in the next era with its new key.
    world.upload(&one);
    let era: u64 = 1 << skyful::manifest::COUNTER_BITS;
    world.put_manifest(&release(era + 1, &one).sign(2), &[]);
    world.home().check("one in en", era + 1, None);
    let refused = world.publisher(1, "PUT", &path, bytes);
    refused.refused(403, "untrusted", "this era");
    assert_eq!(world.publisher(2, "PUT", &path, bytes).response.status, 200);
}

#[test]
fn an_object_is_refused_unless_it_could_be_loaded() {
    let one = snapshot("one");
    let (digest, bytes) = one.objects.first_key_value().unwrap();
    let mut world = World::empty();
    let mut put = |digest: &Digest, bytes: &[u8]| {
        world.publisher(1, "PUT", &format!("/v1/snapshots/{digest}"), bytes)
    };
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    put(digest, &flipped).refused(422, "refused-object", "don't match their digest");
    put(digest, b"").refused(422, "refused-object", "cut short");
    let listing = one.listing.to_object();
    put(&one.listing.digest(), &listing).refused(422, "refused-object", "another object");
    put(digest, &vec![0; 25_000_001]).refused(413, "too-large", "25000000 bytes");
    // Genuine bytes of another workspace.
    let mut other = fixture::workspace("one");
    other.key = "other".into();
    let other = skyful::compile::compile(&other, &mut |_, _| {}).unwrap();
    let (foreign, theirs) = other.objects.first_key_value().unwrap();
    put(foreign, theirs).refused(422, "refused-object", "another object");
    // A genuine digest of something without meaning.
    let blank = skyful::snapshot::Object {
        kind: Kind::Page,
        workspace: WORKSPACE,
        name: "home",
        body: &[0; 400],
    }
    .encode();
    put(&Kind::Page.digest(&blank), &blank).refused(422, "refused-object", "");
    let name = world.publisher(1, "PUT", "/v1/snapshots/b3-xyz", bytes);
    name.refused(400, "bad-request", "64 lower-case hex digits");
}

#[test]
fn a_manifest_is_refused_with_its_reason() {
    let one = snapshot("one");
    let mut world = World::published(5, &one);
    world.home();
    let good = release(6, &one).sign(1);
    let mut torn = value(&good, &[]);
    torn.truncate(torn.len() - 3);
    let refusals: [(Vec<u8>, u16, &str, &str); 7] = [
        (
            b"rubbish".to_vec(),
            422,
            "refused-manifest",
            "not a Skyful object",
        ),
        (torn, 422, "refused-manifest", "cut short"),
        (
            value(&release(6, &one).sign(2), &[]),
            422,
            "refused-manifest",
            "doesn't trust",
        ),
        (value(&good, b"rubbish"), 422, "refused-manifest", ""),
        (
            value(&good, &release(7, &one).sign(1)),
            409,
            "unsettled",
            "",
        ),
        (
            value(&release(4, &one).sign(1), &[]),
            409,
            "older",
            "sequence 5",
        ),
        (
            value(&release(5, &snapshot("two")).sign(1), &[]),
            409,
            "sequence-taken",
            "sequence 5",
        ),
    ];
    for (body, status, kind, says) in refusals {
        world.put_value(&body).refused(status, kind, says);
    }
    world
        .put_value(&vec![0; 65_537])
        .refused(413, "too-large", "65536 bytes");
    world
        .publisher(1, "PUT", "/v1/manifest", &vec![0; 2_000_001])
        .refused(413, "too-large", "2000000 bytes");
    world.home().check("one in en", 5, None);
}

#[test]
fn a_store_that_lags_does_not_let_an_older_manifest_in() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::published(2, &two);
    world.upload(&one);
    world.home().check("two in en", 2, None);
    world.store.remove(&keys().manifest());
    world
        .put_value(&value(&release(1, &one).sign(1), &[]))
        .refused(409, "older", "sequence 2");
    world.put_manifest(&release(1, &one).sign(1), &[]);
    world
        .put_value(&value(&release(1, &one).sign(1), &[]))
        .refused(409, "older", "sequence 2");
}

#[test]
fn a_damaged_manifest_in_the_store_is_replaced() {
    let one = snapshot("one");
    let mut world = World::empty();
    world.upload(&one);
    world.store.insert(keys().manifest(), b"torn".to_vec());
    world
        .put_value(&value(&release(1, &one).sign(1), &[]))
        .published(1, true);
    world.home().check("one in en", 1, None);
}

#[test]
fn the_fallback_of_the_same_manifest_may_rise() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::empty();
    let current = release(2, &two).sign(1);
    world.upload(&one);
    world.put_value(&value(&current, &[])).published(2, true);
    world.home().check("", 2, None);
    let older = release(1, &one).sign(1);
    world.put_value(&value(&current, &older)).published(2, true);
    world.home().check("one in en", 1, Some("2"));
    world.put_value(&value(&current, &[])).published(2, false);
}

#[test]
fn only_what_was_stored_can_settle() {
    let one = snapshot("one");
    let mut world = World::empty();
    world.upload(&one);
    let (first, second) = (release(1, &one).sign(1), release(2, &one).sign(1));
    let mut settle = |envelope: &[u8]| world.send("PUT", "/v1/settled", envelope);
    settle(&first).refused(409, "unsettled", "");
    world.put_value(&value(&second, &first)).published(2, true);
    let mut settle = |envelope: &[u8]| world.send("PUT", "/v1/settled", envelope);
    settle(&second).published(2, true);
    settle(&second).published(2, false);
    settle(&first).refused(409, "older", "sequence 2");
    settle(&release(3, &one).sign(1)).refused(409, "unsettled", "");
    settle(b"rubbish").refused(422, "refused-manifest", "");
    world.store.insert(keys().manifest(), b"torn".to_vec());
    world.restart();
    world.store.forget();
    world.home().check("one in en", 2, None);
}

#[test]
fn a_store_that_cannot_be_written_is_told_and_pages_go_on() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::published(1, &one);
    world.home();
    world.store.fail(true);
    let (digest, bytes) = two.objects.first_key_value().unwrap();
    let path = format!("/v1/snapshots/{digest}");
    world
        .publisher(1, "PUT", &path, bytes)
        .refused(503, "no-store", "told to fail");
    world
        .put_value(&value(&release(2, &two).sign(1), &[]))
        .refused(503, "no-store", "told to fail");
    world.home().check("one in en", 1, None);
}

#[test]
fn browsers_of_other_origins_may_not_publish() {
    let mut config = crate::world::config();
    config.cors = vec!["*".into()];
    let mut world = World::with(config);
    world.headers = vec![
        ("origin", "https://shop.example".into()),
        ("access-control-request-method", "PUT".into()),
    ];
    for path in ["/v1/manifest", "/v1/settled", "/v1/snapshots/b3-0"] {
        let preflight = world.send("OPTIONS", path, &[]).response;
        assert_eq!(preflight.status, 405);
        let header = |name| preflight.header(name);
        assert_eq!(header("access-control-allow-origin"), None);
        assert!(!header("allow").unwrap().contains("OPTIONS"));
    }
}
