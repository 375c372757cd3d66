//! Events that count: what was seen, once it is durable.

use std::borrow::Cow;
use std::collections::BTreeMap;

use skyful::event::{Event, EventKind};
use skyful::ledger::{Ledger, owner};
use skyful::snapshot::records::Subject;

use super::{Call, marks_of, run};
use crate::caps::Command;
use crate::{CapMode, Edge, Ports, StoreError, together};

/// Names of marks, and when what confirms them happened.
type Marks = Vec<(u32, i64)>;

impl Edge {
    /// Counts what was seen in the caps that count it, once the events are durable. Events name no device, so a device's own
    /// count is confirmed only where its visitor carries it. An error: something is not counted that nothing stands for
    /// until its event is. An exposure's open grant counts as well.
    pub(in crate::handle) async fn confirm<P: Ports>(
        &self,
        call: &Call<'_, P>,
        events: &[Event<'_>],
    ) -> Result<Vec<(&'static str, Cow<'static, str>)>, StoreError> {
        let now_ms = call.moment.now_ms;
        let mut by_unit: BTreeMap<&str, (Marks, bool)> = BTreeMap::new();
        for event in events {
            let marks = marks_of(
                event.kind,
                event.grant.as_deref(),
                &owner(&event.page, event.module.as_deref()),
                event.at_ms,
            );
            if !marks.is_empty() {
                let (all, must) = by_unit.entry(&event.unit).or_default();
                all.extend(marks);
                *must |= event.kind != EventKind::Exposure;
            }
        }
        match self.config.caps {
            CapMode::Off => {}
            CapMode::Ledger => {
                let marks = by_unit.values().flat_map(|(marks, _)| marks);
                return Ok(self.confirm_carried(call, marks));
            }
            CapMode::Approximate | CapMode::Exact => {
                let confirms = by_unit
                    .into_iter()
                    .map(|(unit, (confirm, must))| async move {
                        let command = Command {
                            now_ms,
                            confirm,
                            ..Command::default()
                        };
                        let key = self.keys.subject(Subject::Unit, unit);
                        (must, run(call, &key, &command).await)
                    });
                let mut missed = Ok(Vec::new());
                for (must, reply) in together::all(confirms).await {
                    if let Err(error) = reply {
                        self.uncounted(now_ms, &error);
                        if must {
                            missed = Err(error);
                        }
                    }
                }
                return missed;
            }
        }
        Ok(Vec::new())
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
