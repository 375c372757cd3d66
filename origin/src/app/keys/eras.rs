//! The highest era of each environment that was ever begun here, in a file beside the database: a restore puts an older database
//! in place, which can't know what edges have seen since. Written before the era counts, so a crash at most skips one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::StoreError;

/// Without a file it knows nothing, and keeps nothing.
#[derive(Clone, Debug, Default)]
pub struct Eras(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    turn: Mutex<()>,
}

/// Workspace, environment and era.
pub type Begun = (String, String, i64);

impl Eras {
    pub fn at(file: PathBuf) -> Self {
        let turn = Mutex::new(());
        Self(Some(Arc::new(Inner { file, turn })))
    }

    /// 0 where none was ever raised.
    pub fn highest(&self, workspace: &str, env: &str) -> Result<i64, StoreError> {
        let Some(inner) = &self.0 else { return Ok(0) };
        let known = inner.read()?;
        Ok(known.get(&name(workspace, env)).copied().unwrap_or(0))
    }

    /// On disk when this returns. Never lowers one.
    pub fn keep(&self, begun: &[Begun]) -> Result<(), StoreError> {
        let Some(inner) = &self.0 else { return Ok(()) };
        let _turn = inner.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let before = inner.read()?;
        let mut known = before.clone();
        for (workspace, env, era) in begun.iter().filter(|(_, _, era)| *era > 0) {
            let highest = known.entry(name(workspace, env)).or_default();
            *highest = (*highest).max(*era);
        }
        if known == before {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&known);
        let text = text.map_err(|error| StoreError(error.to_string()))?;
        let written = crate::deliver::dir::write(&inner.file, format!("{text}\n").as_bytes());
        written.map_err(|failure| StoreError(failure.to_string()))
    }
}

impl Inner {
    /// What can't be read is not nothing: an era that was begun would come again.
    fn read(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let wrong = |why: String| {
            let file = self.file.display();
            StoreError(format!("{file}, which holds the highest eras: {why}"))
        };
        match std::fs::read_to_string(&self.file) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| wrong(error.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}

/// Neither has a slash.
fn name(workspace: &str, env: &str) -> String {
    format!("{workspace}/{env}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_stays_and_a_damaged_file_is_not_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("eras.json");
        let eras = Eras::at(file.clone());
        assert_eq!(eras.highest("wallet", "prod").unwrap(), 0);
        let begun = |era| ("wallet".to_owned(), "prod".to_owned(), era);
        eras.keep(&[begun(3)]).unwrap();
        eras.keep(&[begun(2)]).unwrap();
        let again = Eras::at(file.clone());
        assert_eq!(again.highest("wallet", "prod").unwrap(), 3);
        assert_eq!(again.highest("wallet", "dev").unwrap(), 0);
        std::fs::write(&file, "{\"wallet/prod\": ").unwrap();
        assert!(again.highest("wallet", "prod").is_err());
        assert!(again.keep(&[begun(4)]).is_err());
    }
}
