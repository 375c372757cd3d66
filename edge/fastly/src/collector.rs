//! The collector as this platform reaches it: through a backend of our own making. By handles, since `Request::send`
//! brings the library's own HTTP cache into the program.

use std::cell::OnceCell;
use std::time::Duration;

use fastly::backend::BackendCreationError;
use fastly::handle::{BodyHandle, CacheOverride, RequestHandle};
use fastly::http::{HeaderName, HeaderValue, Method, Url, header};
use fastly::{Backend, Body};
use skyful_edge::forward;
use skyful_edge::health::{self, Report};

use crate::kv;
use crate::settings::Collector;

/// For a connection, for the answer, and for each part of it: with events a visitor waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);
/// Nothing of use is longer: a batch has at most 100 events.
const ANSWER_BYTES: usize = 64 << 10;
/// Static backends of the service may not have this name.
const BACKEND: &str = "skyful_collector";

pub struct Line<'a> {
    collector: &'a Collector,
    /// A name can be registered once in an instance.
    backend: OnceCell<Backend>,
}

impl<'a> Line<'a> {
    pub fn to(collector: &'a Collector) -> Self {
        Self {
            collector,
            backend: OnceCell::new(),
        }
    }

    /// Delivers events, and waits for the answer: its status and body.
    pub fn deliver(&self, batch: &[u8]) -> Result<(u16, Vec<u8>), fastly::Error> {
        let (request, backend) = self.request(forward::PATH, "application/x-ndjson")?;
        let (answer, body) = request.send(BodyHandle::from(batch), backend.name())?;
        let mut body = Body::from(body);
        let length = body.known_length();
        let said = kv::fill(&mut body, length, ANSWER_BYTES)?;
        Ok((answer.get_status().as_u16(), said))
    }

    /// Tells how the tracks do, and waits for nothing: the platform goes on sending when this instance has ended. What is
    /// lost of that is lost for all tracks alike.
    pub fn tell(&self, report: &Report) -> Result<(), fastly::Error> {
        let (mut request, backend) = self.request(health::PATH, "application/json")?;
        let seal = HeaderValue::from_str(&report.seal)?;
        request.insert_header(&HeaderName::from_static(health::SEAL), &seal);
        request.send_async(BodyHandle::from(&*report.body), backend.name())?;
        Ok(())
    }

    fn request(
        &self,
        path: &str,
        kind: &'static str,
    ) -> Result<(RequestHandle, &Backend), fastly::Error> {
        let url = Url::parse(&format!("{}{path}", self.collector.url))?;
        let backend = self.backend(&url)?;
        let mut request = RequestHandle::new();
        request.set_method(&Method::POST);
        request.set_url(&url);
        request.set_cache_override(&CacheOverride::Pass);
        let token = HeaderValue::from_str(&format!("Bearer {}", self.collector.token))?;
        request.insert_header(&header::AUTHORIZATION, &token);
        request.insert_header(&header::CONTENT_TYPE, &HeaderValue::from_static(kind));
        Ok((request, backend))
    }

    /// Made here and not in the dashboard, so that its address is a setting and its patience is ours.
    fn backend(&self, url: &Url) -> Result<&Backend, BackendCreationError> {
        if let Some(backend) = self.backend.get() {
            return Ok(backend);
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        let mut builder = Backend::builder(BACKEND, format!("{host}:{port}"))
            .connect_timeout(PATIENCE)
            .first_byte_timeout(PATIENCE)
            .between_bytes_timeout(PATIENCE);
        if url.scheme() == "https" {
            builder = builder.check_certificate(host).sni_hostname(host);
        }
        let backend = builder.finish()?;
        Ok(self.backend.get_or_init(|| backend))
    }
}
