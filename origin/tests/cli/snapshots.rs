//! Compiling, answering, looking inside.

use serde_json::{Value, json};
use skyful::ids::IdKey;
use skyful::snapshot::{Digest, Listing};

use crate::support::{Desk, sample};

const README_VISITOR: &str =
    r#"{"unit":"u-1","locale":"en","attributes":{"age":67,"country":"CN"}}"#;

#[test]
fn the_visitor_of_the_readme_sees_the_senior_plan_in_english() {
    let desk = Desk::with_snapshot();
    let args = [
        "resolve",
        "--snapshot",
        "snapshot",
        "--page",
        "home",
        "--context",
        "-",
    ];
    let result = desk.run_with_input(&args, README_VISITOR).ends_with_code(0);
    assert!(result.out.ends_with("}\n") && result.out.lines().count() == 1);
    let answer = result.json();
    assert_eq!(answer["plan"], "senior");
    assert_eq!(answer["reason"], "TARGETING_MATCH");
    assert_eq!(answer["locale"], "en");
    assert_eq!(answer["release"]["sequence"], 0);
    assert_eq!(answer["release"]["track"], "stable");
    assert!(answer.get("trace").is_none());
}

#[test]
fn a_context_file_brings_its_own_page_time_and_counters() {
    let desk = Desk::with_snapshot();
    let visitor = sample().join("visitors/senior_hong_kong.json");
    let visitor = visitor.to_str().expect("UTF-8");
    let args = [
        "resolve",
        "--snapshot",
        "snapshot",
        "--context",
        visitor,
        "--explain",
    ];
    let answer = desk.run(&args).ends_with_code(0).json();
    assert_eq!(answer["plan"], "senior");
    let hero = answer["modules"].as_array().expect("modules");
    let hero = hero.iter().find(|m| m["module"] == "hero").expect("a hero");
    assert_eq!(hero["plan"], "senior_hero");
    assert!(answer["trace"]["decisions"].is_array());
}

#[test]
fn compiling_twice_gives_the_same_digest_and_replaces_the_snapshot() {
    let desk = Desk::with_snapshot();
    let args = ["compile", "wallet.yaml", "-o", "snapshot", "--json"];
    let first = desk.run(&args).ends_with_code(0).json();
    let second = desk.run(&args).ends_with_code(0).json();
    assert_eq!(first, second);
    let files = std::fs::read_dir(desk.dir.path()).expect("read").count();
    assert_eq!(files, 3, "nothing temporary is left behind");
}

#[test]
fn a_document_with_errors_leaves_nothing_behind() {
    let desk = Desk::with_sample();
    desk.edit("wallet.yaml", "op: gte, value: 60", "op: older, value: 60");
    let result = desk.run(&["compile", "wallet.yaml", "-o", "snapshot"]);
    let result = result.ends_with_code(1);
    assert!(result.err.contains("error[unknown_operator]"));
    assert!(!desk.path("snapshot").exists());
}

#[test]
fn somebody_elses_directory_is_left_alone() {
    let desk = Desk::with_sample();
    std::fs::create_dir(desk.path("mine")).expect("made");
    desk.write("mine/letter.txt", "dear");
    let result = desk.run(&["compile", "wallet.yaml", "-o", "mine"]);
    assert!(result.ends_with_code(2).err.contains("other files"));
    assert!(desk.path("mine/letter.txt").exists());
}

#[test]
fn a_flipped_bit_and_a_cut_file_are_named() {
    let desk = Desk::with_snapshot();
    let objects = std::fs::read_dir(desk.path("snapshot/o")).expect("objects");
    let args = [
        "resolve",
        "--snapshot",
        "snapshot",
        "--page",
        "home",
        "--context",
        "-",
    ];
    for entry in objects {
        let path = entry.expect("an entry").path();
        let whole = std::fs::read(&path).expect("read");
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        for broken in [&flipped[..], &whole[..whole.len() - 1]] {
            std::fs::write(&path, broken).expect("written");
            let result = desk.run(&["inspect", "snapshot"]).ends_with_code(1);
            let name = path.file_name().expect("a name").to_str().expect("UTF-8");
            assert!(result.err.contains(name), "{}", result.err);
            let result = desk.run_with_input(&args, README_VISITOR);
            assert!(result.code <= 1, "{}", result.err);
        }
        std::fs::write(&path, whole).expect("written");
    }
    desk.run_with_input(&args, README_VISITOR).ends_with_code(0);
}

#[test]
fn many_contexts_are_answered_in_order_and_bad_lines_have_their_say() {
    let desk = Desk::with_snapshot();
    let args = [
        "resolve",
        "--snapshot",
        "snapshot",
        "--page",
        "home",
        "--contexts",
        "-",
    ];
    let lines = "{\"page\":\"bills\",\"unit\":\"u-1\"}\n\n{\"unit\":\n{\"page\":\"nope\"}\r\n{}\n";
    let result = desk.run_with_input(&args, lines).ends_with_code(1);
    let answers: Vec<Value> = result
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(answers[0]["page"], "bills");
    assert_eq!(answers[1]["line"], 3);
    assert_eq!(
        answers[2],
        json!({"error": "no page `nope` in this snapshot", "line": 4})
    );
    assert_eq!(answers[3]["page"], "home");
    assert_eq!(answers.len(), 4);
    assert!(
        result.err.contains("2 lines of - have no answer"),
        "{}",
        result.err
    );
    let result = desk.run_with_input(&args, "{}\nnothing\n");
    assert!(
        result.err.contains("1 line of - has no answer"),
        "{}",
        result.err
    );
}

#[test]
fn a_missing_id_shard_is_a_fault_of_the_snapshot() {
    let args = [
        "resolve",
        "--snapshot",
        "snapshot",
        "--page",
        "home",
        "--context",
        "-",
    ];
    let check = |desk: &Desk, name: &str| {
        let result = desk.run_with_input(&args, README_VISITOR).ends_with_code(1);
        assert!(result.err.contains(name), "{}", result.err);
        assert!(result.err.contains("incomplete"), "{}", result.err);
        assert_eq!(result.out, "");
    };
    let desk = Desk::with_snapshot();
    let named = std::fs::read_to_string(desk.path("snapshot/snapshot")).expect("read");
    let object = |digest: Digest| desk.path("snapshot/o").join(digest.hex());
    let digest = named.trim().strip_prefix("b3-").and_then(Digest::from_hex);
    let digest = digest.expect("a digest");
    let bytes = std::fs::read(object(digest)).expect("read");
    let mut listing = Listing::from_object(&bytes, digest).expect("a listing");
    // A file that isn't there.
    let hash = IdKey::of_workspace("wallet").hash("u-1");
    let (_, shard) = listing.id_shard(hash).expect("a shard");
    let away = desk.path("away");
    std::fs::rename(object(shard), &away).expect("moved");
    check(&desk, &shard.hex());
    std::fs::rename(&away, object(shard)).expect("moved");
    // A listing that doesn't name one.
    listing.id_shards.clear();
    let digest = listing.digest();
    std::fs::write(object(digest), listing.to_object()).expect("written");
    desk.write("snapshot/snapshot", &format!("{digest}\n"));
    check(&desk, &digest.hex());
}

#[test]
fn ten_thousand_contexts_are_answered_at_once() {
    let desk = Desk::with_snapshot();
    let args = [
        "resolve",
        "--snapshot",
        "snapshot",
        "--page",
        "home",
        "--contexts",
        "-",
    ];
    let lines: String = (0..10_000)
        .map(|n| {
            format!(
                "{{\"unit\":\"u-{n}\",\"attributes\":{{\"age\":{}}}}}\n",
                n % 90
            )
        })
        .collect();
    let started = std::time::Instant::now();
    let result = desk.run_with_input(&args, &lines).ends_with_code(0);
    assert_eq!(result.out.lines().count(), 10_000);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn an_unknown_page_says_which_there_are() {
    let desk = Desk::with_snapshot();
    let args = [
        "resolve",
        "--snapshot",
        "snapshot",
        "--page",
        "hom",
        "--context",
        "-",
    ];
    let result = desk.run_with_input(&args, "{}").ends_with_code(1);
    assert!(result.err.contains("bills, family_wallet, home"));
    let args = ["resolve", "--snapshot", "snapshot", "--page", "home"];
    desk.run(&args).ends_with_code(2);
    let args = [
        "resolve",
        "--snapshot",
        "nowhere",
        "--page",
        "home",
        "--context",
        "-",
    ];
    desk.run(&args).ends_with_code(2);
}

#[test]
fn a_snapshot_can_be_looked_into() {
    let desk = Desk::with_snapshot();
    let table = desk.run(&["inspect", "snapshot"]).ends_with_code(0).out;
    assert!(table.contains("page home"));
    assert!(table.contains("audience   segment seniors"));
    assert!(table.contains("payday: 100000 ids"));
    let now = ["--now", "2026-11-22T09:00:00Z"];
    let page = ["inspect", "snapshot", "--page", "senior_home"];
    let page = desk.run(&[&page[..], &now].concat()).ends_with_code(0).out;
    // Digest and sizes above change with the format.
    let (_, page) = page.split_once("\n\npage senior_home").expect("a page");
    insta::assert_snapshot!(page.split_once('\n').expect("lines").1);
    let tree = desk
        .run(&[&["inspect", "snapshot", "--json"][..], &now].concat())
        .ends_with_code(0);
    let tree = tree.json();
    assert_eq!(tree["pages"]["home"]["plans"][0]["key"], "senior");
    let page = &tree["pages"]["senior_home"]["depends_on"];
    let age = json!({"thresholds": {"count": 2, "first": [30, 60]}});
    assert_eq!(page["attributes"]["age"], age);
    assert_eq!(page["attributes"].get("channel"), None);
    assert_eq!(page["times"]["next"], "2026-11-22T10:00:00Z");
    assert_eq!(tree["segments"]["seniors"]["rule"]["value"], 60);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let desk = Desk::with_snapshot();
    let mut child = desk
        .command(&["inspect", "snapshot", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
}
