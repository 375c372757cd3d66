//! What every engine is given: lists of plans with audiences, and users. Every plan is a conjunction; the first of a
//! list whose predicates all hold wins. The selective predicate is written first, which favours engines that scan.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::draw::{Draw, Values};

pub const USERS: usize = 1_000;
/// Instead of a plan's number: no plan of the list holds.
pub const NOBODY: u32 = u32::MAX;

const CITIES: u32 = 5_000;
const TAGS: u32 = 5_000;
const COUNTRIES: u32 = 200;
const PLATFORMS: [&str; 4] = ["android", "ios", "h5", "mini"];
const LANGUAGES: [&str; 12] = [
    "en", "zh", "es", "hi", "ar", "pt", "bn", "ru", "ja", "de", "th", "vi",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Skew {
    Uniform,
    /// The n-th value 1/n times as often as the first, in rules and users alike.
    Zipf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rules {
    /// One predicate on city, tag or country, and two to four loose ones.
    Selective,
    /// Two to four loose ones only.
    Unselective,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Winner {
    /// Wherever the draw has put it.
    Drawn,
    /// The last plan of a list, or none: every other plan asks for a percentage that no user has.
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Lists decided in one evaluation: 1, or the modules of a page.
    pub modules: usize,
    /// In each list.
    pub plans: usize,
    pub rules: Rules,
    pub skew: Skew,
    pub winner: Winner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u8, pub u8, pub u8);

impl Version {
    pub fn text(self) -> String {
        format!("{}.{}.{}", self.0, self.1, self.2)
    }

    /// For engines that know no versions: ordered alike.
    pub fn number(self) -> u32 {
        (u32::from(self.0) * 1_000 + u32::from(self.1)) * 1_000 + u32::from(self.2)
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Predicate {
    City(u16),
    Tag(u16),
    Country(u16),
    /// One bit a platform.
    Platforms(u8),
    VersionAtLeast(Version),
    /// Both ends included.
    Age(u8, u8),
    /// One bit a language.
    Languages(u16),
    PercentBelow(u16),
}

#[derive(Clone, Copy, Debug)]
pub struct User {
    pub city: u16,
    pub tag: u16,
    pub country: u16,
    pub platform: u8,
    pub version: Version,
    pub age: u8,
    pub language: u8,
    /// 0..10000: handed to all engines as a ready attribute.
    pub percent: u16,
}

pub struct Workload {
    pub shape: Shape,
    pub modules: Vec<Vec<Vec<Predicate>>>,
    pub users: Vec<User>,
}

pub fn city(number: u16) -> String {
    format!("city-{number}")
}

pub fn tag(number: u16) -> String {
    format!("tag-{number}")
}

pub fn country(number: u16) -> String {
    format!("country-{number}")
}

pub fn platforms(mask: u8) -> Vec<&'static str> {
    of_mask(&PLATFORMS, u16::from(mask))
}

pub fn languages(mask: u16) -> Vec<&'static str> {
    of_mask(&LANGUAGES, mask)
}

fn of_mask(names: &[&'static str], mask: u16) -> Vec<&'static str> {
    let named = names.iter().enumerate();
    named
        .filter_map(|(bit, name)| (mask >> bit & 1 == 1).then_some(*name))
        .collect()
}

impl User {
    pub fn platform(&self) -> &'static str {
        PLATFORMS[usize::from(self.platform)]
    }

    pub fn language(&self) -> &'static str {
        LANGUAGES[usize::from(self.language)]
    }

    pub fn attributes(&self) -> Value {
        json!({
            "city": city(self.city), "tag": tag(self.tag), "country": country(self.country),
            "platform": self.platform(), "app_version": self.version.text(), "age": self.age,
            "language": self.language(), "percent": self.percent,
        })
    }
}

/// How often which value occurs.
struct World {
    cities: Values,
    tags: Values,
    countries: Values,
    platforms: Values,
    languages: Values,
}

impl World {
    fn new(skew: Skew) -> Self {
        let values = match skew {
            Skew::Uniform => Values::uniform,
            Skew::Zipf => Values::zipf,
        };
        Self {
            cities: values(CITIES),
            tags: values(TAGS),
            countries: values(COUNTRIES),
            platforms: values(PLATFORMS.len() as u32),
            languages: values(LANGUAGES.len() as u32),
        }
    }

    fn user(&self, draw: &mut Draw, winner: Winner) -> User {
        User {
            city: self.cities.draw(draw) as u16,
            tag: self.tags.draw(draw) as u16,
            country: self.countries.draw(draw) as u16,
            platform: self.platforms.draw(draw) as u8,
            version: version(draw, 9),
            age: draw.between(16, 80) as u8,
            language: self.languages.draw(draw) as u8,
            percent: match winner {
                Winner::Drawn => draw.below(10_000) as u16,
                Winner::Late => draw.between(5_000, 9_999) as u16,
            },
        }
    }

    fn plan(&self, draw: &mut Draw, shape: Shape) -> Vec<Predicate> {
        let mut plan = Vec::new();
        if shape.rules == Rules::Selective {
            plan.push(match draw.below(3) {
                0 => Predicate::City(self.cities.draw(draw) as u16),
                1 => Predicate::Tag(self.tags.draw(draw) as u16),
                _ => Predicate::Country(self.countries.draw(draw) as u16),
            });
        }
        let mut loose = Vec::new();
        let mut kinds = vec![0, 1, 2, 3, 4];
        if shape.winner == Winner::Late {
            loose.push(Predicate::PercentBelow(draw.between(100, 5_000) as u16));
            kinds.pop();
        }
        let wanted = draw.between(2, 4) as usize;
        while loose.len() < wanted {
            let kind = kinds.remove(draw.below(kinds.len() as u32) as usize);
            // Not always in the same order, and what is asked for late not always last.
            let place = draw.below(loose.len() as u32 + 1) as usize;
            loose.insert(place, self.loose(draw, kind));
        }
        plan.extend(loose);
        plan
    }

    fn loose(&self, draw: &mut Draw, kind: u32) -> Predicate {
        match kind {
            0 => Predicate::Platforms(distinct(draw, &self.platforms, 1) as u8),
            1 => Predicate::VersionAtLeast(version(draw, 8)),
            2 => {
                let from = draw.between(16, 70);
                Predicate::Age(from as u8, (from + draw.between(5, 25)) as u8)
            }
            3 => {
                let count = draw.between(1, 2);
                Predicate::Languages(distinct(draw, &self.languages, count))
            }
            _ => Predicate::PercentBelow(draw.between(100, 3_000) as u16),
        }
    }
}

fn version(draw: &mut Draw, major: u32) -> Version {
    Version(
        draw.between(1, major) as u8,
        draw.below(10) as u8,
        draw.below(10) as u8,
    )
}

/// One bit for each of so many different values.
fn distinct(draw: &mut Draw, values: &Values, count: u32) -> u16 {
    let mut mask = 0_u16;
    while mask.count_ones() < count {
        mask |= 1 << values.draw(draw);
    }
    mask
}

impl Workload {
    pub fn draw(shape: Shape) -> Self {
        let world = World::new(shape.skew);
        // The users are the same whatever the number of plans.
        let mut draw = Draw::new(20_261_123);
        let users = (0..USERS).map(|_| world.user(&mut draw, shape.winner));
        let users = users.collect();
        let mut draw = Draw::new(shape.modules as u64 * 1_000_003 + shape.plans as u64);
        let mut list = || {
            let mut plans: Vec<_> = (0..shape.plans)
                .map(|_| world.plan(&mut draw, shape))
                .collect();
            if let (Winner::Late, Some(last)) = (shape.winner, plans.last_mut()) {
                *last = vec![Predicate::Platforms(0b0101)];
            }
            plans
        };
        Self {
            shape,
            modules: (0..shape.modules).map(|_| list()).collect(),
            users,
        }
    }

    /// For programs in other languages.
    pub fn to_json(&self) -> Value {
        let predicate = |predicate: &Predicate| match *predicate {
            Predicate::City(number) => json!(["is", "city", city(number)]),
            Predicate::Tag(number) => json!(["is", "tag", tag(number)]),
            Predicate::Country(number) => json!(["is", "country", country(number)]),
            Predicate::Platforms(mask) => json!(["in", "platform", platforms(mask)]),
            Predicate::VersionAtLeast(version) => {
                json!(["version", "app_version", version.text()])
            }
            Predicate::Age(from, to) => json!(["between", "age", from, to]),
            Predicate::Languages(mask) => json!(["in", "language", languages(mask)]),
            Predicate::PercentBelow(share) => json!(["below", "percent", share]),
        };
        let plan = |plan: &Vec<Predicate>| plan.iter().map(predicate).collect::<Vec<_>>();
        let list = |list: &Vec<Vec<Predicate>>| list.iter().map(plan).collect::<Vec<_>>();
        let modules: Vec<_> = self.modules.iter().map(list).collect();
        let users: Vec<_> = self.users.iter().map(User::attributes).collect();
        json!({"modules": modules, "users": users})
    }
}
