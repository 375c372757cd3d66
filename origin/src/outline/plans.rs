//! Plans and what bounds them, in words of the document where it has some.

use serde_json::{Map, Value, json};
use skyful::locale::Locales;
use skyful::snapshot::Chunk;
use skyful::snapshot::records::{
    self, Cap, Counted, Counter, Module, OrderingKind, Plan, Slot, SlotArrangement, Subject,
    Window, WindowKind, Zone,
};
use skyful::snapshot::table::{OptRef, Ref};
use skyful::value::datetime;

use super::{content, rules};

pub fn module(chunk: &Chunk, row: &Module, locales: &Locales) -> Value {
    let plans: Vec<Value> = chunk
        .rows(row.plans)
        .map(|plan| {
            let mut out = constraints(chunk, &plan);
            out.insert("content".into(), content::of(chunk, plan.target, locales));
            Value::Object(out)
        })
        .collect();
    let mut out = json!({"type": chunk.text(row.kind), "plans": plans});
    if row.default_content != u32::MAX {
        let content = content::of(chunk, row.default_content, locales);
        out["default"] = json!({ "content": content });
    }
    out
}

pub fn page_plan(chunk: &Chunk, plan: &Plan) -> Value {
    let mut out = constraints(chunk, plan);
    if let Value::Object(arrangement) = arrangement(chunk, plan.target) {
        out.extend(arrangement);
    }
    Value::Object(out)
}

/// Slots and what stands in them; slots without modules are left out.
pub fn arrangement(chunk: &Chunk, number: u32) -> Value {
    let slots = chunk.table::<Slot>();
    let count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
    let (mut modules, mut orderings) = (Map::new(), Map::new());
    for (index, slot) in (0..count).zip(slots.iter()) {
        let at = Ref::<SlotArrangement>::new(number.saturating_mul(count).saturating_add(index));
        let Some(row) = chunk.row(at).filter(|row| row.entries.len != 0) else {
            continue;
        };
        let slot = chunk.text(slot.key);
        let keys: Vec<&str> = chunk
            .rows(row.entries)
            .filter_map(|entry| chunk.row(entry.module))
            .map(|module| chunk.text(module.key))
            .collect();
        modules.insert(slot.into(), json!(keys));
        if let Some(ordering) = ordering(chunk, &row, &keys) {
            orderings.insert(slot.into(), ordering);
        }
    }
    let mut out = json!({ "modules": modules });
    if !orderings.is_empty() {
        out["ordering"] = Value::Object(orderings);
    }
    out
}

fn ordering(chunk: &Chunk, row: &SlotArrangement, keys: &[&str]) -> Option<Value> {
    let weights = || -> Map<String, Value> {
        keys.iter()
            .zip(chunk.rows(row.entries))
            .filter(|(_, entry)| entry.weight != 1)
            .map(|(key, entry)| ((*key).to_owned(), json!(entry.weight)))
            .collect()
    };
    match OrderingKind::from_code(row.ordering)? {
        OrderingKind::Manual => None,
        OrderingKind::Newest => Some(json!({"by": "newest"})),
        OrderingKind::Weighted => Some(json!({"by": "weighted", "weights": weights()})),
        OrderingKind::Learned => {
            let metric = chunk.text(row.metric);
            Some(json!({"by": "learned", "metric": metric, "weights": weights()}))
        }
    }
}

fn constraints(chunk: &Chunk, plan: &Plan) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("key".into(), json!(chunk.text(plan.key)));
    if let Some(row) = plan.schedule.get().and_then(|at| chunk.row(at)) {
        out.insert("schedule".into(), schedule(chunk, &row));
    }
    for (name, rule) in [("placement", plan.placement), ("audience", plan.audience)] {
        if let Some(rule) = rule.get() {
            out.insert(name.into(), rules::rule(chunk, rule, 0));
        }
    }
    if plan.caps.len != 0 {
        let caps: Vec<Value> = chunk.rows(plan.caps).map(|row| cap(chunk, &row)).collect();
        out.insert("caps".into(), json!(caps));
    }
    if plan.rollout_share != u32::MAX {
        let rollout = json!({
            "share": plan.rollout_share,
            "by": subject(plan.rollout_by),
            "salt": format!("{:016x}", plan.rollout_salt),
        });
        out.insert("rollout".into(), rollout);
    }
    if let Some(experiment) = plan.experiment.get().and_then(|at| chunk.row(at)) {
        let variant = plan.variant.get().and_then(|at| chunk.row(at));
        let variant = variant.map_or("", |variant| chunk.text(variant.key));
        let value = json!({"key": chunk.text(experiment.key), "variant": variant});
        out.insert("experiment".into(), value);
    }
    out
}

pub fn schedule(chunk: &Chunk, row: &records::Schedule) -> Value {
    let mut out = json!({"timezone": chunk.row(row.zone).map_or("", |zone| chunk.text(zone.name))});
    if row.from_ms != i64::MIN {
        out["from"] = json!(datetime::format(row.from_ms));
    }
    if row.until_ms != i64::MAX {
        out["until"] = json!(datetime::format(row.until_ms));
    }
    if row.weekly != 0 {
        let mut windows: Vec<Window> = chunk.rows(row.windows).collect();
        over_the_weekend(&mut windows);
        let windows: Vec<String> = windows.into_iter().map(window).collect();
        out["weekly"] = json!(windows);
    }
    out
}

/// Puts together again what runs from Sunday into Monday.
fn over_the_weekend(windows: &mut Vec<Window>) {
    const WEEK: u32 = 10_080;
    let runs_over = matches!(windows.as_slice(), [first, .., last]
        if first.from_min == 0 && last.until_min == WEEK);
    if runs_over {
        let first = windows.remove(0);
        if let Some(last) = windows.last_mut() {
            last.until_min = WEEK + first.until_min;
        }
    }
}

/// `mon 09:00-21:00`, `sat 22:00-sun 02:00`.
fn window(window: Window) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let day = |minute: u32| DAYS[(minute / 1_440 % 7) as usize];
    let time = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    let midnight = window.until_min.is_multiple_of(1_440) && window.until_min > window.from_min;
    let last = if midnight {
        window.until_min - 1
    } else {
        window.until_min
    };
    let until = if midnight {
        "24:00".to_owned()
    } else {
        time(window.until_min % 1_440)
    };
    let from = time(window.from_min % 1_440);
    if last / 1_440 == window.from_min / 1_440 {
        format!("{} {from}-{until}", day(window.from_min))
    } else {
        format!("{} {from}-{} {until}", day(window.from_min), day(last))
    }
}

fn cap(chunk: &Chunk, row: &Cap) -> Value {
    let mut out = Map::new();
    let Some(counter) = chunk.row(row.counter) else {
        return Value::Object(out);
    };
    out.insert("counter".into(), json!(chunk.text(counter.name)));
    out.insert("count".into(), json!(counted(counter.count)));
    out.insert("by".into(), json!(subject(counter.by)));
    if row.cooldown_ms != 0 {
        let cooldown = duration(row.cooldown_ms.unsigned_abs() / 1_000);
        out.insert("cooldown".into(), json!(cooldown));
    }
    if row.limit != u32::MAX {
        out.insert("limit".into(), json!(row.limit));
        out.insert("per".into(), json!(per(chunk, &counter)));
    }
    Value::Object(out)
}

pub fn counted(code: u32) -> &'static str {
    match Counted::from_code(code) {
        Some(Counted::Served) => "served",
        Some(Counted::Click) => "click",
        Some(Counted::Dismiss) => "dismiss",
        Some(Counted::Conversion) => "conversion",
        Some(Counted::Exposure) | None => "exposure",
    }
}

pub fn per(chunk: &Chunk, counter: &Counter) -> String {
    let zone = |zone: OptRef<Zone>| {
        let zone = zone.get().and_then(|zone| chunk.row(zone));
        zone.map_or("UTC", |zone| chunk.text(zone.name))
    };
    match WindowKind::from_code(counter.window) {
        Some(WindowKind::Day) => format!("calendar day in {}", zone(counter.zone)),
        Some(WindowKind::Week) => format!("calendar week in {}", zone(counter.zone)),
        Some(WindowKind::Month) => format!("calendar month in {}", zone(counter.zone)),
        Some(WindowKind::Sliding) => duration(counter.window_secs),
        Some(WindowKind::Lifetime) | None => "lifetime".to_owned(),
    }
}

pub fn subject(code: u32) -> &'static str {
    match Subject::from_code(code) {
        Some(Subject::Device) => "device",
        Some(Subject::Unit) | None => "unit",
    }
}

/// In the largest unit that divides it.
fn duration(secs: u64) -> String {
    let (number, unit) = match secs {
        0 => (0, 's'),
        s if s.is_multiple_of(86_400) => (s / 86_400, 'd'),
        s if s.is_multiple_of(3_600) => (s / 3_600, 'h'),
        s if s.is_multiple_of(60) => (s / 60, 'm'),
        s => (s, 's'),
    };
    format!("{number}{unit}")
}

#[cfg(test)]
mod tests {
    use super::{Window, duration, window};

    #[test]
    fn windows_read_like_a_timetable() {
        let text = |from_min, until_min| {
            window(Window {
                from_min,
                until_min,
            })
        };
        assert_eq!(text(540, 1_260), "mon 09:00-21:00");
        assert_eq!(text(1_440, 2_880), "tue 00:00-24:00");
        assert_eq!(text(0, 10_080), "mon 00:00-sun 24:00");
        assert_eq!(text(8_520, 8_760), "sat 22:00-sun 02:00");
        assert_eq!(text(10_020, 10_380), "sun 23:00-mon 05:00");
    }

    #[test]
    fn durations_take_their_largest_unit() {
        assert_eq!(duration(86_400), "1d");
        assert_eq!(duration(5_400), "90m");
    }
}
