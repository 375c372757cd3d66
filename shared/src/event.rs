//! What visitors did with what they were shown.

/// What happened. Served is not among them: that is an answer, which edges count themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    Exposure,
    Click,
    Dismiss,
    Conversion,
    Custom,
}

impl EventKind {
    pub const ALL: [Self; 5] = [
        Self::Exposure,
        Self::Click,
        Self::Dismiss,
        Self::Conversion,
        Self::Custom,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Exposure => "exposure",
            Self::Click => "click",
            Self::Dismiss => "dismiss",
            Self::Conversion => "conversion",
            Self::Custom => "custom",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
