//! Pictures for content: kept by digest, served to everybody under an address that never changes what it shows.

use serde::Serialize;
use serde_json::json;
use skyful::value::datetime;

use super::access::{Action, Actor};
use super::audit::{self, Entry};
use super::people::known;
use super::{App, Error};
use crate::store::sqlite::media::{self as rows, MediaRow};

/// Of one picture. More than that is too slow for a page anyway.
pub const MEDIA_BYTES: usize = 4 << 20;
/// Of one workspace.
const PICTURES: i64 = 10_000;
pub const NAME_BYTES: usize = 200;
const CONTEXT: &str = "skyful 1 media";

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Picture {
    pub digest: String,
    pub r#type: String,
    pub name: String,
    pub bytes: i64,
    /// Path at this origin; put the address of a CDN before it.
    pub path: String,
    pub created_by: String,
    pub created_at: String,
}

impl App {
    /// Newest first; those before an instant.
    pub async fn pictures(&self, actor: &Actor, workspace: &str) -> Result<Vec<Picture>, Error> {
        actor.need(Action::Read, workspace, None)?;
        let mut tx = self.store.read().await?;
        let all = rows::all(&mut tx, workspace, PICTURES).await?;
        Ok(all.iter().map(|row| Picture::of(workspace, row)).collect())
    }

    /// What the bytes are is read from them, not from what was said.
    pub async fn add_picture(
        &self,
        actor: &Actor,
        workspace: &str,
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<Picture, Error> {
        actor.need(Action::EditContent, workspace, None)?;
        let kind = kind(&bytes).ok_or_else(|| {
            let wrong = Error::invalid("this is no picture that browsers show");
            wrong.hint("PNG, JPEG, WebP, GIF or AVIF; SVG can run scripts and is not taken")
        })?;
        if name.is_empty() || name.len() > NAME_BYTES {
            let detail = format!("a name has 1 to {NAME_BYTES} bytes");
            return Err(Error::invalid(detail).at("name"));
        }
        let digest = blake3::derive_key(CONTEXT, &bytes);
        let digest = blake3::Hash::from_bytes(digest).to_hex().to_string();
        let row = MediaRow {
            digest,
            kind: kind.to_owned(),
            name: name.to_owned(),
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            created_by: actor.name.clone(),
            created_ms: self.now_ms(),
        };
        let (actor, workspace) = (actor.clone(), workspace.to_owned());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let what = (Action::EditContent, &*workspace, None);
                    let actor = known::still_may(tx, &actor, what, row.created_ms).await?;
                    if rows::count(tx, &workspace).await? >= PICTURES {
                        let detail = format!("a workspace has at most {PICTURES} pictures");
                        return Err(Error::conflict(detail, "delete some that are not used"));
                    }
                    if rows::put(tx, &workspace, &row, &bytes).await? {
                        let entry = Entry {
                            workspace: Some(&workspace),
                            env: None,
                            action: "media.add",
                            object: &row.digest,
                            detail: json!({"name": row.name, "bytes": row.size}),
                        };
                        audit::record(tx, &actor, row.created_ms, entry).await?;
                    }
                    Ok(Picture::of(&workspace, &row))
                })
            })
            .await
    }

    pub async fn delete_picture(
        &self,
        actor: &Actor,
        workspace: &str,
        digest: &str,
    ) -> Result<(), Error> {
        actor.need(Action::EditContent, workspace, None)?;
        let (actor, workspace, digest) = (actor.clone(), workspace.to_owned(), digest.to_owned());
        let now_ms = self.now_ms();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let what = (Action::EditContent, &*workspace, None);
                    let actor = known::still_may(tx, &actor, what, now_ms).await?;
                    if !rows::delete(tx, &workspace, &digest).await? {
                        return Err(Error::NotFound(format!("no picture {digest}")));
                    }
                    let entry = Entry {
                        workspace: Some(&workspace),
                        env: None,
                        action: "media.delete",
                        object: &digest,
                        detail: json!({}),
                    };
                    Ok(audit::record(tx, &actor, now_ms, entry).await?)
                })
            })
            .await
    }

    /// For everybody who knows its address: its type and its bytes.
    pub async fn picture(&self, workspace: &str, digest: &str) -> Result<(String, Vec<u8>), Error> {
        let mut tx = self.store.read().await?;
        let found = rows::bytes(&mut tx, workspace, digest).await?;
        found.ok_or_else(|| Error::NotFound("no such picture".into()))
    }
}

impl Picture {
    fn of(workspace: &str, row: &MediaRow) -> Self {
        Self {
            path: format!("/media/{workspace}/{}", row.digest),
            digest: row.digest.clone(),
            r#type: row.kind.clone(),
            name: row.name.clone(),
            bytes: row.size,
            created_by: row.created_by.clone(),
            created_at: datetime::format(row.created_ms),
        }
    }
}

/// By the first bytes, as the MIME Sniffing Standard (WHATWG, section 6.1) knows them.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    let at = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
    match bytes {
        _ if bytes.len() > MEDIA_BYTES => None,
        _ if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Some("image/png"),
        _ if bytes.starts_with(b"\xff\xd8\xff") => Some("image/jpeg"),
        _ if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") => Some("image/gif"),
        _ if at(0, 4) == b"RIFF" && at(8, 14) == b"WEBPVP" => Some("image/webp"),
        _ if at(4, 8) == b"ftyp" && matches!(at(8, 12), b"avif" | b"avis") => Some("image/avif"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::app::Error;
    use crate::app::testing::workspace;

    #[tokio::test]
    async fn pictures_are_what_their_bytes_say_and_keep_their_address() {
        let (_folder, app, ada) = workspace().await;
        let png = b"\x89PNG\r\n\x1a\nrest".to_vec();
        let made = app
            .add_picture(&ada, "wallet", "a.svg", png.clone())
            .await
            .expect("a picture");
        assert_eq!(made.r#type, "image/png");
        let again = app
            .add_picture(&ada, "wallet", "b.png", png.clone())
            .await
            .expect("the same");
        assert_eq!(again.digest, made.digest);
        assert_eq!(
            app.pictures(&ada, "wallet").await.map(|all| all.len()).ok(),
            Some(1)
        );
        let served = app.picture("wallet", &made.digest).await.expect("there");
        assert_eq!(served, ("image/png".to_owned(), png));
        let script = app
            .add_picture(&ada, "wallet", "a.png", b"<svg onload=x>".to_vec())
            .await;
        assert!(matches!(script, Err(Error::Invalid { .. })));
        app.delete_picture(&ada, "wallet", &made.digest)
            .await
            .expect("hers");
        assert!(app.picture("wallet", &made.digest).await.is_err());
    }
}
