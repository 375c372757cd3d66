//! What clients may ask, and what they are told when they ask wrongly.

use crate::fixture::snapshot;
use crate::world::{World, config};

#[test]
fn each_wrong_request_has_its_status_and_type() {
    let long_unit = format!("/v1/pages/home?unit={}", "x".repeat(129));
    let long = format!("/v1/pages/home?unit={}", "x".repeat(70_000));
    let large = vec![b' '; 65_537];
    let table: &[(&str, &str, &[u8], u16, &str)] = &[
        ("GET", "/", b"", 404, "not-found"),
        ("GET", "/v1/pages/", b"", 404, "not-found"),
        ("GET", "/v1/pages/a/b", b"", 404, "not-found"),
        ("GET", "/v1/pages/home/", b"", 404, "not-found"),
        ("GET", "/v2/resolve", b"", 404, "not-found"),
        ("GET", "/v1/pages/nowhere", b"", 404, "unknown-page"),
        ("GET", "/v1/pages/..%2f..%2fetc", b"", 404, "unknown-page"),
        ("GET", "/v1/pages/%00", b"", 404, "unknown-page"),
        ("GET", "/v1/pages/%ff", b"", 400, "bad-request"),
        ("GET", "/v1/pages/home?color=red", b"", 400, "bad-request"),
        (
            "GET",
            "/v1/pages/home?unit=a&unit=b",
            b"",
            400,
            "bad-request",
        ),
        ("GET", "/v1/pages/home?unit=%ff", b"", 400, "bad-request"),
        (
            "GET",
            "/v1/pages/home?explain=perhaps",
            b"",
            400,
            "bad-request",
        ),
        (
            "GET",
            "/v1/pages/home?now=2026-11-22T00:00:00Z",
            b"",
            400,
            "preview-only",
        ),
        ("GET", &long_unit, b"", 400, "bad-request"),
        ("GET", &long, b"", 414, "uri-too-long"),
        ("GET", "/v1/resolve", b"", 405, "method-not-allowed"),
        ("PUT", "/v1/resolve", b"", 405, "method-not-allowed"),
        ("POST", "/v1/pages/home", b"", 405, "method-not-allowed"),
        ("DELETE", "/healthz", b"", 405, "method-not-allowed"),
        ("POST", "/v1/resolve", b"", 400, "bad-request"),
        ("POST", "/v1/resolve", b"{", 400, "bad-request"),
        ("POST", "/v1/resolve", b"[]", 400, "bad-request"),
        ("POST", "/v1/resolve", b"{}", 400, "bad-request"),
        ("POST", "/v1/resolve", b"\xff", 400, "bad-request"),
        ("POST", "/v1/resolve", br#"{"page":""}"#, 400, "bad-request"),
        ("POST", "/v1/resolve", br#"{"page":7}"#, 400, "bad-request"),
        (
            "POST",
            "/v1/resolve",
            br#"{"page":"home","colour":1}"#,
            400,
            "bad-request",
        ),
        (
            "POST",
            "/v1/resolve",
            br#"{"page":"home","page":"home"}"#,
            400,
            "bad-request",
        ),
        (
            "POST",
            "/v1/resolve",
            br#"{"page":"home","unit":"\ud800"}"#,
            400,
            "bad-request",
        ),
        (
            "POST",
            "/v1/resolve",
            br#"{"page":"nowhere"}"#,
            404,
            "unknown-page",
        ),
        (
            "POST",
            "/v1/resolve",
            br#"{"page":"home","now":"2026-11-22T00:00:00Z"}"#,
            400,
            "preview-only",
        ),
        (
            "POST",
            "/v1/resolve",
            br#"{"page":"home","caps":{"group/promo":{"count":1}}}"#,
            400,
            "preview-only",
        ),
        ("POST", "/v1/resolve", &large, 413, "too-large"),
    ];
    let mut world = World::published(1, &snapshot("one"));
    for (method, target, body, status, kind) in table {
        let answer = world.send(method, target, body);
        let shown: String = format!("{method} {target}").chars().take(80).collect();
        assert_eq!(answer.response.status, *status, "{shown}: {}", answer.json);
        assert_eq!(
            answer.json["type"],
            format!("urn:skyful:problem:{kind}"),
            "{shown}"
        );
        assert_eq!(answer.json["status"], *status);
        assert!(answer.json["title"].is_string() && answer.json["detail"].is_string());
        let header = |name| answer.response.header(name);
        assert_eq!(header("content-type"), Some("application/problem+json"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("allow").is_some(), *status == 405, "{shown}");
    }
}

#[test]
fn deep_nesting_is_refused_and_large_numbers_are_not() {
    let mut world = World::published(1, &snapshot("one"));
    let deep = format!(
        r#"{{"page":"home","attributes":{{"age":{}{}}}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    assert_eq!(
        world
            .send("POST", "/v1/resolve", deep.as_bytes())
            .response
            .status,
        400
    );
    let body = br#"{"page":"home","unit":"u","attributes":{"age":1e999999999,"x":{"y":[1]}}}"#;
    world
        .send("POST", "/v1/resolve", body)
        .check("one in en", 1, None);
}

#[test]
fn both_routes_answer_the_same_bytes() {
    let mut world = World::published(1, &snapshot("one"));
    let get = world.get("/v1/pages/home?unit=u-1&locale=zh-HK&attr.age=67&explain=1");
    let body =
        br#"{"page":"home","unit":"u-1","locale":"zh-HK","attributes":{"age":67},"explain":true}"#;
    let post = world.send("POST", "/v1/resolve", body);
    get.check("one in zh", 1, None);
    assert_eq!(get.json["plan"], "senior");
    assert!(get.json["trace"].is_object());
    assert_eq!(get.response.body, post.response.body);
    assert_eq!(world.get("/v1/pages/h%6fme?unit=u-1").json["page"], "home");
}

#[test]
fn head_is_get_without_a_body() {
    let mut world = World::published(1, &snapshot("one"));
    world.headers = vec![("x-request-id", "r-1".into())];
    for target in [
        "/v1/pages/home?unit=u-1",
        "/healthz",
        "/v1/status",
        "/v1/pages/nowhere",
    ] {
        let get = world.get(target).response;
        let head = world.send("HEAD", target, &[]).response;
        assert_eq!((get.status, get.headers), (head.status, head.headers));
        assert!(head.body.is_empty() && !get.body.is_empty());
    }
}

#[test]
fn a_visitor_without_a_unit_gets_one_of_their_own() {
    let mut world = World::published(1, &snapshot("one"));
    for target in ["/v1/pages/home", "/v1/pages/home?unit="] {
        let units: Vec<String> = (0..2)
            .map(|_| {
                let answer = world.get(target);
                answer.response.header("skyful-unit").unwrap().to_owned()
            })
            .collect();
        assert_ne!(units[0], units[1]);
        assert!(units.iter().all(|unit| {
            let digits = unit.strip_prefix("anon-").unwrap();
            digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())
        }));
    }
    assert_eq!(world.home().response.header("skyful-unit"), None);
}

#[test]
fn a_preview_takes_the_time_and_the_past() {
    let mut preview = config();
    preview.preview = true;
    let mut world = World::with(preview);
    world.publish(1, &snapshot("one"));
    let body = br#"{"page":"home","unit":"u-1","now":"2026-11-22T00:00:00Z","caps":{"group/promo":{"count":1}}}"#;
    world
        .send("POST", "/v1/resolve", body)
        .check("one in en", 1, None);
    world
        .get("/v1/pages/home?unit=u-1&now=2026-11-22T00:00:00Z")
        .check("one in en", 1, None);
}

#[test]
fn only_listed_origins_may_call() {
    let mut listed = config();
    listed.cors = vec!["https://shop.example".into()];
    let mut world = World::with(listed);
    world.publish(1, &snapshot("one"));
    let allowed = |world: &mut World, origin: &str, method: &str| {
        world.headers = vec![
            ("origin", origin.into()),
            ("access-control-request-method", "POST".into()),
        ];
        let response = world
            .send(method, "/v1/resolve", br#"{"page":"home"}"#)
            .response;
        assert_eq!(response.header("vary"), Some("origin"));
        let methods = response.header("access-control-allow-methods").is_some();
        let origin = response
            .header("access-control-allow-origin")
            .map(str::to_owned);
        (response.status, methods, origin)
    };
    let shop = "https://shop.example";
    let here = Some(shop.to_owned());
    assert_eq!(
        allowed(&mut world, shop, "OPTIONS"),
        (204, true, here.clone())
    );
    assert_eq!(allowed(&mut world, shop, "POST"), (200, false, here));
    assert_eq!(
        allowed(&mut world, "https://evil.example", "OPTIONS"),
        (204, false, None)
    );
    assert_eq!(
        allowed(&mut world, "https://evil.example", "POST"),
        (200, false, None)
    );
    let mut closed = World::published(1, &snapshot("one"));
    closed.headers = vec![("origin", shop.into())];
    let response = closed.home().response;
    assert!(
        !response
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("access-control"))
    );
}

#[test]
fn the_status_says_what_is_held() {
    let mut world = World::published(7, &snapshot("one"));
    world.home();
    let status = world.status();
    assert_eq!(status["workspace"], "wallet");
    assert_eq!(status["release"]["sequence"], 7);
    assert_eq!(status["release"]["mode"], "run");
    assert!(
        status["release"]["stable"]
            .as_str()
            .unwrap()
            .starts_with("b3-")
    );
    assert_eq!(status["counters"]["requests"], 1);
    assert_eq!(status["counters"]["defaults_served"], 1);
    assert_eq!(status["cache"]["objects"], 1);
    assert_eq!(status["last_error"], serde_json::Value::Null);
    assert!(!status.to_string().contains("u-1"));
}
