//! Every route about a workspace, as somebody uses it who gets what they want: on things that are there, with the version that
//! they have. `roles.rs` and `strangers.rs` try them.

use std::collections::BTreeMap;

use super::house::{Ask, By, House, Seen};

/// One use of a route.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    pub method: &'static str,
    /// Below the workspace, as it is declared; parameters in braces.
    pub path: &'static str,
    /// Parameters that aren't the usual ones.
    pub with: &'static [(&'static str, &'static str)],
    pub body: Body,
    /// Where the version is read that is sent along; `*` for any.
    pub version: Option<&'static str>,
    /// Of the answer to whoever may.
    pub status: u16,
}

#[derive(Clone, Copy, Debug)]
pub enum Body {
    Text(&'static str),
    /// What an admin reads at the path that the version is of.
    Same,
    /// All plans that are there, in their order.
    Order,
    /// The digest that is approved.
    Digest,
}

const fn get(path: &'static str) -> Use {
    Use {
        method: "GET",
        path,
        with: &[],
        body: Body::Text(""),
        version: None,
        status: 200,
    }
}

const fn change(method: &'static str, path: &'static str, body: Body, status: u16) -> Use {
    Use {
        method,
        body,
        status,
        ..get(path)
    }
}

impl Use {
    const fn at(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }

    const fn with(mut self, with: &'static [(&'static str, &'static str)]) -> Self {
        self.with = with;
        self
    }
}

const ENV: &str = "/environments/{env}";
const PROD: &[(&str, &str)] = &[("env", "prod")];

pub fn uses() -> Vec<Use> {
    use Body::{Digest, Order, Same, Text};
    let key = "/{section}/{key}";
    let plan = "/{section}/{key}/plans/{plan}";
    let country: &[(&str, &str)] = &[("section", "attributes"), ("key", "country")];
    let home: &[(&str, &str)] = &[("section", "pages"), ("key", "home")];
    let spare: &[(&str, &str)] = &[("section", "module_types"), ("key", "spare")];
    vec![
        get(""),
        change("PUT", "", Text(r#"{"name": "x"}"#), 200).at(""),
        // Something of it is live.
        change("DELETE", "", Text(""), 409).at(""),
        get("/members"),
        get("/members/{user}"),
        change(
            "PUT",
            "/members/{user}",
            Text(r#"{"roles": [{"role": "operator"}]}"#),
            200,
        )
        .at("/members/{user}"),
        change("DELETE", "/members/{user}", Text(""), 204).at("/members/{user}"),
        get("/invitations"),
        change(
            "POST",
            "/invitations",
            Text(r#"{"email": "new@x.example", "role": "viewer"}"#),
            201,
        ),
        change("DELETE", "/invitations/{invitation}", Text(""), 204),
        get("/tokens"),
        change(
            "POST",
            "/tokens",
            Text(r#"{"name": "x", "role": "viewer"}"#),
            201,
        ),
        change("DELETE", "/tokens/{token}", Text(""), 204),
        get("/audit"),
        get("/environments"),
        get(ENV),
        change("PUT", ENV, Text(r#"{"name": "x"}"#), 200).at(ENV),
        change("DELETE", ENV, Text(""), 204).at(ENV),
        get("/document"),
        change("PUT", "/document", Same, 200).at("/document"),
        get("/problems"),
        get("/history"),
        change("POST", "/history/{revision}/undo", Text(""), 200),
        get("/settings"),
        change("PUT", "/settings", Same, 200).at("/settings"),
        get("/id_lists"),
        get("/id_lists/{name}"),
        change("PUT", "/id_lists/{name}", Text("u-7\n"), 200).at("/id_lists/{name}"),
        change("DELETE", "/id_lists/{name}", Text(""), 204).at("/id_lists/{name}"),
        get("/media"),
        change("POST", "/media", Text("GIF89a new"), 201),
        change("DELETE", "/media/{digest}", Text(""), 204),
        change(
            "POST",
            "/preview",
            Text(r#"{"page": "home", "unit": "u-1"}"#),
            200,
        ),
        get("/preview/listing"),
        get("/preview/objects/{digest}"),
        change(
            "POST",
            "/experiments/{key}/share",
            Text(r#"{"share": 100}"#),
            200,
        )
        .at("/experiments/{key}"),
        change(
            "POST",
            "/templates/{key}/pages",
            Text(r#"{"page": "spring", "fields": {"title": "Spring", "news": "It is here"}}"#),
            201,
        ),
        get("/{section}"),
        get(key),
        change("PUT", key, Same, 200).at(key),
        change("PUT", key, Same, 200).at(key).with(country),
        change("PUT", key, Same, 200).at(key).with(home),
        change("DELETE", key, Text(""), 204).at(key),
        change("DELETE", key, Text(""), 204).at(key).with(spare),
        get("/{section}/{key}/plans"),
        change("PUT", "/{section}/{key}/plans", Order, 200).at("/{section}/{key}/plans"),
        get(plan),
        change("PUT", plan, Same, 200).at(plan),
        change("DELETE", plan, Text(""), 204).at(plan),
        get("/environments/{env}/keys").with(PROD),
        change("POST", "/environments/{env}/keys", Text(""), 201).with(PROD),
        change(
            "POST",
            "/environments/{env}/keys/{id}/activate",
            Text(r#"{"force": true}"#),
            200,
        )
        .with(PROD),
        change(
            "POST",
            "/environments/{env}/keys/{id}/retire",
            Text(r#"{"force": true}"#),
            200,
        )
        .with(PROD),
        change("POST", "/environments/{env}/raise-era", Text("{}"), 200).with(PROD),
        get("/environments/{env}/targets").with(PROD),
        get("/environments/{env}/targets/{target}").with(PROD),
        change(
            "PUT",
            "/environments/{env}/targets/{target}",
            Text(r#"{"settings": {"kind": "edge", "url": "https://edge-2.example"}}"#),
            200,
        )
        .at("/environments/{env}/targets/{target}")
        .with(PROD),
        change(
            "DELETE",
            "/environments/{env}/targets/{target}",
            Text(""),
            204,
        )
        .at("/environments/{env}/targets/{target}")
        .with(PROD),
        change(
            "POST",
            "/environments/{env}/targets/{target}/check",
            Text(""),
            200,
        )
        .with(PROD),
        get("/environments/{env}/delivery").with(PROD),
        get("/environments/{env}/live").with(PROD),
        change(
            "POST",
            "/environments/{env}/mode",
            Text(r#"{"mode": "hold"}"#),
            200,
        )
        .with(PROD),
        get("/environments/{env}/staff").with(PROD),
        change(
            "PUT",
            "/environments/{env}/staff",
            Text(r#"{"units": ["u-1"]}"#),
            200,
        )
        .at("/environments/{env}/staff")
        .with(PROD),
        get("/environments/{env}/releases").with(PROD),
        change("POST", "/environments/{env}/releases", Text(""), 201).with(PROD),
        get("/environments/{env}/releases/{id}").with(PROD),
        get("/environments/{env}/releases/{id}/changes").with(PROD),
        // Which ends, since the release has.
        get("/environments/{env}/releases/{id}/events").with(&[("env", "prod"), ("release", "4")]),
        steer("approve", Digest, &[("env", "prod"), ("release", "2")]),
        steer("reject", Text(""), &[("env", "prod"), ("release", "2")]),
        steer("cancel", Text(""), &[("env", "prod"), ("release", "2")]),
        steer("pause", Text(""), &[("env", "gray"), ("release", "2")]),
        steer("resume", Text(""), &[("env", "paused"), ("release", "2")]),
        steer("skip", Text(""), &[("env", "gray"), ("release", "2")]),
        steer("rollback", Text(""), &[("env", "gray"), ("release", "2")]),
    ]
}

/// What somebody does with a release.
pub fn steer(verb: &'static str, body: Body, with: &'static [(&'static str, &'static str)]) -> Use {
    let path = format!("/environments/{{env}}/releases/{{id}}/{verb}").leak();
    change("POST", path, body, 200)
        .at("/environments/{env}/releases/{id}")
        .with(with)
}

impl Use {
    /// The path below the origin, with parameters put in.
    pub fn filled(&self, path: &str, samples: &BTreeMap<&'static str, String>) -> String {
        let mut samples = samples.clone();
        for (name, value) in self.with {
            samples.insert(name, (*value).to_owned());
        }
        // The table calls by one name what are different things.
        let id = if self.path.contains("/keys/") {
            "signing"
        } else {
            "release"
        };
        let digest = if self.path.contains("/media") {
            "media"
        } else {
            "object"
        };
        let key = if self.path.contains("/experiments/") {
            "experiment"
        } else if self.path.contains("/templates/") {
            "template"
        } else {
            "key"
        };
        let mut path = format!("/api/v1/workspaces/{{workspace}}{path}");
        for (name, of) in [("id", id), ("digest", digest), ("key", key)] {
            path = path.replace(&format!("{{{name}}}"), &samples[of]);
        }
        for (name, value) in &samples {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        assert!(!path.contains('{'), "`samples` has nothing for {path}");
        path
    }

    /// As an admin of the workspace would send it: path, body, and the version that it is for.
    pub async fn ready(&self, house: &House, samples: &BTreeMap<&'static str, String>) -> Ready {
        let admin = house.by(&format!("{}/admin", samples["workspace"]));
        let seen = match self.version {
            None => None,
            Some(path) => Some(house.get(&self.filled(path, samples), &admin).await),
        };
        let version = seen.as_ref().and_then(|seen| seen.headers.get("etag"));
        let version = version.map(|etag| etag.to_str().unwrap().to_owned());
        let read = seen.as_ref().map(Seen::json).unwrap_or_default();
        let body = match self.body {
            Body::Text(text) => text.to_owned(),
            Body::Same if self.path == "/document" => read.to_string(),
            Body::Same => read["value"].to_string(),
            Body::Order => {
                let keys = read["items"].as_array().into_iter().flatten();
                let keys: Vec<_> = keys.map(|item| item["key"].clone()).collect();
                serde_json::json!({ "order": keys }).to_string()
            }
            Body::Digest => serde_json::json!({"digest": read["snapshot"]}).to_string(),
        };
        let mut path = self.filled(self.path, samples);
        if self.path == "/media" && self.method == "POST" {
            path += "?name=new";
        }
        Ready {
            method: self.method,
            path,
            body,
            version,
        }
    }
}

/// A request that only misses who sends it.
#[derive(Clone, Debug)]
pub struct Ready {
    pub method: &'static str,
    pub path: String,
    pub body: String,
    pub version: Option<String>,
}

impl Ready {
    pub async fn send(&self, house: &House, by: &By) -> Seen {
        let headers = self.version.as_deref().map(|version| ("if-match", version));
        let ask = Ask {
            method: self.method,
            path: &self.path,
            by: by.clone(),
            body: &self.body,
            headers: headers.into_iter().collect(),
            address: 1,
        };
        house.ask(ask).await
    }
}
