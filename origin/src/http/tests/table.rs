//! Every route of the API and what it needs. A new route that isn't in here fails `matrix.rs`, which says what to add.
//!
//! The sample bodies are such that whoever may do it gets past the permission and is then refused, so that everybody can be
//! tried on the same data: a version that isn't there, an empty name, an id that doesn't exist (`absent`).

use std::collections::BTreeMap;

use super::house::House;

/// What a route needs, besides somebody who is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nobody is asked who they are.
    Nothing,
    /// Anybody who is known; it is about themselves.
    Somebody,
    Root,
    /// What the action is called in `matrix.rs`, in the workspace of the path, whatever the environment.
    In(&'static str),
    /// The same in the environment of the path.
    At(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub needs: Needs,
    pub body: &'static str,
    pub query: &'static str,
    /// Parameters of the path that aren't the usual ones.
    pub with: &'static [(&'static str, &'static str)],
    /// Tokens are refused.
    pub person: bool,
    /// Root may do it where it has no role.
    pub root_too: bool,
    /// What the sample names doesn't exist: whoever may do it gets 404.
    pub absent: bool,
}

const fn route(method: &'static str, path: &'static str, needs: Needs) -> Route {
    Route {
        method,
        path,
        needs,
        body: "",
        query: "",
        with: &[],
        person: false,
        root_too: false,
        absent: false,
    }
}

impl Route {
    const fn body(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }

    const fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    const fn with(mut self, with: &'static [(&'static str, &'static str)]) -> Self {
        self.with = with;
        self
    }

    const fn person(mut self) -> Self {
        self.person = true;
        self
    }

    const fn root_too(mut self) -> Self {
        self.root_too = true;
        self
    }

    const fn absent(mut self) -> Self {
        self.absent = true;
        self
    }

    /// The path with parameters put in.
    pub fn filled(&self, samples: &BTreeMap<&str, String>) -> String {
        let mut path = self.path.to_owned();
        for (name, value) in self.with {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        for (name, value) in samples {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        assert!(!path.contains('{'), "`samples` has nothing for {path}");
        path + self.query
    }
}

/// What stands in paths, of things that are there, unless a route says otherwise.
pub fn samples(house: &House, workspace: &str) -> BTreeMap<&'static str, String> {
    let of = |who: &str| house.people[&format!("{workspace}/{who}")].id.clone();
    BTreeMap::from([
        ("workspace", workspace.to_owned()),
        ("env", "prod".to_owned()),
        ("section", "modules".to_owned()),
        ("key", "hero".to_owned()),
        ("plan", "senior_hero".to_owned()),
        ("name", "payday.csv".to_owned()),
        ("revision", "3".to_owned()),
        ("user", of("guest")),
        ("token", of("spare")),
        ("invitation", of("invitation")),
        ("session", "s-0000000000000000".to_owned()),
        ("id", "none".to_owned()),
        ("target", "none".to_owned()),
        ("digest", format!("b3-{}", "0".repeat(64))),
    ])
}

pub fn routes() -> Vec<Route> {
    use Needs::{At, In, Nothing, Root, Somebody};
    let mut all = vec![
        // People.
        route("POST", "/api/v1/setup", Nothing)
            .body(r#"{"code": "x", "email": "x@y", "name": "x", "password": "x"}"#),
        route("POST", "/api/v1/session", Nothing).body(r#"{"email": "x@y", "password": "x"}"#),
        route("DELETE", "/api/v1/session", Somebody).person(),
        route("POST", "/api/v1/invitations/accept", Nothing)
            .body(r#"{"code": "x", "name": "x", "password": "x"}"#),
        route("GET", "/api/v1/me", Somebody),
        route("POST", "/api/v1/me/password", Somebody)
            .person()
            .body(r#"{"current": "x", "new": "short"}"#),
        route("GET", "/api/v1/me/sessions", Somebody).person(),
        route("DELETE", "/api/v1/me/sessions/{session}", Somebody)
            .person()
            .absent(),
        route("GET", "/api/v1/users", Root),
        route("GET", "/api/v1/users/{user}", Root),
        route("PUT", "/api/v1/users/{user}", Root)
            .body(r#"{"name": "x", "root": false, "disabled": false}"#),
        route("POST", "/api/v1/users/{user}/reset", Root),
        route("POST", "/api/v1/password", Nothing).body(r#"{"code": "x", "password": "x"}"#),
        route("GET", "/api/v1/audit", Root),
        route("GET", "/api/v1/audit/verify", Root),
        route("GET", "/api/v1/workspaces", Somebody),
        route("POST", "/api/v1/workspaces", Root).body(r#"{"key": "", "name": ""}"#),
    ];
    let inside = [
        route("GET", "", In("read")),
        route("PUT", "", In("administer")).body(r#"{"name": "x"}"#),
        route("DELETE", "", In("administer")),
        // People.
        route("GET", "/members", In("read")).root_too(),
        route("GET", "/members/{user}", In("read")).root_too(),
        route("PUT", "/members/{user}", In("administer"))
            .person()
            .root_too()
            .body(r#"{"roles": [{"role": "viewer"}]}"#),
        route("DELETE", "/members/{user}", In("administer"))
            .person()
            .root_too(),
        route("GET", "/invitations", In("administer"))
            .person()
            .root_too(),
        route("POST", "/invitations", In("administer"))
            .person()
            .root_too()
            .body(r#"{"email": "none", "role": "viewer"}"#),
        route("DELETE", "/invitations/{invitation}", In("administer"))
            .person()
            .root_too(),
        route("GET", "/tokens", In("read")).person(),
        route("POST", "/tokens", In("read"))
            .person()
            .body(r#"{"name": "x", "role": "viewer", "expires_in_days": 0}"#),
        // Of somebody else; one's own are tried in `people.rs`.
        route("DELETE", "/tokens/{token}", In("administer")).person(),
        route("GET", "/audit", In("read")),
        // Environments.
        route("GET", "/environments", In("read")),
        route("GET", "/environments/{env}", In("read")),
        route("PUT", "/environments/{env}", In("administer")).body(r#"{"name": "x"}"#),
        route("DELETE", "/environments/{env}", In("administer")),
        // The draft.
        route("GET", "/document", In("read")),
        route("PUT", "/document", In("design")).body("skyful: 1\n"),
        route("GET", "/problems", In("read")),
        route("GET", "/history", In("read")),
        route("POST", "/history/{revision}/undo", In("content")),
        route("GET", "/settings", In("read")),
        route("PUT", "/settings", In("design")).body("{}"),
        route("GET", "/id_lists", In("read")),
        route("GET", "/id_lists/{name}", In("read")),
        route("PUT", "/id_lists/{name}", In("content")).body("u-1\n"),
        route("DELETE", "/id_lists/{name}", In("content")),
        route("GET", "/media", In("read")),
        route("POST", "/media", In("content"))
            .query("?name=x")
            .body("x"),
        route("DELETE", "/media/{digest}", In("content")).absent(),
        route("POST", "/preview", In("read")).body(r#"{"page": "home"}"#),
        route("GET", "/preview/listing", In("read")),
        route("GET", "/preview/objects/{digest}", In("read")).absent(),
        route("POST", "/experiments/{key}/share", In("content"))
            .with(&[("key", "hero_copy")])
            .body(r#"{"share": 100}"#),
        route("POST", "/templates/{key}/pages", In("content"))
            .with(&[("key", "none")])
            .body(r#"{"page": "spring"}"#)
            .absent(),
        route("GET", "/{section}", In("read")),
        route("GET", "/{section}/{key}", In("read")),
        route("PUT", "/{section}/{key}", In("content")).body("{}"),
        route("PUT", "/{section}/{key}", In("design"))
            .with(&[("section", "attributes"), ("key", "country")])
            .body("{}"),
        route("PUT", "/{section}/{key}", In("design"))
            .with(&[("section", "pages"), ("key", "home")])
            .body("{}"),
        route("DELETE", "/{section}/{key}", In("content")),
        route("DELETE", "/{section}/{key}", In("design"))
            .with(&[("section", "module_types"), ("key", "banner")]),
        route("GET", "/{section}/{key}/plans", In("read")),
        route("PUT", "/{section}/{key}/plans", In("content")).body(r#"{"order": []}"#),
        route("GET", "/{section}/{key}/plans/{plan}", In("read")),
        route("PUT", "/{section}/{key}/plans/{plan}", In("content")).body("{}"),
        route("DELETE", "/{section}/{key}/plans/{plan}", In("content")),
    ];
    let in_environment = [
        route("GET", "/keys", At("read")),
        route("POST", "/keys", At("administer")),
        route("POST", "/keys/{id}/activate", At("administer")).absent(),
        route("POST", "/keys/{id}/retire", At("administer")).absent(),
        route("POST", "/raise-era", At("administer"))
            .body(r#"{"above": "none"}"#)
            .absent(),
        route("GET", "/targets", At("administer")),
        route("GET", "/targets/{target}", At("administer")).absent(),
        route("PUT", "/targets/{target}", At("administer"))
            .body(r#"{"settings": {"kind": "edge", "url": "none"}}"#)
            .absent(),
        route("DELETE", "/targets/{target}", At("administer")).absent(),
        route("POST", "/targets/{target}/check", At("administer")).absent(),
        route("GET", "/delivery", At("read")),
        // Nothing is released yet.
        route("GET", "/live", At("read")).absent(),
        route("POST", "/mode", At("roll back"))
            .body(r#"{"mode": "run"}"#)
            .absent(),
        route("GET", "/staff", At("read")),
        route("PUT", "/staff", At("release")).body(r#"{"units": []}"#),
        route("GET", "/releases", At("read")),
        route("POST", "/releases", At("release"))
            .body(r#"{"snapshot": "none"}"#)
            .absent(),
        release("GET", "", At("read")),
        release("GET", "/changes", At("read")),
        release("GET", "/events", At("read")),
        release("POST", "/approve", At("approve")).body(r#"{"digest": "none"}"#),
        release("POST", "/reject", At("approve")),
        release("POST", "/cancel", At("release")),
        release("POST", "/pause", At("release")),
        release("POST", "/resume", At("release")),
        release("POST", "/skip", At("release")),
        release("POST", "/rollback", At("roll back")),
    ];
    let workspace = "/api/v1/workspaces/{workspace}";
    all.extend(inside.map(|route| under(workspace, route)));
    let environment = "/api/v1/workspaces/{workspace}/environments/{env}";
    all.extend(in_environment.map(|route| under(environment, route)));
    all
}

/// Of a release that isn't there.
fn release(method: &'static str, path: &'static str, needs: Needs) -> Route {
    let path: String = format!("/releases/{{id}}{path}");
    let with = &[("id", "999")];
    route(method, path.leak(), needs).with(with).absent()
}

fn under(place: &str, route: Route) -> Route {
    let path = format!("{place}{}", route.path).leak();
    Route { path, ..route }
}
