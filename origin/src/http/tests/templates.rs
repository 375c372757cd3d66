//! A template that a designer writes once, and the pages that others make of it.

use serde_json::{Value, json};

use super::house::{Ask, By, House, Seen, begun};
use crate::app::testing::WALLET;

const AT: &str = "/api/v1/workspaces/a";

/// The sample as draft, with a designer and an operator.
async fn house() -> House {
    let mut house = begun().await;
    for role in ["designer", "operator", "viewer"] {
        house.join("a", role, role, None).await;
    }
    let sample = WALLET.replace("workspace: wallet", "workspace: a");
    let sample = sample.replace("file: payday.csv", "list: [u-1]");
    let seen = put(&house, "document", "designer", ("if-match", "*"), &sample).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    house
}

async fn put(house: &House, at: &str, who: &str, expect: (&str, &str), body: &str) -> Seen {
    let ask = Ask {
        method: "PUT",
        path: &format!("{AT}/{at}"),
        by: by(house, who),
        body,
        headers: vec![expect],
        ..Ask::default()
    };
    house.ask(ask).await
}

fn by(house: &House, who: &str) -> By {
    house.by(&format!("a/{who}"))
}

async fn invoke(house: &House, template: &str, who: &str, body: &Value) -> Seen {
    let path = format!("{AT}/templates/{template}/pages");
    house.post(&path, &by(house, who), body).await
}

async fn errors(house: &House) -> Vec<Value> {
    let found = house
        .get(&format!("{AT}/problems"), &by(house, "viewer"))
        .await
        .json();
    let problems = found["problems"].as_array().expect("a list").iter();
    problems
        .filter(|problem| problem["severity"] == "error")
        .cloned()
        .collect()
}

async fn revision(house: &House) -> String {
    let seen = house
        .get(&format!("{AT}/document"), &by(house, "viewer"))
        .await;
    seen.headers["etag"].to_str().expect("text").to_owned()
}

fn greeting() -> Value {
    json!({
        "fields": {"type": "object", "required": ["title"], "properties": {
            "title": {"type": "string", "maxLength": 40, "examples": ["Hello"]},
            "from": {"type": "string", "default": "2026-12-01T00:00"},
        }},
        "modules": {"line": {"type": "ticker", "plans": [
            {"key": "soon", "schedule": {"from": "{{ from }}"}, "content": {"text": "{{ title }}", "href": "/soon"}},
            {"key": "late", "rollout": 5000, "content": {"text": "{{ title }}!", "href": "/late"}},
        ], "default": {"content": {"text": "{{ title }}", "href": "/"}}}},
        "page": {"slots": [{"key": "top"}], "default": {"modules": {"top": ["line", "scam_shield"]}},
            "plans": [{"key": "seniors", "audience": {"segment": "seniors"}}]},
    })
}

#[tokio::test]
async fn a_designer_writes_a_template_and_an_operator_makes_a_page_of_it() {
    let house = house().await;
    let none = ("if-none-match", "*");
    let text = greeting().to_string();
    let seen = put(&house, "templates/greeting", "operator", none, &text).await;
    assert_eq!(seen.problem(), "denied");
    let seen = put(&house, "templates/greeting", "designer", none, &text).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    assert_eq!(errors(&house).await, [json!(null); 0]);

    let asked = json!({"page": "spring", "fields": {"title": "Spring"}});
    assert_eq!(
        invoke(&house, "greeting", "viewer", &asked).await.problem(),
        "denied"
    );
    let seen = invoke(&house, "greeting", "operator", &asked).await;
    assert_eq!(seen.status, 201, "{}", seen.text);
    let made = seen.json();
    assert_eq!(made["page"]["path"], "pages/spring");
    assert_eq!(made["modules"][0]["path"], "modules/spring_line");
    assert_eq!(made["modules"].as_array().map(Vec::len), Some(1));
    assert_eq!(errors(&house).await, [json!(null); 0]);

    let before = revision(&house).await;
    let asked_of_page = json!({"page": "spring", "unit": "u-1", "locale": "en", "now": "2026-11-23T00:00:00Z",
        "attributes": {"age": 70}});
    let preview = format!("{AT}/preview");
    let page = house
        .post(&preview, &by(&house, "operator"), &asked_of_page)
        .await
        .json();
    assert_eq!(page["plan"], "seniors", "{page}");
    assert_eq!(page["modules"][0]["module"], "spring_line");
    assert_eq!(page["modules"][1]["module"], "scam_shield");

    // The same again, after a lost answer, changes nothing.
    let seen = invoke(&house, "greeting", "operator", &asked).await;
    assert_eq!((seen.status, &seen.json()), (200, &made));
    assert_eq!(revision(&house).await, before);

    // It is one change, which whoever made it takes back.
    let history = format!("{AT}/history");
    let changes = house.get(&history, &by(&house, "operator")).await.json();
    let of_template = |change: &&Value| change["why"] == "template greeting";
    let changes: Vec<_> = changes["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(of_template)
        .cloned()
        .collect();
    assert_eq!(changes.len(), 5, "{changes:#?}");
    assert!(
        changes
            .iter()
            .all(|change| change["revision"] == made["revision"])
    );
    let undo = format!("{history}/{}/undo", made["revision"]);
    let seen = house.post(&undo, &by(&house, "operator"), &json!({})).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    for gone in ["pages/spring", "modules/spring_line"] {
        let seen = house
            .get(&format!("{AT}/{gone}"), &by(&house, "viewer"))
            .await;
        assert_eq!(seen.status, 404, "{gone}");
    }
    // What a designer made by hand is still for designers to take back.
    let made_by_hand = "1";
    let undo = format!("{history}/{made_by_hand}/undo");
    let seen = house.post(&undo, &by(&house, "operator"), &json!({})).await;
    assert_eq!(seen.problem(), "denied", "{}", seen.text);
}

#[tokio::test]
async fn keys_that_are_taken_are_listed_and_nothing_is_made() {
    let house = house().await;
    let title = json!({"zh-CN": "春", "en": "Spring"});
    let fields = json!({"title": title, "news": "News"});
    let asked = json!({"page": "home", "prefix": "", "fields": fields});
    let seen = invoke(&house, "campaign", "operator", &asked).await;
    assert_eq!(
        (seen.status, seen.problem().as_str()),
        (409, "taken"),
        "{}",
        seen.text
    );
    assert_eq!(seen.json()["taken"], json!(["pages/home"]));

    let asked = json!({"page": "spring", "fields": fields});
    assert_eq!(
        invoke(&house, "campaign", "operator", &asked).await.status,
        201
    );
    let before = revision(&house).await;
    let other = json!({"page": "spring", "fields": {"title": title, "news": "Other news"}});
    let seen = invoke(&house, "campaign", "operator", &other).await;
    assert_eq!(
        (seen.status, seen.problem().as_str()),
        (409, "taken"),
        "{}",
        seen.text
    );
    let taken = json!([
        "modules/spring_banner",
        "modules/spring_news",
        "pages/spring"
    ]);
    assert_eq!(seen.json()["taken"], taken);
    assert_eq!(revision(&house).await, before);

    // It isn't the same any more once somebody went on with it.
    let none = ("if-none-match", "*");
    let seen = put(&house, "pages/spring/plans/mine", "operator", none, "{}").await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let seen = invoke(&house, "campaign", "operator", &asked).await;
    assert_eq!(seen.problem(), "taken", "{}", seen.text);
}

#[tokio::test]
async fn what_a_template_does_not_take_is_named_by_pointers() {
    let house = house().await;
    let before = revision(&house).await;
    let told = async |body: Value| {
        let seen = invoke(&house, "campaign", "operator", &body).await;
        assert_eq!(
            (seen.status, seen.problem().as_str()),
            (422, "unfilled"),
            "{}",
            seen.text
        );
        let told = seen.json();
        let problems = told["problems"].as_array().expect("a list").iter();
        let paths: Vec<_> = problems
            .map(|problem| problem["path"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(told["place"], paths[0].as_str());
        paths
    };
    let page = |fields: Value| json!({"page": "spring", "fields": fields});
    assert_eq!(
        told(page(json!({"title": "A", "news": 1}))).await,
        ["/fields/news"]
    );
    assert_eq!(
        told(page(json!({"title": "A", "news": "B", "nmae": "c"}))).await,
        ["/fields/nmae"]
    );
    assert_eq!(
        told(json!({"page": "spring"})).await,
        ["/fields/news", "/fields/title"]
    );
    assert_eq!(
        told(json!({"page": "Spring", "fields": {}})).await,
        ["/page"]
    );
    assert_eq!(
        told(json!({"page": "spring", "prefix": "A", "fields": {}})).await,
        ["/prefix"]
    );
    let seen = invoke(&house, "campain", "operator", &page(json!({}))).await;
    assert_eq!(seen.status, 404);
    assert!(
        seen.text.contains("did you mean `campaign`?"),
        "{}",
        seen.text
    );
    let seen = invoke(
        &house,
        "campaign",
        "operator",
        &json!({"page": "spring", "feilds": {}}),
    )
    .await;
    assert_eq!((seen.status, seen.problem().as_str()), (400, "invalid"));
    assert_eq!(revision(&house).await, before);
}

#[tokio::test]
async fn two_who_make_the_same_page_at_once_make_one() {
    let house = house().await;
    let asked = json!({"page": "spring", "fields": {"title": "A", "news": "B"}});
    let (one, other) = tokio::join!(
        invoke(&house, "campaign", "operator", &asked),
        invoke(&house, "campaign", "designer", &asked)
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201], "{} {}", one.text, other.text);
    assert_eq!(one.json()["revision"], other.json()["revision"]);
}
