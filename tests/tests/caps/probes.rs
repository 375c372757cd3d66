//! Who only looks takes nothing.

use pollster::block_on;
use serde_json::json;
use skyful_edge::CapMode;

use crate::world::World;

#[test]
fn a_head_request_reserves_nothing() {
    for mode in [CapMode::Exact, CapMode::Ledger] {
        let caps = json!([{"limit": 1, "per": "1d", "count": "served"}]);
        let world = World::new(mode, &[("hero", caps)]);
        let mut token = None;
        for _ in 0..3 {
            let head = world.sent("HEAD", "/v1/pages/hero?unit=u-1", "", token.as_deref());
            let head = block_on(head);
            assert_eq!(head.status, 200);
            assert_eq!(head.header("skyful-grant"), None, "{mode:?}");
            token = head.header("skyful-caps").map(str::to_owned);
        }
        let answer = world.ask(json!({"page": "hero"}), token.as_deref());
        assert!(answer.shows(), "{mode:?}: a probe took the visitor's room");
        assert!(!world.again("hero", &answer).shows());
    }
}
