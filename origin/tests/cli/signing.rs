//! Keys, signed snapshots, publishing.

use crate::support::Desk;

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

#[test]
fn a_document_with_errors_publishes_nothing() {
    let desk = with_key();
    desk.edit("wallet.yaml", "op: gte, value: 60", "op: older, value: 60");
    let args = ["publish", "wallet.yaml", "--to", "store", "--key", "key"];
    desk.run(&args).ends_with_code(1);
    assert!(!desk.path("store").exists());
}
