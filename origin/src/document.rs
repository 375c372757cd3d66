//! A workspace document on disk: read and checked, with the files of ids that it names. Knows which
//! files those were, so that a watcher can look at them too.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use skyful::check::{self, Checked, IdFile, Options};
use skyful::compile::{self, Compiler, Snapshot};
use skyful::model::Workspace;
use skyful::problem::{Problem, Severity};

use crate::failure::Failure;

pub struct Document {
    pub path: PathBuf,
    pub text: Vec<u8>,
    pub checked: Checked,
    /// Id files that it names, there or not.
    pub files: Vec<PathBuf>,
}

impl Document {
    /// Fails only if the document itself cannot be read; a missing file of ids is a problem in it.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        Self::read_beside(path, &|_| None)
    }

    /// The same, where `elsewhere` may have the ids of a file that isn't there, by its name.
    pub fn read_beside(
        path: &Path,
        elsewhere: &dyn Fn(&str) -> Option<IdFile>,
    ) -> Result<Self, Failure> {
        let text = std::fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let files = RefCell::new(Vec::new());
        let read_file = |name: &str| {
            let file = folder.join(name);
            let text = match std::fs::read(&file) {
                Ok(text) => Ok(IdFile::Text(text)),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    elsewhere(name).ok_or_else(|| error.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            files.borrow_mut().push(file);
            text
        };
        let options = Options {
            now_ms: Some(now_ms()),
            read_file: &read_file,
        };
        let checked = check::check(&text, &options);
        Ok(Self {
            path: path.to_owned(),
            text,
            checked,
            files: files.into_inner(),
        })
    }

    pub fn errors(&self) -> usize {
        count(&self.checked.problems, Severity::Error)
    }

    pub fn warnings(&self) -> usize {
        count(&self.checked.problems, Severity::Warning)
    }

    pub fn pages(&self) -> usize {
        let workspace = self.checked.workspace.as_ref();
        workspace.map_or(0, |workspace| workspace.pages.len())
    }

    /// None if there are errors, which then stand among the problems.
    pub fn compile(&mut self, progress: compile::Progress<'_>) -> Option<(&Workspace, Snapshot)> {
        let workspace = self.checked.workspace.as_ref()?;
        match compile::compile(workspace, progress) {
            Ok(snapshot) => {
                let warnings = snapshot.warnings.iter().cloned();
                self.checked.problems.extend(warnings);
                Some((workspace, snapshot))
            }
            Err(problems) => {
                self.checked.problems.extend(problems);
                None
            }
        }
    }

    /// The same, keeping what the version before has left in a compiler.
    pub fn compile_again<'c>(&mut self, compiler: &'c mut Compiler) -> Option<&'c Snapshot> {
        let workspace = self.checked.workspace.as_ref()?;
        match compiler.compile(workspace, &mut |_, _| ()) {
            Ok(snapshot) => {
                let warnings = snapshot.warnings.iter().cloned();
                self.checked.problems.extend(warnings);
                Some(snapshot)
            }
            Err(problems) => {
                self.checked.problems.extend(problems);
                None
            }
        }
    }
}

fn count(problems: &[Problem], severity: Severity) -> usize {
    problems.iter().filter(|p| p.severity == severity).count()
}

/// The clock, in Unix milliseconds.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok())
        .unwrap_or(0)
}
