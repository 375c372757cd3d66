//! Why an operation was not done. Becomes an answer once, in `http/problem.rs`; what a database said stays in the log.

use serde::Serialize;
use serde_json::Value;
use skyful::problem::Problem;

use crate::store::StoreError;

#[derive(Debug)]
pub enum Error {
    /// Nobody is known to ask.
    Unauthenticated,
    /// Somebody asks with a token that lets nobody in.
    UnknownToken,
    /// The e-mail address or the password is wrong: which one isn't told.
    WrongSignIn,
    /// Too many guesses; the next is looked at after so long.
    TooMany {
        wait_secs: i64,
    },
    /// Another site may have made a browser send this.
    Forged(&'static str),
    /// A program asks for what only people do.
    NeedsPerson,
    /// Who asks may not do that. What is told doesn't say whether the thing exists.
    Denied(&'static str),
    NotFound(String),
    /// The path is right, what is to be done with it isn't.
    NoSuchMethod,
    /// What was sent can't be that, wherever it would go.
    Invalid {
        detail: String,
        /// Where in what was sent, as a JSON Pointer.
        at: String,
        hint: Option<String>,
    },
    /// The draft has errors, so it can't be what was asked for.
    Faulty(Vec<Problem>),
    /// A template can't be filled like that; paths are into the request, or else into the document.
    Unfilled(Vec<Problem>),
    /// What is to be made is there already, and isn't the same.
    Taken(Vec<String>),
    /// Changes name what they change, so that nobody overwrites what they haven't seen.
    ExpectationMissing,
    /// Somebody else was there first.
    Stale(Box<Conflict>),
    /// What was looked at is not what is there now.
    Moved {
        detail: String,
        hint: String,
    },
    /// The role would do, but not this person.
    Forbidden {
        detail: String,
        hint: String,
    },
    /// More than is read of a request.
    TooLarge,
    /// It contradicts itself or what was sent before.
    Unfit {
        detail: String,
        hint: String,
    },
    /// What is to be read doesn't come.
    Slow,
    /// There are as many of these as can be.
    Busy(&'static str),
    /// It can't be done as things stand.
    Conflict {
        detail: String,
        hint: String,
    },
    /// A change would break what is there: the list of it.
    Breaks {
        detail: String,
        what: Vec<String>,
    },
    Store(StoreError),
}

/// Both sides of a conflict, and what they came from, for a merge of three.
#[derive(Debug, Serialize)]
pub struct Conflict {
    pub path: String,
    /// What stands there now. None: it is gone.
    pub current: Option<Side>,
    /// What was expected there, if it ever was.
    pub base: Option<Side>,
    /// What was sent. None: it was to be deleted.
    pub yours: Option<Value>,
}

#[derive(Debug, Serialize)]
pub struct Side {
    pub version: i64,
    pub value: Value,
    pub changed_by: String,
    pub changed_at: String,
}

impl Error {
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::Invalid {
            detail: detail.into(),
            at: String::new(),
            hint: None,
        }
    }

    /// Places what is invalid, by a JSON Pointer.
    pub fn at(self, pointer: impl Into<String>) -> Self {
        match self {
            Self::Invalid { detail, hint, .. } => Self::Invalid {
                detail,
                at: pointer.into(),
                hint,
            },
            other => other,
        }
    }

    pub fn hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::Invalid { detail, at, .. } => Self::Invalid {
                detail,
                at,
                hint: Some(text.into()),
            },
            other => other,
        }
    }

    /// Somebody else was there first, and there are no two sides to show.
    pub fn changed(what: &str) -> Self {
        Self::Moved {
            detail: format!("{what} was changed by somebody else"),
            hint: "read it again and change that".into(),
        }
    }

    pub fn conflict(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Conflict {
            detail: detail.into(),
            hint: hint.into(),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
