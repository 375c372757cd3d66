//! Targets that lead inside are refused when they are connected to, whatever was said when they were set up.

use std::net::TcpListener;

use super::desk::{admin, desk, on_a_thread};
use crate::app::Error;
use crate::app::delivery::settings::Settings;
use crate::app::drafts::Expect;
use crate::deliver::reach::Reach;

/// A name that leads to this machine, as one that was public when it was saved may do later.
const REBOUND: &str = "localhost";

/// Fails if anybody knocks.
struct Door(TcpListener);

impl Door {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    fn was_knocked_at(&self) -> bool {
        self.0.accept().is_ok()
    }
}

fn kinds(host: &str, port: u16) -> [Settings; 4] {
    let web = format!("http://{host}:{port}");
    [
        Settings::Edge { url: web.clone() },
        Settings::CloudflareKv {
            account: "acc".into(),
            namespace: "ns".into(),
            token: Some("canary-token".into()),
            api: Some(web.clone()),
        },
        Settings::FastlyKv {
            store: "st".into(),
            token: Some("canary-token".into()),
            api: Some(web),
        },
        Settings::Redis {
            url: format!("redis://{host}:{port}/0"),
            user: None,
            password: Some("canary-password".into()),
        },
    ]
}

#[test]
fn a_name_that_leads_inside_is_not_connected_to() {
    on_a_thread(async || {
        let mut desk = desk(crate::document::now_ms, &["prod"]).await;
        desk.app.delivery.reach = Reach::default();
        desk.release("first").await;
        let door = Door::open();
        for (n, settings) in kinds(REBOUND, door.port()).into_iter().enumerate() {
            let key = format!("t{n}");
            desk.target("prod", &key, settings).await;
            let at = ("wallet", "prod", &*key);
            let tried = desk.app.try_target(&admin(), at).await.unwrap();
            let (error, hint) = (tried.error.unwrap(), tried.hint.unwrap());
            assert!(!tried.ok && error.contains("is inside"), "{error}");
            assert!(hint.contains("--deliver-inside"), "{hint}");
            assert!(!error.contains("canary"), "{error}");
        }
        assert!(!door.was_knocked_at());
        // Whoever runs the origin vouches for the name.
        desk.app.delivery.reach = Reach::and(&[REBOUND.to_owned()]).unwrap();
        let at = ("wallet", "prod", "t1");
        let running = tokio::spawn({
            let app = desk.app.clone();
            async move { app.try_target(&admin(), at).await }
        });
        while !door.was_knocked_at() {
            tokio::task::yield_now().await;
        }
        running.abort();
    });
}

#[test]
fn an_address_inside_is_refused_when_it_is_said() {
    on_a_thread(async || {
        let mut desk = desk(crate::document::now_ms, &["prod"]).await;
        desk.app.delivery.reach = Reach::default();
        for host in ["127.0.0.1", "[::1]"] {
            for settings in kinds(host, 6379) {
                let at = ("wallet", "prod", "t");
                let put = desk
                    .app
                    .put_target(&admin(), at, Expect::Absent, (settings, true))
                    .await;
                let Err(Error::Invalid { detail, at, hint }) = put else {
                    panic!("{put:?}");
                };
                assert!(
                    detail.contains("is inside") && at.starts_with("/settings/"),
                    "{detail}"
                );
                assert!(hint.unwrap().contains("--deliver-inside"));
            }
        }
        let metadata = Settings::Edge {
            url: "https://169.254.169.254".into(),
        };
        let at = ("wallet", "prod", "t");
        let put = desk
            .app
            .put_target(&admin(), at, Expect::Absent, (metadata, true))
            .await;
        assert!(matches!(put, Err(Error::Invalid { .. })), "{put:?}");
    });
}
