//! What Prometheus is told, and that nobody can make it more.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::fixture::snapshot;
use crate::support::{Folders, Running, start};

fn watched(folders: &Folders) -> Running {
    let mut options = folders.options();
    options.metrics = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    options.cors = vec!["*".into()];
    start(options)
}

impl Running {
    fn metrics(&self) -> String {
        let address = self.metrics.unwrap();
        let answer = crate::support::raw(
            address,
            b"GET /metrics HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n",
        );
        assert_eq!(answer.status, 200);
        assert!(
            answer.head.contains("application/openmetrics-text"),
            "{}",
            answer.head
        );
        answer.body
    }
}

fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| {
        line.strip_prefix(series)
            .is_some_and(|rest| rest.starts_with(' '))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Names with labels, without values.
fn series(metrics: &str) -> BTreeSet<String> {
    metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(series, _)| series.to_owned())
        .collect()
}

#[test]
fn what_is_answered_is_counted() {
    let folders = Folders::new();
    folders.publish(7, &snapshot("one"));
    let server = watched(&folders);
    for _ in 0..3 {
        assert_eq!(server.home().status, 200);
    }
    assert_eq!(server.get("/v1/pages/lost?unit=u-1").status, 404);
    assert_eq!(server.post("{").status, 400);
    let metrics = server.metrics();
    for (name, expected) in [
        (
            "skyful_edge_requests_total{route=\"page\",status=\"2xx\"}",
            3.0,
        ),
        (
            "skyful_edge_requests_total{route=\"page\",status=\"4xx\"}",
            1.0,
        ),
        (
            "skyful_edge_requests_total{route=\"resolve\",status=\"4xx\"}",
            1.0,
        ),
        (
            "skyful_edge_request_duration_seconds_count{route=\"page\"}",
            4.0,
        ),
        ("skyful_edge_requests_in_flight", 0.0),
        ("skyful_edge_answers_total{reason=\"default\"}", 3.0),
        ("skyful_edge_answers_total{reason=\"error\"}", 0.0),
        ("skyful_edge_fallbacks_total{to=\"release\"}", 0.0),
        ("skyful_edge_behind_total", 0.0),
        ("skyful_edge_cap_errors_total", 0.0),
        ("skyful_edge_events_total{outcome=\"accepted\"}", 0.0),
        ("skyful_edge_store_errors_total", 0.0),
        ("skyful_edge_manifests_refused_total", 0.0),
        ("skyful_edge_sequence", 7.0),
    ] {
        assert_eq!(value(&metrics, name), Some(expected), "{name}\n{metrics}");
    }
    let at_least_zero = |name| value(&metrics, name).is_some_and(|value| value >= 0.0);
    assert!(
        at_least_zero("skyful_edge_manifest_age_seconds"),
        "{metrics}"
    );
    assert!(
        at_least_zero("skyful_edge_manifest_checked_age_seconds"),
        "{metrics}"
    );
    assert!(value(&metrics, "skyful_edge_cache_size_bytes").is_some_and(|bytes| bytes > 0.0));
    assert!(
        metrics.contains("skyful_edge_build_info{version="),
        "{metrics}"
    );
    // Not where visitors come in.
    assert_eq!(server.get("/metrics").status, 404);
}

#[test]
fn nothing_that_is_sent_becomes_a_series() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let server = watched(&folders);
    let strange = |round: u32| {
        for method in ["GET", "POST", "PUT", "BREW", "OPTIONS"] {
            for path in [
                format!("/canary-{round}"),
                format!("/v1/pages/canary-{round}?unit=canary-{round}"),
                format!(
                    "/v1/pages/home?unit=canary-{round}&locale=canary-{round}&attr.country=canary-{round}"
                ),
                format!("/v1/snapshots/canary-{round}"),
                "/v1/resolve".to_owned(),
                "/healthz".to_owned(),
                "/v1/manifest".to_owned(),
                "/v1/settled".to_owned(),
            ] {
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nHost: canary-{round}\r\nOrigin: https://canary-{round}\r\nX-Request-Id: canary-{round}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                assert!(server.raw(request.as_bytes()).status > 0);
            }
        }
    };
    strange(0);
    let before = server.metrics();
    (1..25).for_each(strange);
    let after = server.metrics();
    assert_eq!(series(&before), series(&after));
    assert!(!after.contains("canary"), "{after}");
}
