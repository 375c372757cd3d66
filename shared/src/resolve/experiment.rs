//! Who is in a rollout or an experiment, and which variant a unit draws.

use core::cell::OnceCell;

use crate::bucket::{OUTSIDE, SaltHash, UnitHash};
use crate::snapshot::Chunk;
use crate::snapshot::records::{Experiment, Subject, Variant};
use crate::snapshot::table::Ref;

/// The ids of one visitor, hashed once something is drawn.
pub struct Subjects<'a> {
    unit: Hashed<'a>,
    device: Hashed<'a>,
}

struct Hashed<'a> {
    id: Option<&'a str>,
    hash: OnceCell<UnitHash>,
}

impl Hashed<'_> {
    fn get(&self) -> Option<UnitHash> {
        let id = self.id?;
        Some(*self.hash.get_or_init(|| UnitHash::of(id)))
    }
}

impl<'a> Subjects<'a> {
    pub fn of(unit: Option<&'a str>, device: Option<&'a str>) -> Self {
        let hashed = |id| Hashed {
            id,
            hash: OnceCell::new(),
        };
        Self {
            unit: hashed(unit),
            device: hashed(device),
        }
    }

    pub fn unit(&self) -> Option<UnitHash> {
        self.unit.get()
    }

    /// Nobody is outside of every share.
    pub fn bucket(&self, by: u32, salt: u64) -> u32 {
        let subject = match Subject::from_code(by) {
            Some(Subject::Device) => self.device.get(),
            _ => self.unit.get(),
        };
        subject.map_or(OUTSIDE, |hash| hash.bucket(SaltHash(salt)))
    }
}

/// The variant that a unit inside the experiment's range draws; none outside.
pub fn draw(
    chunk: &Chunk,
    experiment: &Experiment,
    subjects: &Subjects<'_>,
) -> Option<Ref<Variant>> {
    let bucket = subjects.bucket(experiment.by, experiment.layer_salt);
    if !chunk
        .rows(experiment.ranges)
        .any(|range| range.from <= bucket && bucket < range.to)
    {
        return None;
    }
    let draw = subjects.bucket(experiment.by, experiment.salt);
    chunk
        .numbered(experiment.variants)
        .find(|(_, variant)| draw < variant.upto_bps)
        .map(|(row, _)| row)
}
