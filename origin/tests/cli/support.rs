//! A person with a terminal, an own directory and the sample.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub struct Desk {
    pub dir: tempfile::TempDir,
}

/// What came of a command.
pub struct Result {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Result {
    #[track_caller]
    pub fn ends_with_code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.out, self.err
        );
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).expect("stdout is one JSON value")
    }
}

impl From<Output> for Result {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Self {
            code: output.status.code().expect("no signal"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

pub fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wallet")
}

impl Desk {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self { dir }
    }

    /// With a copy of the sample that may be edited.
    pub fn with_sample() -> Self {
        let desk = Self::new();
        for name in ["wallet.yaml", "payday.csv"] {
            std::fs::copy(sample().join(name), desk.path(name)).expect("copied");
        }
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    /// Replaces text in the document, as an editor does: a new file moved over the old one.
    #[track_caller]
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).expect("read");
        assert!(text.contains(from), "{from} is not in {name}");
        self.write("edited", &text.replacen(from, to, 1));
        std::fs::rename(self.path("edited"), self.path(name)).expect("moved");
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skyful"));
        command.args(args).current_dir(self.dir.path());
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command
    }

    pub fn run(&self, args: &[&str]) -> Result {
        self.command(args).output().expect("it runs").into()
    }

    pub fn run_with_input(&self, args: &[&str], input: &str) -> Result {
        let mut command = self.command(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_owned();
        // Both pipes may be full at once.
        let feeder = std::thread::spawn(move || _ = stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().expect("it ends");
        feeder.join().expect("fed");
        output.into()
    }

    /// A compiled sample.
    pub fn with_snapshot() -> Self {
        let desk = Self::with_sample();
        desk.run(&["compile", "wallet.yaml", "-o", "snapshot"])
            .ends_with_code(0);
        desk
    }
}
