//! Request heads, judged line by line.

use super::{Length, Limits, MAX_HEADERS, Violation, is_token, is_value};

/// A head on its way in.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The lines that will be passed on, and the beginning of the next.
    lines: Vec<u8>,
    /// Where in `lines` the unfinished line begins.
    line: usize,
    /// Bytes so far, those not passed on included.
    size: usize,
    stage: Stage,
    headers: usize,
    host: bool,
    length: Option<Length>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    RequestLine,
    Fields {
        version: Version,
    },
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

impl Head {
    /// Whether there is more than empty lines.
    pub(super) fn begun(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Takes bytes up to the end of the head and says how many.
    pub(super) fn take(&mut self, input: &[u8], limits: Limits) -> Result<usize, Violation> {
        let mut taken = 0;
        while self.stage != Stage::Finished && taken < input.len() {
            let rest = &input[taken..];
            let line_end = rest.iter().position(|byte| *byte == b'\n');
            let part = &rest[..line_end.map_or(rest.len(), |at| at + 1)];
            self.size += part.len();
            let line = self.lines.len() - self.line + part.len();
            // An unfinished line has its line feed still to come.
            if self.size > limits.head || line + usize::from(line_end.is_none()) > limits.line + 2 {
                return Err(Violation::HeadTooLarge);
            }
            self.lines.extend_from_slice(part);
            taken += part.len();
            if line_end.is_some() {
                self.finish_line()?;
            }
        }
        Ok(taken)
    }

    /// The lines to pass on and the length of the body, once the empty line has come.
    pub(super) fn finished(&mut self) -> Option<(Vec<u8>, Length)> {
        (self.stage == Stage::Finished).then(|| {
            let lines = std::mem::take(&mut self.lines);
            (lines, self.length.unwrap_or(Length::Bytes(0)))
        })
    }

    fn finish_line(&mut self) -> Result<(), Violation> {
        let mut lines = std::mem::take(&mut self.lines);
        let Some(text) = lines[self.line..].strip_suffix(b"\r\n") else {
            return Err(Violation::Malformed("a line feed without carriage return"));
        };
        if !self.judge(text)? {
            lines.truncate(self.line);
        }
        self.line = lines.len();
        self.lines = lines;
        Ok(())
    }

    /// Judges one line and says whether it is to be passed on.
    fn judge(&mut self, text: &[u8]) -> Result<bool, Violation> {
        match self.stage {
            // RFC 9112 §2.2: some clients end a body with a line break too many.
            Stage::RequestLine if text.is_empty() => Ok(false),
            Stage::RequestLine => {
                let version = request_line(text)?;
                self.stage = Stage::Fields { version };
                Ok(true)
            }
            Stage::Fields { .. } if text.is_empty() => {
                self.stage = Stage::Finished;
                Ok(true)
            }
            Stage::Fields { version } => self.field(text, version),
            Stage::Finished => Ok(false),
        }
    }

    /// Judges one header line and says whether it is to be passed on.
    fn field(&mut self, text: &[u8], version: Version) -> Result<bool, Violation> {
        self.headers += 1;
        if self.headers > MAX_HEADERS {
            return Err(Violation::HeadTooLarge);
        }
        let (name, value) = name_and_value(text)?;
        // No protocol is changed to here, and hyper must not get ready for it: it would not close in
        // order, and the answer could be lost.
        if name.contains(&b'_') || name.eq_ignore_ascii_case(b"upgrade") {
            return Ok(false);
        }
        if name.eq_ignore_ascii_case(b"host") {
            if std::mem::replace(&mut self.host, true) {
                return Err(Violation::Malformed("more than one Host"));
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.set_length(content_length(value)?)?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if version == Version::Http10 || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Violation::Malformed("a Transfer-Encoding not supported"));
            }
            self.set_length(Length::Chunked)?;
        }
        Ok(true)
    }

    fn set_length(&mut self, length: Length) -> Result<(), Violation> {
        match self.length.replace(length) {
            None => Ok(()),
            Some(_) => Err(Violation::Malformed("more than one length")),
        }
    }
}

fn request_line(text: &[u8]) -> Result<Version, Violation> {
    let mut words = text.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Violation::Malformed("the request line"));
    };
    if method.is_empty() || !method.iter().copied().all(is_token) {
        return Err(Violation::Malformed("the method"));
    }
    // RFC 9112 §3.2.3: CONNECT names a host and a port, which only a proxy can be asked for.
    if method == b"CONNECT" || !is_target(target) {
        return Err(Violation::Malformed("the request target"));
    }
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        _ => Err(Violation::Malformed("the protocol version")),
    }
}

/// Whether `target` is in one of the forms of RFC 9112 §3.2 that an origin server is sent.
fn is_target(target: &[u8]) -> bool {
    let in_form = target.starts_with(b"/")
        || target == b"*"
        || target.windows(3).position(|part| part == b"://").is_some_and(|at| {
            let scheme = &target[..at];
            scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")
        });
    in_form && target.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
}

fn name_and_value(text: &[u8]) -> Result<(&[u8], &[u8]), Violation> {
    if text.starts_with(b" ") || text.starts_with(b"\t") {
        return Err(Violation::Malformed("a folded header"));
    }
    let colon = text.iter().position(|byte| *byte == b':');
    let Some((name, value)) = colon.map(|at| (&text[..at], &text[at + 1..])) else {
        return Err(Violation::Malformed("a header without colon"));
    };
    if name.is_empty() || !name.iter().copied().all(is_token) {
        return Err(Violation::Malformed("a header name"));
    }
    if !value.iter().copied().all(is_value) {
        return Err(Violation::Malformed("a control character in a header"));
    }
    Ok((name, value.trim_ascii()))
}

/// Digits and nothing else; below 2^63, so that nobody's arithmetic overflows.
fn content_length(value: &[u8]) -> Result<Length, Violation> {
    std::str::from_utf8(value)
        .ok()
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .filter(|length: &u64| i64::try_from(*length).is_ok())
        .map(Length::Bytes)
        .ok_or(Violation::Malformed("the Content-Length"))
}
