//! Typed values as both documents and requests write them: one grammar each, read in one place.
//! Lacks any knowledge of attributes: which type is wanted is the caller's business.

pub mod datetime;
pub mod network;
pub mod number;
pub mod quote;
pub mod version;

/// The type an attribute is declared with. The discriminants are part of the snapshot format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Type {
    String = 0,
    Enum = 1,
    StringList = 2,
    Integer = 3,
    Number = 4,
    Version = 5,
    Datetime = 6,
    Boolean = 7,
}

impl Type {
    pub const ALL: [Self; 8] = [
        Self::String,
        Self::Enum,
        Self::StringList,
        Self::Integer,
        Self::Number,
        Self::Version,
        Self::Datetime,
        Self::Boolean,
    ];

    /// The name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Enum => "enum",
            Self::StringList => "string_list",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Version => "version",
            Self::Datetime => "datetime",
            Self::Boolean => "boolean",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    pub fn from_u8(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|t| *t as u8 == byte)
    }
}
