//! From the click, an empty `POST …/releases`, until a page of an edge shows what is new. The workspace has 10,000 plans; the
//! edge is pushed to, on the same machine.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::house::{DEV, Origin, Person, Process, WALLET, etag, parsed, part};
use crate::wire::{Connection, request};

pub const PAGES: usize = 100;
pub const MODULES: usize = 5;
pub const PLANS: usize = 20;
const TIMES: usize = 9;
/// Between two looks at the page, a part of what is measured.
const LOOK: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize)]
pub struct Figures {
    pub document_bytes: usize,
    pub rows: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
pub struct Row {
    pub what: String,
    pub times: usize,
    /// Until the origin has answered.
    pub answered_ms: f64,
    /// Until the edge shows it: median and longest.
    pub visible_ms: f64,
    pub longest_ms: f64,
}

pub fn measure(skyful: &str) -> Figures {
    let mut origin = Origin::new(skyful);
    let edge = origin.edge();
    let document = document("first");
    import(&mut origin.open(), &document);
    // The first release has everything to bring.
    let mut times = vec![release(&mut origin.open(), &edge, "first")];
    let mut rows = vec![row("the first release", &mut times)];
    for (what, everything, anew) in [
        ("one plan changed", false, false),
        (
            "one plan changed, right after a start of the origin",
            false,
            true,
        ),
        ("everything changed", true, false),
        (
            "everything changed, right after a start of the origin",
            true,
            true,
        ),
    ] {
        let mut times: Vec<_> = (0..TIMES)
            .map(|n| {
                let title = format!("{} {n}", what.replace(' ', "-"));
                change(&mut origin.open(), everything, &title);
                if anew {
                    origin.start_anew();
                }
                release(&mut origin.open(), &edge, &title)
            })
            .collect();
        rows.push(row(what, &mut times));
    }
    Figures {
        document_bytes: document.len(),
        rows,
    }
}

fn row(what: &str, times: &mut [(f64, f64)]) -> Row {
    let mut answered: Vec<f64> = times.iter().map(|(answered, _)| *answered).collect();
    let mut visible: Vec<f64> = times.iter().map(|(_, visible)| *visible).collect();
    let row = Row {
        what: what.to_owned(),
        times: times.len(),
        answered_ms: part(&mut answered, 0.5),
        visible_ms: part(&mut visible, 0.5),
        longest_ms: part(&mut visible, 1.0),
    };
    eprintln!(
        "{what}: answered {:.0} ms, visible {:.0} ms, at most {:.0} ms",
        row.answered_ms, row.visible_ms, row.longest_ms
    );
    row
}

/// Milliseconds until the origin answered, and until the edge showed the title.
fn release(ada: &mut Person, edge: &Process, title: &str) -> (f64, f64) {
    let page = request("GET", "/v1/pages/page0?unit=u-1&locale=en&attr.age=67", "");
    let mut visitor = Connection::open(&edge.url);
    let wanted = format!("\"{title}\"");
    let since = Instant::now();
    ada.ask("POST", &format!("{DEV}/releases"), &[], "");
    let answered = since.elapsed();
    loop {
        let answer = visitor.ask(&page);
        if String::from_utf8_lossy(&answer.body).contains(&wanted) {
            let visible = since.elapsed();
            return (answered.as_secs_f64() * 1e3, visible.as_secs_f64() * 1e3);
        }
        assert!(since.elapsed() < PATIENCE, "{title} is not shown");
        std::thread::sleep(LOOK);
    }
}

fn change(ada: &mut Person, everything: bool, title: &str) {
    if everything {
        import(ada, &document(title));
        return;
    }
    let path = format!("{WALLET}/modules/m0_0/plans/p0");
    let plan = ada.ask("GET", &path, &[], "");
    let mut value = parsed(&plan)["value"].clone();
    value["content"]["title"] = json!(title);
    let version = etag(&plan);
    ada.ask("PUT", &path, &[("if-match", &version)], &value.to_string());
}

fn import(ada: &mut Person, document: &str) {
    let any = [("if-match", "*")];
    ada.ask("PUT", &format!("{WALLET}/document"), &any, document);
}

/// Every plan has this title. The first plan of the first page holds for everybody who says their age.
fn document(title: &str) -> String {
    let mut pages = Map::new();
    let mut modules = Map::new();
    for page in 0..PAGES {
        let names: Vec<String> = (0..MODULES).map(|n| format!("m{page}_{n}")).collect();
        for name in &names {
            let plans: Vec<Value> = (0..PLANS).map(|n| plan(n, title)).collect();
            let body =
                json!({"type": "text", "default": {"content": {"title": title}}, "plans": plans});
            modules.insert(name.clone(), body);
        }
        let body = json!({"slots": [{"key": "a"}], "default": {"modules": {"a": names}}});
        pages.insert(format!("page{page}"), body);
    }
    json!({
        "skyful": 1, "workspace": "wallet", "locales": {"default": "en", "supported": ["en"]},
        "attributes": {"age": {"type": "integer"}, "country": {"type": "string"}},
        "module_types": {"text": {"schema": {"type": "object", "properties": {"title": {"type": "string"}}}}},
        "modules": modules, "pages": pages,
    })
    .to_string()
}

fn plan(n: usize, title: &str) -> Value {
    let mut audience = vec![json!({"attr": "age", "op": "gte", "value": n})];
    if n > 0 {
        audience.push(json!({"attr": "country", "op": "in", "value": [format!("c{n}"), "CN"]}));
    }
    json!({"key": format!("p{n}"), "audience": {"all": audience}, "content": {"title": title}})
}
