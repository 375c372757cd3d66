//! What no handler gets to see is refused like everything else: by a problem detail.

use super::house::{Ask, begun};

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
