//! Audience rules with typed constants. An operator that a type doesn't list cannot be written down.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use crate::value::network::Network;

#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Rule {
    All(Vec<Rule>),
    Any(Vec<Rule>),
    Not(Box<Rule>),
    Predicate(Predicate),
    Segment(String),
}

#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Predicate {
    pub attribute: String,
    pub test: Test,
}

/// What an attribute's value must satisfy. Constants have the attribute's type.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Test {
    Exists,
    Missing,
    Compare(Comparison, Scalar),
    /// Both ends included.
    Between(Scalar, Scalar),
    In(Vec<Scalar>),
    NotIn(Vec<Scalar>),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    /// The pattern and its serialized automaton (see [`crate::compile::regex`]).
    Matches {
        pattern: String,
        automaton: Vec<u8>,
    },
    InCidr(Vec<Network>),
    ContainsAny(Vec<String>),
    ContainsAll(Vec<String>),
    ContainsNone(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Of `string` and `enum`.
    Text(String),
    Integer(i64),
    Number(f64),
    /// As written; parses with [`crate::value::version::Version::parse`].
    Version(String),
    /// Unix milliseconds.
    Datetime(i64),
    Boolean(bool),
}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        core::mem::discriminant(self).hash(state);
        match self {
            Self::Text(text) | Self::Version(text) => text.hash(state),
            Self::Integer(value) | Self::Datetime(value) => value.hash(state),
            // By bits: what is written into a chunk.
            Self::Number(value) => value.to_bits().hash(state),
            Self::Boolean(value) => value.hash(state),
        }
    }
}
