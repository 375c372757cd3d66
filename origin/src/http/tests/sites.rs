//! What other sites could make a browser send, on every route that changes something.

use super::house::{Ask, By, full};
use super::table;

#[tokio::test]
async fn nothing_is_changed_for_another_site() {
    let house = full().await;
    let by = house.by("a/admin");
    let hostile: [&[(&str, &str)]; 9] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost:8701")],
        &[("origin", "http://localhost.evil.example:8700")],
        &[("origin", "")],
        &[("origin", ""), ("sec-fetch-site", "cross-site")],
        &[("origin", ""), ("sec-fetch-site", "same-site")],
        &[("x-skyful", "")],
        &[("x-skyful", ""), ("sec-fetch-site", "same-origin")],
    ];
    let mut routes = 0;
    for route in table::routes().iter().filter(|route| route.method != "GET") {
        let path = route.filled(&table::samples(&house, "a"));
        for headers in hostile {
            let ask = Ask {
                method: route.method,
                path: &path,
                by: by.clone(),
                body: route.body,
                headers: headers.to_vec(),
                ..Ask::default()
            };
            let seen = house.ask(ask).await;
            let wanted = (403, "forged".to_owned());
            assert_eq!(
                (seen.status, seen.problem()),
                wanted,
                "{} {path} {headers:?}",
                route.method
            );
        }
        routes += 1;
    }
    assert!(routes > 20, "{routes}");
    assert_eq!(
        house.get("/api/v1/me", &by).await.status,
        200,
        "nobody was signed out"
    );
}

#[tokio::test]
async fn what_this_site_sends_is_done_and_programs_need_no_header() {
    let house = full().await;
    let put = |by: By, headers: Vec<(&'static str, &'static str)>| {
        let house = &house;
        async move {
            let ask = Ask {
                method: "POST",
                path: "/api/v1/workspaces/a/preview",
                by,
                body: "{}",
                headers,
                ..Ask::default()
            };
            house.ask(ask).await.problem()
        }
    };
    let admin = house.by("a/admin");
    for headers in [
        vec![],
        vec![("origin", ""), ("sec-fetch-site", "same-origin")],
    ] {
        assert_ne!(put(admin.clone(), headers).await, "forged");
    }
    // A page elsewhere can't set this header without being asked for it first, and nobody answers that.
    let token = house.by("a/token");
    let evil = vec![("origin", "https://evil.example")];
    assert_ne!(put(token, evil).await, "forged");
    let seen = house
        .ask(Ask {
            method: "OPTIONS",
            path: "/api/v1/session",
            headers: vec![
                ("origin", "https://evil.example"),
                ("access-control-request-method", "POST"),
            ],
            ..Ask::default()
        })
        .await;
    assert!(seen.headers.get("access-control-allow-origin").is_none());
    // Somebody's browser can't be signed in as somebody else either.
    let seen = house
        .ask(Ask {
            method: "POST",
            path: "/api/v1/session",
            body: r#"{"email": "a@b", "password": "c"}"#,
            headers: vec![("origin", "https://evil.example")],
            ..Ask::default()
        })
        .await;
    assert_eq!(seen.problem(), "forged");
    // A wrong token isn't made good by a cookie beside it.
    let By::Cookie(cookie) = &admin else { panic!() };
    let seen = house
        .ask(Ask {
            method: "GET",
            path: "/api/v1/me",
            by: By::Token("skyful_nonsense".into()),
            headers: vec![("cookie", cookie)],
            ..Ask::default()
        })
        .await;
    assert_eq!(seen.status, 401, "{}", seen.text);
}
