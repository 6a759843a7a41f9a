//! Source bytes to text: byte order mark, PEP 263 coding cookie, CPython's messages for what cannot be decoded.

use crate::error::{ErrorKind, SyntaxError};

/// A codec from outside: `None` for an unknown name, `Some(Err(message))` for bytes it cannot decode.
pub type OtherCodec<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Option<Result<String, String>>;

/// Decodes source bytes that are not a file's. UTF-8, Latin-1 and ASCII are built in; any other encoding goes to
/// `other_codec(name, bytes)`.
pub fn decode_source(bytes: &[u8], other_codec: OtherCodec) -> Result<String, SyntaxError> {
    decode_source_file(bytes, None, other_codec)
}

/// Decodes the bytes of the source file `filename`, which messages name.
pub fn decode_source_file(
    bytes: &[u8],
    filename: Option<&str>,
    other_codec: OtherCodec,
) -> Result<String, SyntaxError> {
    let (bytes, bom) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let cookie = coding_cookie(bytes);
    let name = match &cookie {
        None => "utf-8",
        Some(cookie) if bom && cookie.name != "utf-8" => return Err(bom_mismatch(cookie)),
        Some(cookie) => &cookie.name,
    };
    if name == "utf-8" {
        return match std::str::from_utf8(bytes) {
            Ok(s) => Ok(s.to_owned()),
            Err(e) => Err(non_utf8(bytes, e.valid_up_to(), filename)),
        };
    }
    let plain = name.to_ascii_lowercase().replace('_', "-");
    match plain.as_str() {
        "utf8" | "u8" | "utf" | "utf8-ucs2" | "utf8-ucs4" => match std::str::from_utf8(bytes) {
            Ok(s) => Ok(s.to_owned()),
            Err(e) => Err(at_start(utf8_error(bytes, &e))),
        },
        "iso-8859-1" | "latin1" | "l1" | "latin" | "iso8859" | "iso8859-1" | "8859" | "cp819" => {
            Ok(bytes.iter().map(|&b| char::from(b)).collect())
        }
        "ascii" | "us-ascii" | "646" => match bytes.iter().position(|b| !b.is_ascii()) {
            None => Ok(bytes.iter().map(|&b| char::from(b)).collect()),
            Some(i) => Err(at_start(format!(
                "'ascii' codec can't decode byte 0x{:02x} in position {i}: ordinal not in range(128)",
                bytes[i]
            ))),
        },
        _ => match other_codec(name, bytes) {
            None => Err(at_start(format!("unknown encoding: {name}"))),
            Some(Ok(s)) => Ok(s),
            Some(Err(message)) => Err(at_start(message)),
        },
    }
}

/// An error without a place: CPython leaves line 0, offset -1, and no end.
fn at_start(message: String) -> SyntaxError {
    SyntaxError {
        kind: ErrorKind::SyntaxError,
        message: message.into(),
        lineno: 0,
        offset: -1,
        end_lineno: -1,
        end_offset: -1,
        text: None,
        message_only: false,
        parser: None,
    }
}

fn bom_mismatch(cookie: &Cookie) -> SyntaxError {
    SyntaxError {
        kind: ErrorKind::SyntaxError,
        message: format!("encoding problem: {} with BOM", cookie.name).into(),
        lineno: cookie.lineno,
        offset: 0,
        end_lineno: cookie.lineno,
        end_offset: cookie.line.chars().count() as i32 + cookie.lineno - 1,
        text: Some(cookie.line.as_str().into()),
        message_only: false,
        parser: None,
    }
}

fn non_utf8(bytes: &[u8], at: usize, filename: Option<&str>) -> SyntaxError {
    let lineno = 1 + bytes[..at].iter().filter(|&&b| b == b'\n').count() as i32;
    let line_start = bytes[..at].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let column = String::from_utf8_lossy(&bytes[line_start..at]).chars().count() as i32 + 1;
    let end = bytes[at..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |i| at + i);
    let file = filename.map(|f| format!(" in file {f}")).unwrap_or_default();
    SyntaxError {
        kind: ErrorKind::SyntaxError,
        message: format!(
            "Non-UTF-8 code starting with '\\x{:02x}'{file} on line {lineno}, but no encoding declared; see \
             https://peps.python.org/pep-0263/ for details",
            bytes.get(at).copied().unwrap_or(0)
        )
        .into(),
        lineno,
        offset: column,
        end_lineno: lineno,
        end_offset: column,
        text: Some(String::from_utf8_lossy(&bytes[line_start..end]).into_owned().into()),
        message_only: false,
        parser: None,
    }
}

/// What the UTF-8 codec says.
fn utf8_error(bytes: &[u8], error: &std::str::Utf8Error) -> String {
    let at = error.valid_up_to();
    let first = bytes.get(at).copied().unwrap_or(0);
    let (len, why) = match error.error_len() {
        None => (bytes.len() - at, "unexpected end of data"),
        Some(_) if !(0xc2..=0xf4).contains(&first) => (1, "invalid start byte"),
        Some(len) => (len, "invalid continuation byte"),
    };
    if len == 1 {
        return format!("'utf-8' codec can't decode byte 0x{first:02x} in position {at}: {why}");
    }
    format!("'utf-8' codec can't decode bytes in position {at}-{}: {why}", at + len - 1)
}

/// The encoding that a coding cookie names, unless it is UTF-8.
pub fn source_encoding(bytes: &[u8]) -> Option<String> {
    coding_cookie(bytes).map(|c| c.name).filter(|name| name != "utf-8")
}

/// A coding cookie and its line.
struct Cookie {
    name: String,
    lineno: i32,
    line: String,
}

/// The coding cookie in the first two lines, its name normalized.
fn coding_cookie(bytes: &[u8]) -> Option<Cookie> {
    let mut rest = bytes;
    for lineno in 1..=2 {
        let end = rest.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(rest.len());
        let line = &rest[..end];
        let text = line.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\x0c'));
        match text {
            Some(i) if line[i] == b'#' => {
                if let Some(name) = cookie_in_comment(&line[i..]) {
                    let line = String::from_utf8_lossy(line).into_owned();
                    return Some(Cookie { name: normal_name(&name), lineno, line });
                }
            }
            Some(_) => return None,
            None => {}
        }
        rest = rest.get(end..)?;
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..))?;
    }
    None
}

/// What `coding[:=]\s*([-\w.]+)` finds.
fn cookie_in_comment(comment: &[u8]) -> Option<String> {
    let mut from = 0;
    while let Some(i) = comment[from..].windows(6).position(|w| w == b"coding") {
        let mut at = from + i + 6;
        from = at;
        if !matches!(comment.get(at), Some(b':' | b'=')) {
            continue;
        }
        at += 1;
        while matches!(comment.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        let len = comment[at..].iter().take_while(|&&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')).count();
        if len > 0 {
            return Some(String::from_utf8_lossy(&comment[at..at + len]).into_owned());
        }
    }
    None
}

/// `utf-8` and `iso-8859-1` for their many spellings, other names unchanged.
fn normal_name(name: &str) -> String {
    let head: String = name.chars().take(12).map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect();
    if head == "utf-8" || head.starts_with("utf-8-") {
        "utf-8".to_owned()
    } else if ["latin-1", "iso-8859-1", "iso-latin-1"].iter().any(|n| head == *n || head.strip_prefix(n).is_some_and(|r| r.starts_with('-'))) {
        "iso-8859-1".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text, or the message and its place.
    fn decode(bytes: &[u8]) -> String {
        match decode_source(bytes, &mut |_, _| None) {
            Ok(text) => text,
            Err(e) => format!("{} @ {}:{}", &*e.message, e.lineno, e.offset),
        }
    }

    #[test]
    fn cookies() {
        let cases: &[(&[u8], &str)] = &[
            (b"x = '\xc3\xa9'", "x = '\u{e9}'"),
            (b"\xef\xbb\xbfx", "x"),
            (b"# -*- coding: latin-1 -*-\n\xe9", "# -*- coding: latin-1 -*-\n\u{e9}"),
            (b"\n# vim: set fileencoding=iso-8859-1 :\n\xe9", "\n# vim: set fileencoding=iso-8859-1 :\n\u{e9}"),
            (b"x\n# coding: foo", "x\n# coding: foo"),
            (b"# coding: foo\nx", "unknown encoding: foo @ 0:-1"),
            (b"\xef\xbb\xbf# coding: latin-1", "encoding problem: iso-8859-1 with BOM @ 1:0"),
            (
                b"\nx = '\xf6'",
                "Non-UTF-8 code starting with '\\xf6' on line 2, but no encoding declared; see \
                 https://peps.python.org/pep-0263/ for details @ 2:6",
            ),
            (
                b"# coding: utf8\n\xe2\x82",
                "'utf-8' codec can't decode bytes in position 15-16: unexpected end of data @ 0:-1",
            ),
            (
                b"# coding: ascii\n\xe9",
                "'ascii' codec can't decode byte 0xe9 in position 16: ordinal not in range(128) @ 0:-1",
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decode(bytes), *expected, "in {bytes:?}");
        }
    }
}
