use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_800_000_000_000;

fn event(change: &str) -> String {
    let fields = [
        ("id", r#""e-1""#),
        ("type", r#""exposure""#),
        ("unit", r#""u-1""#),
        ("page", r#""home""#),
        ("receipt", r#""AAAA""#),
        ("at", r#""2027-01-15T08:00:00Z""#),
    ];
    let (changed, _) = change.split_once(':').unwrap_or((change, ""));
    let kept = fields.iter().filter(|(name, _)| *name != changed);
    let mut texts: Vec<String> = kept
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    if let Some((name, value)) = change.split_once(':') {
        texts.push(format!("\"{name}\":{value}"));
    }
    format!("{{{}}}", texts.join(","))
}

fn check(change: &str, expected: Option<Why>) {
    let text = event(change);
    assert_eq!(Event::read(&text, NOW).err(), expected, "{text}");
}

#[test]
fn what_is_needed_is_asked_for_and_the_rest_may_be_left_out() {
    check("", None);
    check("later:{\"anything\":[1]}", None);
    for (field, why) in [
        ("id", Why::Id),
        ("type", Why::Type),
        ("unit", Why::Unit),
        ("page", Why::Page),
        ("receipt", Why::Receipt),
        ("at", Why::At),
    ] {
        check(field, Some(why));
        check(&format!("{field}:null"), Some(why));
        check(&format!("{field}:7"), Some(why));
        check(&format!("{field}:\"\""), Some(why));
    }
}

#[test]
fn each_field_has_its_own_reason() {
    let long = |n: usize| "x".repeat(n);
    let cases = [
        (format!("id:\"{}\"", long(64)), None),
        (format!("id:\"{}\"", long(65)), Some(Why::Id)),
        ("id:\"a\\u0000\"".into(), Some(Why::Id)),
        (format!("unit:\"{}\"", long(128)), None),
        (format!("unit:\"{}\"", long(129)), Some(Why::Unit)),
        ("type:\"served\"".into(), Some(Why::Type)),
        ("page:\"Home\"".into(), Some(Why::Page)),
        ("module:\"hero\"".into(), None),
        ("module:\"a b\"".into(), Some(Why::Module)),
        ("name:\"paid\"".into(), None),
        ("name:\"\"".into(), Some(Why::Name)),
        ("name:null".into(), None),
        ("grant:\"a b\"".into(), Some(Why::Grant)),
        ("value:12.50".into(), None),
        ("value:-1e3".into(), None),
        ("value:1e999".into(), Some(Why::Value)),
        ("value:\"12\"".into(), Some(Why::Value)),
        (format!("value:1{}", "0".repeat(32)), Some(Why::Value)),
        ("currency:\"EUR\"".into(), None),
        ("currency:\"eur\"".into(), Some(Why::Currency)),
        ("at:\"yesterday\"".into(), Some(Why::At)),
        ("at:\"2027-01-22T08:00:00Z\"".into(), None),
        (
            "at:\"2027-01-22T08:00:00.001Z\"".into(),
            Some(Why::AtTooFar),
        ),
        ("at:\"2027-01-08T08:00:00Z\"".into(), None),
        (
            "at:\"2027-01-08T07:59:59.999Z\"".into(),
            Some(Why::AtTooFar),
        ),
        (format!("later:\"{}\"", long(5_000)), Some(Why::TooLarge)),
    ];
    for (change, expected) in cases {
        check(&change, expected);
    }
    let twice = r#"{"id":"a","id":"b"}"#;
    assert_eq!(Event::read(twice, NOW).err(), Some(Why::Unreadable));
    assert_eq!(Event::read("7", NOW).err(), Some(Why::Unreadable));
}

#[test]
fn a_refused_event_is_named_if_it_can_be() {
    assert_eq!(Event::id_of(r#"{"id":"e-1"}"#).as_deref(), Some("e-1"));
    for text in [r#"{"id":7}"#, "[]", "{}"] {
        assert_eq!(Event::id_of(text), None, "{text}");
    }
}

#[test]
fn a_body_is_one_event_or_a_list_or_a_list_with_its_time() {
    let one = event("");
    let forms = [
        (one.clone(), 1),
        (format!("[{one},{one}]"), 2),
        (format!("{{\"events\":[{one}]}}"), 1),
        (
            format!("{{\"events\":[{one}, 7],\"sent_at\":\"2027-01-15T08:00:01Z\"}}"),
            2,
        ),
        ("[]".into(), 0),
    ];
    for (body, count) in forms {
        let batch = Batch::read(body.as_bytes()).expect("readable");
        assert_eq!(batch.events.len(), count, "{body}");
        assert_eq!(batch.sent_ms.is_some(), body.contains("sent_at"), "{body}");
    }
}

#[test]
fn a_body_that_is_no_json_is_refused_as_a_whole() {
    let surrogate = format!("[{}]", event("unit:\"\\ud800\""));
    let ignored = r#"{"events":[],"later":"\ud800"}"#;
    let wrong = [
        "",
        "7",
        "{",
        r#"{"events":{}}"#,
        r#"{"events":[],"sent_at":7}"#,
        &surrogate,
        ignored,
    ];
    for body in wrong {
        let error = Batch::read(body.as_bytes()).expect_err("wrong");
        assert!(matches!(error, Unreadable::Json { .. }), "{body}");
    }
    assert!(Batch::read(b"[\"\xff\"]").is_err());
    let many = format!("[{}]", ["1"; 101].join(","));
    let error = Batch::read(many.as_bytes()).expect_err("too many");
    assert_eq!(error, Unreadable::TooMany(101));
}

fn line<'a>(event: &'a str, received_ms: i64) -> Line<'a> {
    Line {
        workspace: "wallet".into(),
        env: "prod".into(),
        received_ms,
        sent_ms: Some(NOW),
        event: Event::read(event, received_ms).expect("an event"),
    }
}

#[test]
fn a_line_says_nothing_but_the_event_and_where_it_came_in() {
    let text = event("value:12.50");
    let mut out = Vec::new();
    line(&text, NOW).write(&mut out);
    let written = String::from_utf8(out).expect("text");
    assert_eq!(
        written,
        concat!(
            r#"{"workspace":"wallet","env":"prod","received_at":"2027-01-15T08:00:00Z","#,
            r#""sent_at":"2027-01-15T08:00:00Z","id":"e-1","type":"exposure","unit":"u-1","page":"home","#,
            r#""receipt":"AAAA","at":"2027-01-15T08:00:00Z","value":12.50}"#,
            "\n"
        )
    );
    for wrong in [
        "{}",
        "",
        r#"{"workspace":"W"}"#,
        &written.replace("\"env\":\"prod\",", ""),
    ] {
        assert!(Line::read(wrong.trim_end()).is_err(), "{wrong}");
    }
}

proptest! {
    /// What was written is read again as the same, whatever stands in it.
    #[test]
    fn a_line_reads_back(
        id in "\\PC{1,16}",
        unit in "\\PC{1,32}",
        value in proptest::option::of(any::<f64>().prop_filter("finite", |v| v.is_finite())),
        ago in -limits::EVENT_HORIZON_MS..=limits::EVENT_HORIZON_MS,
    ) {
        let quoted = |text: &str| serde_json::to_string(text).expect("text");
        let value = value.map_or_else(String::new, |v| format!(",\"value\":{v:e}"));
        let at = datetime::format(NOW - ago);
        let text = format!(
            "{{\"id\":{},\"type\":\"click\",\"unit\":{},\"page\":\"p\",\"receipt\":\"A\",\"at\":\"{at}\"{value}}}",
            quoted(&id), quoted(&unit)
        );
        let mut first = Vec::new();
        line(&text, NOW).write(&mut first);
        let read = String::from_utf8(first.clone()).expect("text");
        let again = Line::read(read.trim_end_matches('\n')).expect("readable");
        prop_assert_eq!(&*again.event.id, &*id);
        prop_assert_eq!(&*again.event.unit, &*unit);
        let mut second = Vec::new();
        again.write(&mut second);
        prop_assert_eq!(first, second);
    }

    /// No bytes make a reader panic, and a body never has more events than the limit.
    #[test]
    fn any_body_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..400) {
        let _ = Batch::read(&bytes);
        let whole = format!("{{\"events\":[{},{}],\"sent_at\":\"2027-01-15T08:00:00Z\"}}", event(""), event("value:1"));
        let part = &whole.as_bytes()[..cut.min(whole.len())];
        if let Ok(batch) = Batch::read(part) {
            prop_assert!(batch.events.len() <= limits::EVENTS);
        }
    }
}
