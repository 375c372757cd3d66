//! The engines of others, one file each. Each is called by its evaluation core, with rules in its native operators,
//! parsed once, contexts made ahead where its API takes them so, and without logging.

pub mod atree;
pub mod datalogic;
pub mod eppo;
pub mod growthbook;
pub mod launchdarkly;
pub mod unleash;
