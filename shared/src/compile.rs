//! From the checked model to a snapshot.

pub mod regex;
