//! Two workspaces in which there is one of everything: releases in every state, targets, keys, pictures, lists. What is called
//! `only` is in `b` alone, so that its names mean nothing in `a`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::house::{Ask, By, House, Seen, full, pass};

/// Where a release in each state is, and its number.
pub const RELEASES: [(&str, &str, i64); 10] = [
    ("full", "back", 2),
    ("checked", "prod", 2),
    ("rejected", "prod", 3),
    ("cancelled", "prod", 4),
    ("approved", "prod", 5),
    ("superseded", "back", 1),
    ("rolled_back", "back", 3),
    ("halted", "halted", 2),
    ("gray", "gray", 2),
    ("paused", "paused", 2),
];

const PLAN: &str = "/modules/hero/plans/senior_hero";

pub async fn stocked() -> House {
    let house = full().await;
    for workspace in ["a", "b"] {
        stock(&house, workspace).await;
    }
    // Nobody reports on it. The others begin later.
    pass(600_000);
    house.app.look_at_releases().await.unwrap();
    for workspace in ["a", "b"] {
        let shop = Shop::of(&house, workspace);
        for env in ["gray", "paused"] {
            shop.release(env, &json!({"pipeline": "steps"})).await;
        }
        shop.post("/environments/paused/releases/2/pause", "{}")
            .await;
        shop.title("third").await;
        shop.release("back", &json!({"pipeline": "steps"})).await;
        shop.post("/environments/back/releases/3/rollback", "")
            .await;
    }
    only(&house).await;
    for workspace in ["a", "b"] {
        for (state, env, id) in RELEASES {
            let path = format!("/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}");
            let by = house.by(&format!("{workspace}/admin"));
            assert_eq!(house.get(&path, &by).await.json()["state"], state, "{path}");
        }
    }
    house
}

/// A workspace, and who does what in it.
struct Shop<'a> {
    house: &'a House,
    workspace: &'a str,
}

impl<'a> Shop<'a> {
    fn of(house: &'a House, workspace: &'a str) -> Self {
        Self { house, workspace }
    }

    async fn ask(&self, who: &str, ask: Ask<'_>) -> Seen {
        let path = format!("/api/v1/workspaces/{}{}", self.workspace, ask.path);
        let by = self.house.by(&format!("{}/{who}", self.workspace));
        let (method, what) = (ask.method, path.clone());
        let asked = Ask {
            path: &path,
            by,
            ..ask
        };
        let seen = self.house.ask(asked).await;
        assert!(
            seen.status < 300,
            "{method} {what}: {} {}",
            seen.status,
            seen.text
        );
        seen
    }

    async fn post(&self, path: &str, body: &str) -> Seen {
        let method = "POST";
        self.ask(
            "admin",
            Ask {
                method,
                path,
                body,
                ..Ask::default()
            },
        )
        .await
    }

    async fn make(&self, path: &str, body: &str) -> Seen {
        let headers = vec![("if-none-match", "*")];
        let method = "PUT";
        self.ask(
            "admin",
            Ask {
                method,
                path,
                body,
                headers,
                ..Ask::default()
            },
        )
        .await
    }

    async fn get(&self, path: &str) -> Seen {
        let method = "GET";
        self.ask(
            "admin",
            Ask {
                method,
                path,
                ..Ask::default()
            },
        )
        .await
    }

    /// An operator's, so that an admin may approve it.
    async fn release(&self, env: &str, wanted: &Value) -> Seen {
        let path = format!("/environments/{env}/releases");
        let body = wanted.to_string();
        let method = "POST";
        self.ask(
            "operator",
            Ask {
                method,
                path: &path,
                body: &body,
                ..Ask::default()
            },
        )
        .await
    }

    /// Changes what visitors see.
    async fn title(&self, title: &str) {
        let plan = self.get(PLAN).await;
        let mut value = plan.json()["value"].clone();
        value["content"]["title"]["en"] = json!(title);
        let (body, etag) = (value.to_string(), plan.headers["etag"].clone());
        let headers = vec![("if-match", etag.to_str().unwrap())];
        let method = "PUT";
        self.ask(
            "operator",
            Ask {
                method,
                path: PLAN,
                body: &body,
                headers,
                ..Ask::default()
            },
        )
        .await;
    }
}

async fn stock(house: &House, workspace: &str) {
    let shop = Shop::of(house, workspace);
    let etag = shop.get("/environments/prod").await.headers["etag"].clone();
    let protected = Ask {
        method: "PUT",
        path: "/environments/prod",
        body: r#"{"name": "Same", "protected": true}"#,
        headers: vec![("if-match", etag.to_str().unwrap())],
        ..Ask::default()
    };
    shop.ask("admin", protected).await;
    let steps = json!({"steps": [{"share": 5000}, {"share": 10000}], "gates": {"min_requests": 1}});
    shop.make("/pipelines/steps", &steps.to_string()).await;
    shop.make("/module_types/spare", r#"{"schema": {"type": "object"}}"#)
        .await;
    for env in ["empty", "back", "halted", "gray", "paused"] {
        shop.make(&format!("/environments/{env}"), r#"{"name": "Same"}"#)
            .await;
    }
    shop.post("/media?name=same", "GIF89a same").await;
    let target = json!({"settings": {"kind": "edge", "url": "https://edge.example"}}).to_string();
    for env in ["prod", "dev"] {
        shop.make(&format!("/environments/{env}/targets/edge"), &target)
            .await;
    }
    shop.title("first").await;
    for env in ["prod", "back", "halted", "gray", "paused"] {
        shop.release(env, &json!({})).await;
    }
    approve(&shop, 1).await;
    // One that signs, and one that does not yet.
    shop.post("/environments/prod/keys", "").await;
    shop.title("second").await;
    for id in 2..=4 {
        let made = shop.release("prod", &json!({})).await;
        assert_eq!(made.json()["id"], id, "{}", made.text);
    }
    let later = json!({"start_at": "2027-01-01T00:00:00Z"});
    shop.release("prod", &later).await;
    let method = "POST";
    let path = "/environments/prod/releases/3/reject";
    shop.ask(
        "approver",
        Ask {
            method,
            path,
            ..Ask::default()
        },
    )
    .await;
    shop.post("/environments/prod/releases/4/cancel", "").await;
    approve(&shop, 5).await;
    shop.release("back", &json!({"pipeline": "steps"})).await;
    let etag = shop.get("/environments/back/releases/2").await.headers["etag"].clone();
    let path = "/environments/back/releases/2/skip";
    let headers = vec![("if-match", etag.to_str().unwrap())];
    shop.ask(
        "operator",
        Ask {
            method,
            path,
            headers,
            ..Ask::default()
        },
    )
    .await;
    shop.release("halted", &json!({"pipeline": "steps"})).await;
}

async fn approve(shop: &Shop<'_>, id: i64) {
    let path = format!("/environments/prod/releases/{id}");
    let snapshot = shop.get(&path).await.json()["snapshot"].clone();
    let (path, body) = (
        format!("{path}/approve"),
        json!({"digest": snapshot}).to_string(),
    );
    let method = "POST";
    shop.ask(
        "approver",
        Ask {
            method,
            path: &path,
            body: &body,
            ..Ask::default()
        },
    )
    .await;
}

/// In `b`, and by no such name in `a`.
async fn only(house: &House) {
    let shop = Shop::of(house, "b");
    shop.make("/environments/only", r#"{"name": "Same"}"#).await;
    shop.make(
        "/modules/only",
        r#"{"type": "spare", "default": {"content": {}}}"#,
    )
    .await;
    shop.make(
        "/modules/only/plans/only",
        r#"{"rollout": 1, "content": {}}"#,
    )
    .await;
    shop.make(
        "/experiments/only",
        r#"{"layer": "payment_flow", "buckets": [[8000, 8100]],
            "variants": [{"key": "a", "weight": 5000}, {"key": "b", "weight": 5000}], "metrics": ["click_rate"]}"#,
    )
        .await;
    let campaign = shop.get("/templates/campaign").await.json()["value"].clone();
    shop.make("/templates/only", &campaign.to_string()).await;
    shop.make("/id_lists/only.csv", "u-9\n").await;
    shop.make(
        "/environments/prod/targets/only",
        r#"{"settings": {"kind": "edge", "url": "https://edge.example"}}"#,
    )
    .await;
    shop.post("/media?name=only", "GIF89a only").await;
    shop.release("prod", &json!({"note": "only"})).await;
}

/// What stands in paths, of things that are there.
pub async fn samples(house: &House, workspace: &str) -> BTreeMap<&'static str, String> {
    let shop = Shop::of(house, workspace);
    let of = |who: &str| house.people[&format!("{workspace}/{who}")].id.clone();
    let keys = shop.get("/environments/prod/keys").await.json();
    let keys = keys["items"].as_array().unwrap().clone();
    let key = |state: &str| {
        let found = keys.iter().find(|key| key["state"] == state).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let pictures = shop.get("/media").await.json();
    let pictures = pictures["items"].as_array().unwrap().clone();
    let wanted = if workspace == "b" { "only" } else { "same" };
    let picture = pictures.iter().find(|one| one["name"] == wanted).unwrap();
    let by = house.by(&format!("{workspace}/admin"));
    let revision = house
        .get(&format!("/api/v1/workspaces/{workspace}"), &by)
        .await
        .json()["revision"]
        .clone();
    let draft = house.app.draft(workspace).await.unwrap();
    let snapshot = draft.snapshot.as_ref();
    let object = snapshot.and_then(|snapshot| snapshot.objects.keys().next().copied());
    let only = |name: &'static str, other: &'static str| {
        if workspace == "b" { name } else { other }.to_owned()
    };
    BTreeMap::from([
        ("workspace", workspace.to_owned()),
        ("env", only("only", "empty")),
        ("section", "modules".to_owned()),
        ("key", only("only", "hero")),
        ("plan", only("only", "senior_hero")),
        ("experiment", only("only", "hero_copy")),
        ("template", only("only", "campaign")),
        ("name", only("only.csv", "payday.csv")),
        ("revision", revision.to_string()),
        ("user", of("guest")),
        ("token", of("spare")),
        ("invitation", of("invitation")),
        ("signing", key("new")),
        ("target", only("only", "edge")),
        ("media", picture["digest"].as_str().unwrap().to_owned()),
        (
            "object",
            object.map(|digest| digest.to_string()).unwrap_or_default(),
        ),
        ("release", only("6", "2")),
    ])
}

/// Everything that is kept, or everything of a workspace; but for when somebody was last seen.
pub async fn dump(house: &House, workspace: Option<&str>) -> BTreeMap<String, Vec<String>> {
    let mut tx = house.app.store.read().await.unwrap();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx%'";
    let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *tx).await.unwrap();
    let mut all = BTreeMap::new();
    for table in tables {
        let sql = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut *tx)
            .await
            .unwrap();
        let of = match workspace {
            None => String::new(),
            Some(workspace) if table == "workspaces" => format!("WHERE key = '{workspace}'"),
            Some(workspace) if columns.iter().any(|name| name == "workspace") => {
                format!("WHERE workspace = '{workspace}'")
            }
            Some(_) => continue,
        };
        let kept = columns
            .iter()
            .filter(|name| !["seen_ms", "used_ms"].contains(&name.as_str()));
        let kept: Vec<String> = kept.map(|name| format!("quote({name})")).collect();
        let row = kept.join(" || ',' || ");
        let sql = format!("SELECT {row} FROM {table} {of} ORDER BY 1");
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut *tx)
            .await
            .unwrap();
        all.insert(table, rows);
    }
    all
}

/// Somebody whom `by` can't be any more.
pub async fn spoil(house: &House, sql: &'static str) {
    let write = house.app.store.write(move |tx| {
        Box::pin(async move {
            let done = sqlx::query(sql).execute(tx).await;
            done.map(drop).map_err(crate::store::sqlite::failed)
        })
    });
    write.await.unwrap();
}

pub fn bearer(seen: &Seen) -> By {
    By::Token(seen.json()["secret"].as_str().unwrap().to_owned())
}
