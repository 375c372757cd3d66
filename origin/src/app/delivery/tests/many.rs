//! Many environments and targets at once.

use std::time::{Duration, Instant};

use super::desk::{desk, on_a_thread};
use super::real::delivered;
use super::web::{Web, answer};
use crate::app::delivery::settings::Settings;
use crate::document::now_ms;

/// Sixteen environments with three targets each: two folders, and one that refuses, hangs or answers nonsense.
#[test]
fn a_dead_target_delays_nobody_else() {
    let envs: Vec<String> = (0..16).map(|n| format!("env-{n}")).collect();
    on_a_thread(async || {
        let names: Vec<&str> = envs.iter().map(String::as_str).collect();
        let desk = desk(now_ms, &names).await;
        // Takes connections and never says a word.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = format!("http://{}", silent.local_addr().unwrap());
        let strange = Web::start(|_| answer(200, "not an edge")).await;
        for (n, env) in names.iter().enumerate() {
            desk.target(env, "one", desk.directory("one")).await;
            desk.target(env, "two", desk.directory("two")).await;
            let url = match n % 3 {
                0 => "http://127.0.0.1:1".to_owned(),
                1 => silent.clone(),
                _ => strange.url.clone(),
            };
            desk.target(env, "dead", Settings::Edge { url }).await;
        }
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let running = tokio::spawn(desk.app.clone().deliver(stopped));
        for round in 1..=3 {
            let since = Instant::now();
            for env in &names {
                desk.release_in(env, &format!("{env} {round}")).await;
            }
            for env in &names {
                delivered(&desk, env, "one", round).await;
                delivered(&desk, env, "two", round).await;
            }
            eprintln!("32 targets after {} ms", since.elapsed().as_millis());
        }
        let since = Instant::now();
        for (n, env) in names.iter().enumerate().filter(|(n, _)| n % 3 != 1) {
            while desk.progress(env, "dead").await.error.is_none() {
                assert!(since.elapsed() < Duration::from_secs(60), "{n}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let told = desk.progress(env, "dead").await;
            assert_eq!((told.state, told.delivered), ("failing", None));
        }
        stop.send(true).unwrap();
        running.await.unwrap();
    });
}
