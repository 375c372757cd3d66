//! Keys, signed snapshots, publishing.

use ed25519_dalek::SigningKey;
use skyful::manifest::envelope::{Envelope, Header};
use skyful::manifest::{Manifest, Tail, TrustSet, Value, sign};
use skyful::snapshot::Digest;

use crate::support::{Desk, Result};

const MANIFEST: &str = "store/s1/wallet/dev/manifest";
const SETTLED: &str = "store/s1/wallet/dev/settled";

fn with_key() -> Desk {
    let desk = Desk::with_sample();
    desk.run(&["keys", "new", "-o", "key"]).ends_with_code(0);
    desk
}

#[test]
fn a_key_has_a_secret_half_and_a_public_one_and_is_never_overwritten() {
    let desk = with_key();
    let shown = desk.run(&["keys", "show", "key"]).ends_with_code(0).out;
    assert_eq!(shown.trim().len(), 64);
    let public = std::fs::read_to_string(desk.path("key.pub")).expect("read");
    assert!(public.contains(shown.trim()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(desk.path("key"))
            .expect("there")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    let again = desk.run(&["keys", "new", "-o", "key"]).ends_with_code(2);
    assert!(again.err.contains("never overwritten"));
    assert_eq!(desk.run(&["keys", "show", "key"]).out, shown);
    let wrong = desk.run(&["keys", "show", "key.pub"]).ends_with_code(2);
    assert!(wrong.err.contains("public key"));
}

#[test]
fn a_signed_snapshot_carries_its_sequence_and_can_be_verified() {
    let desk = with_key();
    let args = [
        "compile",
        "wallet.yaml",
        "-o",
        "s",
        "--key",
        "key",
        "--sequence",
        "7",
        "--env",
        "prod",
    ];
    desk.run(&args).ends_with_code(0);
    let args = [
        "resolve",
        "--snapshot",
        "s",
        "--page",
        "home",
        "--context",
        "-",
    ];
    let answer = desk.run_with_input(&args, "{}").ends_with_code(0).json();
    assert_eq!(answer["release"]["sequence"], 7);
    let trust = |key, env, code| {
        let args = [&args[..], &["--trust", key, "--env", env]].concat();
        desk.run_with_input(&args, "{}").ends_with_code(code)
    };
    trust("key.pub", "prod", 0);
    trust("key.pub", "dev", 1);
    trust("key", "prod", 2);
    desk.run(&["keys", "new", "-o", "other"]).ends_with_code(0);
    trust("other.pub", "prod", 1);
}

#[test]
fn publishing_counts_up_and_the_same_snapshot_is_not_published_again() {
    let desk = with_key();
    let args = [
        "publish",
        "wallet.yaml",
        "--to",
        "store",
        "--key",
        "key",
        "--json",
    ];
    let publish = || {
        let json = desk.run(&args).ends_with_code(0).json();
        (json["sequence"].as_u64(), json["published"].as_bool())
    };
    assert_eq!(publish(), (Some(1), Some(true)));
    assert_eq!(publish(), (Some(1), Some(false)));
    desk.edit("wallet.yaml", "en: Good morning!", "en: Good day!");
    assert_eq!(publish(), (Some(2), Some(true)));
    let manifest = desk.path("store/s1/wallet/dev/manifest");
    assert!(desk.path("store/s1/wallet/dev/settled").exists());
    // What is lost is never counted again.
    std::fs::write(manifest, b"garbage").expect("written");
    assert_eq!(publish(), (Some(4), Some(true)));
}

fn publish(desk: &Desk, key: &str) -> Result {
    let args = ["publish", "wallet.yaml", "--to", "store", "--json"];
    desk.run(&[&args[..], &["--key", key]].concat())
}

/// Publishes, and says under which sequence, and whether that was needed.
#[track_caller]
fn published(desk: &Desk) -> (Option<u64>, Option<bool>) {
    let json = publish(desk, "key").ends_with_code(0).json();
    (json["sequence"].as_u64(), json["published"].as_bool())
}

/// The sequence that an edge reads, and how long its fallback is.
#[track_caller]
fn seen(desk: &Desk) -> (u64, usize) {
    let public = desk.run(&["keys", "show", "key"]).ends_with_code(0).out;
    let trust = TrustSet::parse(&public).expect("a key");
    let bytes = std::fs::read(desk.path(MANIFEST)).expect("read");
    let value = Value::split(&bytes).expect("two envelopes");
    let manifest = Manifest::open(value.current, &trust, "wallet", "dev").expect("verified");
    (manifest.sequence(), value.fallback.len())
}

/// Flips a bit in the last byte of the current manifest, which is in its tail.
fn damage(desk: &Desk) {
    let bytes = std::fs::read(desk.path(MANIFEST)).expect("read");
    let value = Value::split(&bytes).expect("two envelopes");
    let mut current = value.current.to_vec();
    *current.last_mut().expect("not empty") ^= 1;
    let current = &current;
    std::fs::write(desk.path(MANIFEST), Value { current, ..value }.join()).expect("written");
}

#[test]
fn publishing_repairs_a_damaged_manifest() {
    let desk = with_key();
    assert_eq!(published(&desk), (Some(1), Some(true)));
    damage(&desk);
    assert_eq!(published(&desk), (Some(3), Some(true)));
    let (sequence, fallback) = seen(&desk);
    assert!(
        sequence == 3 && fallback > 0,
        "what had settled stands behind it"
    );
    assert_eq!(published(&desk), (Some(3), Some(false)));
}

#[test]
fn a_damaged_settled_manifest_does_not_count() {
    let desk = with_key();
    assert_eq!(published(&desk), (Some(1), Some(true)));
    let mut settled = std::fs::read(desk.path(SETTLED)).expect("read");
    // A sequence of the same length, but far ahead: it stands behind the names of the header.
    let at = settled.windows(3).position(|three| three == b"dev");
    settled[at.expect("named") + 3 + 2] = 9;
    std::fs::write(desk.path(SETTLED), settled).expect("written");
    desk.edit("wallet.yaml", "en: Good morning!", "en: Good day!");
    assert_eq!(published(&desk), (Some(2), Some(true)));
}

#[test]
fn the_fallback_tells_where_to_go_on_if_nothing_else_does() {
    let desk = with_key();
    assert_eq!(published(&desk), (Some(1), Some(true)));
    desk.edit("wallet.yaml", "en: Good morning!", "en: Good day!");
    assert_eq!(published(&desk), (Some(2), Some(true)));
    damage(&desk);
    std::fs::remove_file(desk.path(SETTLED)).expect("removed");
    assert_eq!(published(&desk), (Some(3), Some(true)));
    let (sequence, fallback) = seen(&desk);
    assert!(
        sequence == 3 && fallback > 0,
        "the older fallback stands on"
    );
}

#[test]
fn beginning_again_in_an_unreadable_store_is_said() {
    let desk = with_key();
    published(&desk);
    std::fs::write(desk.path(MANIFEST), b"garbage").expect("written");
    std::fs::write(desk.path(SETTLED), b"garbage").expect("written");
    let result = publish(&desk, "key").ends_with_code(0);
    assert_eq!(result.json()["sequence"], 1);
    assert!(result.err.contains("begins again with sequence 1"));
    assert!(result.err.contains("ignore"), "{}", result.err);
    assert_eq!(seen(&desk), (1, 0));
}

#[test]
fn a_store_of_another_key_is_left_alone() {
    let desk = with_key();
    published(&desk);
    let before = std::fs::read(desk.path(MANIFEST)).expect("read");
    desk.run(&["keys", "new", "-o", "other"]).ends_with_code(0);
    let result = publish(&desk, "other").ends_with_code(2);
    assert!(result.err.contains("signed with another key"));
    let after = std::fs::read(desk.path(MANIFEST)).expect("read");
    assert!(before == after, "nothing was written");
}

#[test]
fn an_era_that_is_counted_out_is_told_before_anything_is_written() {
    for last in [(1 << 40) - 1, (1 << 52) - 1] {
        let desk = with_key();
        published(&desk);
        std::fs::remove_file(desk.path(SETTLED)).expect("removed");
        let bytes = std::fs::read(desk.path(MANIFEST)).expect("read");
        let envelope = Value::split(&bytes).expect("two envelopes").current;
        let envelope = Envelope::split(envelope).expect("an envelope");
        let header = Header::decode(envelope.header).expect("a header");
        let tail = Tail::decode(envelope.tail, &header).expect("a tail");
        let header = Header {
            sequence: last,
            ..header
        };
        let secret = std::fs::read_to_string(desk.path("key")).expect("read");
        let secret = secret.trim().rsplit(':').next().expect("hex digits");
        let secret = Digest::from_hex(secret).expect("hex digits").0;
        let current = &sign::sign(header, &tail, &SigningKey::from_bytes(&secret));
        let fallback = &[];
        let before = Value { current, fallback }.join();
        std::fs::write(desk.path(MANIFEST), &before).expect("written");
        // What is shown already needs no sequence.
        assert_eq!(published(&desk), (Some(last), Some(false)));
        let objects = || {
            let objects = std::fs::read_dir(desk.path("store/s1/wallet/dev/o"));
            objects.expect("objects").count()
        };
        let objects_before = objects();
        desk.edit("wallet.yaml", "en: Good morning!", "en: Good day!");
        let result = publish(&desk, "key").ends_with_code(2);
        assert!(result.err.contains("era"), "{}", result.err);
        assert_eq!(objects(), objects_before);
        assert!(before == std::fs::read(desk.path(MANIFEST)).expect("read"));
        // Two ahead of what was settled is too far as well.
        std::fs::write(desk.path(SETTLED), current).expect("written");
        damage(&desk);
        let result = publish(&desk, "key").ends_with_code(2);
        assert!(result.err.contains("era"), "{}", result.err);
    }
}

#[test]
fn a_document_with_errors_publishes_nothing() {
    let desk = with_key();
    desk.edit("wallet.yaml", "op: gte, value: 60", "op: older, value: 60");
    let args = ["publish", "wallet.yaml", "--to", "store", "--key", "key"];
    desk.run(&args).ends_with_code(1);
    assert!(!desk.path("store").exists());
}
