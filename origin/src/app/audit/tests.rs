//! A log that somebody who can write the database file has been at.

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use super::verify::{Expected, Verified};
use super::{Entry, record};
use crate::app::keys::Keyring;
use crate::app::testing::{NOW, somebody};
use crate::app::{App, Error};
use crate::store::sqlite::Sqlite;

struct Kept {
    folder: TempDir,
    app: App,
}

const MASTER: [u8; 32] = [7; 32];

async fn open(folder: &TempDir, masters: &[[u8; 32]]) -> App {
    let store = Sqlite::open(&folder.path().join("skyful.sqlite")).await;
    let keyring = Keyring::new(masters.iter().copied());
    App::new(store.unwrap(), || NOW).with_keyring(keyring)
}

async fn add(app: &App, number: usize) {
    let done: Result<(), Error> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let object = format!("thing {number}");
                let entry = Entry {
                    workspace: Some("shop"),
                    env: None,
                    action: "thing.do",
                    object: &object,
                    detail: json!({"number": number}),
                };
                Ok(record(tx, &somebody("ada"), NOW, entry).await?)
            })
        })
        .await;
    done.unwrap();
}

async fn kept() -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let app = open(&folder, &[MASTER]).await;
    for number in 1..=9 {
        add(&app, number).await;
    }
    Kept { folder, app }
}

impl Kept {
    async fn file(&self) -> SqliteConnection {
        let path = self.folder.path().join("skyful.sqlite");
        let options = SqliteConnectOptions::new().filename(path);
        options.connect().await.unwrap()
    }

    /// As somebody would who has the file, but not the key.
    async fn tamper(&self, sql: &'static str) {
        let mut file = self.file().await;
        let free =
            "DROP TRIGGER IF EXISTS audit_keeps_rows; DROP TRIGGER IF EXISTS audit_loses_none";
        sqlx::raw_sql(free).execute(&mut file).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut file).await.unwrap();
        file.close().await.unwrap();
    }

    /// Hashes every entry again, so that the chain fits once more.
    async fn rechain(&self) {
        let mut file = self.file().await;
        let rows = crate::store::sqlite::audit::after(&mut file, 0, 100).await;
        let mut before = Vec::new();
        for (n, mut row) in rows.unwrap().into_iter().enumerate() {
            let old = row.seq;
            row.seq = n as i64 + 1;
            before = super::hash(&row, &before).to_vec();
            let sql = "UPDATE audit SET seq = ?2, hash = ?3 WHERE seq = ?1";
            let query = sqlx::query(sql).bind(old).bind(row.seq).bind(&before);
            query.execute(&mut file).await.unwrap();
        }
        file.close().await.unwrap();
    }

    async fn verified(&self) -> Verified {
        self.app.verify_audit(&somebody("ada"), None).await.unwrap()
    }

    /// The first entry that doesn't fit.
    async fn fault(&self) -> Option<i64> {
        self.verified().await.fault.map(|fault| fault.seq)
    }
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_as_written() {
    let kept = kept().await;
    let found = kept.verified().await;
    assert_eq!((found.entries, found.sealed, found.fault), (9, true, None));
    assert!(found.last.unwrap().starts_with("9:"));
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_it() {
    let kept = kept().await;
    let mut file = kept.file().await;
    for sql in [
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit WHERE seq = 9",
    ] {
        let told = sqlx::query(sql).execute(&mut file).await;
        assert!(told.unwrap_err().to_string().contains("only added to"));
    }
}

#[tokio::test]
async fn whatever_is_done_to_it_shows() {
    for (what, sql, wanted) in [
        ("altered", "UPDATE audit SET actor = 'user:eve' WHERE seq = 4", 4),
        ("altered", "UPDATE audit SET detail = '{}' WHERE seq = 1", 1),
        ("altered", "UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 9", 9),
        ("altered", "UPDATE audit SET workspace = NULL WHERE seq = 5", 5),
        ("altered", "UPDATE audit SET hash = zeroblob(32) WHERE seq = 3", 3),
        ("deleted", "DELETE FROM audit WHERE seq = 4", 5),
        ("deleted", "DELETE FROM audit WHERE seq = 1", 2),
        ("closed up", "DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = seq - 1 WHERE seq > 4", 4),
        (
            "inserted",
            "UPDATE audit SET seq = -seq WHERE seq > 4; UPDATE audit SET seq = 1 - seq WHERE seq < 0;
             INSERT INTO audit SELECT 5, at_ms, actor, workspace, env, action, object, detail, hash
             FROM audit WHERE seq = 4",
            5,
        ),
        (
            "appended",
            "INSERT INTO audit SELECT 10, at_ms, actor, workspace, env, action, object, detail, hash
             FROM audit WHERE seq = 9",
            10,
        ),
        (
            "swapped",
            "UPDATE audit SET seq = -1 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5;
             UPDATE audit SET seq = 5 WHERE seq = -1",
            4,
        ),
        ("cut short", "DELETE FROM audit WHERE seq > 7", 8),
        ("emptied", "DELETE FROM audit", 1),
        ("unsealed", "DELETE FROM audit_head", 9),
        (
            "cut short and unsealed",
            "DELETE FROM audit WHERE seq > 7; DELETE FROM audit_head",
            7,
        ),
        (
            "cut short, with the seal moved",
            "DELETE FROM audit WHERE seq > 7;
             UPDATE audit_head SET seq = 7, hash = (SELECT hash FROM audit WHERE seq = 7)",
            7,
        ),
    ] {
        let kept = kept().await;
        kept.tamper(sql).await;
        assert_eq!(kept.fault().await, Some(wanted), "{what}: {sql}");
    }
}

#[tokio::test]
async fn a_log_that_was_written_anew_has_no_seal() {
    for sql in [
        "UPDATE audit SET actor = 'user:eve' WHERE seq = 4",
        "DELETE FROM audit WHERE seq = 9",
        "DELETE FROM audit WHERE seq = 4",
    ] {
        let kept = kept().await;
        kept.tamper(sql).await;
        kept.rechain().await;
        assert!(kept.fault().await.is_some(), "{sql}");
        // Without the key it looks whole.
        let blind = open(&kept.folder, &[]).await;
        let found = blind.verify_audit(&somebody("ada"), None).await.unwrap();
        assert_eq!((found.fault, found.sealed), (None, false), "{sql}");
    }
}

#[tokio::test]
async fn what_is_done_afterwards_does_not_make_it_good_again() {
    for sql in [
        "DELETE FROM audit WHERE seq > 7",
        "DELETE FROM audit WHERE seq > 7; DELETE FROM audit_head",
        "DELETE FROM audit_head",
    ] {
        let kept = kept().await;
        kept.tamper(sql).await;
        for number in 10..15 {
            add(&kept.app, number).await;
        }
        assert!(kept.fault().await.is_some(), "{sql}");
        // Nor does a new process.
        let app = open(&kept.folder, &[MASTER]).await;
        add(&app, 15).await;
        let found = app.verify_audit(&somebody("ada"), None).await.unwrap();
        assert!(found.fault.is_some(), "{sql}");
    }
}

#[tokio::test]
async fn a_whole_file_from_an_earlier_day_is_found_by_what_was_written_down() {
    let kept = kept().await;
    let path = kept.folder.path().join("skyful.sqlite");
    let earlier = tempfile::tempdir().unwrap();
    kept.app.store.close().await;
    std::fs::copy(&path, earlier.path().join("skyful.sqlite")).unwrap();
    let app = open(&kept.folder, &[MASTER]).await;
    add(&app, 10).await;
    let last = app
        .verify_audit(&somebody("ada"), None)
        .await
        .unwrap()
        .last
        .unwrap();
    let (seq, hash) = last.split_once(':').unwrap();
    let expected = Expected {
        seq: seq.parse().unwrap(),
        hash: hash.to_owned(),
    };
    assert_eq!(
        app.verify_audit(&somebody("ada"), Some(&expected))
            .await
            .unwrap()
            .fault,
        None
    );
    let old = open(&earlier, &[MASTER]).await;
    assert_eq!(
        old.verify_audit(&somebody("ada"), None)
            .await
            .unwrap()
            .fault,
        None
    );
    let found = old
        .verify_audit(&somebody("ada"), Some(&expected))
        .await
        .unwrap();
    assert_eq!(found.fault.unwrap().seq, 10);
}

#[tokio::test]
async fn the_seal_goes_on_when_another_master_follows() {
    let kept = kept().await;
    let next = [8; 32];
    let app = open(&kept.folder, &[next, MASTER]).await;
    assert_eq!(
        app.verify_audit(&somebody("ada"), None)
            .await
            .unwrap()
            .fault,
        None
    );
    add(&app, 10).await;
    let app = open(&kept.folder, &[next]).await;
    assert_eq!(
        app.verify_audit(&somebody("ada"), None)
            .await
            .unwrap()
            .fault,
        None
    );
    let stranger = open(&kept.folder, &[[9; 32]]).await;
    assert!(
        stranger
            .verify_audit(&somebody("ada"), None)
            .await
            .unwrap()
            .fault
            .is_some()
    );
}
