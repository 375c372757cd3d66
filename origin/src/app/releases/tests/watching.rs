//! Releases over HTTP, as clients see them.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tower::ServiceExt as _;

use super::*;
use crate::http;

const BASE: &str = "/api/v1/workspaces/shop/environments/prod";

async fn send(
    shop: &Shop,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, String) {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{BASE}{path}"))
        .extension(ada());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Body::from(body.to_owned()))
        .expect("a request");
    let response = http::router(shop.app.clone())
        .oneshot(request)
        .await
        .expect("an answer");
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 20)
        .await
        .expect("a body");
    (status, String::from_utf8(bytes.to_vec()).expect("text"))
}

#[tokio::test]
async fn an_empty_body_is_the_one_click() {
    let shop = Shop::open().await;
    let (status, body) = send(&shop, "POST", "/releases", &[("idempotency-key", "a")], "").await;
    assert_eq!(status, 201, "{body}");
    let (status, again) = send(
        &shop,
        "POST",
        "/releases",
        &[("idempotency-key", "a")],
        " {} ",
    )
    .await;
    assert_eq!((status.as_u16(), &again), (201, &body));
    let (status, other) = send(
        &shop,
        "POST",
        "/releases",
        &[("idempotency-key", "a")],
        r#"{"note":"x"}"#,
    )
    .await;
    assert_eq!(status, 422, "{other}");
    let (status, body) = send(&shop, "POST", "/releases", &[], r#"{"stat_at":"x"}"#).await;
    assert_eq!(status, 400, "{body}");
    let (status, body) = send(
        &shop,
        "POST",
        "/releases",
        &[],
        r#"{"start_at":"tomorrow"}"#,
    )
    .await;
    assert_eq!(status, 400);
    assert!(
        body.contains("/start_at") && body.contains("hint"),
        "{body}"
    );
    let (status, body) = send(&shop, "POST", "/mode", &[], r#"{"mode":"hold"}"#).await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = send(&shop, "POST", "/releases/1/skip", &[], "").await;
    assert_eq!(status, 428, "{body}");
    let (status, body) = send(
        &shop,
        "POST",
        "/releases/1/skip",
        &[("if-match", "\"2\"")],
        "",
    )
    .await;
    assert_eq!(status, 409, "{body}");
    let (status, _) = send(&shop, "GET", "/releases/7", &[], "").await;
    assert_eq!(status, 404);
    let (status, body) = send(&shop, "GET", "/releases/1/changes", &[], "").await;
    assert_eq!(status, 200, "{body}");
    let environment = shop.app.environment(&ada(), "shop", "prod").await;
    let tag = format!("\"{}\"", environment.expect("it").version);
    let (status, body) = send(
        &shop,
        "PUT",
        "/staff",
        &[("if-match", &tag)],
        r#"{"units":["u-1"]}"#,
    )
    .await;
    assert_eq!(status, 200, "{body}");
    let (_, body) = send(&shop, "GET", "/staff", &[], "").await;
    assert_eq!(body, r#"{"units":["u-1"]}"#);
}

/// The events of a stream: id, event, data.
fn parsed(text: &str) -> Vec<(Option<i64>, String, Value)> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name));
        line.map(|rest| rest.trim_start_matches(':').trim().to_owned())
    };
    let blocks = text.split("\n\n").filter(|block| block.contains("data"));
    blocks
        .map(|block| {
            let data = field(block, "data").expect("data");
            let id = field(block, "id").map(|id| id.parse().expect("a number"));
            let data = serde_json::from_str(&data).expect("JSON");
            (id, field(block, "event").expect("a kind"), data)
        })
        .collect()
}

#[tokio::test]
async fn whoever_listens_hears_everything_once_and_goes_on_where_they_were() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    let id = shop.by("steps").await;
    let path = format!("/releases/{id}/events");
    let listening = send(&shop, "GET", &path, &[], "");
    let steering = async {
        tokio::task::yield_now().await;
        shop.steer(&ada(), id, Steered::Skip).await.expect("a step");
        shop.steer(&ada(), id, Steered::RollBack)
            .await
            .expect("back");
    };
    let ((status, text), ()) = tokio::join!(listening, steering);
    assert_eq!(status, 200);
    let events = parsed(&text);
    let happened: Vec<_> = events
        .iter()
        .filter(|event| event.1 == "happened")
        .collect();
    let ids: Vec<_> = happened.iter().filter_map(|event| event.0).collect();
    assert_eq!(ids, [1, 2, 3, 4], "{text}");
    let kinds: Vec<_> = happened
        .iter()
        .map(|event| event.2["kind"].clone())
        .collect();
    assert_eq!(kinds, ["create", "begin", "skip", "rollback"]);
    let shown: Vec<_> = events.iter().filter(|event| event.1 == "release").collect();
    assert_eq!(shown.last().expect("it").2["state"], "rolled_back");
    assert_eq!(events.last().expect("an end").1, "end");

    let (status, text) = send(&shop, "GET", &path, &[("last-event-id", "2")], "").await;
    assert_eq!(status, 200);
    let ids: Vec<_> = parsed(&text).iter().filter_map(|event| event.0).collect();
    assert_eq!(ids, [3, 4]);
    let (status, text) = send(&shop, "GET", &path, &[("last-event-id", "4")], "").await;
    assert_eq!((status, text.as_str()), (StatusCode::NO_CONTENT, ""));
    let (status, _) = send(&shop, "GET", &path, &[("last-event-id", "x")], "").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn there_is_room_for_so_many_listeners() {
    let shop = Shop::open().await;
    let id = shop.release(Wanted::default()).await;
    let place = |n: usize| shop.app.listeners.place(&format!("u-{}", n / 20));
    let mut places: Vec<_> = (0..200).map(|n| place(n).expect("room")).collect();
    let path = format!("/releases/{id}/events");
    let (status, body) = send(&shop, "GET", &path, &[], "").await;
    assert_eq!(status, 429, "{body}");
    places.pop();
    let (status, _) = send(&shop, "GET", &path, &[], "").await;
    assert_eq!(status, 200);
    // One person doesn't get all of it.
    assert!(place(0).is_err());
    drop(places.remove(0));
    assert!(place(0).is_ok());
}
