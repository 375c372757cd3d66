//! What is timed: the steps of one request, and beside each the least work that anybody could do for it. The native
//! program and the Wasm one share this file, so that they time the same.

use std::borrow::Cow;
use std::hint::black_box;

use serde::Deserialize;
use skyful::bucket::{SaltHash, UnitHash};
use skyful::context::Context;
use skyful::locale::Locales;
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::{self, Release, Track};
use skyful::resolve::{self, Input, Resolution, Silent};
use skyful::snapshot::{Chunk, Kind, Object};
use xxhash_rust::xxh3::xxh3_64;

/// In the order of [`Steps::run`].
pub const NAMES: [&str; 10] = [
    "floor: JSON into a borrowed struct",
    "floor: 12 strings found by hash",
    "floor: one xxh3 and 20 mixes",
    "floor: 20 contents copied",
    "floor, whole",
    "parse",
    "negotiate",
    "resolve",
    "write",
    "whole: Context::from_json → resolve::answer",
];

pub const MODULES: usize = 20;
const BODIES: usize = 64;
const NOW_MS: i64 = 1_795_338_000_000;
/// Strings that requests and plans have in common; a power of two of places, a quarter of them taken.
const WORDS: usize = 4_096;

/// A request as somebody reads it who knows its attributes beforehand. Not ours: the least that can be done.
#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    page: Cow<'a, str>,
    #[serde(borrow)]
    unit: Cow<'a, str>,
    #[serde(borrow)]
    device: Cow<'a, str>,
    #[serde(borrow)]
    locale: Cow<'a, str>,
    #[serde(borrow)]
    attributes: Facts<'a>,
}

#[derive(Deserialize)]
struct Facts<'a> {
    #[serde(borrow)]
    country: Cow<'a, str>,
    #[serde(borrow)]
    city: Cow<'a, str>,
    #[serde(borrow)]
    platform: Cow<'a, str>,
    #[serde(borrow)]
    app_version: Cow<'a, str>,
    age: u32,
    #[serde(borrow)]
    language: Cow<'a, str>,
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow)]
    tags: Vec<&'a str>,
    new_user: bool,
}

pub struct Steps {
    chunk: Chunk,
    locales: Locales,
    release: Release,
    bodies: Vec<&'static str>,
    contexts: Vec<Context<'static>>,
    next: usize,
    words: Vec<(u64, String)>,
    salts: Vec<SaltHash>,
    /// What the floors work on: the strings of each request, its unit, and the contents of its answer.
    strings: Vec<Vec<String>>,
    units: Vec<String>,
    contents: Vec<Vec<Vec<u8>>>,
    resolutions: Vec<Resolution>,
}

impl Steps {
    /// From the object of a page.
    pub fn new(object: Vec<u8>) -> Option<Self> {
        let digest = Kind::Page.digest(&object);
        let header = Object::decode(&object).ok()?;
        let (workspace, page) = (header.workspace.to_owned(), header.name.to_owned());
        let chunk = Chunk::open(object, digest, &workspace, &page).ok()?;
        let drawn: Vec<(String, Vec<String>, String)> = (0..BODIES as u64).map(request).collect();
        // Contexts borrow from them, and a benchmark ends soon.
        let leak = |(body, _, _): &(String, Vec<String>, String)| &*body.clone().leak();
        let bodies: Vec<&'static str> = drawn.iter().map(leak).collect();
        let mut steps = Self {
            chunk,
            locales: Locales {
                supported: vec!["en".into(), "zh-CN".into(), "th".into()],
                default: 0,
                fallback: Vec::new(),
            },
            release: Release {
                sequence: 1_234,
                snapshot: digest,
                track: Track::Stable,
            },
            contexts: bodies
                .iter()
                .map(|body| Context::from_json(body.as_bytes()))
                .collect::<Result<_, _>>()
                .ok()?,
            bodies,
            next: 0,
            words: words(drawn.iter().flat_map(|(_, strings, _)| strings)),
            salts: (0..MODULES)
                .map(|i| SaltHash::of(&format!("rollout/module/m{i}/p")))
                .collect(),
            strings: drawn
                .iter()
                .map(|(_, strings, _)| strings.clone())
                .collect(),
            units: drawn.into_iter().map(|(_, _, unit)| unit).collect(),
            contents: Vec::new(),
            resolutions: Vec::new(),
        };
        for context in &steps.contexts {
            let resolution = steps.resolve(context, 0);
            let content = |placed: &resolve::Placed| steps.chunk.fragment(placed.content, 0);
            let contents = resolution.modules.iter().filter_map(content);
            steps.contents.push(contents.map(<[u8]>::to_vec).collect());
            steps.resolutions.push(resolution);
        }
        let full = steps.contents.iter().all(|all| all.len() == MODULES);
        full.then_some(steps)
    }

    pub fn request_bytes(&self) -> usize {
        self.bodies.iter().map(|body| body.len()).sum::<usize>() / self.bodies.len()
    }

    pub fn content_bytes(&self) -> usize {
        let contents = self.contents.iter().flatten();
        contents.map(Vec::len).sum::<usize>() / (self.contents.len() * MODULES)
    }

    pub fn answer_bytes(&self) -> usize {
        self.bodies
            .iter()
            .map(|body| self.whole(body).len())
            .sum::<usize>()
            / self.bodies.len()
    }

    /// Does a step so many times, each time for another request.
    pub fn run(&mut self, step: usize, times: u32) {
        for _ in 0..times {
            self.next = (self.next + 1) % BODIES;
            let at = self.next;
            let body = black_box(self.bodies[at]);
            match step {
                0 => _ = black_box(asked(body)),
                1 => _ = black_box(self.found(at)),
                2 => _ = black_box(self.mixed(at)),
                3 => _ = black_box(self.spliced(at)),
                4 => {
                    black_box(asked(body));
                    black_box(self.found(at));
                    black_box(self.mixed(at));
                    black_box(self.spliced(at));
                }
                5 => {
                    let context = Context::from_json(body.as_bytes());
                    black_box(context.is_ok_and(|context| context.attributes.len() == 9));
                }
                6 => _ = black_box(self.locales.negotiate(black_box(Some("zh-HK")))),
                7 => _ = black_box(self.resolve(black_box(&self.contexts[at]), 0)),
                8 => {
                    let mut out = Vec::new();
                    let resolution = &self.resolutions[at];
                    let beside = write::Beside::default();
                    write::body(
                        &self.chunk,
                        resolution,
                        "en",
                        &self.release,
                        beside,
                        &mut out,
                    );
                    black_box(out);
                }
                _ => _ = black_box(self.whole(body)),
            }
        }
    }

    fn found(&self, at: usize) -> usize {
        let mask = WORDS - 1;
        let mut sum = 0;
        for text in &self.strings[at] {
            let hash = xxh3_64(text.as_bytes());
            let mut place = hash as usize & mask;
            while let Some((known, word)) = self.words.get(place) {
                if *known == hash && word == text {
                    sum += place;
                    break;
                }
                if word.is_empty() {
                    break;
                }
                place = (place + 1) & mask;
            }
        }
        sum
    }

    fn mixed(&self, at: usize) -> u32 {
        let unit = UnitHash::of(&self.units[at]);
        self.salts.iter().map(|salt| unit.bucket(*salt)).sum()
    }

    fn spliced(&self, at: usize) -> Vec<u8> {
        let contents = &self.contents[at];
        let mut out = Vec::with_capacity(contents.iter().map(Vec::len).sum());
        contents
            .iter()
            .for_each(|content| out.extend_from_slice(content));
        out
    }

    fn input<'a>(&self, context: &'a Context<'a>, locale: u32) -> Input<'a> {
        Input {
            context,
            locale,
            now_ms: NOW_MS,
            tallies: Tallies::read(&self.chunk, |name| context.tally(name)),
            ids: None,
            defaults_only: false,
        }
    }

    fn resolve(&self, context: &Context<'_>, locale: u32) -> Resolution {
        resolve::resolve(&self.chunk, self.input(context, locale), &mut Silent)
    }

    fn whole(&self, body: &str) -> Vec<u8> {
        let Ok(context) = Context::from_json(body.as_bytes()) else {
            return Vec::new();
        };
        let locale = self.locales.negotiate(context.locale.as_deref());
        let tag = self.locales.tag(locale);
        resolve::answer(
            &self.chunk,
            self.input(&context, locale),
            tag,
            &self.release,
            None,
        )
        .body
    }
}

fn asked(body: &str) -> usize {
    let Ok(asked) = serde_json::from_str::<Asked<'_>>(body) else {
        return 0;
    };
    let facts = &asked.attributes;
    let texts = [
        &asked.page,
        &asked.unit,
        &asked.device,
        &asked.locale,
        &facts.country,
        &facts.city,
        &facts.platform,
        &facts.app_version,
        &facts.language,
        &facts.channel,
    ];
    let lengths: usize = texts.iter().map(|text| text.len()).sum();
    black_box(&asked);
    lengths + facts.tags.len() + facts.age as usize + usize::from(facts.new_user)
}

/// Request, the strings that rules could ask for, unit.
fn request(number: u64) -> (String, Vec<String>, String) {
    let draw = |what: &str, below: u64| xxh3_64(format!("{what}{number}").as_bytes()) % below;
    let pick = |what: &str, from: &[&str]| from[draw(what, from.len() as u64) as usize].to_owned();
    let unit = format!("user-{}", 1_000_000 + draw("unit", 9_000_000));
    let country = format!("c{}", draw("country", 200));
    let city = format!("city_{}", draw("city", 5_000));
    let platform = pick("platform", &["ios", "android", "h5"]);
    let version = format!("{}.{}.0", 6 + draw("major", 4), draw("minor", 10));
    let language = pick("language", &["en", "zh", "th", "fr"]);
    let channel = pick("channel", &["app_store", "play", "huawei"]);
    let tags = [
        format!("t{}", draw("tag", 5_000)),
        format!("t{}", draw("other", 5_000)),
    ];
    let body = format!(
        r#"{{"page":"home","unit":"{unit}","device":"d-{}","locale":"en","attributes":{{"country":"{country}","city":"{city}","platform":"{platform}","app_version":"{version}","age":{},"language":"{language}","channel":"{channel}","tags":["{}","{}"],"new_user":{}}}}}"#,
        draw("device", 1_000_000),
        18 + draw("age", 60),
        tags[0],
        tags[1],
        draw("new", 2) == 0,
    );
    let [first, second] = tags;
    let mut strings = vec![
        country, city, platform, version, language, channel, first, second,
    ];
    strings.extend(["home", "en", "new", "vip"].map(str::to_owned));
    (body, strings, unit)
}

/// A table of open addresses with the strings of all requests and some that none has.
fn words<'a>(known: impl Iterator<Item = &'a String>) -> Vec<(u64, String)> {
    let mut table = vec![(0, String::new()); WORDS];
    let others = (0..WORDS / 8).map(|i| format!("word_{i}"));
    for text in known.cloned().chain(others) {
        let hash = xxh3_64(text.as_bytes());
        let mut place = hash as usize & (WORDS - 1);
        while !table[place].1.is_empty() && table[place].1 != text {
            place = (place + 1) & (WORDS - 1);
        }
        table[place] = (hash, text);
    }
    table
}
