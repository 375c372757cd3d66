//! Releases in words: how one stands, and what happened to it. Pure; the time is an argument.

use serde_json::Value;
use skyful::value::datetime;

use crate::app::access::{Action, Role, allows};
use crate::app::releases::state::State;
use crate::remote::wire::{Happened, Health, Member, Release, Track};

/// Basis points as people read them.
pub fn share(bps: u32) -> String {
    let (whole, rest) = (bps / 100, bps % 100);
    match (whole, rest) {
        (whole, 0) => format!("{whole} %"),
        (whole, rest) if rest % 10 == 0 => format!("{whole}.{} %", rest / 10),
        (whole, rest) => format!("{whole}.{rest:02} %"),
    }
}

/// How long until an instant.
pub fn until(at: &str, now_ms: i64) -> String {
    let Some(at_ms) = datetime::parse(at) else {
        return format!("at {at}");
    };
    match at_ms.saturating_sub(now_ms).max(0) / 1_000 {
        0 => "now".to_owned(),
        secs @ 1..120 => format!("in {secs} s"),
        secs @ 120..7_200 => format!("in {} min", secs / 60),
        secs @ 7_200..172_800 => format!("in {} h {} min", secs / 3_600, secs % 3_600 / 60),
        secs => format!("in {} days", secs / 86_400),
    }
}

/// To the second; all times of an origin are UTC.
pub fn instant(at: &str) -> String {
    let whole = at.get(..19).unwrap_or(at);
    format!("{}Z", whole.replace('T', " "))
}

pub fn clock(at: &str) -> String {
    format!("{}Z", at.get(11..19).unwrap_or(at))
}

/// Who sees it, and what it waits for.
pub fn standing(release: &Release, now_ms: i64) -> String {
    let seen = match release.share {
        0 => "only staff see it".to_owned(),
        bps => format!("{} of visitors see it", share(bps)),
    };
    let step = match (release.step, release.steps.len()) {
        (Some(step), steps) if steps > 1 => format!(" (step {} of {steps})", step + 1),
        _ => String::new(),
    };
    match release.state {
        State::Checked => "waits for approval".to_owned(),
        State::Approved => {
            let begins = release.steps.iter().find_map(|step| step.at.as_ref());
            let begins = release.start_at.as_ref().or(begins);
            match begins.map(|at| until(at, now_ms)) {
                Some(when) if when != "now" => format!("approved, begins {when}"),
                _ => "approved, begins once nothing else is under way".to_owned(),
            }
        }
        State::Gray => match &release.eta {
            Some(eta) => format!("{seen}{step}, everybody {} at best", until(eta, now_ms)),
            None => format!("{seen}{step}"),
        },
        State::Paused => format!("paused, {seen}{step}"),
        State::Halted => {
            let why = release.halted.as_ref().map(|halted| &*halted.words);
            format!("halted, {seen}{step}: {}", why.unwrap_or("nobody says why"))
        }
        State::Full => "everybody sees it".to_owned(),
        State::Superseded => "another release took its place".to_owned(),
        State::RolledBack => "taken back".to_owned(),
        State::Rejected => "rejected".to_owned(),
        State::Cancelled => "cancelled".to_owned(),
    }
}

/// What edges do with what is released.
pub fn mode(mode: &str) -> String {
    match mode {
        "run" => "shows everything that is released".to_owned(),
        "hold" => "is on hold: nobody sees the gray release".to_owned(),
        "defaults" => "shows defaults only: no plan counts".to_owned(),
        "off" => "is off: pages are empty".to_owned(),
        other => format!("is switched to {other}"),
    }
}

/// What edges report of both tracks.
pub fn health(health: &Health) -> String {
    let track = |track: &Track| {
        let Track {
            requests,
            errors,
            defaults,
        } = track;
        format!("{requests} answers, {errors} errors, {defaults} defaults")
    };
    format!(
        "gray {}; stable {}",
        track(&health.gray),
        track(&health.stable)
    )
}

/// By whom, and why, as far as it is told.
pub fn happened(one: &Happened, members: &[Member]) -> String {
    let what = match one.kind.as_str() {
        "create" => "put together",
        "approve" => "approved",
        "reject" => "rejected",
        "cancel" => "cancelled",
        "protect" => "waits for approval, since the environment became protected",
        "begin" => "began",
        "step" => "went on to the next step",
        "skip" => "taken to the next step",
        "full" => "shown to everybody",
        "pause" => "paused",
        "resume" => "resumed",
        "halt" => "halted",
        "recover" => "goes on, since what halted it is over",
        "alarm" => "needs somebody to look",
        "rollback" => "taken back",
        "supersede" => "another release took its place",
        "reinstate" => "shown again",
        "mode" => "the mode of edges was switched",
        "signed_again" => "signed again",
        other => other,
    };
    let by = match one.actor.split_once(':') {
        Some(("system", _)) | None => String::new(),
        Some(("user", id)) => format!(" by {}", person(id, members)),
        Some((kind, id)) => format!(" by {kind} {id}"),
    };
    let text = |name: &str| one.detail[name].as_str();
    let why = match text("words").or(text("why")).or(text("mode")) {
        Some(why) => format!(": {why}"),
        None => match text("metric") {
            Some(metric) => format!(": {metric} are worse than they may be"),
            None => other_release(&one.detail),
        },
    };
    format!("{what}{by}{why}")
}

fn other_release(detail: &Value) -> String {
    let others = ["by", "with", "instead_of"];
    let other = others.iter().find_map(|name| detail[*name].as_i64());
    other.map_or_else(String::new, |id| format!(" (release {id})"))
}

/// By name, if it is known.
pub fn person(id: &str, members: &[Member]) -> String {
    let known = members.iter().find(|member| member.user == id);
    let name = known.and_then(|member| member.name.as_ref().or(member.email.as_ref()));
    name.map_or_else(|| id.to_owned(), Clone::clone)
}

/// Who may let a release of somebody else go out.
pub fn approvers(members: &[Member], env: &str, author: &str) -> String {
    let may = |member: &&Member| {
        let held = member.roles.iter().any(|held| {
            let here = held.env.as_deref().is_none_or(|held| held == env);
            here && Role::named(&held.role).is_some_and(|role| allows(role, Action::Approve))
        });
        held && !member.disabled && member.user != author
    };
    let names: Vec<String> = members
        .iter()
        .filter(may)
        .map(|member| person(&member.user, members))
        .collect();
    match names.as_slice() {
        [] => "nobody else may approve here yet: invite somebody as approver".to_owned(),
        [one] => format!("{one} may approve"),
        several => format!("one of {} may approve", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    fn release(more: Value) -> Release {
        let mut release = json!({"id": 7, "state": "gray", "version": 1, "snapshot": "b3-1", "author": "u",
            "created_at": "", "share": 250, "step": 0, "steps": [{"at": null}, {"at": null}]});
        for (name, value) in more.as_object().expect("fields") {
            release[name] = value.clone();
        }
        serde_json::from_value(release).expect("a release")
    }

    fn check(more: Value, expected: &str) {
        assert_eq!(standing(&release(more), NOW), expected);
    }

    #[test]
    fn how_a_release_stands_is_said_in_a_line() {
        let eta = datetime::format(NOW + 3_600_000);
        check(
            json!({"eta": eta}),
            "2.5 % of visitors see it (step 1 of 2), everybody in 60 min at best",
        );
        check(
            json!({"state": "halted", "share": 0, "halted": {"words": "no reports"}}),
            "halted, only staff see it (step 1 of 2): no reports",
        );
        check(json!({"state": "checked"}), "waits for approval");
        check(
            json!({"state": "approved"}),
            "approved, begins once nothing else is under way",
        );
        check(
            json!({"state": "approved", "start_at": datetime::format(NOW + 90_000)}),
            "approved, begins in 90 s",
        );
    }

    #[test]
    fn shares_and_waits_are_short() {
        for (bps, expected) in [
            (10_000, "100 %"),
            (100, "1 %"),
            (1, "0.01 %"),
            (1_250, "12.5 %"),
        ] {
            assert_eq!(share(bps), expected);
        }
        let day = 86_400_000;
        for (ms, expected) in [
            (-5, "now"),
            (5_000, "in 5 s"),
            (7_300_000, "in 2 h 1 min"),
            (3 * day, "in 3 days"),
        ] {
            assert_eq!(until(&datetime::format(NOW + ms), NOW), expected);
        }
    }

    fn member(user: &str, role: &str, env: Option<&str>) -> Member {
        serde_json::from_value(
            json!({"user": user, "name": user.to_uppercase(), "email": null,
            "roles": [{"role": role, "env": env}]}),
        )
        .expect("a member")
    }

    #[test]
    fn who_may_approve_is_told_by_name() {
        let members = [
            member("ada", "admin", None),
            member("bob", "approver", Some("prod")),
            member("cyd", "approver", Some("dev")),
            member("dan", "operator", None),
        ];
        assert_eq!(approvers(&members, "prod", "ada"), "BOB may approve");
        assert_eq!(
            approvers(&members, "prod", "dan"),
            "one of ADA, BOB may approve"
        );
        assert_eq!(
            approvers(&members[..1], "prod", "ada"),
            "nobody else may approve here yet: invite somebody as approver"
        );
    }

    #[test]
    fn what_happened_names_who_and_why() {
        let one = |kind: &str, actor: &str, detail: Value| {
            let one =
                json!({"at": "", "kind": kind, "actor": actor, "sequence": 1, "detail": detail});
            let one: Happened = serde_json::from_value(one).expect("one");
            happened(&one, &[member("bob", "approver", None)])
        };
        assert_eq!(one("approve", "user:bob", json!({})), "approved by BOB");
        assert_eq!(
            one(
                "halt",
                "system:releases",
                json!({"why": {"no": 1}, "words": "no reports"})
            ),
            "halted: no reports"
        );
        assert_eq!(
            one("rollback", "system:releases", json!({"metric": "defaults"})),
            "taken back: defaults are worse than they may be"
        );
        assert_eq!(
            one("supersede", "token:t", json!({"by": 8})),
            "another release took its place by token t (release 8)"
        );
        assert_eq!(
            one("novel", "user:x", json!({"why": "so"})),
            "novel by x: so"
        );
    }
}
