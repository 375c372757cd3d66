//! Events that are reported by themselves, in every mode: what an answer granted, and what the next one makes of it.

use serde_json::{Value, json};
use skyful_edge::CapMode;

use crate::world::{Answer, DAY, World};

const MODES: [CapMode; 3] = [CapMode::Ledger, CapMode::Approximate, CapMode::Exact];

/// One visitor with what it carries.
struct Visitor {
    world: World,
    token: Option<String>,
}

impl Visitor {
    fn new(mode: CapMode, caps: Value) -> Self {
        Self {
            world: World::new(mode, &[("hero", caps)]),
            token: None,
        }
    }

    fn visits(&mut self) -> Answer {
        let answer = self
            .world
            .ask(json!({"page": "hero"}), self.token.as_deref());
        self.keeps(&answer);
        answer
    }

    fn reports(&mut self, event: Value) {
        let answer = self.world.report(&[event], self.token.as_deref());
        let carries = self.token.is_some();
        assert_eq!(answer.caps.is_some(), carries, "{answer:?}");
        self.keeps(&answer);
    }

    fn keeps(&mut self, answer: &Answer) {
        if answer.caps.is_some() {
            self.token.clone_from(&answer.caps);
        }
    }
}

#[test]
fn a_click_that_is_reported_stops() {
    for mode in MODES {
        let mut visitor = Visitor::new(mode, json!([{"stop_after": "click"}]));
        let first = visitor.visits();
        assert!(first.shows() && visitor.visits().shows(), "{mode:?}");
        let at_ms = visitor.world.now_ms;
        // Of another kind, of no grant, of one that was never given.
        visitor.reports(first.event("exposure", at_ms));
        for grant in [json!(null), json!("AAAAAAAAAAAAAAAA")] {
            let mut click = first.event("click", at_ms);
            click["grant"] = grant;
            visitor.reports(click);
            assert!(visitor.visits().shows(), "{mode:?}");
        }
        visitor.reports(first.event("click", at_ms));
        assert!(!visitor.visits().shows(), "{mode:?}");
        visitor.world.wait(20 * DAY);
        assert!(!visitor.visits().shows(), "{mode:?}");
    }
}

/// An open grant is given up after seven days at the latest; what was seen counts for the whole window.
#[test]
fn an_exposure_that_is_reported_counts_until_its_window_ends() {
    for mode in MODES {
        for reported in [true, false] {
            let mut visitor = Visitor::new(mode, json!([{"limit": 1, "per": "30d"}]));
            let first = visitor.visits();
            assert!(first.shows() && !visitor.visits().shows(), "{mode:?}");
            if reported {
                let seen = first.event("exposure", visitor.world.now_ms);
                // Once is enough, and twice is no fault.
                visitor.reports(seen.clone());
                visitor.reports(seen);
            }
            visitor.world.wait(8 * DAY);
            assert_eq!(visitor.visits().shows(), !reported, "{mode:?}");
            if reported {
                visitor.world.wait(23 * DAY);
                assert!(visitor.visits().shows(), "{mode:?}: the window is over");
            }
        }
    }
}

#[test]
fn an_event_that_is_not_kept_confirms_nothing() {
    for mode in MODES {
        let mut visitor = Visitor::new(mode, json!([{"stop_after": "click"}]));
        let first = visitor.visits();
        let click = first.event("click", visitor.world.now_ms);
        visitor.world.platform.events.fail(true);
        let refused = visitor
            .world
            .refused(std::slice::from_ref(&click), visitor.token.as_deref());
        assert_eq!(refused, 503);
        visitor.world.platform.events.fail(false);
        assert!(visitor.visits().shows(), "{mode:?}");
        visitor.reports(click);
        assert!(!visitor.visits().shows(), "{mode:?}");
    }
}
