//! Signed contexts as a customer's server would make them, and as others would like to.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value as Json, json};
use sha2::Sha256;
use skyful::snapshot::Digest;

pub const SECRET: [u8; 32] = [9; 32];

pub fn signing() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

pub fn hex(bytes: &[u8; 32]) -> String {
    Digest(*bytes).hex()
}

/// Two keys, one of each algorithm.
pub fn keys() -> String {
    let public = hex(&signing().verifying_key().to_bytes());
    format!("eddsa:e1:{public},hs256:h1:{}", hex(&SECRET))
}

/// What a right token says at [`crate::world::World`]'s first moment.
pub fn claims(now_ms: i64) -> Json {
    json!({"sub": "u-9", "aud": "wallet/prod", "exp": now_ms / 1_000 + 300,
        "attributes": {"vip": true}})
}

pub fn text(part: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(part)
}

pub fn eddsa(message: &str) -> Vec<u8> {
    signing().sign(message.as_bytes()).to_bytes().to_vec()
}

pub fn hs256(secret: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// From a header and claims in any spelling, signed somehow.
pub fn compact(header: &str, claims: &str, sign: impl Fn(&str) -> Vec<u8>) -> String {
    let message = format!("{}.{}", text(header.as_bytes()), text(claims.as_bytes()));
    let signature = text(&sign(&message));
    format!("{message}.{signature}")
}

pub fn right(claims: &Json) -> String {
    compact(r#"{"alg":"EdDSA","kid":"e1"}"#, &claims.to_string(), eddsa)
}
