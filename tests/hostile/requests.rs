//! Requests: refused with the number that they are beyond.

use skyful::context::Context;
use skyful::limits;

#[test]
fn a_request_beyond_a_limit_is_refused_with_its_number() {
    let refused = |body: &str, word: &str| {
        let error = Context::from_json(body.as_bytes()).expect_err(word);
        assert!(error.to_string().contains(word), "{word}: {error}");
    };
    let attributes = |count: usize| {
        let fields: Vec<String> = (0..count).map(|n| format!("\"a{n}\":1")).collect();
        format!("{{\"attributes\":{{{}}}}}", fields.join(","))
    };
    refused(&attributes(10_000), "65536");
    refused(&attributes(257), "256");
    assert!(Context::from_json(attributes(256).as_bytes()).is_ok());
    refused(
        &format!("{{\"unit\":\"{}\"}}", "x".repeat(limits::REQUEST_BYTES)),
        "65536",
    );
    refused(&format!("{{\"unit\":\"{}\"}}", "x".repeat(129)), "128");
    let list = |count: usize| format!("{{\"attributes\":{{\"a\":[{}1]}}}}", "1,".repeat(count));
    assert!(Context::from_json(list(10).as_bytes()).is_ok());
    let texts = vec!["\"a\""; 1_001].join(",");
    refused(&format!("{{\"attributes\":{{\"a\":[{texts}]}}}}"), "1000");
    let text = "x".repeat(limits::REQUEST_TEXT_BYTES + 1);
    refused(&format!("{{\"attributes\":{{\"a\":\"{text}\"}}}}"), "8192");
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(Context::from_json(format!("{{\"attributes\":{{\"a\":{deep}}}}}").as_bytes()).is_err());
    let query: Vec<String> = (0..257).map(|n| format!("attr.a{n}=1")).collect();
    assert!(Context::from_query(&query.join("&")).is_err());
    assert!(Context::from_query(&"x".repeat(limits::REQUEST_BYTES)).is_err());
}
