//! Where an object stands in a workspace document.

use std::fmt;

use skyful::limits;

use crate::app::Error;
use crate::app::access::Action;

/// The section whose objects name lists of ids.
pub const SEGMENTS: &str = "segments";

/// The parts of a document that are objects by key.
pub const SECTIONS: [&str; 10] = [
    "attributes",
    "module_types",
    SEGMENTS,
    "cap_groups",
    "layers",
    "experiments",
    "modules",
    "pages",
    "templates",
    "pipelines",
];

/// Beside the document: what its segments name as files.
pub const ID_LISTS: &str = "id_lists";
/// Bytes of a file's name.
pub const FILE_BYTES: usize = 100;

/// What is edited by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// Ids that a segment names as a file.
    IdList {
        name: String,
    },
    /// Languages, and the other fields of a document that are no section.
    Settings,
    Object {
        section: &'static str,
        key: String,
    },
    Plan {
        section: &'static str,
        key: String,
        plan: String,
    },
}

impl Path {
    pub fn parse(text: &str) -> Result<Self, Error> {
        let steps: Vec<&str> = text.split('/').collect();
        match steps.as_slice() {
            ["settings"] => Ok(Self::Settings),
            [ID_LISTS, name] => id_list(name),
            [name, of] => Ok(Self::Object {
                section: section(name)?,
                key: key(of)?,
            }),
            [name, of, "plans", plan] => Ok(Self::Plan {
                section: with_plans(name)?,
                key: key(of)?,
                plan: key(plan)?,
            }),
            _ => Err(Error::NotFound(format!("`{text}` is no part of a draft"))),
        }
    }

    /// What a plan belongs to.
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Plan { section, key, .. } => Some(Self::Object {
                section,
                key: key.clone(),
            }),
            _ => None,
        }
    }

    /// Maps and lists around it in the document. Settings are the document's own fields.
    pub fn depth(&self) -> usize {
        match self {
            Self::Settings | Self::IdList { .. } => 0,
            Self::Object { .. } => 2,
            Self::Plan { .. } => 4,
        }
    }

    /// What whoever changes it has to be allowed.
    pub fn edited_by(&self) -> Action {
        match self {
            Self::Plan { .. } | Self::IdList { .. } => Action::EditContent,
            Self::Settings => Action::EditDesign,
            Self::Object { section, .. } => match *section {
                "modules" | "segments" | "cap_groups" | "layers" | "experiments" => {
                    Action::EditContent
                }
                _ => Action::EditDesign,
            },
        }
    }

    /// What it is called among its siblings.
    pub fn key(&self) -> &str {
        match self {
            Self::Settings => "settings",
            Self::IdList { name } => name,
            Self::Object { key, .. } => key,
            Self::Plan { plan, .. } => plan,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings => f.write_str("settings"),
            Self::IdList { name } => write!(f, "{ID_LISTS}/{name}"),
            Self::Object { section, key } => write!(f, "{section}/{key}"),
            Self::Plan { section, key, plan } => write!(f, "{section}/{key}/plans/{plan}"),
        }
    }
}

pub fn section(name: &str) -> Result<&'static str, Error> {
    let known = SECTIONS.iter().find(|section| **section == name);
    known.copied().ok_or_else(|| {
        let all = SECTIONS.join(", ");
        Error::NotFound(format!(
            "a draft has no `{name}`; it has settings, {ID_LISTS}, {all}"
        ))
    })
}

/// Of what has plans.
pub fn with_plans(name: &str) -> Result<&'static str, Error> {
    match section(name)? {
        section @ ("modules" | "pages") => Ok(section),
        section => Err(Error::NotFound(format!("{section} have no plans"))),
    }
}

/// The name of a file in one folder, as a segment says it.
pub fn id_list(name: &str) -> Result<Path, Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=FILE_BYTES).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('.') {
        let name = name.to_owned();
        return Ok(Path::IdList { name });
    }
    let wrong = Error::invalid(format!("`{name}` is no name for a list of ids"));
    Err(wrong.hint(format!(
        "1 to {FILE_BYTES} of A-Z, a-z, 0-9, `.`, `_` and `-`, for example payday.csv"
    )))
}

pub fn key(text: &str) -> Result<String, Error> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=limits::KEY_BYTES).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    let wrong = Error::invalid(format!("`{text}` is no key"));
    Err(wrong.hint(format!("1 to {} of a-z, 0-9 and _", limits::KEY_BYTES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_it_is_read() {
        for text in ["settings", "modules/hero", "pages/home/plans/senior"] {
            assert_eq!(
                Path::parse(text).map(|p| p.to_string()).ok(),
                Some(text.into())
            );
        }
        for text in [
            "",
            "settings/x",
            "modules",
            "segments/a/plans/b",
            "modules/Hero",
            "x/y",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
