//! Stores that fail, cold starts, and what is answered then, on the real platforms. How stores lag and
//! what clients see over time is simulated in volume elsewhere; here a sample runs through the real parts.

use crate::core_edge::CoreEdge;
use crate::platform::{Answer, Ask, Client, Fault, Platform, Settings, all};
use crate::publisher::Publisher;
use crate::requests::workspace;

const HOME: &str = "/v1/pages/home?unit=u-1";
/// Asks an id list, so that the page costs a shard too.
const COLD_READS: u32 = 3;

struct Stage {
    publisher: Publisher,
    platforms: Vec<Box<dyn Platform>>,
    core: CoreEdge,
    client: Client,
}

impl Stage {
    fn new() -> Self {
        let publisher = Publisher::new();
        let settings = Settings::preview(&publisher.trust());
        Self {
            platforms: all(&settings),
            core: CoreEdge::new(&settings),
            client: Client::new(),
            publisher,
        }
    }

    fn publish(&mut self, title: &str) -> Answer {
        let snapshot = workspace(title);
        self.publisher
            .publish(&snapshot, &self.platforms, &self.core, &self.client);
        self.core.send(&Ask::get(HOME)).comparable()
    }
}

/// Whether a new instance answered, which has seen nothing, on a platform where one may begin at any
/// time and that keeps no copy. There nothing else can be said while the store is away.
fn fresh(platform: &dyn Platform, found: &Answer) -> bool {
    !platform.keeps_copy()
        && found.status == 503
        && found.json()["type"] == "urn:skyful:problem:no-snapshot"
}

#[test]
fn a_cold_page_costs_at_most_three_reads_and_a_warm_one_a_manifest_at_most() {
    let mut stage = Stage::new();
    let wanted = stage.publish("one");
    for platform in &mut stage.platforms {
        platform.restart();
        platform.forget();
        let cold = stage.client.send(&**platform, &Ask::get(HOME));
        assert_eq!(cold.comparable(), wanted, "{}", platform.name());
        // One less where the manifest is looked at before anybody asks.
        let reads = cold.reads();
        assert!(
            (COLD_READS - 1..=COLD_READS).contains(&reads),
            "{reads} on {}",
            platform.name()
        );
        let warm = stage.client.send(&**platform, &Ask::get(HOME));
        assert_eq!(warm.comparable(), wanted, "{}", platform.name());
        assert!(warm.reads() <= 1, "{}", platform.name());
    }
}

#[test]
fn a_warm_edge_answers_whatever_its_store_does() {
    let mut stage = Stage::new();
    let wanted = stage.publish("one");
    for platform in &mut stage.platforms {
        let mut answered = 0;
        for fault in Fault::ALL {
            // Warm again, after what the fault before left.
            platform.fault(Fault::None);
            let warm = stage.client.send(&**platform, &Ask::get(HOME));
            assert_eq!(warm.comparable(), wanted, "{}", platform.name());
            platform.fault(fault);
            for _ in 0..5 {
                let found = stage.client.send(&**platform, &Ask::get(HOME));
                if fresh(&**platform, &found) {
                    continue;
                }
                let what = format!("{fault:?} on {}: {}", platform.name(), found.json());
                assert_eq!(found.comparable(), wanted, "{what}");
                answered += 1;
            }
        }
        assert!(answered > 0, "{} was never warm", platform.name());
        platform.fault(Fault::None);
    }
}

#[test]
fn a_cold_start_without_a_store_goes_on_from_the_own_copy() {
    let mut stage = Stage::new();
    let wanted = stage.publish("one");
    for platform in &mut stage.platforms {
        // An own copy is made of what was served.
        stage.client.send(&**platform, &Ask::get(HOME));
        for fault in Fault::ALL {
            platform.fault(fault);
            platform.restart();
            let found = stage.client.send(&**platform, &Ask::get(HOME));
            let what = format!("{fault:?} on {}: {}", platform.name(), found.json());
            if platform.keeps_copy() {
                assert_eq!(found.comparable(), wanted, "{what}");
            } else {
                // Nothing was ever seen by this instance, and nothing can be.
                assert_eq!(found.status, 503, "{what}");
                assert_eq!(found.json()["type"], "urn:skyful:problem:no-snapshot");
            }
            platform.fault(Fault::None);
            platform.restart();
            let found = stage.client.send(&**platform, &Ask::get(HOME));
            assert_eq!(found.comparable(), wanted, "after {what}");
        }
    }
}

#[test]
fn without_store_and_copy_the_one_503_says_what_to_do() {
    let mut stage = Stage::new();
    let wanted = stage.publish("one");
    for platform in &mut stage.platforms {
        platform.fault(Fault::Missing);
        platform.forget();
        platform.restart();
        let found = stage.client.send(&**platform, &Ask::get(HOME));
        assert_eq!(found.status, 503, "{}", platform.name());
        assert!(found.header("retry-after").is_some(), "{}", platform.name());
        platform.fault(Fault::None);
        platform.restart();
        let found = stage.client.send(&**platform, &Ask::get(HOME));
        assert_eq!(found.comparable(), wanted, "{}", platform.name());
    }
}

#[test]
fn publishing_goes_on_after_a_fault_and_every_answer_is_of_one_release() {
    let mut stage = Stage::new();
    let mut known = vec![stage.publish("r0").body];
    // What was never served can't be served without a store.
    for platform in &stage.platforms {
        stage.client.send(&**platform, &Ask::get(HOME));
    }
    for round in 1..=12_usize {
        let fault = Fault::ALL[round % Fault::ALL.len()];
        for platform in &mut stage.platforms {
            platform.fault(fault);
            if round % 3 == 0 && platform.keeps_copy() {
                platform.restart();
            }
            for _ in 0..4 {
                let found = stage.client.send(&**platform, &Ask::get(HOME));
                if fresh(&**platform, &found) {
                    continue;
                }
                assert_eq!(found.status, 200, "{fault:?} on {}", platform.name());
                let what = format!("{fault:?} on {}: {}", platform.name(), found.json());
                assert!(known.contains(&found.body), "{what}");
            }
            platform.fault(Fault::None);
        }
        known.push(stage.publish(&format!("r{round}")).body);
        for platform in &stage.platforms {
            let found = stage.client.send(&**platform, &Ask::get(HOME));
            assert_eq!(found.status, 200);
            assert_eq!(found.body, known[round], "{}", platform.name());
        }
    }
}
