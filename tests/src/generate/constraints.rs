//! What bounds a plan: schedules, placements, caps, rollouts, experiments.

use serde_json::{Map, Value, json};

use super::constants::VERSIONS;
use super::draw::Draw;
use super::rules::{self, Names};

pub const ZONES: [&str; 8] = [
    "UTC",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    // Summer is standard time and winter is negative. Zones whose rules changed after chrono-tz's data
    // (Morocco in 2026) can't be compared: jiff's are newer.
    "Europe/Dublin",
    "Asia/Shanghai",
    "Pacific/Apia",
];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
pub const DURATIONS: [&str; 5] = ["30m", "2h", "1d", "90s", "7d"];

/// What constraints may refer to.
pub struct Known<'a> {
    pub names: Names<'a>,
    pub groups: Vec<String>,
    /// Experiments with the keys of their variants.
    pub experiments: Vec<(String, Vec<String>)>,
}

/// Adds from none to four constraints to a plan.
pub fn constrain(draw: &mut Draw, known: &Known<'_>, plan: &mut Map<String, Value>) {
    let count = *draw.pick(&[0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4]);
    for _ in 0..count {
        let (field, value) = match draw.below(12) {
            0 | 1 => ("schedule", schedule(draw)),
            2 => ("placement", placement(draw)),
            3..=6 => ("audience", rules::rule(draw, &known.names, 4)),
            7 | 8 => ("caps", caps(draw, known)),
            9 => ("rollout", rollout(draw)),
            _ if known.experiments.is_empty() => continue,
            _ => {
                let (key, variants) = draw.pick(&known.experiments);
                (
                    "experiment",
                    json!({"key": key, "variant": draw.pick(variants)}),
                )
            }
        };
        plan.insert(field.to_owned(), value);
    }
}

pub fn schedule(draw: &mut Draw) -> Value {
    let mut schedule = Map::new();
    let which = draw.below(8);
    // Most in the year around the vectors' favourite instant; some at the ends of what is allowed.
    let year = match draw.below(12) {
        0 => 2011,
        1 => 2018,
        // Far, yet 400 days later is still before 2100, where tables of zones end.
        2 => 2097,
        _ => 2026,
    };
    let day = draw.between(0, 360);
    let length = *draw.pick(&[0, 0, 1, 7, 30, 300]);
    if which != 0 && which != 1 {
        schedule.insert("from".to_owned(), json!(local(draw, year, day)));
    }
    if which > 2 || (which == 0) {
        schedule.insert("until".to_owned(), json!(local(draw, year, day + length)));
    }
    if which == 1 || draw.chance(35) {
        let count = 1 + draw.below(3);
        let windows: Value = (0..count).map(|_| window(draw)).collect();
        schedule.insert("weekly".to_owned(), windows);
    }
    if draw.chance(85) {
        schedule.insert("timezone".to_owned(), json!(draw.pick(&ZONES)));
    }
    Value::Object(schedule)
}

/// A local literal; days of clock changes and the hours of gaps and folds come often.
fn local(draw: &mut Draw, year: i64, day_of_year: i64) -> String {
    const CHANGES: [(i64, i64); 9] = [
        (3, 8),
        (11, 1),
        (3, 29),
        (10, 25),
        (4, 5),
        (10, 4),
        (2, 15),
        (3, 22),
        (11, 4),
    ];
    let (month, day) = if draw.chance(40) {
        *draw.pick(&CHANGES)
    } else {
        (1 + (day_of_year % 360) / 30, 1 + day_of_year % 28)
    };
    // Samoa's lost day.
    let (month, day) = if year == 2011 {
        (12, draw.between(29, 31))
    } else {
        (month, day)
    };
    let hour = if draw.chance(60) {
        draw.between(0, 4)
    } else {
        draw.between(0, 23)
    };
    let minute = draw.pick(&[0, 0, 15, 30, 59]);
    let seconds = if draw.chance(20) { ":30" } else { "" };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}{seconds}")
}

fn window(draw: &mut Draw) -> Value {
    let mut window = Map::new();
    if draw.chance(70) {
        let mut days = draw.some(&DAYS, 5);
        if days.is_empty() {
            days.push(*draw.pick(&DAYS));
        }
        window.insert("days".to_owned(), json!(days));
    }
    if draw.chance(80) {
        window.insert("from".to_owned(), json!(time(draw)));
    }
    if draw.chance(80) {
        let until = if draw.chance(10) {
            "24:00".to_owned()
        } else {
            time(draw)
        };
        window.insert("until".to_owned(), json!(until));
    }
    Value::Object(window)
}

fn time(draw: &mut Draw) -> String {
    let hour = if draw.chance(40) {
        draw.between(0, 3)
    } else {
        draw.between(0, 23)
    };
    format!("{hour:02}:{:02}", draw.pick(&[0, 0, 10, 30, 45, 59]))
}

fn placement(draw: &mut Draw) -> Value {
    let mut placement = Map::new();
    if draw.chance(60) {
        let mut platforms = draw.some(&["ios", "android", "h5", "mini"], 3);
        if platforms.is_empty() {
            platforms.push("h5");
        }
        placement.insert("platforms".to_owned(), json!(platforms));
    }
    if draw.chance(40) {
        placement.insert("min_app_version".to_owned(), json!(draw.pick(&VERSIONS)));
    }
    if draw.chance(30) || placement.is_empty() {
        placement.insert("max_app_version".to_owned(), json!(draw.pick(&VERSIONS)));
    }
    if draw.chance(30) {
        placement.insert(
            "channels".to_owned(),
            json!(["store", "web"][..1 + draw.below(2) as usize]),
        );
    }
    Value::Object(placement)
}

fn caps(draw: &mut Draw, known: &Known<'_>) -> Value {
    let count = 1 + draw.below(3);
    (0..count).map(|_| cap(draw, known)).collect()
}

fn cap(draw: &mut Draw, known: &Known<'_>) -> Value {
    let mut cap = match draw.below(5) {
        0 | 1 => limit(draw),
        2 if !known.groups.is_empty() => json!({"group": draw.pick(&known.groups)}),
        3 => json!({"stop_after": draw.pick(&["click", "dismiss", "conversion"])}),
        _ => {
            let mut cap = json!({"cooldown": draw.pick(&DURATIONS)});
            if draw.chance(40) {
                cap["count"] = json!(draw.pick(&["served", "exposure", "click"]));
            }
            cap
        }
    };
    if draw.chance(15) {
        cap["by"] = json!("device");
    }
    cap
}

/// `{limit, per, count?}`, of a cap or a group.
pub fn limit(draw: &mut Draw) -> Value {
    let per = match draw.below(3) {
        0 => json!("lifetime"),
        1 => {
            json!({"calendar": draw.pick(&["day", "week", "month"]), "timezone": draw.pick(&ZONES)})
        }
        _ => json!(draw.pick(&DURATIONS)),
    };
    let mut limit = json!({"limit": draw.between(1, 3), "per": per});
    if draw.chance(60) {
        limit["count"] = json!(draw.pick(&["served", "exposure", "click"]));
    }
    limit
}

fn rollout(draw: &mut Draw) -> Value {
    let share = match draw.below(5) {
        0 => 10_000,
        1 => *draw.pick(&[0, 1, 9_999]),
        _ => draw.between(1_000, 9_000),
    };
    if draw.chance(40) {
        return json!(share);
    }
    let mut rollout = json!({"share": share});
    if draw.chance(40) {
        rollout["by"] = json!("device");
    }
    if draw.chance(40) {
        rollout["salt"] = json!(draw.pick(&["shared salt", "盐"]));
    }
    rollout
}
