//! A release as it happens, as server-sent events: `happened` with a number that a client that comes back goes on from, and
//! `release` whenever anything of it is another than before. Ends when the release does.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::access::{Action, Actor};
use crate::app::places::Place;
use crate::app::releases::view::{Happened, Release};
use crate::app::{App, Error};
use crate::http::asked::{Caller, Path};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Counters change without anything happening to the release, and rights end without a sign.
const LOOK: Duration = Duration::from_secs(2);
/// What changes several times a second is told once.
const BREATH: Duration = Duration::from_millis(200);
/// Then a client comes again: proxies don't like answers that never end.
const LIFE: Duration = Duration::from_secs(60);
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One who listens.
struct Listener {
    app: App,
    /// Whose rights it has.
    actor: Actor,
    at: (String, String, i64),
    /// Number of the last thing told.
    told: i64,
    /// As it was told last.
    shown: Option<Release>,
    waiting: VecDeque<Event>,
    changed: watch::Receiver<u64>,
    until: Instant,
    over: bool,
    _place: Place,
}

/// Watches a release until it ends. `Last-Event-ID` goes on after what was told.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/events", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = i64, Path),
        ("Last-Event-ID" = Option<i64>, Header)),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 204), (status = 429)))]
async fn events(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(at): Path<(String, String, i64)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    actor.need(Action::Read, &at.0, Some(&at.1))?;
    let told = match headers.get("last-event-id") {
        None => 0,
        Some(value) => last(value)?,
    };
    let changed = app.listen();
    let (release, happened) = app.release_since((&at.0, &at.1), at.2, told).await?;
    // A browser that is told 204 doesn't come again.
    if release.state.ended() && happened.is_empty() && told > 0 {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let place = app.listeners.place(&actor.user)?;
    let mut listener = Listener {
        app,
        actor,
        at,
        told,
        shown: None,
        waiting: VecDeque::new(),
        changed,
        until: Instant::now() + LIFE,
        over: false,
        _place: place,
    };
    listener.tell(release, &happened);
    let stream = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let mut response = Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    let none = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, none);
    Ok(response)
}

fn last(value: &HeaderValue) -> Result<i64, Error> {
    let number = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| {
        let wrong = Error::invalid("this is no number of an event").at("Last-Event-ID");
        wrong.hint("send it as it came, or leave it out to hear everything")
    })
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.over || Instant::now() >= self.until {
                return None;
            }
            tokio::select! {
                gone = self.changed.changed() => {
                    // Everything ends, or is changing quickly.
                    if gone.is_err() || *self.changed.borrow_and_update() == u64::MAX {
                        return None;
                    }
                    tokio::time::sleep(BREATH).await;
                }
                () = tokio::time::sleep(LOOK) => {}
            }
            // Nothing is told to whoever was shut out meanwhile.
            if !self.may().await {
                return None;
            }
            let (workspace, env, id) = &self.at;
            let found = self
                .app
                .release_since((workspace, env), *id, self.told)
                .await;
            // A database that gives no answer: the client comes again.
            let (release, happened) = found.ok()?;
            self.tell(release, &happened);
        }
    }

    /// Whether whoever listens would be let in now. A database that gives no answer lets nobody in.
    async fn may(&self) -> bool {
        let (workspace, env, _) = &self.at;
        let still = self.app.still(&self.actor).await;
        let may = |actor: &Actor| actor.may(Action::Read, workspace, Some(env));
        matches!(still, Ok(Some(actor)) if may(&actor))
    }

    fn tell(&mut self, release: Release, happened: &[Happened]) {
        for one in happened {
            self.told = one.seq;
            self.waiting
                .push_back(event("happened", one).id(one.seq.to_string()));
        }
        self.over = release.state.ended();
        if self.shown.as_ref() != Some(&release) {
            self.waiting.push_back(event("release", &release));
            self.shown = Some(release);
        }
        if self.over {
            self.waiting
                .push_back(Event::default().event("end").data("{}"));
        }
    }
}

fn event(kind: &str, of: &impl Serialize) -> Event {
    let text = serde_json::to_string(of).unwrap_or_default();
    Event::default().event(kind).data(text)
}
