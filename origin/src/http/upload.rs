//! What takes long to come in: so many at once, and nobody may keep their place by sending slowly. Nothing of an upload is kept
//! before it is whole.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError};
use tokio::time::{Instant, timeout_at};

use super::asked::Caller;
use crate::app::{App, Error, places};

/// Between two pieces.
const IDLE: Duration = Duration::from_secs(20);
/// For all of one: ten million ids in ten minutes are half a megabyte a second.
const LONGEST: Duration = Duration::from_secs(600);

/// A body that is read piece by piece.
pub struct Pieces {
    body: Body,
    idle: Duration,
    until: Instant,
}

impl Pieces {
    pub fn of(body: Body) -> Self {
        Self::within(body, IDLE, LONGEST)
    }

    fn within(body: Body, idle: Duration, longest: Duration) -> Self {
        Self {
            body,
            idle,
            until: Instant::now() + longest,
        }
    }

    /// None: that was all.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let deadline = self.deadline(Instant::now())?;
            let frame = timeout_at(deadline, self.body.frame()).await;
            let frame = match frame.map_err(|_| Error::Slow)? {
                None => return Ok(None),
                Some(Ok(frame)) => frame,
                Some(Err(error)) if too_large(&error) => return Err(Error::TooLarge),
                Some(Err(error)) => {
                    return Err(Error::invalid(format!("the body broke off: {error}")));
                }
            };
            if let Ok(piece) = frame.into_data() {
                return Ok(Some(piece));
            }
        }
    }

    /// Of the next piece. What comes without a pause meets no timer, so the end is looked at before each.
    fn deadline(&self, now: Instant) -> Result<Instant, Error> {
        if now >= self.until {
            return Err(Error::Slow);
        }
        Ok(self.until.min(now + self.idle))
    }

    pub async fn whole(mut self) -> Result<Bytes, Error> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.into())
    }
}

fn too_large(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// A place among those who upload something large. Only for somebody who may change the draft, so that strangers take none.
pub struct Place {
    _until_dropped: places::Place,
}

impl FromRequestParts<App> for Place {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Caller(actor) =
            <Caller as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        let named = RawPathParams::from_request_parts(parts, app).await;
        let named = named.map_err(|wrong| Error::invalid(wrong.body_text()).at("path"))?;
        let workspace = named.iter().find(|(name, _)| *name == "workspace");
        let (_, workspace) = workspace.unwrap_or_default();
        let place = app.place_for_upload(&actor, workspace)?;
        Ok(Self {
            _until_dropped: place,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::{self, StreamExt as _};
    use std::convert::Infallible;

    const LONG: Duration = Duration::from_secs(600);

    fn sends(pieces: usize) -> impl stream::Stream<Item = Result<Bytes, Infallible>> {
        stream::iter((0..pieces).map(|_| Ok(Bytes::from_static(b"u-1\n"))))
    }

    #[tokio::test]
    async fn whoever_stops_sending_or_never_ends_is_told_so() {
        let whole = Pieces::within(Body::from_stream(sends(3)), LONG, LONG);
        assert_eq!(whole.whole().await.unwrap(), "u-1\nu-1\nu-1\n");
        let stops = || Body::from_stream(sends(3).chain(stream::pending()));
        let mut pieces = Pieces::within(stops(), Duration::ZERO, LONG);
        for _ in 0..3 {
            let piece = pieces.next().await.unwrap();
            assert_eq!(piece.unwrap(), "u-1\n");
        }
        let told = pieces.next().await;
        assert!(matches!(told, Err(Error::Slow)), "{told:?}");
        // A piece now and then, or all the time, keeps nobody's place for ever.
        let endless = stream::repeat(Ok::<_, Infallible>(Bytes::from_static(b"u")));
        let endless = Pieces::within(Body::from_stream(endless), LONG, Duration::ZERO);
        let told = endless.whole().await;
        assert!(matches!(told, Err(Error::Slow)), "{told:?}");
        let gone = stream::iter([
            Ok(Bytes::from_static(b"u")),
            Err(std::io::Error::other("gone")),
        ]);
        let told = Pieces::of(Body::from_stream(gone)).whole().await;
        assert!(matches!(told, Err(Error::Invalid { .. })), "{told:?}");
    }

    #[test]
    fn every_piece_has_its_time_within_that_of_all() {
        let began = Instant::now();
        let after = |secs| began + Duration::from_secs(secs);
        let pieces = Pieces {
            body: Body::empty(),
            idle: Duration::from_secs(20),
            until: after(600),
        };
        for (now, deadline) in [(0, 20), (19, 39), (580, 600), (599, 600)] {
            assert_eq!(pieces.deadline(after(now)).unwrap(), after(deadline));
        }
        for late in [600, 700] {
            let told = pieces.deadline(after(late));
            assert!(matches!(told, Err(Error::Slow)), "{late}: {told:?}");
        }
    }
}
