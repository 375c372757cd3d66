//! The description of the API, as it is checked in.

use std::path::Path;

/// Whoever changes the API sees in the diff what changes for clients.
#[test]
fn the_description_is_the_one_that_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let mut now = crate::http::openapi().to_pretty_json().unwrap();
    now.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == now,
        "origin/openapi.json is not what the code says: \
         UPDATE_OPENAPI=1 cargo test -p skyful-origin --bin skyful openapi"
    );
}

#[test]
fn it_says_how_to_be_known() {
    let api: serde_json::Value =
        serde_json::from_str(&crate::http::openapi().to_json().unwrap()).unwrap();
    let schemes = &api["components"]["securitySchemes"];
    assert_eq!(schemes["session"]["in"], "cookie", "{schemes}");
    assert_eq!(schemes["token"]["scheme"], "bearer", "{schemes}");
    assert_eq!(api["openapi"], "3.1.0");
}

#[test]
fn parameters_are_where_they_are_said_to_be() {
    let api: serde_json::Value =
        serde_json::from_str(&crate::http::openapi().to_json().unwrap()).unwrap();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                let in_path = path.contains(&format!("{{{name}}}"));
                let said = parameter["in"] == "path";
                assert!(!said || in_path, "{path}: {parameter}");
            }
        }
    }
}
