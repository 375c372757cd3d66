//! Server-sent events of a release, one after another. Whoever listens comes again with the number of the last one.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use ureq::Agent;

use super::{Origin, refused};
use crate::failure::Failure;

const CONNECT: Duration = Duration::from_secs(10);
/// The origin ends a stream after a minute by itself; one that lasts longer is dead.
const LIFE: Duration = Duration::from_secs(90);

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub kind: String,
    /// To come again with.
    pub id: Option<String>,
    pub data: String,
}

/// What came of asking for events.
pub enum Heard {
    Stream(Events<Box<dyn Read>>),
    /// There are no more.
    Over,
    /// Nobody answers, or only later.
    Away(Failure),
}

impl Origin {
    /// Events after the one that was heard last.
    pub fn events(&self, path: &str, last: Option<&str>) -> Result<Heard, Failure> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(LIFE))
            .timeout_recv_body(Some(LIFE))
            .max_redirects(0)
            .build();
        let request = Agent::from(config)
            .get(format!("{}{path}", self.address()))
            .header("accept", "text/event-stream")
            .header("authorization", &self.bearer);
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let mut reply = match request.call() {
            Ok(reply) => reply,
            Err(error) => return Ok(Heard::Away(Failure::usage(error))),
        };
        let status = reply.status().as_u16();
        if status == 200 {
            let reader: Box<dyn Read> = Box::new(reply.into_body().into_reader());
            return Ok(Heard::Stream(Events::new(reader)));
        }
        if status == 204 {
            return Ok(Heard::Over);
        }
        let mut body = Vec::new();
        let read = reply.body_mut().as_reader().read_to_end(&mut body);
        let refusal = refused(&body, status, self.address());
        match read.is_err() || matches!(status, 429 | 500 | 502 | 503 | 504) {
            true => Ok(Heard::Away(refusal)),
            false => Err(refusal),
        }
    }
}

/// Reads `text/event-stream`. Ends where the stream ends, however it does.
pub struct Events<R> {
    lines: BufReader<R>,
}

impl<R: Read> Events<R> {
    fn new(from: R) -> Self {
        Self {
            lines: BufReader::new(from),
        }
    }
}

impl<R: Read> Iterator for Events<R> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let mut line = String::new();
            // What ends in the middle of an event comes again.
            match self.lines.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                if event != Event::default() {
                    return Some(event);
                }
                continue;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "event" => event.kind = value.to_owned(),
                "id" => event.id = Some(value.to_owned()),
                "data" if event.data.is_empty() => event.data = value.to_owned(),
                "data" => event.data = format!("{}\n{value}", event.data),
                // Comments keep the connection alive.
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Option<&str>, &str)]) {
        let found: Vec<Event> = Events::new(text.as_bytes()).collect();
        let expected: Vec<Event> = expected
            .iter()
            .map(|(kind, id, data)| Event {
                kind: (*kind).to_owned(),
                id: id.map(str::to_owned),
                data: (*data).to_owned(),
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn events_are_read_as_they_are_written() {
        check(
            ": hello\n\nevent: happened\nid: 4\ndata: {\"a\":1}\n\n:\n\nevent:end\r\ndata: {}\r\n\r\n",
            &[("happened", Some("4"), "{\"a\":1}"), ("end", None, "{}")],
        );
        check("data: a\ndata:  b\n\n", &[("", None, "a\n b")]);
    }

    #[test]
    fn half_an_event_is_none() {
        check("event: end\ndata: {}\n", &[]);
        check("event: release\nda", &[]);
    }
}
