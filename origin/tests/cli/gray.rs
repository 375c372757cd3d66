//! Releasing to some visitors first, holding that, and switching everything off.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::running::{Running, get};
use crate::support::Desk;

struct World {
    desk: Desk,
    url: String,
    _edge: Running,
}

const TO: [&str; 4] = ["--to", "store", "--key", "key"];

/// An edge over a store with the sample released to everybody.
fn world() -> World {
    let desk = Desk::with_sample();
    desk.run(&["keys", "new", "-o", "key"]).ends_with_code(0);
    let mut args = vec!["edge", "--store", "store", "--workspace", "wallet"];
    args.extend(["--trust", "key.pub", "--listen", "127.0.0.1:0", "--json"]);
    let mut edge = Running::start(&desk, &args);
    let url = edge.json()["url"].as_str().expect("a URL").to_owned();
    let world = World {
        desk,
        url,
        _edge: edge,
    };
    world.publish(1, &[]);
    world
}

impl World {
    fn published(&self, args: &[&str], sequence: u64) {
        let said = self.desk.run(&[args, &TO, &["--json"]].concat());
        let said = said.ends_with_code(0).json();
        assert_eq!(said["sequence"], sequence, "{said}");
        // The edge looks at its store a few times a second.
        while get_json(&self.url, "/v1/status")["release"]["sequence"] != sequence {
            std::thread::yield_now();
        }
    }

    fn publish(&self, sequence: u64, more: &[&str]) {
        self.published(&[&["publish", "wallet.yaml"], more].concat(), sequence);
    }

    fn switch(&self, mode: &str, sequence: u64) {
        self.published(&["switch", mode, "--workspace", "wallet"], sequence);
    }

    /// Which of 300 units are on the gray track.
    fn gray(&self) -> BTreeSet<u32> {
        let on_gray = |n: &u32| self.page(&format!("u-{n}"))["release"]["track"] == "gray";
        (0..300).filter(on_gray).collect()
    }

    fn page(&self, unit: &str) -> Json {
        get_json(&self.url, &format!("/v1/pages/home?unit={unit}"))
    }
}

fn get_json(url: &str, path: &str) -> Json {
    let answer = get(url, path).expect("an answer");
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    serde_json::from_str(body).expect("JSON")
}

#[test]
fn a_gray_release_grows_without_moving_anybody_back_and_can_be_held() {
    let world = world();
    let before = world.page("u-1")["release"]["snapshot"].clone();
    world.desk.edit(
        "wallet.yaml",
        "Everything within easy reach",
        "Larger still",
    );
    world.publish(2, &["--gray", "2000", "--allow", "u-tester"]);
    let few = world.gray();
    assert!((30..90).contains(&few.len()), "{few:?}");
    let tester = world.page("u-tester");
    assert_eq!(tester["release"]["track"], "gray");
    assert_ne!(tester["release"]["snapshot"], before);
    // The same again changes nothing; a higher share adds.
    world.publish(2, &["--gray", "2000", "--allow", "u-tester"]);
    world.publish(3, &["--gray", "6000", "--allow", "u-tester"]);
    let many = world.gray();
    assert!(
        few.is_subset(&many) && (140..220).contains(&many.len()),
        "{many:?}"
    );
    // All are back at once, and on again as they were.
    world.switch("hold", 4);
    assert!(world.gray().is_empty());
    let held = world.page("u-tester");
    assert_eq!(
        (&held["release"]["track"], &held["release"]["snapshot"]),
        (&"stable".into(), &before)
    );
    world.switch("hold", 4);
    world.switch("run", 5);
    assert_eq!(world.gray(), many);
    // In a mode from the beginning.
    world.publish(6, &["--gray", "6000", "--mode", "hold"]);
    assert!(world.gray().is_empty());
    // To everybody: no track is left, and what was gray is what all see.
    world.publish(7, &[]);
    let after = world.page("u-1");
    assert_eq!(after["release"]["track"], "stable");
    assert_eq!(after["release"]["snapshot"], tester["release"]["snapshot"]);
}

#[test]
fn everything_can_be_switched_off_without_a_document() {
    let world = world();
    std::fs::remove_file(world.desk.path("wallet.yaml")).expect("removed");
    let plan = || world.page("u-1")["reason"].clone();
    world.switch("defaults", 2);
    let defaults = world.page("u-1");
    assert_eq!(
        (&defaults["reason"], &defaults["plan"]),
        (&"DEFAULT".into(), &"default".into())
    );
    assert_ne!(defaults["modules"], serde_json::json!([]));
    world.switch("off", 3);
    assert_eq!(world.page("u-1")["modules"], serde_json::json!([]));
    world.switch("run", 4);
    assert_ne!(
        world.page("u-1")["modules"],
        serde_json::json!([]),
        "{}",
        plan()
    );
}

#[test]
fn what_cannot_be_released_gray_is_told() {
    let desk = Desk::with_sample();
    desk.run(&["keys", "new", "-o", "key"]).ends_with_code(0);
    let refuses = |args: &[&str], says: &str| {
        let refused = desk.run(&[args, &TO].concat()).ends_with_code(2);
        assert!(refused.err.contains(says), "{}", refused.err);
    };
    let publish = ["publish", "wallet.yaml"];
    refuses(
        &[&publish[..], &["--gray", "100"]].concat(),
        "nothing is released yet",
    );
    refuses(&[&publish[..], &["--gray", "10001"]].concat(), "10001");
    refuses(&[&publish[..], &["--allow", "u-1"]].concat(), "--gray");
    refuses(
        &[&publish[..], &["--mode", "paused"]].concat(),
        "one of run, hold",
    );
    refuses(&["switch", "hold", "--workspace", "wallet"], "is missing");
    assert!(!desk.path("store/s1/wallet/dev/manifest").exists());
}
