//! A small workspace built by hand, and manifests for it. Also used by the native edge's tests.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use skyful::compile::{self, Snapshot};
use skyful::ids::IdKey;
use skyful::manifest::envelope::{Gray, Value};
use skyful::manifest::sign::{full_release, sign};
use skyful::manifest::{Header, Keys, Mode, Tail, TrustSet};
use skyful::model::{
    Arrangement, Attribute, Comparison, Constraints, Content, Locales, Module, ModulePlan,
    ModuleType, Page, PagePlan, Predicate, Rule, Scalar, Segment, Slot, SlotArrangement, Source,
    Test, Workspace,
};
use skyful::snapshot::Digest;
use skyful::value::Type;

pub const WORKSPACE: &str = "wallet";
pub const ENV: &str = "prod";

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn trust(seed: u8) -> TrustSet {
    let public = Digest(key(seed).verifying_key().to_bytes());
    TrustSet::parse(&public.hex()).unwrap()
}

pub fn keys() -> Keys {
    Keys::new(WORKSPACE, ENV)
}

/// Pages `home` (a hero titled so, another for `vip`, another for CN) and `lists` (a hero for the id
/// list of `u-1`), with attributes of every source.
pub fn workspace(title: &str) -> Workspace {
    let attribute = |kind, source| Attribute {
        kind,
        values: Vec::new(),
        min: None,
        max: None,
        source,
    };
    let attributes = [
        ("age", attribute(Type::Integer, Source::Request)),
        (
            "agent",
            attribute(Type::String, Source::Header("x-agent".into())),
        ),
        ("country", attribute(Type::String, Source::EdgeCountry)),
        ("ip", attribute(Type::String, Source::EdgeIp)),
        ("region", attribute(Type::String, Source::EdgeRegion)),
        ("vip", attribute(Type::Boolean, Source::Signed)),
    ];
    let plans = [
        ("vip", is("vip", Scalar::Boolean(true))),
        ("cn", is("country", Scalar::Text("CN".into()))),
        ("local", is("ip", Scalar::Text("127.0.0.1".into()))),
        ("north", is("region", Scalar::Text("north".into()))),
        ("robot", is("agent", Scalar::Text("robot".into()))),
        ("listed", Rule::Segment("payday".into())),
    ];
    let hero = |plans: &[(&str, Rule)]| Module {
        kind: "banner".into(),
        default: Some(content(title)),
        plans: plans
            .iter()
            .map(|(key, rule)| ModulePlan {
                key: (*key).into(),
                constraints: audience(rule.clone()),
                content: Some(content(&format!("{title} for {key}"))),
            })
            .collect(),
    };
    let shows = |module: &str| Arrangement {
        slots: vec![SlotArrangement {
            modules: vec![module.into()],
            ..SlotArrangement::default()
        }],
    };
    let page = |module: &str| Page {
        slots: vec![Slot {
            key: "hero".into(),
            max: 1,
        }],
        default: Some(shows(module)),
        plans: vec![PagePlan {
            key: "senior".into(),
            constraints: audience(is("age", Scalar::Integer(67))),
            arrangement: shows(module),
        }],
    };
    let ids = vec![IdKey::of_workspace(WORKSPACE).hash("u-1")];
    Workspace {
        key: WORKSPACE.into(),
        locales: Locales {
            supported: vec!["en".into(), "zh".into()],
            default: 0,
            fallback: BTreeMap::new(),
        },
        attributes: map(attributes),
        module_types: map([("banner", ModuleType { template: None })]),
        segments: map([("payday", Segment::Ids(ids))]),
        cap_groups: BTreeMap::new(),
        layers: BTreeMap::new(),
        experiments: BTreeMap::new(),
        modules: map([("hero", hero(&plans[..5])), ("listed", hero(&plans[5..]))]),
        pages: map([("home", page("hero")), ("lists", page("listed"))]),
        ofrep: vec!["home".into(), "lists".into()],
        pipelines: BTreeMap::new(),
    }
}

fn map<T, const N: usize>(entries: [(&str, T); N]) -> BTreeMap<String, T> {
    entries.map(|(key, value)| (key.to_owned(), value)).into()
}

fn content(title: &str) -> Content {
    Content {
        fragments: ["en", "zh"]
            .map(|locale| format!(r#"{{"title":"{title} in {locale}"}}"#))
            .into(),
    }
}

fn audience(rule: Rule) -> Constraints {
    Constraints {
        audience: Some(rule),
        ..Constraints::default()
    }
}

fn is(attribute: &str, value: Scalar) -> Rule {
    Rule::Predicate(Predicate {
        attribute: attribute.into(),
        test: Test::Compare(Comparison::Eq, value),
    })
}

pub fn snapshot(title: &str) -> Snapshot {
    compile::compile(&workspace(title), &mut |_, _| {}).unwrap()
}

/// A manifest to be changed and then signed.
pub struct Draft {
    pub header: Header,
    pub tail: Tail,
}

pub fn release(sequence: u64, stable: &Snapshot) -> Draft {
    Draft {
        header: full_release(WORKSPACE, ENV, sequence, 1_700_000_000_000),
        tail: Tail {
            stable: stable.listing.clone(),
            gray: None,
            allow: Vec::new(),
        },
    }
}

impl Draft {
    pub fn gray(mut self, gray: &Snapshot, share_bps: u32) -> Self {
        self.header.gray = Some(Gray {
            snapshot: Digest::NONE,
            share_bps,
            salt: 7,
        });
        self.tail.gray = Some(gray.listing.clone());
        self
    }

    pub fn mode(mut self, mode: Mode) -> Self {
        self.header.mode = mode;
        self
    }

    pub fn no_fallback(mut self) -> Self {
        self.header.no_fallback = true;
        self
    }

    pub fn sign(self, seed: u8) -> Vec<u8> {
        sign(self.header, &self.tail, &key(seed))
    }
}

pub fn value(current: &[u8], fallback: &[u8]) -> Vec<u8> {
    Value { current, fallback }.join()
}

/// Keys and bytes of everything that a manifest of this snapshot names.
pub fn objects(snapshot: &Snapshot) -> Vec<(String, Vec<u8>)> {
    let keyed = |(digest, bytes): (&Digest, &Vec<u8>)| (keys().object(digest), bytes.clone());
    snapshot.objects.iter().map(keyed).collect()
}

/// Where the chunk of a page is stored.
pub fn chunk_key(snapshot: &Snapshot, page: &str) -> String {
    keys().object(&snapshot.listing.chunk(page, 0).unwrap())
}
