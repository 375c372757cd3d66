//! What lets somebody in without a password: 256 random bits, of which only a hash is kept.

use base64ct::{Base64UrlUnpadded, Encoding as _};

use crate::app::Error;
use crate::store::StoreError;

/// So that scanners find a token that was published by mistake.
pub const TOKEN: &str = "skyful_";

/// What a code is for. One can't be used as another.
#[derive(Clone, Copy)]
pub enum Purpose {
    Session,
    Token,
    Invitation,
    Reset,
}

pub fn random() -> Result<String, Error> {
    let mut bytes = [0; 32];
    fill(&mut bytes)?;
    Ok(Base64UrlUnpadded::encode_string(&bytes))
}

/// As it is kept.
pub fn hash(purpose: Purpose, code: &str) -> Vec<u8> {
    let context = match purpose {
        Purpose::Session => "skyful 1 session",
        Purpose::Token => "skyful 1 token",
        Purpose::Invitation => "skyful 1 invitation",
        Purpose::Reset => "skyful 1 password reset",
    };
    blake3::derive_key(context, code.as_bytes()).to_vec()
}

/// Names something, and says what it is: `u-0f3a…`. No secret.
pub fn id(kind: &str) -> Result<String, Error> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(format!("{kind}-{:016x}", u64::from_le_bytes(bytes)))
}

fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes)
        .map_err(|error| StoreError(format!("the system gives no random bytes: {error}")).into())
}
