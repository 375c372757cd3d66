//! Who is in a rollout or an experiment, and which variant a unit draws.

use crate::bucket::{OUTSIDE, SaltHash, UnitHash};
use crate::snapshot::Chunk;
use crate::snapshot::records::{Experiment, Subject, Variant};
use crate::snapshot::table::Ref;

/// The hashed ids of one visitor.
#[derive(Clone, Copy, Default)]
pub struct Subjects {
    pub unit: Option<UnitHash>,
    pub device: Option<UnitHash>,
}

impl Subjects {
    pub fn of(unit: Option<&str>, device: Option<&str>) -> Self {
        Self {
            unit: unit.map(UnitHash::of),
            device: device.map(UnitHash::of),
        }
    }

    /// Nobody is outside of every share.
    pub fn bucket(&self, by: u32, salt: u64) -> u32 {
        let subject = match Subject::from_code(by) {
            Some(Subject::Device) => self.device,
            _ => self.unit,
        };
        subject.map_or(OUTSIDE, |hash| hash.bucket(SaltHash(salt)))
    }
}

/// The variant that a unit inside the experiment's range draws; none outside.
pub fn draw(chunk: &Chunk, experiment: &Experiment, subjects: &Subjects) -> Option<Ref<Variant>> {
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
