//! Plans and what bounds them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use hashbrown::HashMap;

use super::builder::Builder;
use super::rules::Rules;
use super::times;
use crate::bucket::SaltHash;
use crate::model::{self, Cap, Constraints, Count, StopEvent, Window, Workspace};
use crate::snapshot::records::{
    self, BucketRange, Counted, Counter, Experiment, Plan, Subject, Variant, WindowKind,
};
use crate::snapshot::table::{OptRef, Ref, Span};

/// Plans of one chunk.
pub struct Plans<'a> {
    pub workspace: &'a Workspace,
    pub rules: Rules<'a>,
    experiments: HashMap<&'a str, (Ref<Experiment>, Span<Variant>)>,
    counters: HashMap<String, Ref<Counter>>,
    zones: times::Zones<'a>,
}

impl<'a> Plans<'a> {
    pub fn new(workspace: &'a Workspace) -> Self {
        Self {
            workspace,
            rules: Rules::new(workspace),
            experiments: HashMap::new(),
            counters: HashMap::new(),
            zones: times::Zones::default(),
        }
    }

    /// `owner` is `page/<page>` or `module/<module>`: the first half of salts and counter names.
    pub fn plan(
        &mut self,
        builder: &mut Builder,
        owner: &str,
        key: &str,
        constraints: &'a Constraints,
        target: u32,
    ) -> Plan {
        let schedule = constraints
            .schedule
            .as_ref()
            .map(|s| times::schedule(builder, &mut self.zones, s))
            .into();
        let placement = constraints
            .placement
            .as_ref()
            .map(|rule| self.rules.rule(builder, rule))
            .into();
        let audience = constraints
            .audience
            .as_ref()
            .map(|rule| self.rules.rule(builder, rule))
            .into();
        let caps: Vec<records::Cap> = constraints
            .caps
            .iter()
            .enumerate()
            .map(|(index, cap)| self.cap(builder, &format!("{owner}/{key}#{index}"), cap))
            .collect();
        let caps = builder.push_run(caps);
        let (experiment, variant) = match &constraints.experiment {
            Some((experiment, variant)) => self.experiment(builder, experiment, variant),
            None => (OptRef::NONE, OptRef::NONE),
        };
        let rollout = constraints.rollout.as_ref();
        let salt = rollout.map(|rollout| match &rollout.salt {
            Some(salt) => SaltHash::of(salt),
            None => SaltHash::of(&format!("rollout/{owner}/{key}")),
        });
        Plan {
            key: builder.text(key),
            schedule,
            placement,
            audience,
            caps,
            rollout_share: rollout.map_or(u32::MAX, |r| r.share_bps),
            rollout_salt: salt.map_or(0, |salt| salt.0),
            rollout_by: rollout.map_or(0, |r| subject(r.by)),
            experiment,
            variant,
            target,
            // The index knows.
            conditions: Span::EMPTY,
            residual: OptRef::NONE,
        }
    }

    fn experiment(
        &mut self,
        builder: &mut Builder,
        key: &'a str,
        variant: &str,
    ) -> (OptRef<Experiment>, OptRef<Variant>) {
        let Some(model) = self.workspace.experiments.get(key) else {
            return (OptRef::NONE, OptRef::NONE);
        };
        let (row, variants) = match self.experiments.get(key) {
            Some(known) => *known,
            None => {
                let rows = experiment(builder, key, model);
                self.experiments.insert(key, rows);
                rows
            }
        };
        let position = model
            .variants
            .iter()
            .position(|(candidate, _)| candidate == variant);
        let variant = position.and_then(|p| variants.refs().nth(p));
        (OptRef::some(row), variant.into())
    }

    fn cap(&mut self, builder: &mut Builder, name: &str, cap: &'a Cap) -> records::Cap {
        let (name, limit, cooldown_secs, adds, counted, by, window) = match cap {
            Cap::Limit {
                limit,
                window,
                count,
                by,
            } => (
                String::from(name),
                *limit,
                0,
                adds(*count),
                counted(*count),
                *by,
                window,
            ),
            Cap::Cooldown { secs, count, by } => (
                String::from(name),
                u32::MAX,
                *secs,
                false,
                counted(*count),
                *by,
                &Window::Lifetime,
            ),
            Cap::StopAfter { event, by } => {
                let counted = match event {
                    StopEvent::Click => Counted::Click,
                    StopEvent::Dismiss => Counted::Dismiss,
                    StopEvent::Conversion => Counted::Conversion,
                };
                (
                    String::from(name),
                    1,
                    0,
                    false,
                    counted,
                    *by,
                    &Window::Lifetime,
                )
            }
            Cap::Group { key, by } => {
                let name = format!("group/{key}");
                match self.workspace.cap_groups.get(key) {
                    Some(group) => (
                        name,
                        group.limit,
                        0,
                        adds(group.count),
                        counted(group.count),
                        *by,
                        &group.window,
                    ),
                    None => (
                        name,
                        u32::MAX,
                        0,
                        false,
                        Counted::Exposure,
                        *by,
                        &Window::Lifetime,
                    ),
                }
            }
        };
        let counter = match self.counters.get(&name) {
            Some(known) => *known,
            None => {
                let row = counter(builder, &mut self.zones, &name, counted, by, window);
                self.counters.insert(name, row);
                row
            }
        };
        records::Cap {
            counter,
            limit,
            cooldown_ms: (cooldown_secs * 1_000) as i64,
            adds: u32::from(adds),
        }
    }
}

fn counter<'a>(
    builder: &mut Builder,
    zones: &mut times::Zones<'a>,
    name: &str,
    count: Counted,
    by: model::Subject,
    window: &'a Window,
) -> Ref<Counter> {
    let (kind, window_secs, zone) = match window {
        Window::Sliding { secs } => (WindowKind::Sliding, *secs, OptRef::NONE),
        Window::Lifetime => (WindowKind::Lifetime, 0, OptRef::NONE),
        Window::Calendar { unit, zone } => {
            let kind = match unit {
                model::CalendarUnit::Day => WindowKind::Day,
                model::CalendarUnit::Week => WindowKind::Week,
                model::CalendarUnit::Month => WindowKind::Month,
            };
            (kind, 0, OptRef::some(zones.zone(builder, zone)))
        }
    };
    let name = builder.text(name);
    builder.push(Counter {
        name,
        count: count as u32,
        by: subject(by),
        window: kind as u32,
        window_secs,
        zone,
    })
}

fn experiment(
    builder: &mut Builder,
    key: &str,
    model: &model::Experiment,
) -> (Ref<Experiment>, Span<Variant>) {
    let mut upto_bps = 0;
    let variants: Vec<Variant> = model
        .variants
        .iter()
        .map(|(key, weight_bps)| {
            upto_bps += weight_bps;
            Variant {
                key: builder.text(key),
                upto_bps,
            }
        })
        .collect();
    let variants = builder.push_run(variants);
    let ranges = builder.intern_run(model.buckets.iter().map(|(from, to)| BucketRange {
        from: *from,
        to: *to,
    }));
    let salt = model
        .salt
        .clone()
        .unwrap_or_else(|| format!("experiment/{key}"));
    let row = Experiment {
        key: builder.text(key),
        layer_salt: SaltHash::of(&format!("layer/{}", model.layer)).0,
        salt: SaltHash::of(&salt).0,
        by: subject(model.by),
        ranges,
        variants,
    };
    (builder.push(row), variants)
}

fn subject(by: model::Subject) -> u32 {
    match by {
        model::Subject::Unit => Subject::Unit as u32,
        model::Subject::Device => Subject::Device as u32,
    }
}

fn counted(count: Count) -> Counted {
    match count {
        Count::Served => Counted::Served,
        Count::Exposure => Counted::Exposure,
        Count::Click => Counted::Click,
    }
}

/// Whether an answer itself uses up room: a click can't have happened yet.
fn adds(count: Count) -> bool {
    matches!(count, Count::Served | Count::Exposure)
}
