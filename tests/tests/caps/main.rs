//! Caps as visitors meet them: through an edge, with a clock, tokens and stores that may lie. Bounds are those of
//! docs/caps.md.

mod bounds;
mod bulk;
mod confirms;
mod events;
mod exact;
mod ledger;
mod probes;
mod windows;
mod world;
