//! Source bytes to text: byte order mark, PEP 263 coding cookie, CPython's messages for what cannot be decoded.

use crate::error::{ErrorKind, SyntaxError};

/// Decodes source bytes. UTF-8, Latin-1 and ASCII are built in; any other encoding goes to `other_codec(name, bytes)`,
/// which answers `None` for an unknown name and `Some(Err(message))` for bytes it cannot decode.
pub fn decode_source(
    bytes: &[u8],
    other_codec: &mut dyn FnMut(&str, &[u8]) -> Option<Result<String, String>>,
) -> Result<String, SyntaxError> {
    let (bytes, bom) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let cookie = coding_cookie(bytes);
    if bom && let Some(name) = &cookie && name != "utf-8" {
        return Err(at_start(format!("encoding problem: {name} with BOM")));
    }
    match cookie.as_deref() {
        None | Some("utf-8") => match std::str::from_utf8(bytes) {
            Ok(s) => Ok(s.to_owned()),
            Err(e) => Err(bad_utf8(bytes, e.valid_up_to())),
        },
        Some("iso-8859-1") => Ok(bytes.iter().map(|&b| char::from(b)).collect()),
        Some(name) if is_ascii_name(name) => match bytes.iter().position(|b| !b.is_ascii()) {
            None => Ok(bytes.iter().map(|&b| char::from(b)).collect()),
            Some(i) => Err(at_start(format!(
                "(unicode error) 'ascii' codec can't decode byte 0x{:02x} in position {i}: ordinal not in range(128)",
                bytes[i]
            ))),
        },
        Some(name) => match other_codec(name, bytes) {
            None => Err(at_start(format!("unknown encoding: {name}"))),
            Some(Ok(s)) => Ok(s),
            Some(Err(message)) => Err(at_start(format!("(unicode error) {message}"))),
        },
    }
}

fn is_ascii_name(name: &str) -> bool {
    matches!(name.to_ascii_lowercase().replace('_', "-").as_str(), "ascii" | "us-ascii" | "646")
}

fn at_start(message: String) -> SyntaxError {
    SyntaxError {
        kind: ErrorKind::SyntaxError,
        message: message.into(),
        lineno: 0,
        offset: -1,
        end_lineno: 0,
        end_offset: -1,
        text: None,
    }
}

fn bad_utf8(bytes: &[u8], at: usize) -> SyntaxError {
    let lineno = 1 + bytes[..at].iter().filter(|&&b| b == b'\n').count();
    let line_start = bytes[..at].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let column = String::from_utf8_lossy(&bytes[line_start..at]).chars().count() as i32 + 1;
    let end = bytes[at..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |i| at + i);
    SyntaxError {
        kind: ErrorKind::SyntaxError,
        message: format!(
            "(unicode error) 'utf-8' codec can't decode byte 0x{:02x} in position {at}: invalid start byte",
            bytes.get(at).copied().unwrap_or(0)
        )
        .into(),
        lineno: lineno as i32,
        offset: column,
        end_lineno: lineno as i32,
        end_offset: column,
        text: Some(String::from_utf8_lossy(&bytes[line_start..end]).into_owned().into()),
    }
}

/// The normalized encoding name of a coding cookie in the first two lines.
fn coding_cookie(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    for _ in 0..2 {
        let end = rest.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(rest.len());
        let line = &rest[..end];
        let text = line.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\x0c'));
        match text {
            Some(i) if line[i] == b'#' => {
                if let Some(name) = cookie_in_comment(&line[i..]) {
                    return Some(normal_name(&name));
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
