use super::*;

fn options() -> Options {
    Options {
        directories: vec!["/srv/edges".into()],
        reach: Reach::and(&["10.0.0.0/24".to_owned()])
            .unwrap()
            .with_loopback(),
        ..Options::default()
    }
}

#[track_caller]
fn check(settings: serde_json::Value, taken: bool) {
    let parsed: Result<Settings, _> = serde_json::from_value(settings.clone());
    let checked = parsed.ok().map(|settings| settings.check(&options()));
    assert_eq!(
        matches!(checked, Some(Ok(()))),
        taken,
        "{settings} {checked:?}"
    );
}

#[test]
fn only_places_that_the_operator_and_tls_vouch_for_are_taken() {
    use serde_json::json;
    for url in [
        "https://edge.example",
        "https://10.0.0.7:8443/base",
        "http://127.0.0.1:8787",
        "http://localhost:8787/",
        "http://[::1]:8787",
    ] {
        check(json!({"kind": "edge", "url": url}), true);
    }
    for url in [
        "http://edge.example",
        "http://10.0.0.7",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "http://0.0.0.0",
        "http://user@127.0.0.1",
        "https://user:pass@edge.example",
        "https://edge.example/?x=1",
        "https://edge.example/#x",
        "file:///etc/passwd",
        "ftp://edge.example",
        "//edge.example",
        "edge.example",
        "https://",
        "",
        "https://edge.example/\n",
    ] {
        check(json!({"kind": "edge", "url": url}), false);
    }
    check(
        json!({"kind": "directory", "path": "/srv/edges/prod"}),
        true,
    );
    for path in [
        "/srv/edges/../x",
        "/srv/edgesx",
        "srv/edges",
        "/",
        "/etc",
        "",
    ] {
        check(json!({"kind": "directory", "path": path}), false);
    }
    check(
        json!({"kind": "redis", "url": "redis://10.0.0.7:6379/0", "password": "p"}),
        true,
    );
    for url in [
        "redis://:p@host",
        "redis+unix:///tmp/s",
        "unix:///tmp/s",
        "http://host",
    ] {
        check(json!({"kind": "redis", "url": url}), false);
    }
    let kv = |more: (&str, &str)| {
        let mut all =
            json!({"kind": "cloudflare_kv", "account": "a1", "namespace": "n1", "token": "t"});
        all[more.0] = json!(more.1);
        all
    };
    check(kv(("account", "b2")), true);
    check(kv(("account", "../x")), false);
    check(kv(("token", "a\r\nb: c")), false);
    check(kv(("api", "http://api.example")), false);
    check(kv(("extra", "x")), false);
}

#[test]
fn a_secret_is_no_part_of_what_is_shown() {
    let settings = Settings::FastlyKv {
        store: "s".into(),
        token: Some("canary".into()),
        api: None,
    };
    let (shown, secret) = settings.clone().part();
    assert!(!serde_json::to_string(&shown).unwrap().contains("canary"));
    assert_eq!(shown.with(secret), settings);
    let url = with_login("redis://h:1/0", Some("u"), Some("p@:/"));
    assert_eq!(url, "redis://u:p%40%3A%2F@h:1/0");
    assert!(RedisUrl::parse(&url).is_ok());
}
