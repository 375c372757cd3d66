//! Between Spin's HTTP and the edge: settings, bodies, headers, time and chance.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::request::Parts;
use http_body_util::BodyExt;
use skyful_edge::settings::Setting;
use skyful_edge::{CapMode, Facts, Fault, Ports};
use spin_sdk::http::{FullBody, HeaderMap, HeaderValue, IntoResponse, Request, StatusCode};
use spin_sdk::wasip3::http::types::ErrorCode;
use spin_sdk::wasip3::http_compat::{IncomingRequestBody, Response};
use spin_sdk::wasip3::random::random::get_random_u64;
use spin_sdk::{http_service, variables};

use crate::collector;
use crate::events::Events;
use crate::settings::{self, Settings, Wrong};
use crate::store::{Caps, KeyValue};

/// Of this instance, for as long as Spin keeps it. Settings that are wrong are not kept.
static SETTINGS: OnceLock<Settings> = OnceLock::new();
/// The fault that was logged last.
static LOGGED: Mutex<Option<Fault>> = Mutex::new(None);

/// What this platform gives the edge, for one request.
struct Wired<'a> {
    store: &'a KeyValue,
    caps: Caps,
    events: Events<'a>,
}

impl<'a> Ports for Wired<'a> {
    type Store = KeyValue;
    type Caps = Caps;
    type Events = Events<'a>;

    fn store(&self) -> &KeyValue {
        self.store
    }

    fn caps(&self) -> &Caps {
        &self.caps
    }

    fn events(&self) -> &Events<'a> {
        &self.events
    }
}

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let answer = match settings().await {
        Ok(settings) => {
            let answer = answer(settings, &head, body).await;
            report(settings);
            answer
        }
        Err(Wrong { variable, why }) => {
            eprintln!("skyful: the variable {variable}: {why}");
            let header = |name: &str| joined(&head.headers, name);
            skyful_edge::Response::misconfigured(variable, why).identified(
                head.method.as_str(),
                &header,
                random(),
            )
        }
    };
    sent(answer.timed(started.elapsed()))
}

async fn answer(
    settings: &Settings,
    head: &Parts,
    body: IncomingRequestBody,
) -> skyful_edge::Response {
    let header = |name: &str| joined(&head.headers, name);
    let (method, path) = (head.method.as_str(), head.uri.path());
    let limit = settings.edge.body_limit(method, path, &header);
    let body = read(body, limit).await;
    let broken_off = body.is_err();
    let request = skyful_edge::Request {
        method,
        path,
        query: head.uri.query().unwrap_or(""),
        header: &header,
        body: body.as_deref().unwrap_or_default(),
        // No country and no region: Spin documents no header for them that a client couldn't set.
        facts: Facts {
            ip: header(&settings.client_ip).and_then(|ip| settings::client_ip(&ip)),
            ..Facts::default()
        },
    };
    let edge = &settings.edge;
    if broken_off {
        let answer = skyful_edge::Response::broken_off();
        return edge.completed(&request, answer, random());
    }
    let store = KeyValue::snapshots();
    let config = edge.config();
    let events = Events {
        store: &store,
        collector: settings.collector.as_ref(),
        place: format!("{}/{}", config.workspace, config.env),
    };
    let ports = Wired {
        store: &store,
        caps: Caps::default(),
        events,
    };
    let answer = edge.handle(&ports, request, now_ms(), random()).await;
    log(edge.last_fault());
    answer
}

/// Behind the answer, how the tracks do: this instance may end with it. Spin lets what was begun here come to its end.
fn report(settings: &'static Settings) {
    if let Some(collector) = &settings.collector
        && let Some(report) = settings
            .edge
            .report_once(now_ms(), random(), settings.report_one_in)
    {
        spin_sdk::wasip3::spawn(collector::tell(collector, report));
    }
}

/// Read once an instance. Several first requests may read them at once; the first one counts.
async fn settings() -> Result<&'static Settings, Wrong> {
    if let Some(settings) = SETTINGS.get() {
        return Ok(settings);
    }
    let mut given = Vec::new();
    let names = Setting::ALL.into_iter().map(settings::name);
    for variable in names.chain([
        settings::CLIENT_IP,
        settings::COLLECTOR,
        settings::COLLECTOR_TOKEN,
        settings::REPORT_ONE_IN,
    ]) {
        match variables::get(variable).await {
            Ok(text) => given.push((variable, text)),
            Err(variables::Error::Undefined(_)) => {}
            // Not taken as unset: the default may be the opposite of what was said.
            Err(_) => {
                return Err(Wrong {
                    variable,
                    why: "cannot be read",
                });
            }
        }
    }
    let value = |name: &str| {
        let found = given.iter().find(|(given, _)| *given == name);
        found.map(|(_, text)| text.as_str())
    };
    // Opening a store costs a call, so only who asks for one is asked about it.
    let cap_stores = match value(settings::name(Setting::Caps)) {
        Some(said) if said.trim() == CapMode::Approximate.name() => Caps::modes().await,
        _ => &[],
    };
    let read = Settings::read(value, cap_stores)?;
    Ok(SETTINGS.get_or_init(|| read))
}

/// As much of a body as tells the edge that it is too large, if it is.
async fn read(mut body: IncomingRequestBody, limit: usize) -> Result<Vec<u8>, ErrorCode> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = (limit + 1).saturating_sub(bytes.len());
            bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
            if bytes.len() > limit {
                break;
            }
        }
    }
    Ok(bytes)
}

fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    skyful_edge::http::joined(headers.get_all(name).iter().map(HeaderValue::as_bytes))
}

fn sent(answer: skyful_edge::Response) -> Response<FullBody<Bytes>> {
    let mut response = Response::new(FullBody::new(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Each new fault once an instance. It says nothing about any visitor.
fn log(fault: Option<Fault>) {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if *logged == fault {
        return;
    }
    if let Some(fault) = &fault
        && logged.as_ref().is_none_or(|l| l.what != fault.what)
    {
        eprintln!("skyful: {}", fault.what);
    }
    *logged = fault;
}

/// A clock before 1970 counts as 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

pub fn random() -> [u8; 16] {
    let (high, low) = (get_random_u64(), get_random_u64());
    (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
}
