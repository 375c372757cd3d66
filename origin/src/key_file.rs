//! Ed25519 keys as small text files: a comment, then 64 hex digits. The public half has the form that
//! edges take as trust. Plain text rather than PKCS#8, since nothing but Skyful reads them and a
//! person can tell the two halves apart.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use skyful::snapshot::Digest;

use crate::failpoint::{self, Point};
use crate::failure::Failure;
use crate::store::replace;

const SECRET: &str = "skyful-secret-key-1:";

/// The public file beside a secret one.
pub fn public_path(secret: &Path) -> PathBuf {
    let mut name = secret.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// As trust sets take it.
pub fn public_hex(key: &SigningKey) -> String {
    hex(key.verifying_key().to_bytes())
}

/// As headers of manifests name it.
pub fn short_name(key: &SigningKey) -> String {
    format!("{:016x}", skyful::manifest::key_id(&key.verifying_key()))
}

fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::usage(format!("no randomness to be had: {error}")))?;
    Ok(bytes)
}

/// What a secret of 32 bytes is for, as its file says.
pub const SEALS_RECEIPTS: &str =
    "Seals receipts and ledgers, SECRET: the same for all edges of an environment (SKYFUL_SECRET).";
pub const SEALS_KEYS: &str = "Seals what is secret in the database beside it, SECRET (SKYFUL_MASTER_KEY). Keep a copy elsewhere.";

/// The secret of a file, which is made if it isn't there yet: whole, so that nobody finds half of one after a crash.
pub fn seal_or_generate(path: &Path, purpose: &str) -> Result<String, Failure> {
    if !path.exists() {
        let text = format!("# {purpose}\n{}\n", hex(random()?));
        let unfinished = replace::hidden(path, "unfinished");
        replace::remove(&unfinished)?;
        write_new(&unfinished, &text, 0o600)?;
        failpoint::reach(Point::MasterKeyMade);
        replace::rename(&unfinished, path)?;
        replace::sync_folder(path)?;
    }
    seal(path)
}

/// The secret of a file.
pub fn seal(path: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error))?;
    Ok(significant(&text).to_owned())
}

pub fn generate(path: &Path) -> Result<SigningKey, Failure> {
    let seed = random()?;
    let key = SigningKey::from_bytes(&seed);
    let public = public_path(path);
    if public.exists() {
        return Err(exists(&public));
    }
    let text = format!(
        "# Skyful signing key, SECRET: whoever has it decides what edges show. Not for git, not for edges.\n{SECRET}{}\n",
        hex(seed)
    );
    write_new(path, &text, 0o600)?;
    let text = format!(
        "# Skyful public key, for edges: `skyful edge --trust`.\n{}\n",
        public_hex(&key)
    );
    write_new(&public, &text, 0o644)?;
    Ok(key)
}

pub fn read(path: &Path) -> Result<SigningKey, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::io("read the key", path, &error)
            .hint(format!("`skyful keys new -o {}` makes one", path.display()))
    })?;
    let line = significant(&text);
    line.strip_prefix(SECRET)
        .and_then(Digest::from_hex)
        .map(|seed| SigningKey::from_bytes(&seed.0))
        .ok_or_else(|| {
            let failure = Failure::usage(format!("{} is not a Skyful signing key", path.display()));
            match Digest::from_hex(line) {
                Some(_) => {
                    failure.hint("this is a public key; signing takes the file without .pub")
                }
                None => failure,
            }
        })
}

/// The key of a file, made if it isn't there yet.
pub fn read_or_generate(path: &Path) -> Result<SigningKey, Failure> {
    if path.exists() {
        read(path)
    } else {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Failure::io("make", parent, &error))?;
        }
        generate(path)
    }
}

/// Trust as text for an edge: hex digits as given, or the contents of a public key's file.
pub fn trust(given: &str) -> Result<String, Failure> {
    let text = match fs::read_to_string(given) {
        Ok(text) => significant(&text).to_owned(),
        Err(_) => given.to_owned(),
    };
    if text.starts_with(SECRET) {
        let failure = Failure::usage(format!("{given} is a secret key, an edge must not have it"));
        return Err(failure.hint(format!("give it {given}.pub")));
    }
    match skyful::manifest::TrustSet::parse(&text) {
        Ok(trust) if !trust.is_empty() => Ok(text),
        Ok(_) => Err(Failure::usage(format!("no public key in {given}"))),
        Err(error) => Err(Failure::usage(format!("`{given}`: {error}"))),
    }
}

/// The text without comments and blank lines.
fn significant(text: &str) -> &str {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .unwrap_or("")
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::io("write", path, &error),
    })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::io("write", path, &error))
}

fn exists(path: &Path) -> Failure {
    Failure::usage(format!(
        "{} exists; keys are never overwritten",
        path.display()
    ))
}

fn hex(bytes: [u8; 32]) -> String {
    Digest(bytes).hex()
}
