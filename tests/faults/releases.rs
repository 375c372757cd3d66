//! What is released next.

use skyful::manifest::Mode;

use crate::books::{self, GrayShare, Release, UNITS};
use crate::dice::Dice;
use crate::world::World;

impl World {
    /// Publish, gray step, rollback or switch: always one sequence higher.
    pub fn release(&mut self) {
        let dice = &mut self.dice;
        let mut network = self.network.lock().expect("no check panics");
        let edition = |dice: &mut Dice| dice.below(books::library().editions.len() as u64) as usize;
        let head = network.books.head();
        let last = network.books.issued.get(&head).cloned();
        let mut release = last.unwrap_or(Release {
            sequence: 0,
            mode: Mode::Run,
            no_fallback: false,
            stable: edition(dice),
            gray: None,
        });
        release.sequence += 1;
        if dice.permille(15) {
            // A restored origin goes on in the next era.
            release.sequence = ((release.sequence >> 40) + 1) << 40 | 1;
            network.count("era raised");
        }
        release.no_fallback = dice.permille(80);
        release.mode = Mode::Run;
        let what = match dice.below(10) {
            0..4 => {
                release.stable = edition(dice);
                release.gray = None;
                "release: snapshot"
            }
            4..7 => {
                release.gray = Some(GrayShare {
                    edition: edition(dice),
                    share_bps: *dice.of(&[500, 3_000, 10_000]),
                    salt: format!("salt {}", dice.below(1_000)),
                    allow: (0..dice.below(4)).map(|_| dice.below(UNITS)).collect(),
                });
                "release: gray"
            }
            7 => {
                let issued: Vec<usize> = network
                    .books
                    .issued
                    .values()
                    .map(|old| old.stable)
                    .collect();
                release.stable = issued.first().map_or(0, |_| *dice.of(&issued));
                release.gray = None;
                "release: rollback"
            }
            _ => {
                release.mode = *dice.of(&[Mode::Hold, Mode::Defaults, Mode::Off]);
                if dice.permille(500) {
                    release.stable = edition(dice);
                }
                "release: switch"
            }
        };
        network.count(what);
        let sequence = network.books.issue(release);
        network.note(|| format!("{what} {sequence}"));
        self.delivery.start(&network);
    }
}
