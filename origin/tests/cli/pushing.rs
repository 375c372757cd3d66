//! Publishing into a running edge, which checks everything before it stores it.

use crate::running::{CURL, Running, get};
use crate::support::{Desk, Result};

struct Edge {
    desk: Desk,
    url: String,
    _process: Running,
}

/// An edge with an empty store that trusts the desk's key.
fn edge() -> Edge {
    let desk = Desk::with_sample();
    desk.run(&["keys", "new", "-o", "key"]).ends_with_code(0);
    let mut args = vec!["edge", "--store", "store", "--workspace", "wallet"];
    args.extend(["--trust", "key.pub", "--listen", "127.0.0.1:0", "--json"]);
    let mut process = Running::start(&desk, &args);
    let url = process.json()["url"].as_str().expect("a URL").to_owned();
    Edge {
        desk,
        url,
        _process: process,
    }
}

impl Edge {
    fn publish(&self, more: &[&str]) -> Result {
        let args = ["publish", "wallet.yaml", "--to", &self.url, "--json"];
        let key: &[&str] = if more.contains(&"--key") {
            &[]
        } else {
            &["--key", "key"]
        };
        self.desk.run(&[&args[..], key, more].concat())
    }

    fn refuses(&self, more: &[&str], code: i32, says: &str) {
        let refused = self.publish(more).ends_with_code(code);
        assert!(refused.err.contains(says), "{}", refused.err);
    }
}

#[test]
fn an_edge_takes_what_a_trusted_publisher_sends_and_shows_it_at_once() {
    let edge = edge();
    let published = |sequence: u64, new: bool| {
        let json = edge.publish(&[]).ends_with_code(0).json();
        assert_eq!(
            (&json["sequence"], &json["published"]),
            (&sequence.into(), &new.into())
        );
        get(&edge.url, CURL).expect("an answer")
    };
    assert!(published(1, true).contains("Everything within easy reach"));
    published(1, false);
    let bare = [
        "publish",
        "wallet.yaml",
        "--to",
        "localhost:8787",
        "--key",
        "key",
    ];
    let refused = edge.desk.run(&bare).ends_with_code(2);
    assert!(
        refused.err.contains("did you mean http://localhost:8787?"),
        "{}",
        refused.err
    );
    edge.desk.edit(
        "wallet.yaml",
        "en: Everything within easy reach",
        "en: Good to see you",
    );
    assert!(published(2, true).contains("Good to see you"));
    // The directory is an ordinary store: a publisher on its disk counts on from there.
    edge.desk
        .edit("wallet.yaml", "en: Good to see you", "en: Welcome");
    let args = [
        "publish",
        "wallet.yaml",
        "--to",
        "store",
        "--key",
        "key",
        "--json",
    ];
    let json = edge.desk.run(&args).ends_with_code(0).json();
    assert_eq!(json["sequence"], 3);
    edge.desk
        .edit("wallet.yaml", "en: Welcome", "en: Once more");
    assert!(published(4, true).contains("Once more"));
}

#[test]
fn an_edge_says_why_it_refuses() {
    let edge = edge();
    edge.desk
        .run(&["keys", "new", "-o", "other"])
        .ends_with_code(0);
    edge.refuses(&["--key", "other"], 1, "doesn't trust");
    edge.refuses(&["--env", "prod"], 2, "serves wallet/dev, not wallet/prod");
    let nowhere = [
        "publish",
        "wallet.yaml",
        "--to",
        "http://127.0.0.1:1",
        "--key",
        "key",
    ];
    let refused = edge.desk.run(&nowhere).ends_with_code(2);
    assert!(refused.err.contains("is the edge up"), "{}", refused.err);
    edge.desk
        .edit("wallet.yaml", "op: gte, value: 60", "op: older, value: 60");
    edge.publish(&[]).ends_with_code(1);
    assert!(
        get(&edge.url, CURL)
            .expect("an answer")
            .starts_with("HTTP/1.1 503")
    );
}
