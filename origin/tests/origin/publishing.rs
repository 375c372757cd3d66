//! One click, and an edge shows it: whatever changed, and also right after the origin began. How long it takes is measured by
//! `scripts/bench origin`. And a hundred editors at once, none of whom loses anything.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::api::{Origin, Person};
use crate::story::{WALLET, until_seen};

const DEV: &str = "/api/v1/workspaces/wallet/environments/dev";
const SOON: Duration = Duration::from_secs(60);
const EDITORS: usize = 100;
const SAVES: usize = 3;

/// Pages with a module each; everything has this title.
fn document(title: &str) -> Value {
    let (mut pages, mut modules) = (Map::new(), Map::new());
    for key in ["home", "shop", "news"] {
        let plans = json!([{"key": "first", "audience": {"attr": "age", "op": "gte", "value": 1}, "content": {"title": title}}]);
        modules.insert(
            key.into(),
            json!({"type": "text", "default": {"content": {"title": title}}, "plans": plans}),
        );
        pages.insert(
            key.into(),
            json!({"slots": [{"key": "a"}], "default": {"modules": {"a": [key]}}}),
        );
    }
    json!({
        "skyful": 1, "workspace": "wallet", "locales": {"default": "en", "supported": ["en"]},
        "attributes": {"age": {"type": "integer"}},
        "module_types": {"text": {"schema": {"type": "object", "properties": {"title": {"type": "string"}}}}},
        "modules": modules, "pages": pages,
    })
}

fn import(ada: &Person, title: &str) {
    let body = document(title).to_string();
    let any = [("if-match", "*")];
    ada.ask("PUT", &format!("{WALLET}/document"), &any, body.as_bytes())
        .is(200);
}

fn change_one(ada: &Person, title: &str) {
    let path = format!("{WALLET}/modules/home/plans/first");
    let plan = ada.get(&path).is(200);
    let mut value = plan.body["value"].clone();
    value["content"]["title"] = json!(title);
    ada.put(&path, &plan.etag, &value).is(200);
}

#[test]
fn one_click_and_an_edge_shows_what_changed_also_right_after_a_start() {
    let (mut origin, ada) = Origin::with_first_user();
    import(&ada, "begin");
    let key = ada.post(&format!("{DEV}/keys"), &json!({})).is(201).body;
    let id = key["id"].as_str().expect("a name");
    ada.post(&format!("{DEV}/keys/{id}/activate"), &json!({}))
        .is(200);
    let trust = ada.get(&format!("{DEV}/keys")).is(200).body["trust"].clone();
    let trust = trust.as_str().expect("keys");
    let mut edge = crate::process::Process::new(&[
        "edge",
        "--store",
        "edge-store",
        "--workspace",
        "wallet",
        "--env",
        "dev",
        "--trust",
        trust,
    ]);
    edge.start(&origin.desk);
    let target = json!({"settings": {"kind": "edge", "url": format!("http://{}", edge.address)}});
    ada.make(&format!("{DEV}/targets/here"), &target).is(200);
    for (n, (everything, anew)) in [(true, false), (false, false), (false, true), (true, true)]
        .into_iter()
        .enumerate()
    {
        let title = format!("release {n}");
        match everything {
            true => import(&ada, &title),
            false => change_one(&ada, &title),
        }
        if anew {
            origin.process.kill();
            origin.process.start(&origin.desk);
        }
        let made = ada
            .ask("POST", &format!("{DEV}/releases"), &[], b"")
            .is(201);
        assert_eq!(made.body["state"], "full", "{:#}", made.body);
        let sequence = made.body["sequence"].as_u64().expect("a number");
        let page = until_seen(&edge, sequence, SOON);
        assert_eq!(
            page["modules"][0]["content"]["title"],
            title.as_str(),
            "{page:#}"
        );
    }
}

#[test]
fn a_hundred_editors_save_at_once_and_each_finds_what_they_saved() {
    let (origin, ada) = Origin::with_first_user();
    let body = |editor: usize, save: usize| json!({"type": "banner", "description": format!("{editor} {save}")});
    std::thread::scope(|scope| {
        for editor in 0..EDITORS {
            let ada = ada.on_a_connection_of_its_own();
            scope.spawn(move || {
                let path = format!("{WALLET}/modules/m{editor}");
                let mut etag = ada.make(&path, &body(editor, 0)).is(200).etag;
                for save in 1..=SAVES {
                    etag = ada.put(&path, &etag, &body(editor, save)).is(200).etag;
                }
                let found = ada.get(&path).is(200);
                assert_eq!(
                    (found.etag, &found.body["value"]),
                    (etag, &body(editor, SAVES))
                );
            });
        }
    });
    let workspace = ada.get(WALLET).is(200).body;
    let changes = EDITORS * (SAVES + 1);
    assert_eq!(workspace["revision"], changes);
    drop(origin);
}
