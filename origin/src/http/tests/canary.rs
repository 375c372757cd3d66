//! What lets somebody in is shown once, to them, and is found nowhere else: not in the database, not in the log, not in another
//! answer.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::house::{By, PASSWORD, full};
use super::table::{routes, samples};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn secrets_are_shown_once_and_kept_nowhere() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    tracing::warn!("the log is heard");

    let house = full().await;
    let invited = house.invite("a", "late@a.example", "viewer", None).await;
    let path = format!("/api/v1/users/{}/reset", house.people["a/guest"].id);
    let reset = house.post(&path, &house.by("root"), &json!({})).await;
    let wrong = "a password that nobody has";
    assert_eq!(
        house.sign_in("root@example.com", wrong, 1).await.status,
        401
    );
    assert_eq!(house.sign_in(wrong, wrong, 2).await.status, 401);
    let current = json!({"current": wrong, "new": "another wrong password"});
    let root = house.by("root");
    house.post("/api/v1/me/password", &root, &current).await;
    let bogus = By::Token("skyful_a-token-that-nobody-has".into());
    house.get("/api/v1/me", &bogus).await;

    let mut secrets = vec![
        PASSWORD.to_owned(),
        wrong.to_owned(),
        "another wrong password".to_owned(),
        "skyful_a-token-that-nobody-has".to_owned(),
        invited.json()["code"].as_str().unwrap().to_owned(),
        reset.json()["code"].as_str().unwrap().to_owned(),
    ];
    for person in house.people.values() {
        match &person.by {
            By::Cookie(pair) => secrets.push(pair.split_once('=').unwrap().1.to_owned()),
            By::Token(secret) => secrets.push(secret.clone()),
            By::Nobody => {}
        }
    }
    assert!(secrets.len() > 25, "{}", secrets.len());

    let mut places = vec![("the log".to_owned(), log.0.lock().unwrap().clone())];
    for who in ["root", "a/admin"] {
        for route in routes().iter().filter(|route| route.method == "GET") {
            let path = route.filled(&samples(&house, "a"));
            let seen = house.get(&path, &house.by(who)).await;
            let headers = format!("{:?}", seen.headers);
            places.push((path, [seen.text, headers].concat().into_bytes()));
        }
    }
    house.app.store.close().await;
    for file in std::fs::read_dir(house.folder.path()).unwrap() {
        let path = file.unwrap().path();
        places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    assert!(places[0].1.windows(8).any(|window| window == b"is heard"));
    for (place, bytes) in &places {
        for secret in &secrets {
            let text = secret.as_bytes();
            let found = bytes.windows(text.len()).any(|window| window == text);
            assert!(!found, "{place} has {secret}");
        }
    }
    // The search would have found them: what isn't secret is there.
    let named = |name: &[u8]| {
        let found = |(_, bytes): &&(String, Vec<u8>)| {
            bytes.windows(name.len()).any(|window| window == name)
        };
        places.iter().any(|place| found(&place))
    };
    assert!(named(b"root@example.com"));
}
