//! Fatigue caps, on plans and as groups, and the windows they count in.

use super::at::At;
use super::names::NameKind;
use super::reader::{Reader, shortened};
use super::{schedules, shapes};
use crate::document::Value;
use crate::limits;
use crate::model::{CalendarUnit, Cap, CapGroup, Count, StopEvent, Subject, Window};

pub(crate) fn group(r: &mut Reader<'_>, at: &At<'_>) -> Option<CapGroup> {
    let object = r.object(at, shapes::CAP_GROUP)?;
    r.description(object);
    let limit = limit(r, object);
    let window = object.get("per").map(|at| window(r, &at));
    let count = count(r, object);
    Some(CapGroup {
        limit: limit?,
        window: window??,
        count: count?,
    })
}

pub(crate) fn caps(r: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<Cap>> {
    let mut out = Vec::new();
    let mut whole = true;
    for item in r.list(at, "caps", limits::CAPS_PER_PLAN)? {
        match cap(r, &item) {
            Some(cap) => out.push(cap),
            None => whole = false,
        }
    }
    whole.then_some(out)
}

fn cap(r: &mut Reader<'_>, at: &At<'_>) -> Option<Cap> {
    let forms = [
        ("limit", shapes::CAP_LIMIT),
        ("cooldown", shapes::CAP_COOLDOWN),
        ("stop_after", shapes::CAP_STOP),
        ("group", shapes::CAP_IN_GROUP),
    ];
    if !matches!(at.node.value, Value::Map(_)) {
        r.wrong_type(at, "a cap (an object)");
        return None;
    }
    let Some((form, shape)) = forms.iter().find(|(field, _)| at.get(field).is_some()) else {
        let message = "a cap has one of `limit`, `cooldown`, `stop_after` or `group`";
        let wrong = at.entries().first().map(|e| &*e.key).unwrap_or_default();
        let hint = r.did_you_mean(wrong, forms.map(|(field, _)| field));
        r.error_hint("missing_field", at, message, hint);
        return None;
    };
    // A second form is an unknown field of the first.
    let object = r.object(at, shape)?;
    let by = subject(r, object);
    let value = object.get(form)?;
    match *form {
        "limit" => {
            let limit = limit(r, object);
            let window = object.get("per").map(|at| window(r, &at));
            let count = count(r, object);
            Some(Cap::Limit {
                limit: limit?,
                window: window??,
                count: count?,
                by: by?,
            })
        }
        "cooldown" => {
            let secs = duration(r, &value, 1);
            let count = count(r, object);
            Some(Cap::Cooldown {
                secs: secs?,
                count: count?,
                by: by?,
            })
        }
        "stop_after" => {
            let words = [
                ("click", StopEvent::Click),
                ("dismiss", StopEvent::Dismiss),
                ("conversion", StopEvent::Conversion),
            ];
            let event = r.word(&value, "event that stops", &words);
            Some(Cap::StopAfter {
                event: event?,
                by: by?,
            })
        }
        _ => {
            let key = r.reference(&value, NameKind::CapGroup)?;
            Some(Cap::Group {
                key: key.to_owned(),
                by: by?,
            })
        }
    }
}

fn limit(r: &mut Reader<'_>, object: &At<'_>) -> Option<u32> {
    let at = object.get("limit")?;
    let limit = r.whole_limited(&at, "a cap's limit", 0, ("CAP_LIMIT", limits::CAP_LIMIT))?;
    if limit == 0 {
        r.warn("dead_cap", &at, "a limit of 0 never lets anybody see this");
    }
    Some(limit)
}

fn count(r: &mut Reader<'_>, object: &At<'_>) -> Option<Count> {
    let Some(at) = object.get("count") else {
        return Some(Count::default());
    };
    let words = [
        ("served", Count::Served),
        ("exposure", Count::Exposure),
        ("click", Count::Click),
    ];
    r.word(&at, "event that a cap counts", &words)
}

/// `by` of a cap, rollout or experiment: `device`, or left out for the unit.
pub(crate) fn subject(r: &mut Reader<'_>, object: &At<'_>) -> Option<Subject> {
    let Some(at) = object.get("by") else {
        return Some(Subject::default());
    };
    let words = [("device", Subject::Device)];
    r.word(&at, "subject", &words)
}

fn window(r: &mut Reader<'_>, at: &At<'_>) -> Option<Window> {
    if matches!(at.node.value, Value::Map(_)) {
        let object = r.object(at, shapes::CALENDAR)?;
        let words = [
            ("day", CalendarUnit::Day),
            ("week", CalendarUnit::Week),
            ("month", CalendarUnit::Month),
        ];
        let unit = object
            .get("calendar")
            .map(|at| r.word(&at, "calendar window", &words));
        let zone = schedules::zone(r, object);
        return Some(Window::Calendar {
            unit: unit??,
            zone: zone?.0,
        });
    }
    if matches!(&at.node.value, Value::Text(text) if &**text == "lifetime") {
        return Some(Window::Lifetime);
    }
    duration(r, at, 1).map(|secs| Window::Sliding { secs })
}

/// A whole number and `s`, `m`, `h` or `d`, in seconds.
pub(crate) fn duration(r: &mut Reader<'_>, at: &At<'_>, min_secs: u64) -> Option<u64> {
    let text = match &at.node.value {
        Value::Number(literal) => literal,
        _ => r.text(at)?,
    };
    let unit_secs = match text.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3_600,
        Some(b'd') => 86_400,
        _ => 0,
    };
    let digits = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    if unit_secs == 0 || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        let message = format!("`{}` is no duration", shortened(text));
        let hint = "a whole number and s, m, h or d, for example 30m".to_owned();
        r.error_hint("invalid_duration", at, message, hint);
        return None;
    }
    let secs = digits
        .parse::<u64>()
        .unwrap_or(u64::MAX)
        .saturating_mul(unit_secs);
    if secs > limits::DURATION_SECS {
        let message = format!(
            "`{}` is too long; a duration is at most {} days (DURATION_SECS)",
            shortened(text),
            limits::DURATION_SECS / 86_400
        );
        r.error("limit", at, message);
        return None;
    }
    if secs < min_secs {
        r.error(
            "out_of_range",
            at,
            format!("a duration is at least {min_secs} s"),
        );
        return None;
    }
    Some(secs)
}
