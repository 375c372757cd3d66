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
    /// With --target: requests of one visitor that are answered at the same time
    #[arg(long, default_value_t = 2, requires = "target", value_name = "P")]
    in_flight: u64,
    /// With --target: grants to one visitor within the lag of the store
    #[arg(long, default_value_t = 2, requires = "target", value_name = "G")]
    within_lag: u64,
}

/// One counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bounded {
    pub cap: String,
    pub limit: u64,
    pub per: String,
    pub count: &'static str,
    pub bounds: Vec<Bound>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    pub mode: Mode,
    /// The most that can be counted of one visitor in a window. None: never any, since this mode cannot count it.
    pub at_most: Option<u64>,
    pub formula: &'static str,
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

    fn bound(self, limit: u64, assumed: &Assumed) -> Bound {
        let Assumed {
            devices,
            in_flight,
            within_lag,
        } = *assumed;
        let (at_most, formula) = match self {
            Self::Exact => (Some(limit), "L"),
            Self::Ledger if limit > u64::from(limits::LEDGER_MARKS) => (
                None,
                "a ledger has no room for this limit, so it never lets through",
            ),
            Self::Ledger if limit == 0 => (Some(0), "0"),
            Self::Ledger => {
                let once = limit + in_flight.saturating_sub(1);
                (Some(devices.saturating_mul(once)), "D·(L+P−1)")
            }
            Self::Approximate => (Some(limit.saturating_mul(within_lag)), "L·G"),
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
            .map(|mode| mode.bound(limit, assumed))
            .collect(),
    };
    found.into_iter().map(bounded).collect()
}

/// Limit, window and what is counted; none of a cap that is a group's.
fn about(cap: &Cap) -> Option<(u64, String, &'static str)> {
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
                StopEvent::Click => "click",
                StopEvent::Dismiss => "dismiss",
                StopEvent::Conversion => "conversion",
            };
            Some((1, "lifetime".into(), event))
        }
        Cap::Group { .. } => None,
    }
}

fn counted(count: Count) -> &'static str {
    match count {
        Count::Served => "served",
        Count::Exposure => "exposure",
        Count::Click => "click",
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
        "caps, and the most that is counted of one visitor in a window (D={} P={} G={}):\n",
        assumed.devices, assumed.in_flight, assumed.within_lag
    );
    for one in bounded {
        let limit = format!("{} per {}, {}", one.limit, one.per, one.count);
        out.push_str(&format!("  {:widest$}  {limit:28}", one.cap));
        for bound in &one.bounds {
            let most = bound
                .at_most
                .map_or_else(|| "never shown".into(), |most| most.to_string());
            out.push_str(&format!("  {} {most}", bound.mode.name()));
        }
        out.push('\n');
    }
    let formulas = target.modes().iter().map(|mode| {
        let formula = mode.bound(1, assumed).formula;
        format!("{} {formula}", mode.name())
    });
    let formulas: Vec<String> = formulas.collect();
    out.push_str(&format!(
        "  ({}; docs/caps.md says what else can add to it)\n",
        formulas.join(", ")
    ));
    out
}
