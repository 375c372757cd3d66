//! How far each cap can be overshot, by how it is counted: what `skyful check --target` says of them. The bounds are those
//! of docs/caps.md, which tests/tests/caps reaches.

use std::collections::BTreeMap;

use serde::Serialize;
use skyful::limits;
use skyful::model::{Cap, Constraints, Count, StopEvent, Window, Workspace};

/// Where an edge runs: what it can count by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    Cloudflare,
    Fastly,
    Native,
    Spin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Exact,
    Ledger,
    Approximate,
}

/// What visitors may do at worst.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Assumed {
    /// With --target: devices of one visitor whose ledgers never meet
    #[arg(long, default_value_t = 1, requires = "target", value_name = "D")]
    devices: u64,
    /// With --target: ledgers of one visitor that were lost, sent again when older, or had no room for all
    #[arg(long, default_value_t = 0, requires = "target", value_name = "K")]
    lost: u64,
    /// With --target: requests of one visitor that are answered at the same time
    #[arg(long, default_value_t = 2, requires = "target", value_name = "P")]
    in_flight: u64,
    /// With --target: grants to one visitor within the lag of the store
    #[arg(long, default_value_t = 2, requires = "target", value_name = "G")]
    within_lag: u64,
    /// With --target: exposures of one visitor that are reported too late or never
    #[arg(long, default_value_t = 0, requires = "target", value_name = "X")]
    unreported: u64,
}

/// One counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bounded {
    pub cap: String,
    pub limit: u64,
    pub per: String,
    pub count: Counted,
    pub bounds: Vec<Bound>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    pub mode: Mode,
    /// The most that can be counted of one visitor in a window. None: no number is never gone beyond.
    pub at_most: Option<u64>,
    pub formula: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    Served,
    Exposure,
    Click,
    Dismiss,
    Conversion,
}

impl Counted {
    fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Exposure => "exposure",
            Self::Click => "click",
            Self::Dismiss => "dismiss",
            Self::Conversion => "conversion",
        }
    }
}

impl Target {
    fn modes(self) -> &'static [Mode] {
        match self {
            Self::Cloudflare => &[Mode::Exact, Mode::Ledger, Mode::Approximate],
            Self::Native => &[Mode::Exact, Mode::Ledger],
            Self::Fastly | Self::Spin => &[Mode::Ledger, Mode::Approximate],
        }
    }
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Ledger => "ledger",
            Self::Approximate => "approximate",
        }
    }

    fn bound(self, limit: u64, count: Counted, assumed: &Assumed) -> Bound {
        let Assumed {
            devices,
            lost,
            in_flight,
            within_lag,
            unreported,
        } = *assumed;
        let seen = count == Counted::Exposure;
        let late = if seen { unreported } else { 0 };
        let either = |exposure, served| if seen { exposure } else { served };
        let (at_most, formula) = match (self, count) {
            _ if limit == 0 => (Some(0), "0"),
            (Self::Ledger, _) if limit > u64::from(limits::LEDGER_MARKS) => (
                Some(0),
                "a ledger has no room for this limit, so it never lets through",
            ),
            // Until the event arrives nothing is counted, and each answer given by then can bring one.
            (_, Counted::Click | Counted::Dismiss | Counted::Conversion) => {
                (None, "every answer that is open at the time")
            }
            (Self::Exact, _) => (Some(limit.saturating_add(late)), either("L+X", "L")),
            (Self::Ledger, _) => {
                let once = limit.saturating_add(in_flight.saturating_sub(1));
                let books = devices.saturating_add(lost);
                let most = books.saturating_mul(once).saturating_add(late);
                (Some(most), either("(D+K)·(L+P−1)+X", "(D+K)·(L+P−1)"))
            }
            (Self::Approximate, _) => {
                let most = limit.saturating_mul(within_lag).saturating_add(late);
                (Some(most), either("L·G+X", "L·G"))
            }
        };
        Bound {
            mode: self,
            at_most,
            formula,
        }
    }
}

/// All counters of a workspace, by name.
pub fn bounds(workspace: &Workspace, target: Target, assumed: &Assumed) -> Vec<Bounded> {
    let mut found = BTreeMap::new();
    for (key, group) in &workspace.cap_groups {
        let limit = u64::from(group.limit);
        let about = (limit, window(&group.window), counted(group.count));
        found.insert(format!("group/{key}"), about);
    }
    let mut add = |owner: String, constraints: &Constraints| {
        for (index, cap) in constraints.caps.iter().enumerate() {
            if let Some(about) = about(cap) {
                found.insert(format!("{owner}#{index}"), about);
            }
        }
    };
    for (key, page) in &workspace.pages {
        for plan in &page.plans {
            add(format!("page/{key}/{}", plan.key), &plan.constraints);
        }
    }
    for (key, module) in &workspace.modules {
        for plan in &module.plans {
            add(format!("module/{key}/{}", plan.key), &plan.constraints);
        }
    }
    let bounded = |(cap, (limit, per, count))| Bounded {
        cap,
        limit,
        per,
        count,
        bounds: target
            .modes()
            .iter()
            .map(|mode| mode.bound(limit, count, assumed))
            .collect(),
    };
    found.into_iter().map(bounded).collect()
}

/// Limit, window and what is counted; none of a cap that is a group's.
fn about(cap: &Cap) -> Option<(u64, String, Counted)> {
    match cap {
        Cap::Limit {
            limit,
            window: per,
            count,
            ..
        } => Some((u64::from(*limit), window(per), counted(*count))),
        Cap::Cooldown { secs, count, .. } => Some((1, duration(*secs), counted(*count))),
        Cap::StopAfter { event, .. } => {
            let event = match event {
                StopEvent::Click => Counted::Click,
                StopEvent::Dismiss => Counted::Dismiss,
                StopEvent::Conversion => Counted::Conversion,
            };
            Some((1, "lifetime".into(), event))
        }
        Cap::Group { .. } => None,
    }
}

fn counted(count: Count) -> Counted {
    match count {
        Count::Served => Counted::Served,
        Count::Exposure => Counted::Exposure,
        Count::Click => Counted::Click,
    }
}

fn window(window: &Window) -> String {
    match window {
        Window::Sliding { secs } => duration(*secs),
        Window::Calendar { unit, .. } => format!("calendar {unit:?}").to_lowercase(),
        Window::Lifetime => "lifetime".into(),
    }
}

fn duration(secs: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let whole = units
        .into_iter()
        .find(|(unit, _)| secs.is_multiple_of(*unit));
    whole.map_or_else(
        || format!("{secs}s"),
        |(unit, name)| format!("{}{name}", secs / unit),
    )
}

/// A table for people.
pub fn table(bounded: &[Bounded], target: Target, assumed: &Assumed) -> String {
    if bounded.is_empty() {
        return "caps: none\n".into();
    }
    let widest = bounded
        .iter()
        .map(|one| one.cap.chars().count())
        .max()
        .unwrap_or(0);
    let mut out = format!(
        "caps, and the most that is counted of one visitor in a window (D={} K={} P={} G={} X={}):\n",
        assumed.devices, assumed.lost, assumed.in_flight, assumed.within_lag, assumed.unreported
    );
    for one in bounded {
        let limit = format!("{} per {}, {}", one.limit, one.per, one.count.name());
        out.push_str(&format!("  {:widest$}  {limit:28}", one.cap));
        for bound in &one.bounds {
            let most = match bound.at_most {
                Some(0) => "never shown".into(),
                Some(most) => most.to_string(),
                None => "not bounded".into(),
            };
            out.push_str(&format!("  {} {most}", bound.mode.name()));
        }
        out.push('\n');
    }
    for count in [Counted::Served, Counted::Exposure] {
        let formula = |mode: &Mode| mode.bound(1, count, assumed).formula;
        let of = |mode: &Mode| format!("{} {}", mode.name(), formula(mode));
        let formulas: Vec<String> = target.modes().iter().map(of).collect();
        out.push_str(&format!("  {}: {}\n", count.name(), formulas.join(", ")));
    }
    out.push_str(
        "  click, dismiss, conversion: not bounded, since each answer that is given before the event arrives can bring one\n  \
         (docs/caps.md says what the letters mean)\n",
    );
    out
}

#[cfg(test)]
mod tests;
