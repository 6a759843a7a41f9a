//! Source bytes to text: byte order mark, PEP 263 coding cookie, CPython's messages for what cannot be decoded.

use crate::error::{Details, ErrorKind, SyntaxError};
use std::borrow::Cow;

/// A codec from outside: `None` for an unknown name, `Some(Err(message))` for bytes it cannot decode.
pub type OtherCodec<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Option<Result<String, String>>;

/// Where source bytes come from; CPython words errors accordingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// The bytes of a string. Newlines are translated before anything is decoded; a `module` (mode `exec`) gets its last newline.
    String { module: bool },
    /// The file of this name, which messages mention; it is decoded as it is read.
    File(&'a str),
}

/// Decodes the source bytes of a module. UTF-8, Latin-1 and ASCII are built in; any other encoding goes to `other_codec(name, bytes)`.
pub fn decode_source(bytes: &[u8], other_codec: OtherCodec) -> Result<String, SyntaxError> {
    decode_source_of(bytes, Origin::String { module: true }, other_codec)
}

/// [`decode_source`] of any origin.
pub fn decode_source_of(bytes: &[u8], origin: Origin, other_codec: OtherCodec) -> Result<String, SyntaxError> {
    let (bytes, bom) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let cookie = coding_cookie(bytes);
    let name = match &cookie {
        None => "utf-8",
        Some(cookie) if bom && cookie.name != "utf-8" => return Err(bom_mismatch(cookie, origin)),
        Some(cookie) => &cookie.name,
    };
    if name == "utf-8" {
        return match std::str::from_utf8(bytes) {
            Ok(s) => Ok(s.to_owned()),
            Err(e) => Err(non_utf8(bytes, e.valid_up_to(), origin, bom || cookie.is_some())),
        };
    }
    let known = Known::named(name);
    let mut decode = |bytes: &[u8]| match known {
        Some(Known::Utf8) => std::str::from_utf8(bytes).map(str::to_owned).map_err(|e| utf8_error(bytes, &e)),
        Some(Known::Latin1) => Ok(bytes.iter().map(|&b| char::from(b)).collect()),
        Some(Known::Ascii) => match bytes.iter().position(|b| !b.is_ascii()) {
            None => Ok(bytes.iter().map(|&b| char::from(b)).collect()),
            Some(i) => Err(format!("'ascii' codec can't decode byte 0x{:02x} in position {i}: ordinal not in range(128)", bytes[i])),
        },
        None => other_codec(name, bytes).unwrap_or_else(|| Err(format!("unknown encoding: {name}"))),
    };
    match origin {
        Origin::String { module } => decode(&translate_newlines(bytes, module)).map_err(at_start),
        // A file's codec only sees what comes after the cookie, from the newline on: positions count from there.
        Origin::File(_) => decode(bytes).map_err(|message| {
            let seen = cookie.as_ref().map_or(0, |c| c.end);
            at_start(decode(&bytes[seen..]).err().unwrap_or(message))
        }),
    }
}

/// The encodings that need no runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    Utf8,
    Latin1,
    Ascii,
}

impl Known {
    /// Of a name in a cookie, by which the codec registry would find the same encoding.
    pub fn named(name: &str) -> Option<Known> {
        match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "utf-8" | "utf8" | "u8" | "utf" | "utf8-ucs2" | "utf8-ucs4" => Some(Known::Utf8),
            "iso-8859-1" | "latin1" | "l1" | "latin" | "iso8859" | "iso8859-1" | "8859" | "cp819" => Some(Known::Latin1),
            "ascii" | "us-ascii" | "646" => Some(Known::Ascii),
            _ => None,
        }
    }
}

/// `\r\n` and `\r` become `\n`; the last line of a module ends in one.
fn translate_newlines(bytes: &[u8], module: bool) -> Cow<'_, [u8]> {
    let unfinished = module && !bytes.is_empty() && !bytes.ends_with(b"\n");
    if !unfinished && memchr::memchr(b'\r', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len() + 1);
    let mut rest = bytes;
    while let Some(i) = memchr::memchr(b'\r', rest) {
        out.extend_from_slice(&rest[..i]);
        out.push(b'\n');
        rest = &rest[i + 1..];
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
    out.extend_from_slice(rest);
    if module && !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    Cow::Owned(out)
}

/// An error without a place: CPython leaves line 0, offset -1, and no end.
fn at_start(message: String) -> SyntaxError {
    SyntaxError { offset: -1, end_lineno: -1, end_offset: -1, details: Details::Short, ..SyntaxError::new(ErrorKind::SyntaxError, message) }
}

/// How an error that the decoder finds is made.
fn details(origin: Origin) -> Details {
    match origin {
        Origin::String { .. } => Details::Nameless,
        Origin::File(_) => Details::Full,
    }
}

fn bom_mismatch(cookie: &Cookie, origin: Origin) -> SyntaxError {
    let newline = i32::from(matches!(origin, Origin::File(_)));
    SyntaxError {
        lineno: cookie.lineno,
        end_lineno: cookie.lineno,
        end_offset: cookie.line.chars().count() as i32 + cookie.lineno - 1 + newline,
        text: Some(cookie.line.as_str().into()),
        details: details(origin),
        ..SyntaxError::new(ErrorKind::SyntaxError, format!("encoding problem: {} with BOM", cookie.name))
    }
}

/// What is said of a byte that is no UTF-8; `declared` is that the source says it is, by a cookie or a byte order mark.
#[cold]
fn non_utf8(bytes: &[u8], at: usize, origin: Origin, declared: bool) -> SyntaxError {
    // The number of bytes before the fault changes with the newlines.
    let before = translate_newlines(&bytes[..at], false);
    let bytes = translate_newlines(bytes, false);
    let (at, lines) = (before.len(), before.split(|&b| b == b'\n').count());
    let line_start = memchr::memrchr(b'\n', &before).map_or(0, |i| i + 1);
    let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |i| at + i);
    let file = match origin {
        Origin::String { .. } => String::new(),
        Origin::File(_) if declared => return undecodable_line(&bytes[line_start..bytes.len().min(end + 1)], lines as i32),
        Origin::File(name) => format!(" in file {name}"),
    };
    // A file's second line is read while the first is still the current one, unless that is looked through for a cookie.
    let ahead = matches!(origin, Origin::File(_)) && lines == 2 && !may_precede_cookie(&bytes[..line_start]);
    let lineno = if ahead { 1 } else { lines as i32 };
    let column = String::from_utf8_lossy(&bytes[line_start..at]).chars().count() as i32 + 1;
    let message = format!(
        "Non-UTF-8 code starting with '\\x{:02x}'{file} on line {lineno}, but no encoding declared; see \
         https://peps.python.org/pep-0263/ for details",
        bytes.get(at).copied().unwrap_or(0)
    );
    SyntaxError {
        lineno,
        offset: column,
        end_lineno: lineno,
        end_offset: column,
        text: Some(String::from_utf8_lossy(&bytes[line_start..end]).into_owned().into()),
        details: details(origin),
        ..SyntaxError::new(ErrorKind::SyntaxError, message)
    }
}

/// A line of a file that says it is UTF-8 and is not.
fn undecodable_line(line: &[u8], lineno: i32) -> SyntaxError {
    let why = std::str::from_utf8(line).err().map(|e| utf8_error(line, &e)).unwrap_or_default();
    SyntaxError {
        lineno,
        end_lineno: lineno,
        end_offset: -1,
        text: Some(String::from_utf8_lossy(line).into_owned().into()),
        ..SyntaxError::new(ErrorKind::SyntaxError, format!("(unicode error) {why}"))
    }
}

/// Whether a line is blank or a comment, so that a cookie may follow it.
fn may_precede_cookie(line: &[u8]) -> bool {
    line.iter().find(|b| !matches!(b, b' ' | b'\t' | b'\x0c')).is_none_or(|b| matches!(b, b'#' | b'\n' | b'\r'))
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

/// The line of a file that an error shows: at most its first 999 bytes, as CPython's reader of lines takes them, the newline universal
/// and the byte order mark gone. None if there is no such line.
pub fn line_of_file(bytes: &[u8], lineno: i32) -> Option<Vec<u8>> {
    const LONGEST: usize = 999;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut line = universal_lines(bytes).nth(usize::try_from(lineno - 1).ok()?)?;
    line.truncate(LONGEST);
    Some(line)
}

/// Lines that end in any newline, as ones that end in `\n`.
fn universal_lines(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(end) = rest.iter().position(|b| matches!(b, b'\n' | b'\r')) else {
            return Some(std::mem::take(&mut rest).to_vec());
        };
        let mut line = rest[..end].to_vec();
        line.push(b'\n');
        let newline = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[end + newline..];
        Some(line)
    })
}

/// A coding cookie and its line.
struct Cookie {
    name: String,
    lineno: i32,
    line: String,
    /// Where the line ends, its newline not included.
    end: usize,
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
                    let end = bytes.len() - rest.len() + end;
                    return Some(Cookie { name: normal_name(&name), lineno, line, end });
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
    fn newlines_are_translated_first() {
        assert_eq!(decode(b"# coding: ascii\r\n\xe9"), "'ascii' codec can't decode byte 0xe9 in position 16: ordinal not in range(128) @ 0:-1");
        let error = decode_source(b"x\r\n\xe9\ry", &mut |_, _| None).unwrap_err();
        assert_eq!((error.lineno, error.text.as_deref().and_then(|t| t.as_str()), error.details), (2, Some("\u{fffd}"), Details::Nameless));
    }

    #[test]
    fn files() {
        let decode = |bytes| decode_source_of(bytes, Origin::File("f.py"), &mut |_, _| None).unwrap_err();
        let says = |bytes| {
            let e = decode(bytes);
            format!("{} @ {}:{}", &*e.message, e.lineno, e.offset)
        };
        let tail = "but no encoding declared; see https://peps.python.org/pep-0263/ for details";
        assert_eq!(says(b"x\n\xff\n"), format!("Non-UTF-8 code starting with '\\xff' in file f.py on line 1, {tail} @ 1:1"));
        assert_eq!(says(b"#\n\xff\n"), format!("Non-UTF-8 code starting with '\\xff' in file f.py on line 2, {tail} @ 2:1"));
        assert_eq!(says(b"# coding: utf-8\ny='\xff'\n"), "(unicode error) 'utf-8' codec can't decode byte 0xff in position 3: invalid start byte @ 2:0");
        assert_eq!(says(b"# coding: ascii\n\xff"), "'ascii' codec can't decode byte 0xff in position 1: ordinal not in range(128) @ 0:-1");
    }

    #[test]
    fn cookies() {
        let cases: &[(&[u8], &str)] = &[
            (b"x = '\xc3\xa9'", "x = '\u{e9}'"),
            (b"\xef\xbb\xbfx", "x"),
            (b"# -*- coding: latin-1 -*-\n\xe9", "# -*- coding: latin-1 -*-\n\u{e9}\n"),
            (b"\n# vim: set fileencoding=iso-8859-1 :\n\xe9", "\n# vim: set fileencoding=iso-8859-1 :\n\u{e9}\n"),
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
                "'utf-8' codec can't decode bytes in position 15-16: invalid continuation byte @ 0:-1",
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
