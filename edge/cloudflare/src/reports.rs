//! Behind an answer, tells a collector how the tracks of the held releases do. What is told, and how often, is the core's.

use skyful_edge::health::{PATH, Report, SEAL};
use worker::js_sys::Uint8Array;
use worker::{Env, Fetch, Headers, Method, Request, RequestInit, console_error};

pub struct Reports {
    url: String,
    token: String,
}

impl Reports {
    /// None: nobody is told.
    pub fn of(env: &Env) -> Option<Self> {
        let text = |name| env.var(name).ok().map(|value| value.to_string());
        let url = text("SKYFUL_COLLECTOR").filter(|url| !url.is_empty())?;
        Some(Self {
            url: format!("{}{PATH}", url.trim_end_matches('/')),
            token: text("SKYFUL_COLLECTOR_TOKEN").unwrap_or_default(),
        })
    }

    /// A report that is lost is no loss: the next one says the same and more.
    pub async fn send(&self, report: &Report) {
        let answer = match self.request(report) {
            Ok(request) => Fetch::Request(request).send().await,
            Err(error) => Err(error),
        };
        match answer.map(|answer| answer.status_code()) {
            Ok(200..=299) => {}
            Ok(status) => console_error!("skyful: the collector answered a report with {status}"),
            Err(error) => console_error!("skyful: the collector takes no report: {error}"),
        }
    }

    fn request(&self, report: &Report) -> worker::Result<Request> {
        let headers = Headers::new();
        headers.set("authorization", &format!("Bearer {}", self.token))?;
        headers.set("content-type", "application/json")?;
        headers.set(SEAL, &report.seal)?;
        let mut how = RequestInit::new();
        how.with_method(Method::Post)
            .with_headers(headers)
            .with_body(Some(Uint8Array::from(&*report.body).into()));
        Request::new_with_init(&self.url, &how)
    }
}
