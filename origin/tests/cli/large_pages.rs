//! Pages that not every edge store takes, and what of a store one edit replaces.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::json;

use crate::support::Desk;

/// Two pages; `large` holds 1.2 MB of contents in its only locale.
fn desk() -> Desk {
    let desk = Desk::new();
    let text = "x".repeat(240_000);
    let plan =
        |n: usize| json!({"key": format!("p{n}"), "content": {"text": format!("{n}{text}")}});
    let plans: Vec<_> = (0..5).map(plan).collect();
    let page = |module: &str| json!({"slots": [{"key": "top"}], "default": {"modules": {"top": [module]}}});
    let document = json!({
        "skyful": 1, "workspace": "shop",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": {"age": {"type": "integer"}},
        "module_types": {"note": {"schema": {"type": "object", "properties": {"text": {"type": "string"}}}}},
        "modules": {
            "long": {"type": "note", "default": {"content": {"text": "long"}}, "plans": plans},
            "short": {"type": "note", "default": {"content": {"text": "short"}}},
        },
        "pages": {"large": page("long"), "small": page("short")},
    });
    // All but the last plan ask for something, or the others would never be reached.
    let mut document = document;
    for (n, plan) in document["modules"]["long"]["plans"]
        .as_array_mut()
        .expect("plans")
        .iter_mut()
        .enumerate()
    {
        plan["audience"] = json!({"attr": "age", "op": "eq", "value": n});
    }
    desk.write("shop.json", &document.to_string());
    desk.run(&["keys", "new", "-o", "key"]).ends_with_code(0);
    desk
}

#[test]
fn compile_and_publish_warn_of_a_page_that_not_every_store_takes() {
    let desk = desk();
    let compile = ["compile", "shop.json", "-o", "snapshot"];
    let said = desk.run(&compile).ends_with_code(0).err;
    assert!(
        said.contains("warning[large_page]") && said.contains("page `large` takes 12"),
        "{said}"
    );
    assert!(!said.contains("page `small`"), "{said}");
    let publish = ["publish", "shop.json", "--to", "store", "--key", "key"];
    for command in [&compile[..], &publish] {
        let told = desk.run(&[command, &["--json"]].concat());
        let told = told.ends_with_code(0).json();
        assert_eq!((&told["errors"], &told["warnings"]), (&0.into(), &1.into()));
        let problem = &told["problems"][0];
        assert_eq!(
            (&problem["code"], &problem["severity"], &problem["path"]),
            (
                &"large_page".into(),
                &"warning".into(),
                &"/pages/large".into()
            )
        );
    }
}

/// Files of a store and when they were written.
fn written(desk: &Desk) -> BTreeMap<String, SystemTime> {
    let folder = desk.path("store/s1/shop/dev");
    let objects = std::fs::read_dir(folder.join("o")).expect("objects");
    let of_folder = std::fs::read_dir(&folder).expect("a folder");
    let files = objects
        .chain(of_folder)
        .map(|entry| entry.expect("an entry"));
    let files = files.filter(|entry| entry.path().is_file());
    let time = |entry: &std::fs::DirEntry| entry.metadata().and_then(|data| data.modified());
    files
        .map(|entry| {
            let name = entry.file_name().into_string().expect("a name");
            (name, time(&entry).expect("a time"))
        })
        .collect()
}

#[test]
fn an_edit_of_one_plan_writes_one_chunk_and_the_manifest() {
    let desk = desk();
    let publish = ["publish", "shop.json", "--to", "store", "--key", "key"];
    desk.run(&publish).ends_with_code(0);
    let before = written(&desk);
    desk.edit("shop.json", "\"text\":\"0x", "\"text\":\"0y");
    desk.run(&publish).ends_with_code(0);
    let after = written(&desk);
    let fresh: Vec<&str> = after
        .iter()
        .filter(|(name, time)| before.get(*name) != Some(time))
        .map(|(name, _)| name.as_str())
        .collect();
    let (chunks, rest): (Vec<&str>, Vec<&str>) = fresh.iter().partition(|name| name.len() == 64);
    assert_eq!(chunks.len(), 1, "{fresh:?}");
    assert!(!before.contains_key(chunks[0]));
    assert!(
        rest.iter()
            .all(|name| ["manifest", "manifest.lock", "settled"].contains(name)),
        "{fresh:?}"
    );
}
