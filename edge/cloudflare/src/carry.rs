//! Between the platform's requests and answers and the edge's.

use skyful_edge::{Edge, Facts, Ports};
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::{Reflect, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{ReadableStream, ReadableStreamDefaultReader};
use worker::{Headers, Request, Response};

/// A request that was read as far as the edge wants to see it.
pub struct Asked {
    /// Kept for its headers: a copy of them would be made by the platform, one by one.
    request: Request,
    method: String,
    url: String,
    body: Vec<u8>,
    facts: Facts,
}

impl Asked {
    /// What it was told instead, if the body broke off.
    pub async fn read(
        request: Request,
        edge: &Edge,
        random: [u8; 16],
    ) -> Result<Self, skyful_edge::Response> {
        let (method, url) = (request.inner().method(), request.inner().url());
        let header = |name: &str| request.headers().get(name).ok().flatten();
        let limit = edge.body_limit(&method, target(&url).0, &header);
        let body = body(&request, limit).await;
        let broken_off = body.is_none();
        let asked = Self {
            body: body.unwrap_or_default(),
            method,
            url,
            facts: facts(&request),
            request,
        };
        if broken_off {
            let response = skyful_edge::Response::broken_off();
            return Err(completed(&asked.request, edge, response, random));
        }
        Ok(asked)
    }

    pub async fn answered_by(
        &self,
        edge: &Edge,
        ports: &impl Ports,
        now_ms: i64,
        random: [u8; 16],
    ) -> skyful_edge::Response {
        let (path, query) = target(&self.url);
        // Several of one name are joined by the platform.
        let header = |name: &str| self.request.headers().get(name).ok().flatten();
        let request = skyful_edge::Request {
            method: &self.method,
            path,
            query,
            header: &header,
            body: &self.body,
            facts: self.facts.clone(),
        };
        edge.handle(ports, request, now_ms, random).await
    }
}

/// An answer that was made here, with the headers that every answer has.
pub fn completed(
    request: &Request,
    edge: &Edge,
    response: skyful_edge::Response,
    random: [u8; 16],
) -> skyful_edge::Response {
    let (method, url) = (request.inner().method(), request.inner().url());
    let (path, query) = target(&url);
    let header = |name: &str| request.headers().get(name).ok().flatten();
    let request = skyful_edge::Request {
        method: &method,
        path,
        query,
        header: &header,
        body: &[],
        facts: Facts::default(),
    };
    edge.completed(&request, response, random)
}

/// One byte more than the limit: enough for the edge to refuse it by its size. None: it broke off.
pub async fn body(request: &Request, limit: usize) -> Option<Vec<u8>> {
    match request.inner().body() {
        Some(stream) => read(&stream, limit.saturating_add(1)).await.ok(),
        None => Some(Vec::new()),
    }
}

/// What is read of a body beyond its limit, only to let go of it: a connection goes on to its next request
/// when this one's body has ended. A client that sends more than that loses its connection.
const DRAINED_BYTES: u32 = 4 << 20;

/// As much of a stream as the limit allows, in memory; a little more is taken in and forgotten.
async fn read(stream: &ReadableStream, limit: usize) -> Result<Vec<u8>, JsValue> {
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        let step = JsFuture::from(reader.read()).await?;
        let value = Reflect::get(&step, &JsValue::from_str("value"))?;
        let Some(chunk) = value.dyn_ref::<Uint8Array>() else {
            return Ok(bytes);
        };
        append(&mut bytes, chunk, limit);
    }
    // Whether the rest ends well says nothing any more.
    let mut drained = 0_u32;
    while drained < DRAINED_BYTES {
        let Ok(step) = JsFuture::from(reader.read()).await else {
            return Ok(bytes);
        };
        let value = Reflect::get(&step, &JsValue::from_str("value"))?;
        let Some(chunk) = value.dyn_ref::<Uint8Array>() else {
            return Ok(bytes);
        };
        drained = drained.saturating_add(chunk.length());
    }
    let _ = reader.cancel();
    Ok(bytes)
}

fn append(bytes: &mut Vec<u8>, chunk: &Uint8Array, limit: usize) {
    let room = u32::try_from(limit.saturating_sub(bytes.len())).unwrap_or(u32::MAX);
    let taken = chunk.subarray(0, chunk.length().min(room));
    bytes.extend_from_slice(&taken.to_vec());
}

/// Path and query of an absolute address, as they were sent.
fn target(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    rest.split_once('?').unwrap_or((rest, ""))
}

fn facts(request: &Request) -> Facts {
    let cf = request.cf();
    Facts {
        // `XX` is nowhere and `T1` is Tor: neither is a country.
        country: cf
            .and_then(worker::Cf::country)
            .filter(|country| !matches!(country.as_str(), "XX" | "T1")),
        // The part of an ISO 3166-2 code behind the country, for example `GD`; `region` would be its English
        // name, which isn't stable.
        region: cf.and_then(worker::Cf::region_code),
        ip: request.headers().get("cf-connecting-ip").ok().flatten(),
    }
}

pub fn response(answer: skyful_edge::Response) -> worker::Result<Response> {
    let headers = Headers::new();
    for (name, value) in &answer.headers {
        headers.append(name, value)?;
    }
    let builder = Response::builder()
        .with_status(answer.status)
        .with_headers(headers);
    // 204 and 304 may have no body, not even an empty one.
    if answer.body.is_empty() {
        return Ok(builder.empty());
    }
    Ok(builder.fixed(answer.body))
}
