//! Skyful itself: document → check → compile → chunk → resolve. Twice, since a match alone is what peers do, and a
//! request's bytes in → an answer's bytes out is what an edge does.

use std::hint::black_box;

use serde_json::{Value, json};
use skyful::check::{self, check};
use skyful::compile::compile;
use skyful::context::Context;
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::standing::Standing;
use skyful::resolve::write::{Release, Track};
use skyful::resolve::{Input, Resolution, Silent, answer, decide, resolve};
use skyful::snapshot::records::Module;
use skyful::snapshot::{Chunk, Digest};

use crate::engine::{Candidate, Engine};
use crate::workload::{self, NOBODY, Predicate, User, Workload};

pub const WORKSPACE: &str = "bench";
pub const PAGE: &str = "home";
pub const LOCALE: &str = "en";
pub const NOW_MS: i64 = 1_795_000_000_000;

pub const MATCH: Candidate = Candidate {
    name: "Skyful",
    notes: "`resolve` from a request that was read, but whose values have no types yet; loading copies, hashes and checks \
            the page's chunk",
    write: chunk,
    load: |bytes| Box::new(Match::load(bytes, false)),
};

pub const CLASSES: Candidate = Candidate {
    name: "Skyful, classes found ahead",
    notes: "`decide` alone: the visitor's values were looked up among the words and bounds of the page's rules before \
            (`Standing`). Interning ahead, as a-tree's events are, is part of that; comparing with bounds is more, and no \
            peer does it, so that no goal is judged by this",
    write: chunk,
    load: |bytes| Box::new(Match::load(bytes, true)),
};

pub const WHOLE: Candidate = Candidate {
    name: "Skyful, whole request",
    notes: "the bytes of a request → the bytes of its answer",
    write: chunk,
    load: |bytes| Box::new(Whole(Edge::load(bytes))),
};

pub fn document(workload: &Workload) -> Value {
    let plan = |(number, predicates): (usize, &Vec<Predicate>)| {
        let rules: Vec<Value> = predicates.iter().map(rule).collect();
        json!({"key": format!("p{number}"), "audience": {"all": rules}, "content": {"n": number}})
    };
    let modules = workload.modules.iter().enumerate().map(|(number, list)| {
        let plans: Vec<Value> = list.iter().enumerate().map(plan).collect();
        let module = json!({"type": "card", "plans": plans});
        (format!("m{number}"), module)
    });
    let modules: serde_json::Map<String, Value> = modules.collect();
    let placed: Vec<String> = (0..workload.modules.len())
        .map(|n| format!("m{n}"))
        .collect();
    let text = json!({"type": "string"});
    let integer = json!({"type": "integer"});
    json!({
        "skyful": 1, "workspace": WORKSPACE,
        "locales": {"default": LOCALE, "supported": [LOCALE]},
        "attributes": {
            "city": text, "tag": text, "country": text, "platform": text, "language": text,
            "app_version": {"type": "version"}, "age": integer, "percent": integer,
        },
        "module_types": {"card": {"schema": {"type": "object"}}},
        "modules": modules,
        "pages": {PAGE: {"slots": [{"key": "feed", "max": 500}], "default": {"modules": {"feed": placed}}}},
    })
}

fn rule(predicate: &Predicate) -> Value {
    let rule = |attr: &str, op: &str, value: Value| json!({"attr": attr, "op": op, "value": value});
    match *predicate {
        Predicate::City(city) => rule("city", "eq", json!(workload::city(city))),
        Predicate::Tag(tag) => rule("tag", "eq", json!(workload::tag(tag))),
        Predicate::Country(country) => rule("country", "eq", json!(workload::country(country))),
        Predicate::Platforms(mask) => rule("platform", "in", json!(workload::platforms(mask))),
        Predicate::VersionAtLeast(version) => rule("app_version", "gte", json!(version.text())),
        Predicate::Age(from, to) => rule("age", "between", json!([from, to])),
        Predicate::Languages(mask) => rule("language", "in", json!(workload::languages(mask))),
        Predicate::PercentBelow(share) => rule("percent", "lt", json!(share)),
    }
}

/// The page's chunk after its digest, as an edge gets them.
fn chunk(workload: &Workload) -> Result<Vec<u8>, String> {
    let text = document(workload).to_string();
    let options = check::Options {
        now_ms: None,
        read_file: &|_| Err(String::from("no such file")),
    };
    let refused = |problems: &[skyful::problem::Problem]| {
        let first = problems.first().map_or("?", |problem| &problem.message);
        format!("refused: {first}")
    };
    let checked = check(text.as_bytes(), &options);
    let Some(workspace) = checked.workspace else {
        return Err(refused(&checked.problems));
    };
    let snapshot = compile(&workspace, &mut |_, _| {}).map_err(|problems| refused(&problems))?;
    let digest = snapshot.listing.chunk(PAGE, 0).expect("the page");
    let mut bytes = digest.0.to_vec();
    bytes.extend_from_slice(&snapshot.objects[&digest]);
    Ok(bytes)
}

/// What an app sends.
pub fn request(number: usize, user: &User) -> Vec<u8> {
    let attributes = user.attributes();
    let request = json!({"page": PAGE, "unit": format!("u-{number}"), "locale": LOCALE, "attributes": attributes});
    request.to_string().into_bytes()
}

struct Edge {
    chunk: Chunk,
    release: Release,
    /// Leaked, so that contexts that borrow from them can be kept.
    requests: Vec<&'static [u8]>,
    contexts: Vec<Context<'static>>,
}

impl Edge {
    fn load(bytes: &[u8]) -> Self {
        let (digest, chunk) = bytes.split_first_chunk().expect("a digest");
        let digest = Digest(*digest);
        let chunk = Chunk::open(chunk.to_vec(), digest, WORKSPACE, PAGE).expect("a valid chunk");
        Self {
            chunk,
            release: Release {
                sequence: 1,
                snapshot: digest,
                track: Track::Stable,
            },
            requests: Vec::new(),
            contexts: Vec::new(),
        }
    }

    fn meet(&mut self, users: &[User]) {
        let requests = users.iter().enumerate();
        self.requests = requests
            .map(|(number, user)| &*request(number, user).leak())
            .collect();
    }

    fn parse(&mut self) {
        let contexts = self.requests.iter();
        self.contexts = contexts
            .map(|request| Context::from_json(request).expect("a request"))
            .collect();
    }

    fn input<'a>(&self, context: &'a Context<'a>) -> Input<'a> {
        Input {
            context,
            locale: 0,
            now_ms: NOW_MS,
            tallies: Tallies::read(&self.chunk, |name| context.tally(name)),
            ids: None,
            defaults_only: false,
        }
    }

    fn body(&self, user: usize) -> Vec<u8> {
        let context = Context::from_json(self.requests[user]).expect("a request");
        answer(
            &self.chunk,
            self.input(&context),
            LOCALE,
            &self.release,
            None,
        )
        .body
    }
}

struct Match {
    edge: Edge,
    /// Whether values are put into classes ahead.
    ahead: bool,
    standings: Vec<Standing>,
}

impl Match {
    fn load(bytes: &[u8], ahead: bool) -> Self {
        Self {
            edge: Edge::load(bytes),
            ahead,
            standings: Vec::new(),
        }
    }

    fn resolution(&self, user: usize) -> Resolution {
        let chunk = &self.edge.chunk;
        let input = self.edge.input(&self.edge.contexts[user]);
        match self.standings.get(user) {
            Some(standing) => decide(chunk, standing, input, &mut Silent),
            None => resolve(chunk, input, &mut Silent),
        }
    }
}

impl Engine for Match {
    fn meet(&mut self, users: &[User]) {
        self.edge.meet(users);
        self.edge.parse();
        if self.ahead {
            let contexts = self.edge.contexts.iter();
            self.standings = contexts
                .map(|context| Standing::of(&self.edge.chunk, context))
                .collect();
        }
    }

    fn winners(&mut self, user: usize, winners: &mut Vec<u32>) {
        let chunk = &self.edge.chunk;
        let start = winners.len();
        winners.resize(start + chunk.table::<Module>().len(), NOBODY);
        for placed in &self.resolution(user).modules {
            let (Some(module), Some(plan)) = (chunk.row(placed.module), placed.resolved.plan)
            else {
                continue;
            };
            let list = number(chunk.text(module.key));
            let plan = chunk.row(plan).expect("a plan of the chunk");
            winners[start + list as usize] = number(chunk.text(plan.key));
        }
    }

    fn evaluate(&mut self, user: usize, _: &mut Vec<u32>) {
        black_box(self.resolution(user));
    }
}

struct Whole(Edge);

impl Engine for Whole {
    fn meet(&mut self, users: &[User]) {
        self.0.meet(users);
    }

    fn winners(&mut self, user: usize, winners: &mut Vec<u32>) {
        let body = self.0.body(user);
        let body: Value = serde_json::from_slice(&body).expect("an answer");
        let start = winners.len();
        winners.resize(start + self.0.chunk.table::<Module>().len(), NOBODY);
        for module in body["modules"].as_array().expect("modules") {
            let list = number(module["module"].as_str().expect("a key"));
            winners[start + list as usize] = number(module["plan"].as_str().expect("a key"));
        }
    }

    fn evaluate(&mut self, user: usize, _: &mut Vec<u32>) {
        black_box(self.0.body(user));
    }
}

/// Of `m7` or `p12`.
fn number(key: &str) -> u32 {
    key[1..].parse().expect("a numbered key")
}

/// What the Wasm module is given, and what it must answer, one body after the other.
pub fn for_wasm(workload: &Workload) -> Result<(Vec<u8>, Vec<u8>), String> {
    let chunk = chunk(workload)?;
    let mut edge = Edge::load(&chunk);
    edge.meet(&workload.users);
    let (digest, chunk) = chunk.split_at(size_of::<Digest>());
    let mut input = digest.to_vec();
    for frame in std::iter::once(&chunk).chain(&edge.requests) {
        input.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        input.extend_from_slice(frame);
    }
    let bodies = (0..workload.users.len()).flat_map(|user| edge.body(user));
    Ok((input, bodies.collect()))
}
