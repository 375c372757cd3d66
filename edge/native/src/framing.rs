//! Where one request ends and the next begins, read strictly before hyper reads it. hyper takes a request
//! with both `Content-Length` and `Transfer-Encoding` for a chunked one, and takes lines that end in LF alone;
//! a proxy in front may see another request in the same bytes (request smuggling). Here such bytes end the
//! connection with 400. Nothing is changed or reordered: what this accepts, hyper sees as it came.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose requests can be read in one way only.
pub struct Strict<S> {
    stream: S,
    framing: Framing,
    refused: bool,
}

impl<S> Strict<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            framing: Framing::default(),
            refused: false,
        }
    }
}

/// In no method, header or chunk: hyper answers it with 400 and closes.
const REFUSAL: &[u8] = b"\0";

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.refused {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let came = &buffer.filled()[before..];
        if let Err(Fault { at }) = self.framing.read(came) {
            self.refused = true;
            // The byte at `at` makes room for this one.
            buffer.set_filled(before + at);
            buffer.put_slice(REFUSAL);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The first byte that must not be passed on, of those that came: where the ambiguous head begins, or the
/// line of a body that is no chunk.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    at: usize,
}

#[derive(Default)]
struct Framing {
    part: Part,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    head: Head,
}

#[derive(Clone, Copy, Default)]
enum Part {
    #[default]
    Head,
    Body {
        left: u64,
    },
    ChunkSize,
    Chunk {
        left: u64,
    },
    /// The empty line behind the bytes of a chunk.
    ChunkEnd,
    Trailers,
}

/// What of a head decides where its request ends.
#[derive(Default)]
struct Head {
    request_line: bool,
    length: Option<u64>,
    chunked: bool,
}

/// The line can be read in two ways.
struct Ambiguous;

/// hyper refuses a longer head, so a line of it needs no more room.
const LINE_BYTES: usize = crate::serve::HEAD_BYTES;

impl Framing {
    fn read(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let (mut at, mut head_at) = (0, 0);
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.part {
                Part::Body { left } | Part::Chunk { left } => {
                    let taken = u64::try_from(rest.len()).unwrap_or(u64::MAX).min(left);
                    at += usize::try_from(taken).unwrap_or(rest.len());
                    self.part = match self.part {
                        Part::Chunk { .. } if taken == left => Part::ChunkEnd,
                        Part::Chunk { .. } => Part::Chunk { left: left - taken },
                        _ if taken == left => Part::Head,
                        _ => Part::Body { left: left - taken },
                    };
                    head_at = at;
                }
                _ => {
                    let in_head = matches!(self.part, Part::Head);
                    let fault = Fault {
                        at: if in_head { head_at } else { at },
                    };
                    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                        self.line.extend_from_slice(rest);
                        return if self.line.len() > LINE_BYTES {
                            Err(fault)
                        } else {
                            Ok(())
                        };
                    };
                    at += end + 1;
                    let ended = if self.line.is_empty() {
                        self.end_line(&rest[..end])
                    } else {
                        let mut line = std::mem::take(&mut self.line);
                        line.extend_from_slice(&rest[..end]);
                        self.end_line(&line)
                    };
                    ended.map_err(|Ambiguous| fault)?;
                    if !matches!(self.part, Part::Head) || !self.head.request_line {
                        head_at = at;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes a line without its LF.
    fn end_line(&mut self, line: &[u8]) -> Result<(), Ambiguous> {
        let line = line.strip_suffix(b"\r").ok_or(Ambiguous)?;
        if line.contains(&b'\r') {
            return Err(Ambiguous);
        }
        self.part = match self.part {
            Part::Head if line.is_empty() && self.head.request_line => {
                std::mem::take(&mut self.head).body()
            }
            Part::Head => {
                self.head.line(line)?;
                Part::Head
            }
            Part::ChunkSize => match chunk_size(line)? {
                0 => Part::Trailers,
                left => Part::Chunk { left },
            },
            Part::ChunkEnd if line.is_empty() => Part::ChunkSize,
            Part::Trailers if line.is_empty() => Part::Head,
            Part::Trailers => Part::Trailers,
            Part::ChunkEnd | Part::Body { .. } | Part::Chunk { .. } => return Err(Ambiguous),
        };
        Ok(())
    }
}

impl Head {
    fn line(&mut self, line: &[u8]) -> Result<(), Ambiguous> {
        if !self.request_line {
            // hyper passes over empty lines before a request.
            self.request_line = !line.is_empty();
            return Ok(());
        }
        // Without a colon, hyper refuses it as well. A line that begins with a space would go on with the one
        // before (obsolete folding), and a name that ends with one is two names to two readers.
        let at = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(at.ok_or(Ambiguous)?);
        if name.iter().any(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(Ambiguous);
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = decimal(value)?;
            if self.chunked || self.length.is_some_and(|known| known != length) {
                return Err(Ambiguous);
            }
            self.length = Some(length);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            // Any other coding would have to be undone, which nothing here does.
            if self.chunked || self.length.is_some() || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Ambiguous);
            }
            self.chunked = true;
        }
        Ok(())
    }

    fn body(self) -> Part {
        match self.length {
            _ if self.chunked => Part::ChunkSize,
            None | Some(0) => Part::Head,
            Some(left) => Part::Body { left },
        }
    }
}

fn decimal(text: &[u8]) -> Result<u64, Ambiguous> {
    if !text.iter().all(u8::is_ascii_digit) {
        return Err(Ambiguous);
    }
    let text = str::from_utf8(text).map_err(|_| Ambiguous)?;
    text.parse().map_err(|_| Ambiguous)
}

/// Hex digits, and perhaps extensions, which mean nothing here.
fn chunk_size(line: &[u8]) -> Result<u64, Ambiguous> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let (digits, rest) = line.split_at(digits.count());
    let extended = rest.trim_ascii_start().first();
    if extended.is_some_and(|first| *first != b';') {
        return Err(Ambiguous);
    }
    let digits = str::from_utf8(digits).map_err(|_| Ambiguous)?;
    u64::from_str_radix(digits, 16).map_err(|_| Ambiguous)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which byte a stream is refused, however it is cut into reads.
    fn refused(text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        let whole = Framing::default().read(bytes).err();
        for cut in 1..bytes.len() {
            let mut framing = Framing::default();
            let cuts = framing.read(&bytes[..cut]).is_err() || framing.read(&bytes[cut..]).is_err();
            assert_eq!(cuts, whole.is_some(), "{text:?} cut at {cut}");
        }
        whole.map(|fault| fault.at)
    }

    const GET: &str = "GET / HTTP/1.1\r\nHost: e\r\n\r\n";

    #[test]
    fn requests_that_have_one_reading_pass() {
        for text in [
            GET,
            &GET.repeat(3),
            "\r\nGET / HTTP/1.1\r\nHost: e\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\nbGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 3\r\nContent-Length:3\r\n\r\nabc",
            "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\na\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\nTrailer: x\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(refused(text), None, "{text:?}");
        }
    }

    #[test]
    fn requests_that_two_readers_could_read_apart_do_not() {
        for head in [
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding:\r\n",
            "Content-Length: 3\r\nContent-Length: 4\r\n",
            "Content-Length: 3, 3\r\n",
            "Content-Length: +3\r\n",
            "Content-Length: 0x3\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length : 3\r\n",
            "X: a\r\n folded: b\r\n",
            "X: a\r\n\tTransfer-Encoding: chunked\r\n",
            "X: a\rContent-Length: 3\r\n",
            "X: a\nContent-Length: 3\r\n",
            "X\r\n",
        ] {
            let text = format!("POST / HTTP/1.1\r\n{head}\r\nabc");
            assert_eq!(refused(&text), Some(0), "{text:?}");
            let second = format!("{GET}{text}");
            assert_eq!(refused(&second), Some(GET.len()), "{second:?}");
        }
    }

    #[test]
    fn chunks_that_two_readers_could_read_apart_do_not_pass() {
        for body in [
            "3\nabc\r\n0\r\n\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "-3\r\nabc\r\n0\r\n\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "\r\nabc\r\n0\r\n\r\n",
            "3;a\n;b\r\nabc\r\n0\r\n\r\n",
            "0\r\nX: a\n\r\n",
            "fffffffffffffffff\r\nabc\r\n",
        ] {
            let text = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            assert!(refused(&text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_the_memory() {
        let mut framing = Framing::default();
        let piece = vec![b'x'; LINE_BYTES];
        assert!(framing.read(&piece).is_ok());
        assert!(framing.read(&piece).is_err());
    }
}
