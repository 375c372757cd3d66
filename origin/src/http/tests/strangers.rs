//! Members of `a`, with everything that there is in `b`: they are told what is told of things that don't exist, to the byte,
//! and `b` stays as it is.

use std::collections::BTreeMap;

use super::house::{By, House, Seen};
use super::real::uses;
use super::stock::{dump, samples, stocked};

/// All of an answer.
fn told(seen: &Seen) -> (u16, String, BTreeMap<String, String>) {
    let headers = seen.headers.iter();
    // The body is compared itself, and names differ in length.
    let headers = headers.filter(|(name, _)| *name != "content-length");
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}")));
    (seen.status, seen.text.clone(), headers.collect())
}

fn members(house: &House) -> [(&'static str, By); 3] {
    ["a/admin", "a/token", "a/viewer"].map(|who| (who, house.by(who)))
}

#[tokio::test]
async fn what_is_there_in_another_workspace_answers_like_what_is_not() {
    let house = stocked().await;
    let theirs = samples(&house, "b").await;
    let before = dump(&house, Some("b")).await;
    for of in uses() {
        let ready = of.ready(&house, &theirs).await;
        let mut nowhere = ready.clone();
        nowhere.path = ready.path.replace("/workspaces/b", "/workspaces/z");
        for (who, by) in members(&house) {
            let seen = ready.send(&house, &by).await;
            let mut of_none = told(&nowhere.send(&house, &by).await);
            of_none.1 = of_none.1.replace("`z`", "`b`");
            let what = format!("{} {} by {who}", ready.method, ready.path);
            assert_eq!(told(&seen), of_none, "{what}");
            assert_eq!(seen.status, 404, "{what}");
        }
    }
    assert_eq!(dump(&house, Some("b")).await, before);
}

/// By the parameter: a name of the same form that is nowhere.
const NOTHING: [(&str, &str); 14] = [
    ("env", "none"),
    ("key", "none"),
    ("plan", "none"),
    ("experiment", "none"),
    ("template", "none"),
    ("name", "none.csv"),
    ("revision", "999999"),
    ("user", "u-0000000000000000"),
    ("token", "t-0000000000000000"),
    ("invitation", "i-0000000000000000"),
    ("signing", "0000000000000000"),
    ("target", "none"),
    (
        "media",
        "0000000000000000000000000000000000000000000000000000000000000000",
    ),
    ("release", "999999"),
];

#[tokio::test]
async fn a_name_from_another_workspace_means_nothing_in_one_s_own() {
    let house = stocked().await;
    let (ours, theirs) = (samples(&house, "a").await, samples(&house, "b").await);
    let before = dump(&house, Some("b")).await;
    let mut tried = BTreeMap::<&str, usize>::new();
    for of in uses() {
        // As they would send it there, but for the workspace.
        let ready = of.ready(&house, &theirs).await;
        for (name, nothing) in NOTHING {
            let with = |value: &str| {
                let mut samples = ours.clone();
                samples.insert(name, value.to_owned());
                let mut ready = ready.clone();
                ready.path = of.filled(of.path, &samples);
                if of.path == "/media" {
                    ready.path += "?name=new";
                }
                ready
            };
            let (foreign, none) = (with(&theirs[name]), with(nothing));
            if foreign.path == none.path {
                continue;
            }
            *tried.entry(name).or_default() += 1;
            for (who, by) in members(&house) {
                let seen = told(&foreign.send(&house, &by).await);
                let mut of_none = told(&none.send(&house, &by).await);
                of_none.1 = of_none.1.replace(nothing, &theirs[name]);
                let what = format!("{} {} by {who}", foreign.method, foreign.path);
                assert_eq!(seen, of_none, "{what}");
                assert!([403, 404, 412].contains(&seen.0), "{what}: {seen:?}");
            }
        }
    }
    let names: Vec<&str> = tried.keys().copied().collect();
    let mut all: Vec<&str> = NOTHING.iter().map(|(name, _)| *name).collect();
    all.sort_unstable();
    assert_eq!(names, all, "each is in a route");
    assert_eq!(dump(&house, Some("b")).await, before);
}
