//! What the description says that a value has to meet is met, or the request is refused with the place of that value. The
//! limits are read from the description; what else is in a request stands here, and would do.

use serde_json::{Map, Value, json};

use super::house::{Ask, By, House, Seen, empty, full};

/// Operation and a body that would do. For each kind of what has several.
const BODIES: [(&str, &str); 24] = [
    ("POST /api/v1/workspaces", r#"{"key": "c", "name": "x"}"#),
    ("PUT /api/v1/workspaces/{workspace}", r#"{"name": "x"}"#),
    (
        "PUT /api/v1/workspaces/{workspace}/environments/{env}",
        r#"{"name": "x"}"#,
    ),
    (
        "PUT /api/v1/workspaces/{workspace}/members/{user}",
        r#"{"roles": [{"role": "viewer"}]}"#,
    ),
    (
        "PUT /api/v1/users/{user}",
        r#"{"name": "x", "root": false, "disabled": false}"#,
    ),
    (
        "POST /api/v1/me/password",
        r#"{"current": "x", "new": "four words nobody knows"}"#,
    ),
    (
        "POST /api/v1/workspaces/{workspace}/invitations",
        r#"{"email": "x@y.example", "role": "viewer"}"#,
    ),
    (
        "POST /api/v1/workspaces/{workspace}/tokens",
        r#"{"name": "x", "role": "viewer", "expires_in_days": 1}"#,
    ),
    (
        "POST /api/v1/workspaces/{workspace}/experiments/{key}/share",
        r#"{"share": 1}"#,
    ),
    (
        "POST /api/v1/workspaces/{workspace}/environments/{env}/mode",
        r#"{"mode": "run"}"#,
    ),
    (
        "PUT /api/v1/workspaces/{workspace}/environments/{env}/staff",
        r#"{"units": ["u"]}"#,
    ),
    (
        "POST /api/v1/workspaces/{workspace}/environments/{env}/releases",
        r#"{"note": "x"}"#,
    ),
    (
        "POST /api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/approve",
        r#"{"digest": "x"}"#,
    ),
    (
        "POST /api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/reject",
        "{}",
    ),
    (
        "POST /api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/cancel",
        "{}",
    ),
    (
        "POST /api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/pause",
        "{}",
    ),
    (
        "POST /api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/resume",
        "{}",
    ),
    (
        "POST /api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/skip",
        "{}",
    ),
    (
        "POST /api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/rollback",
        "{}",
    ),
    (
        "PUT /api/v1/workspaces/{workspace}/environments/{env}/targets/{target}",
        r#"{"settings": {"kind": "edge", "url": "https://edge.example"}}"#,
    ),
    (
        "PUT /api/v1/workspaces/{workspace}/environments/{env}/targets/{target}",
        r#"{"settings": {"kind": "directory", "path": "/var/edge"}}"#,
    ),
    (
        "PUT /api/v1/workspaces/{workspace}/environments/{env}/targets/{target}",
        r#"{"settings": {"kind": "redis", "url": "redis://host", "user": "x", "password": "x"}}"#,
    ),
    (
        "PUT /api/v1/workspaces/{workspace}/environments/{env}/targets/{target}",
        r#"{"settings": {"kind": "cloudflare_kv", "account": "x", "namespace": "x", "token": "x", "api": "https://api.example"}}"#,
    ),
    (
        "PUT /api/v1/workspaces/{workspace}/environments/{env}/targets/{target}",
        r#"{"settings": {"kind": "fastly_kv", "store": "x", "token": "x", "api": "https://api.example"}}"#,
    ),
];

/// Asked of nobody who is known; what lets them in is put in place of `CODE`.
const STRANGERS: [(&str, &str); 3] = [
    (
        "POST /api/v1/setup",
        r#"{"code": "CODE", "email": "x@y.example", "name": "x", "password": "four words nobody says",
            "workspace": {"key": "x", "name": "x"}}"#,
    ),
    (
        "POST /api/v1/invitations/accept",
        r#"{"code": "CODE", "name": "x", "password": "four words nobody says"}"#,
    ),
    (
        "POST /api/v1/password",
        r#"{"code": "CODE", "password": "four words nobody says"}"#,
    ),
];

fn api() -> Value {
    serde_json::from_str(&crate::http::openapi().to_json().unwrap()).unwrap()
}

/// Where in a body something is limited, and by what.
type Limited = Vec<(String, Value)>;

/// Everything below a schema, for what is in this body.
fn limited(api: &Value, schema: &Value, body: &Value, at: &str, found: &mut Limited) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/components/schemas/");
        limited(api, &api["components"]["schemas"][name], body, at, found);
    }
    for variant in schema["oneOf"].as_array().into_iter().flatten() {
        let kind = &variant["properties"]["kind"]["enum"][0];
        if *kind == Value::Null || *kind == body["kind"] {
            limited(api, variant, body, at, found);
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        limited(api, field, &body[name], &format!("{at}/{name}"), found);
    }
    if let Some(items) = schema.get("items") {
        limited(api, items, &body[0], &format!("{at}/0"), found);
    }
    const WORDS: [&str; 9] = [
        "minLength",
        "maxLength",
        "pattern",
        "minimum",
        "maximum",
        "enum",
        "minItems",
        "maxItems",
        "format",
    ];
    let own = WORDS
        .iter()
        .filter_map(|word| Some(((*word).to_owned(), schema.get(word)?.clone())));
    let own: Map<String, Value> = own.collect();
    // What serde reads by its type, and what says which kind it is, have no place but a line.
    let typed =
        own.keys().all(|word| word == "format" || word == "minimum") && schema["type"] != "string";
    if !own.is_empty() && !typed && !at.ends_with("/kind") {
        found.push((at.to_owned(), Value::Object(own)));
    }
}

/// Values just outside a limit; and, of what has ends, those just inside.
fn values(limit: &Value, like: &Value) -> (Vec<Value>, Vec<Value>) {
    let (mut outside, mut inside) = (Vec::new(), Vec::new());
    let count = |word: &str| limit[word].as_u64().map(|count| count as usize);
    let text = |length: usize| Value::from("x".repeat(length));
    if let Some(least) = count("minLength") {
        outside.push(text(least - 1));
        inside.push(text(least));
    }
    if let Some(most) = count("maxLength") {
        outside.push(text(most + 1));
        inside.push(text(most));
    }
    if let Some(least) = limit["minimum"].as_i64() {
        outside.push(json!(least - 1));
        inside.push(json!(least));
    }
    if let Some(most) = limit["maximum"].as_i64() {
        outside.push(json!(most + 1));
        inside.push(json!(most));
    }
    if limit["minItems"].as_u64() == Some(1) {
        outside.push(json!([]));
    }
    if let Some(most) = count("maxItems") {
        let item = |n: usize| match &like[0] {
            Value::String(_) => Value::from(format!("u-{n}")),
            other => other.clone(),
        };
        outside.push((0..=most).map(item).collect());
    }
    if limit.get("pattern").is_some() {
        outside.extend(["", "no such ", "\u{e9}"].map(Value::from));
        let pattern = regex(limit["pattern"].as_str().unwrap());
        outside.push("x".repeat(pattern + 1).into());
        inside.extend((pattern < 200).then(|| text(pattern)));
    }
    if limit.get("enum").is_some() {
        outside.extend(["", "nothing"].map(Value::from));
        inside.extend(limit["enum"].as_array().unwrap().iter().cloned());
    }
    match limit["format"].as_str() {
        Some("email") => outside.extend(["", "x", "x@", "@y", "x y@z"].map(Value::from)),
        Some("date-time") => {
            outside.extend(["", "tomorrow", "2026-02-30T00:00:00Z"].map(Value::from));
        }
        _ => {}
    }
    (outside, inside)
}

/// The most that a pattern like `^[a-z]{1,40}$` lets be; without an end, more than any.
fn regex(pattern: &str) -> usize {
    let most = pattern
        .strip_suffix("}$")
        .and_then(|rest| rest.rsplit_once("{1,"));
    most.map_or(200, |(_, most)| most.parse().unwrap_or(200))
}

struct Trying {
    house: House,
    /// Throttled by address.
    address: u8,
}

impl Trying {
    async fn send(
        &mut self,
        operation: &str,
        by: &By,
        body: &str,
        headers: Vec<(&str, &str)>,
    ) -> Seen {
        let (method, path) = operation.split_once(' ').unwrap();
        self.address = self.address.wrapping_add(1);
        let ask = Ask {
            method,
            path,
            by: by.clone(),
            body,
            headers,
            address: self.address,
        };
        self.house.ask(ask).await
    }

    /// Everything that is limited in a body, from outside and from inside.
    async fn try_all(&mut self, declared: &str, operation: &str, by: &By, body: &str) -> usize {
        let (api, body) = (api(), serde_json::from_str::<Value>(body).unwrap());
        let (method, path) = declared.split_once(' ').unwrap();
        let content = &api["paths"][path][method.to_lowercase()]["requestBody"]["content"];
        let mut found = Vec::new();
        limited(
            &api,
            &content["application/json"]["schema"],
            &body,
            "",
            &mut found,
        );
        for (at, limit) in &found {
            let (outside, inside) = values(limit, body.pointer(at).unwrap_or(&Value::Null));
            assert!(!outside.is_empty(), "{declared} {at}: {limit}");
            let all = outside.into_iter().map(|value| (value, true));
            for (value, out) in all.chain(inside.into_iter().map(|value| (value, false))) {
                let body = with(&body, at, &value).to_string();
                let seen = self
                    .send(operation, by, &body, vec![("if-match", "\"1\"")])
                    .await;
                let said = seen.json()["place"].as_str().unwrap_or_default().to_owned();
                // Which of many items it is, isn't said everywhere.
                let named =
                    !said.is_empty() && (at.starts_with(&said) || said.starts_with(at.as_str()));
                let what = format!("{declared} {at} {value:.60}: {} {}", seen.status, seen.text);
                match out {
                    true => assert!(seen.status == 400 && named, "outside: {what}"),
                    // It may be wrong for another reason than its length.
                    false
                        if limit.get("pattern").is_none()
                            && limit.get("enum").is_none()
                            && !at.contains("/settings/") =>
                    {
                        assert!(seen.status != 400 || !named, "inside: {what}");
                    }
                    false => assert!(seen.status < 500, "inside: {what}"),
                }
            }
        }
        found.len()
    }
}

/// A body with another value at a place, also where there is none yet.
fn with(body: &Value, at: &str, value: &Value) -> Value {
    let mut body = body.clone();
    match body.pointer_mut(at) {
        Some(place) => *place = value.clone(),
        None => {
            let (parent, name) = at.rsplit_once('/').unwrap();
            body.pointer_mut(parent).unwrap()[name] = value.clone();
        }
    }
    body
}

#[tokio::test]
async fn what_a_body_may_hold_is_what_is_said() {
    let house = full().await;
    let (by, guest) = (house.by("root"), house.people["a/guest"].id.clone());
    let mut trying = Trying { house, address: 0 };
    let mut limits = 0;
    for (declared, body) in BODIES {
        let operation = declared
            .replace("{workspace}", "a")
            .replace("{env}", "prod")
            .replace("{user}", &guest)
            .replace("{key}", "hero_copy")
            .replace("{id}", "1")
            .replace("{target}", "t");
        limits += trying.try_all(declared, &operation, &by, body).await;
    }
    assert!(limits >= 38, "{limits}");
    let invited = trying
        .house
        .invite("a", "new@x.example", "viewer", None)
        .await;
    let reset = format!("/api/v1/users/{guest}/reset");
    let reset = trying.house.post(&reset, &by, &json!({})).await;
    let code = |seen: &Seen| seen.json()["code"].as_str().unwrap().to_owned();
    let new = empty().await;
    let setup = new.app.setup_code().await.unwrap().unwrap();
    let mut new = Trying {
        house: new,
        address: 0,
    };
    let codes = [setup, code(&invited), code(&reset)];
    for (n, ((operation, body), code)) in STRANGERS.into_iter().zip(codes).enumerate() {
        let trying = if n == 0 { &mut new } else { &mut trying };
        let body = body.replace("CODE", &code);
        limits += trying.try_outside(operation, &body).await;
    }
    assert!(limits >= 46, "{limits}");
}

impl Trying {
    /// From outside only: what is inside would be done, and its code be used up.
    async fn try_outside(&mut self, operation: &str, body: &str) -> usize {
        let (api, body) = (api(), serde_json::from_str::<Value>(body).unwrap());
        let (method, path) = operation.split_once(' ').unwrap();
        let content = &api["paths"][path][method.to_lowercase()]["requestBody"]["content"];
        let mut found = Vec::new();
        limited(
            &api,
            &content["application/json"]["schema"],
            &body,
            "",
            &mut found,
        );
        for (at, limit) in &found {
            let (outside, _) = values(limit, &Value::Null);
            for value in outside {
                let body = with(&body, at, &value).to_string();
                let seen = self.send(operation, &By::Nobody, &body, Vec::new()).await;
                let what = format!(
                    "{operation} {at} {value:.60}: {} {}",
                    seen.status, seen.text
                );
                assert!(
                    seen.status == 400 && seen.json()["place"] == at.as_str(),
                    "{what}"
                );
            }
        }
        found.len()
    }
}

/// Every schema of a body that says limits is tried by one of the bodies here.
#[test]
fn every_body_is_among_those_that_are_tried() {
    let api = api();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let mut found = Vec::new();
            limited(&api, schema, &Value::Null, "", &mut found);
            let name = format!("{} {path}", method.to_uppercase());
            let tried = BODIES
                .iter()
                .chain(&STRANGERS)
                .any(|(tried, _)| *tried == name);
            assert!(found.is_empty() || tried, "{name}: {found:?}");
        }
    }
}

#[tokio::test]
async fn what_a_parameter_may_be_is_what_is_said() {
    let house = full().await;
    let (api, root) = (api(), house.by("root"));
    let mut trying = Trying { house, address: 0 };
    let samples = [
        ("workspace", "a"),
        ("env", "prod"),
        ("user", "x"),
        ("key", "hero"),
        ("section", "modules"),
        ("plan", "x"),
        ("name", "x"),
        ("id", "1"),
        ("target", "x"),
        (
            "digest",
            "0000000000000000000000000000000000000000000000000000000000000000",
        ),
        ("revision", "1"),
        ("token", "x"),
        ("invitation", "x"),
        ("session", "x"),
    ];
    let mut tried = 0;
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let declared = format!("{} {path}", method.to_uppercase());
            let body = BODIES.iter().find(|(of, _)| *of == declared);
            let body = match body {
                Some((_, body)) => *body,
                None if path.ends_with("/media") => "GIF89a",
                None if path.ends_with("/plans") => r#"{"order": []}"#,
                None => "{}",
            };
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let (name, place) = (
                    parameter["name"].as_str().unwrap(),
                    parameter["in"].as_str().unwrap(),
                );
                let mut found = Vec::new();
                limited(&api, &parameter["schema"], &Value::Null, name, &mut found);
                let Some((_, limit)) = found.first() else {
                    continue;
                };
                let (outside, _) = values(limit, &Value::Null);
                for value in outside.iter().filter_map(Value::as_str) {
                    // No part of a path, and as a header the same as none.
                    if value.is_empty() && place != "query"
                        || place == "header" && !value.is_ascii()
                    {
                        continue;
                    }
                    let mut filled = path.clone();
                    if place == "path" {
                        filled = filled.replace(&format!("{{{name}}}"), &escaped(value));
                    }
                    for (name, sample) in samples {
                        filled = filled.replace(&format!("{{{name}}}"), sample);
                    }
                    if place == "query" {
                        filled += &format!("?{name}={}", escaped(value));
                    }
                    let mut headers = vec![("if-match", "\"1\"")];
                    if place == "header" {
                        headers = vec![(name, value)];
                    }
                    let by = root.clone();
                    let operation = format!("{} {filled}", method.to_uppercase());
                    let seen = trying.send(&operation, &by, body, headers).await;
                    let what = format!(
                        "{operation} {name}={value:.60}: {} {}",
                        seen.status, seen.text
                    );
                    assert!((400..500).contains(&seen.status), "{what}");
                    if place != "path" {
                        assert_eq!(
                            (seen.status, &seen.json()["place"]),
                            (400, &json!(name)),
                            "{what}"
                        );
                    }
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
