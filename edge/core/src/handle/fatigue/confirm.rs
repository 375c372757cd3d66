//! Events that count: what was seen, once it is durable.

use std::borrow::Cow;
use std::collections::BTreeMap;

use skyful::event::Event;
use skyful::ledger::{Ledger, owner};
use skyful::snapshot::records::Subject;

use super::{Call, marks_of, run};
use crate::caps::Command;
use crate::{CapMode, Edge, Ports};

impl Edge {
    /// Counts what was seen in the caps that count it, once the events are durable. Never fails: the origin has them too.
    /// Events name no device, so a device's own count is confirmed only where its visitor carries it.
    pub(in crate::handle) async fn confirm<P: Ports>(
        &self,
        call: &Call<'_, P>,
        events: &[Event<'_>],
    ) -> Vec<(&'static str, Cow<'static, str>)> {
        let now_ms = call.moment.now_ms;
        let mut by_unit: BTreeMap<&str, Vec<(u32, i64)>> = BTreeMap::new();
        for event in events {
            let marks = marks_of(
                event.kind,
                event.grant.as_deref(),
                &owner(&event.page, event.module.as_deref()),
                event.at_ms,
            );
            if !marks.is_empty() {
                by_unit.entry(&event.unit).or_default().extend(marks);
            }
        }
        match self.config.caps {
            CapMode::Off => {}
            CapMode::Ledger => return self.confirm_carried(call, by_unit.values().flatten()),
            CapMode::Approximate | CapMode::Exact => {
                for (unit, confirm) in by_unit {
                    let command = Command {
                        now_ms,
                        confirm,
                        ..Command::default()
                    };
                    let key = self.keys.subject(Subject::Unit, unit);
                    if let Err(error) = run(call, &key, &command).await {
                        self.uncounted(now_ms, &error);
                    }
                }
            }
        }
        Vec::new()
    }

    fn confirm_carried<'m, P: Ports>(
        &self,
        call: &Call<'_, P>,
        marks: impl Iterator<Item = &'m (u32, i64)>,
    ) -> Vec<(&'static str, Cow<'static, str>)> {
        let mut tokens = self.tokens(call);
        for (element, at_ms) in marks {
            for (_, ledger) in &mut tokens {
                ledger.confirm(*element, *at_ms, call.moment.now_ms);
            }
        }
        let sealer = self.config.secrets.sealer();
        let seal = |(of, ledger): &(u64, Ledger)| {
            sealer.map(|sealer| ledger.seal(sealer, *of, call.moment.now_ms))
        };
        let sealed: Vec<String> = tokens.iter().filter_map(seal).collect();
        if sealed.is_empty() {
            return Vec::new();
        }
        vec![("skyful-caps", sealed.join(", ").into())]
    }
}
