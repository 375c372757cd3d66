//! Pages made of the example's template.

use serde_json::{Value, json};
use skyful::check::invoke::{Ask, Made, Refused, invoke};
use skyful::check::{IdFile, Options};
use skyful::compile::compile;
use skyful::document;

use super::super::{EXAMPLE, run};

fn ask(text: &str, page: &str, prefix: Option<&str>, fields: &Value) -> Result<Made, Refused> {
    let ask = Ask {
        template: "campaign",
        page,
        prefix,
        fields,
    };
    let options = Options {
        now_ms: None,
        read_file: &|_| Ok(IdFile::Hashes(Vec::new())),
    };
    invoke(text.as_bytes(), &ask, &options)
}

fn made(page: &str, prefix: Option<&str>, fields: &Value) -> Made {
    ask(EXAMPLE, page, prefix, fields).unwrap_or_else(|refused| panic!("{refused:?}"))
}

/// `code path` of each problem.
fn refused(text: &str, page: &str, prefix: Option<&str>, fields: &Value) -> Vec<String> {
    let Err(Refused::Faulty(problems)) = ask(text, page, prefix, fields) else {
        panic!("it was made: {fields}");
    };
    let problems = problems.iter();
    problems.map(|p| format!("{} {}", p.code, p.path)).collect()
}

fn spring() -> Value {
    json!({"title": {"zh-CN": "春天", "en": "Spring"}, "slug": "spring-1", "from": "2027-03-01T00:00"})
}

/// The example with what was made put in, as a person would.
fn put_in(made: &Made) -> String {
    let made = document::json(&made.document()).expect("JSON");
    let mut problems = skyful::problem::Problems::default();
    let read = document::read(EXAMPLE.as_bytes(), &mut problems).expect("a tree");
    let mut whole = document::json(&read).expect("JSON");
    for (section, entries) in made.as_object().expect("sections") {
        for (key, value) in entries.as_object().expect("entries") {
            whole[section][key] = value.clone();
        }
    }
    whole.to_string()
}

#[test]
fn a_page_is_the_template_with_its_fields_filled_in() {
    let made = made("spring", None, &spring());
    assert_eq!(made.taken, [""; 0]);
    let text = document::yaml(&made.document());
    assert_eq!(
        text,
        "\
modules:
  spring_top:
    type: banner
    description: \"Banner of spring-1\"
    plans:
      -
        key: early
        schedule:
          from: \"2027-03-01T00:00\"
        rollout: 10000
        content:
          title:
            en: Spring
            zh-CN: \"春天\"
          image: \"https://cdn.example/spring-1.png\"
pages:
  spring:
    slots:
      -
        key: hero
        max: 1
      -
        key: feed
    default:
      modules:
        hero:
          - spring_top
        feed:
          - bills
    plans:
      -
        key: senior
        audience:
          segment: seniors
        ordering:
          feed:
            by: weighted
            weights:
              bills: 2
"
    );
    assert_eq!(run(put_in(&made).as_bytes()).problems, []);
}

#[test]
fn templates_never_reach_a_snapshot() {
    let without = {
        let (before, rest) = EXAMPLE.split_once("templates:\n").expect("templates");
        let (_, after) = rest.split_once("assertions:").expect("the next section");
        format!("{before}assertions:{after}")
    };
    let digest = |text: &str| {
        let workspace = run(text.as_bytes()).workspace.expect("no errors");
        compile(&workspace, &mut |_, _| ())
            .expect("it fits")
            .listing
            .digest()
    };
    assert_eq!(digest(EXAMPLE), digest(&without));
    assert_ne!(
        digest(EXAMPLE),
        digest(&put_in(&made("spring", None, &spring())))
    );
}

#[test]
fn modules_are_named_after_the_page_or_as_asked() {
    let keys = |prefix| {
        let made = made("spring", prefix, &spring());
        let module = made.modules[0].key.to_string();
        let page = document::json(&made.page.value).expect("JSON");
        assert_eq!(page["default"]["modules"]["hero"], json!([module]));
        module
    };
    assert_eq!(keys(None), "spring_top");
    assert_eq!(keys(Some("x")), "xtop");
    assert_eq!(keys(Some("")), "top");
    let taken = made("home", Some(""), &spring()).taken;
    assert_eq!(taken, ["pages/home"]);
    let whole = put_in(&made("spring", None, &spring()));
    let again = ask(&whole, "spring", None, &spring());
    let again = again.unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!(again.taken, ["pages/spring", "modules/spring_top"]);
}

#[test]
fn what_was_asked_wrongly_is_named_by_a_pointer() {
    let with = |name: &str, value: Value| {
        let mut fields = spring();
        fields[name] = value;
        refused(EXAMPLE, "spring", None, &fields)
    };
    assert_eq!(
        with("titel", json!("x")),
        ["unknown_template_field /fields/titel"]
    );
    assert_eq!(
        with("title", json!("x".repeat(41))),
        ["content_schema /fields/title"]
    );
    assert_eq!(
        with("title", json!({"zh-CN": "x", "en": "x".repeat(41)})),
        ["content_schema /fields/title/en"]
    );
    assert_eq!(
        with("title", json!({"en": "x"})),
        ["missing_locale /fields/title"]
    );
    assert_eq!(with("slug", json!("Ä")), ["content_schema /fields/slug"]);
    assert_eq!(
        with("share", json!("all")),
        ["content_schema /fields/share"]
    );
    // Only what is made of it shows that this is wrong.
    assert_eq!(
        with("from", json!("tomorrow")),
        ["invalid_time /fields/from"]
    );
    assert_eq!(
        refused(EXAMPLE, "spring", None, &json!({})),
        ["missing_field /fields/from", "missing_field /fields/title"]
    );
    assert_eq!(
        refused(EXAMPLE, "spring", None, &json!([])),
        ["wrong_type /fields"]
    );
    assert_eq!(
        refused(EXAMPLE, "Spring", None, &spring()),
        ["invalid_key /page"]
    );
    assert_eq!(
        refused(EXAMPLE, "spring", Some("a-"), &spring()),
        ["invalid_key /prefix"]
    );
    assert_eq!(
        refused(EXAMPLE, &"x".repeat(62), None, &spring()),
        ["invalid_key /page"]
    );
    let huge = json!({"en": "x".repeat(300_000), "zh-CN": "x"});
    assert_eq!(with("title", huge), ["limit /fields"]);
}

#[test]
fn a_template_that_has_errors_makes_nothing_and_other_errors_are_no_matter() {
    let broken = EXAMPLE.replace(
        "modules: {hero: [top], feed: [bills]}}",
        "modules: {hero: [top], feed: [bill]}}",
    );
    assert_eq!(
        refused(&broken, "spring", None, &spring()),
        ["unknown_module /templates/campaign/page/default/modules/feed/0"]
    );
    let elsewhere = EXAMPLE.replace(
        "{segment: seniors}, {attr: country",
        "{segment: senors}, {attr: country",
    );
    assert_ne!(elsewhere, EXAMPLE);
    assert!(ask(&elsewhere, "spring", None, &spring()).is_ok());
    let none = Ask {
        template: "campain",
        page: "spring",
        prefix: None,
        fields: &json!({}),
    };
    let options = Options {
        now_ms: None,
        read_file: &|_| Ok(IdFile::Hashes(Vec::new())),
    };
    let Err(Refused::NoTemplate(hint)) = invoke(EXAMPLE.as_bytes(), &none, &options) else {
        panic!("there is no such template");
    };
    assert_eq!(hint.as_deref(), Some("did you mean `campaign`?"));
}
