//! Between Fastly's HTTP and the edge: settings, bodies, headers, time and chance.

use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use fastly::geo::geo_lookup;
use fastly::http::{HeaderName, HeaderValue, Url};
use fastly::secret_store::OpenError;
use fastly::{ConfigStore, Request, Response, SecretStore};
use skyful_edge::{Edge, Facts};

use crate::collector::Line;
use crate::events::Events;
use crate::kv;
use crate::settings::{self, Settings, Wrong};
use crate::store::{Platform, Store};
use crate::{SECRETS, SETTINGS};

/// Answers a request from the KV Store of this name, and tells the collector behind the answer.
pub fn serve(mut request: Request, snapshots: &str) {
    let started = Instant::now();
    let settings = settings();
    let line = settings.as_ref().ok().and_then(|s| s.collector.as_ref());
    let line = line.map(Line::to);
    let answer = match &settings {
        Ok(settings) => at_once(answered_by(
            &settings.edge,
            line.as_ref(),
            &mut request,
            snapshots,
        )),
        Err(Wrong { entry, why }) => {
            eprintln!("skyful: the setting {entry}: {why}");
            let header = |name: &str| joined(&request, name);
            let answer = skyful_edge::Response::misconfigured(entry, why);
            answer.identified(request.get_method_str(), &header, random())
        }
    };
    sent(answer.timed(started.elapsed())).send_to_client();
    if let (Ok(settings), Some(line)) = (&settings, &line) {
        report(settings, line);
    }
}

/// How the tracks do. This instance ends with it, so nobody else says what it counted.
fn report(settings: &Settings, line: &Line<'_>) {
    let report = settings
        .edge
        .report_once(now_ms(), random(), settings.report_one_in);
    if let Some(Err(error)) = report.map(|report| line.tell(&report)) {
        eprintln!("skyful: the collector takes no report: {error}");
    }
}

async fn answered_by(
    edge: &Edge,
    line: Option<&Line<'_>>,
    request: &mut Request,
    snapshots: &str,
) -> skyful_edge::Response {
    let body = body(edge, request);
    let header = |name: &str| joined(request, name);
    let asked = skyful_edge::Request {
        method: request.get_method_str(),
        path: request.get_path(),
        query: request.get_query_str().unwrap_or(""),
        header: &header,
        body: body.as_deref().unwrap_or_default(),
        facts: facts(request.get_client_ip_addr()),
    };
    if body.is_none() {
        return edge.completed(&asked, skyful_edge::Response::broken_off(), random());
    }
    let config = edge.config();
    let place = format!("{}/{}", config.workspace, config.env);
    let platform = Platform {
        store: Store::new(snapshots),
        events: Events::new(snapshots, line, place),
    };
    let answer = edge.handle(&platform, asked, now_ms(), random()).await;
    // It says nothing about any visitor.
    if let Some(fault) = edge.last_fault() {
        eprintln!("skyful: {}", fault.what);
    }
    answer
}

fn settings() -> Result<Settings, Wrong> {
    let store = ConfigStore::try_open(SETTINGS).map_err(|_| Wrong {
        entry: SETTINGS,
        why: "no Config Store is linked under this name",
    })?;
    let secrets = secrets()?;
    let settings = Settings::read(|entry| {
        if settings::SECRET.contains(&entry)
            && let Some(secrets) = &secrets
            && let Some(text) = secret(secrets, entry)?
        {
            return Ok(Some(text));
        }
        store.try_get(entry).map_err(|_| unreadable(entry))
    })?;
    let collector = settings.collector.as_ref();
    // The library that knows all of an address comes with the platform.
    if collector.is_some_and(|collector| Url::parse(&collector.url).is_err()) {
        return Err(settings::NO_ADDRESS);
    }
    Ok(settings)
}

/// None: no Secret Store is linked.
fn secrets() -> Result<Option<SecretStore>, Wrong> {
    match SecretStore::open(SECRETS) {
        Ok(store) => Ok(Some(store)),
        Err(OpenError::SecretStoreDoesNotExist(_)) => Ok(None),
        Err(_) => Err(unreadable(SECRETS)),
    }
}

fn secret(secrets: &SecretStore, entry: &'static str) -> Result<Option<String>, Wrong> {
    let found = secrets.try_get(entry).map_err(|_| unreadable(entry))?;
    let Some(found) = found else {
        return Ok(None);
    };
    let text = found.try_plaintext().map_err(|_| unreadable(entry))?;
    let text = String::from_utf8(text.into()).map_err(|_| unreadable(entry))?;
    Ok(Some(text))
}

fn unreadable(entry: &'static str) -> Wrong {
    Wrong {
        entry,
        why: "cannot be read",
    }
}

/// As much of a body as tells the edge that it is too large, if it is. None: it broke off.
fn body(edge: &Edge, request: &mut Request) -> Option<Vec<u8>> {
    let mut body = request.take_body();
    let header = |name: &str| joined(request, name);
    let limit = edge.body_limit(request.get_method_str(), request.get_path(), &header);
    let length = body.known_length();
    kv::fill(&mut body, length, limit.saturating_add(1)).ok()
}

fn joined(request: &Request, name: &str) -> Option<String> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    skyful_edge::http::joined(request.get_header_all(name).map(HeaderValue::as_bytes))
}

fn facts(ip: Option<IpAddr>) -> Facts {
    let geo = ip.and_then(geo_lookup);
    // Where nothing is known, words that are no codes stand there (`**`, `?`).
    let code = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let country = geo.as_ref().map(|geo| geo.country_code().to_owned());
    let region = geo.as_ref().and_then(|geo| geo.region()).map(str::to_owned);
    Facts {
        country: country.filter(|country| country.len() == 2 && code(country)),
        // The part of an ISO 3166-2 code behind the country, for example `GD`.
        region: region.filter(|region| (1..=3).contains(&region.len()) && code(region)),
        ip: ip.map(|ip| ip.to_canonical().to_string()),
    }
}

/// The edge waits for nothing but the store, which is never pending ([`crate::store`]), so one poll is enough. An
/// executor would only add what to do otherwise, and there is nothing.
fn at_once(future: impl Future<Output = skyful_edge::Response>) -> skyful_edge::Response {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => skyful_edge::Response::bug(),
    }
}

fn sent(answer: skyful_edge::Response) -> Response {
    let mut response = Response::from_status(answer.status);
    for (name, value) in &answer.headers {
        response.append_header(*name, &**value);
    }
    response.set_body(answer.body);
    response
}

/// A clock before 1970 counts as 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

pub fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    // WASI always has it. Without it minted units would all be the same one, and no answer would be wrong.
    let _ = getrandom::fill(&mut bytes);
    bytes
}
