//! What a release can be, and what can become of it: one table, without time, people or a database.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In order, and waits for somebody else's approval.
    Checked,
    /// May go, and waits for its start.
    Approved,
    /// Some see it.
    Gray,
    /// A person stopped it where it is.
    Paused,
    /// A gate stopped it where it is.
    Halted,
    /// Everybody sees it.
    Full,
    /// Another release took its place.
    Superseded,
    RolledBack,
    Rejected,
    Cancelled,
}

/// What happens to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    Approve,
    Reject,
    Cancel,
    /// The environment became protected before it began.
    Protect,
    /// The first gray step.
    Begin,
    /// The next gray step.
    Advance,
    /// To everybody.
    Finish,
    Pause,
    Resume,
    Halt,
    /// What stopped it is over.
    Recover,
    RollBack,
    Supersede,
    /// What took its place was rolled back.
    Reinstate,
}

impl State {
    pub const ALL: [Self; 10] = [
        Self::Checked,
        Self::Approved,
        Self::Gray,
        Self::Paused,
        Self::Halted,
        Self::Full,
        Self::Superseded,
        Self::RolledBack,
        Self::Rejected,
        Self::Cancelled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Approved => "approved",
            Self::Gray => "gray",
            Self::Paused => "paused",
            Self::Halted => "halted",
            Self::Full => "full",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled_back",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Some see it, others don't.
    pub fn under_way(self) -> bool {
        matches!(self, Self::Gray | Self::Paused | Self::Halted)
    }

    /// It has not begun.
    pub fn pending(self) -> bool {
        matches!(self, Self::Checked | Self::Approved)
    }

    /// Its pipeline is over.
    pub fn ended(self) -> bool {
        !self.under_way() && !self.pending()
    }
}

/// The table. What isn't in it can't happen, and says why.
pub const fn next(state: State, event: Event) -> Result<State, &'static str> {
    use {Event as E, State as S};
    Ok(match (state, event) {
        (S::Checked, E::Approve) => S::Approved,
        (S::Checked, E::Reject) => S::Rejected,
        (S::Approved, E::Protect) => S::Checked,
        (S::Approved, E::Begin) => S::Gray,
        // Without a gray step: the first of its environment, or a pipeline that has none.
        (S::Approved, E::Finish) => S::Full,
        // Nothing of it was seen, so there is nothing to take back.
        (S::Checked | S::Approved, E::Cancel | E::RollBack) => S::Cancelled,
        (S::Gray | S::Paused | S::Halted, E::Advance) => S::Gray,
        (S::Gray | S::Paused | S::Halted, E::Finish) => S::Full,
        (S::Gray | S::Halted, E::Pause) => S::Paused,
        (S::Paused | S::Halted, E::Resume) => S::Gray,
        (S::Gray, E::Halt) => S::Halted,
        (S::Halted, E::Recover) => S::Gray,
        (S::Gray | S::Paused | S::Halted | S::Full, E::RollBack) => S::RolledBack,
        (S::Gray | S::Paused | S::Halted | S::Full, E::Supersede) => S::Superseded,
        (S::Superseded, E::Reinstate) => S::Full,

        (S::Checked, _) => return Err("it waits for approval"),
        (S::Approved, _) => return Err("it has not begun"),
        (S::Gray, E::Resume) => return Err("it is not stopped"),
        (S::Paused, E::Pause) => return Err("it is paused already"),
        (S::Gray | S::Paused | S::Halted, E::Cancel) => {
            return Err("it is under way; roll it back instead");
        }
        (S::Gray | S::Paused | S::Halted, _) => return Err("it is under way"),
        (S::Full, _) => return Err("everybody sees it already"),
        (S::Superseded, _) => return Err("another release took its place"),
        (S::RolledBack, _) => return Err("it was rolled back"),
        (S::Rejected, _) => return Err("it was rejected"),
        (S::Cancelled, _) => return Err("it was cancelled"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [(Event, &str); 14] = [
        (Event::Approve, "approve"),
        (Event::Reject, "reject"),
        (Event::Cancel, "cancel"),
        (Event::Protect, "protect"),
        (Event::Begin, "begin"),
        (Event::Advance, "advance"),
        (Event::Finish, "finish"),
        (Event::Pause, "pause"),
        (Event::Resume, "resume"),
        (Event::Halt, "halt"),
        (Event::Recover, "recover"),
        (Event::RollBack, "roll_back"),
        (Event::Supersede, "supersede"),
        (Event::Reinstate, "reinstate"),
    ];

    /// The whole table, as docs/releases.md has it: rows are states, and every pair that isn't here is refused.
    const TABLE: [(&str, &[(&str, &str)]); 10] = [
        (
            "checked",
            &[
                ("approve", "approved"),
                ("reject", "rejected"),
                ("cancel", "cancelled"),
                ("roll_back", "cancelled"),
            ],
        ),
        (
            "approved",
            &[
                ("cancel", "cancelled"),
                ("protect", "checked"),
                ("begin", "gray"),
                ("finish", "full"),
                ("roll_back", "cancelled"),
            ],
        ),
        (
            "gray",
            &[
                ("advance", "gray"),
                ("finish", "full"),
                ("pause", "paused"),
                ("halt", "halted"),
                ("roll_back", "rolled_back"),
                ("supersede", "superseded"),
            ],
        ),
        (
            "paused",
            &[
                ("advance", "gray"),
                ("finish", "full"),
                ("resume", "gray"),
                ("roll_back", "rolled_back"),
                ("supersede", "superseded"),
            ],
        ),
        (
            "halted",
            &[
                ("advance", "gray"),
                ("finish", "full"),
                ("pause", "paused"),
                ("resume", "gray"),
                ("recover", "gray"),
                ("roll_back", "rolled_back"),
                ("supersede", "superseded"),
            ],
        ),
        (
            "full",
            &[("roll_back", "rolled_back"), ("supersede", "superseded")],
        ),
        ("superseded", &[("reinstate", "full")]),
        ("rolled_back", &[]),
        ("rejected", &[]),
        ("cancelled", &[]),
    ];

    #[test]
    fn every_pair_of_state_and_event_is_in_the_table_or_refused() {
        assert_eq!(TABLE.len(), State::ALL.len());
        for (name, row) in TABLE {
            let state = State::named(name).expect("a state");
            for (event, called) in EVENTS {
                let expected = row.iter().find(|(event, _)| *event == called);
                let expected = expected.map(|(_, to)| State::named(to).expect("a state"));
                assert_eq!(next(state, event).ok(), expected, "{name} {called}");
            }
        }
    }

    #[test]
    fn the_page_for_people_has_the_same_table() {
        let page = include_str!("../../../../docs/releases.md");
        for (name, row) in TABLE {
            for (event, to) in row {
                let line = format!("| `{name}` | {event} | `{to}` |");
                assert!(page.contains(&line), "docs/releases.md lacks: {line}");
            }
        }
        let rows: usize = TABLE.iter().map(|(_, row)| row.len()).sum();
        let written = page
            .lines()
            .filter(|line| line.starts_with("| `") && line.ends_with("` |"))
            .count();
        assert_eq!(
            written, rows,
            "docs/releases.md has rows that the table lacks"
        );
    }

    #[test]
    fn whatever_visitors_see_can_be_taken_back() {
        for state in State::ALL {
            let seen = state.under_way() || state == State::Full;
            assert!(!seen || next(state, Event::RollBack) == Ok(State::RolledBack));
        }
    }
}
