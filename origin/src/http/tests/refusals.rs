//! What no handler gets to see is refused like everything else: by a problem detail.

use super::house::{Ask, By, begun, full};
use crate::app::Error;
use crate::app::access::Actor;

#[tokio::test]
async fn what_is_no_request_is_refused_with_a_problem() {
    let house = begun().await;
    let root = house.people["root"].by.clone();
    let release = "/api/v1/workspaces/a/environments/dev/releases/first";
    let long = format!("/api/v1/workspaces/{}", "%ff");
    let large = "x".repeat(skyful::limits::DOCUMENT_BYTES + 1);
    let document = "/api/v1/workspaces/a/document";
    for (method, path, body, status, problem) in [
        ("GET", release, "", 400, "invalid"),
        ("GET", long.as_str(), "", 400, "invalid"),
        ("DELETE", document, "", 405, "method"),
        ("PUT", document, large.as_str(), 413, "too-large"),
        ("GET", "/api/v1/nothing", "", 404, "not-found"),
        (
            "GET",
            "/api/v1/workspaces/a/history?cursor=x",
            "",
            400,
            "invalid",
        ),
    ] {
        let ask = Ask {
            method,
            path,
            by: root.clone(),
            body,
            ..Ask::default()
        };
        let seen = house.ask(ask).await;
        let told = (seen.status, seen.problem());
        assert_eq!(told, (status, problem.to_owned()), "{method} {path}");
        assert_eq!(seen.headers["content-type"], "application/problem+json");
        if status == 405 {
            assert_eq!(seen.headers["allow"], "GET,HEAD,PUT");
        }
    }
}

#[tokio::test]
async fn uploads_take_turns_and_strangers_take_none() {
    let house = full().await;
    let inside = |user: &str| Actor {
        user: user.into(),
        ..Actor::operator("test", ["a".into()])
    };
    let place = |user| house.app.place_for_upload(&inside(user), "a");
    let own = ["u-1"; 4].map(|user| place(user).expect("room"));
    // One person doesn't get all of it.
    assert!(matches!(place("u-1"), Err(Error::Busy(_))));
    let mut places = Vec::from(["u-2"; 4].map(|user| place(user).expect("room")));
    places.extend(own);
    let uploads = [
        ("PUT", "/api/v1/workspaces/a/id_lists/new.csv"),
        ("POST", "/api/v1/workspaces/a/media?name=dot.gif"),
        ("PUT", "/api/v1/workspaces/a/document"),
    ];
    let ask = async |(method, path): (&'static str, &'static str), by: By| {
        let headers = vec![("if-match", "*")];
        house
            .ask(Ask {
                method,
                path,
                by,
                body: "u-1",
                headers,
                ..Ask::default()
            })
            .await
    };
    for upload in uploads {
        let seen = ask(upload, house.by("a/admin")).await;
        assert_eq!(
            (seen.status, seen.problem().as_str()),
            (429, "busy"),
            "{upload:?}"
        );
        assert!(seen.headers.contains_key("retry-after"));
        for (by, status) in [
            (By::Nobody, 401),
            (house.by("b/admin"), 404),
            (house.by("a/viewer"), 403),
        ] {
            let seen = ask(upload, by).await;
            assert_eq!(seen.status, status, "{upload:?}: {}", seen.text);
        }
    }
    places.clear();
    for upload in uploads {
        let seen = ask(upload, house.by("a/admin")).await;
        assert!(seen.status != 429, "{upload:?}: {}", seen.text);
    }
}

#[tokio::test]
async fn refusals_say_where_and_what_would_help() {
    let house = full().await;
    let admin = || house.by("a/admin");
    let token = vec![("authorization", "Bearer skyful_nope")];
    let large = "x".repeat(5 << 20);
    let long = "x".repeat(1_000);
    let settings = "/api/v1/workspaces/a/settings";
    let version = house.get(settings, &admin()).await.headers["etag"].clone();
    let version = version.to_str().expect("an ETag").to_owned();
    let asked = [
        (
            Ask {
                method: "GET",
                path: "/api/v1/workspaces",
                headers: token,
                ..Ask::default()
            },
            401,
            ["this token is unknown", "make a new one"],
        ),
        (
            Ask {
                method: "POST",
                path: "/api/v1/workspaces/a/preview",
                by: admin(),
                body: r#"{"page": "home", "attrs": {}}"#,
                ..Ask::default()
            },
            400,
            [r#""place":"/attrs""#, "unknown field"],
        ),
        (
            Ask {
                method: "POST",
                path: "/api/v1/workspaces/a/preview?env=nope",
                by: admin(),
                body: r#"{"page": "home"}"#,
                ..Ask::default()
            },
            404,
            ["no environment `nope`", ""],
        ),
        (
            Ask {
                method: "POST",
                path: "/api/v1/workspaces/a/media?name=dot.gif",
                by: admin(),
                body: &large,
                ..Ask::default()
            },
            413,
            ["a picture 4194304", "a document 67108864"],
        ),
        (
            Ask {
                method: "PUT",
                path: "/api/v1/workspaces/a/id_lists/new.csv",
                by: admin(),
                body: &long,
                headers: vec![("if-match", "*")],
                ..Ask::default()
            },
            400,
            ["1 line holds no id: it", "one id a line"],
        ),
        // A file that was forgotten empties nothing.
        (
            Ask {
                method: "PUT",
                path: "/api/v1/workspaces/a/settings",
                by: admin(),
                headers: vec![("if-match", &version)],
                ..Ask::default()
            },
            400,
            [r#""place":"body""#, "an object is wanted"],
        ),
    ];
    for (ask, status, words) in asked {
        let seen = house.ask(ask).await;
        assert_eq!(seen.status, status, "{}", seen.text);
        for words in words {
            assert!(seen.text.contains(words), "{words}: {}", seen.text);
        }
    }
}
