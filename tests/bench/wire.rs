//! As little of an HTTP/1.1 client as measuring takes: on two cores whatever the client burns is missing to the server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub struct Connection {
    stream: TcpStream,
    /// Received, and not yet taken.
    held: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| &**value)
    }

    /// From our `Server-Timing`.
    pub fn reads(&self) -> Option<u32> {
        let (_, reads) = self.header("server-timing")?.split_once("reads=")?;
        reads
            .split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    }
}

/// A request as it goes over the wire.
pub fn request(method: &str, target: &str, body: &str) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: edge.test\r\n");
    // What an app's HTTP library sends of its own accord.
    text += "accept: */*\r\naccept-language: en\r\nuser-agent: skyful-bench\r\n";
    if !body.is_empty() {
        text += &format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
    }
    (text + "\r\n" + body).into_bytes()
}

impl Connection {
    /// To `http://ADDRESS:PORT`.
    pub fn open(url: &str) -> Self {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).expect("a socket option");
        Self {
            stream,
            held: Vec::with_capacity(1 << 16),
        }
    }

    pub fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).expect("the server reads");
    }

    pub fn ask(&mut self, request: &[u8]) -> Answer {
        self.send(request);
        self.receive()
    }

    pub fn receive(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = find(&self.held, b"\r\n\r\n") {
                break at + 4;
            }
            self.more();
        };
        let head = String::from_utf8_lossy(&self.held[..end]).into_owned();
        self.held.drain(..end);
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| line.split_once(':'));
        let mut answer = Answer {
            status: status.and_then(|s| s.parse().ok()).expect("a status"),
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: Vec::new(),
        };
        answer.body = match answer.header("content-length") {
            Some(length) => self.take(length.parse().expect("a length")),
            None if answer.header("transfer-encoding") == Some("chunked") => self.chunks(),
            None => Vec::new(),
        };
        answer
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(at) = find(&self.held, b"\r\n") {
                    break self.take(at + 2);
                }
                self.more();
            };
            let size = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
            let chunk = self.take(size + 2);
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return body;
            }
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.held.len() < length {
            self.more();
        }
        self.held.drain(..length).collect()
    }

    fn more(&mut self) {
        let mut room = [0; 1 << 14];
        let got = self.stream.read(&mut room).expect("an answer in time");
        assert!(got > 0, "the server closed the connection");
        self.held.extend_from_slice(&room[..got]);
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}
