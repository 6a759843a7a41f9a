//! Prints the tokens of each file, one per line, as `(type, string, start, end, line)` with strings as `ascii()` shows
//! them; `--plain` without the extra tokens of `tokenize.py`; `--batch FILE` for sources separated by U+001E.

use krait_syntax::tokenize::{TokenizeError, TokenizerIter};
use krait_syntax::unparse::ascii_str;
use krait_unicode::Text;
use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let plain = args.iter().any(|a| a == "--plain");
    let batch = args.iter().any(|a| a == "--batch");
    args.retain(|a| !a.starts_with("--"));
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for file in &args {
        let text = std::fs::read_to_string(file)?;
        let sources: Vec<&str> = if batch { text.split('\u{1e}').collect() } else { vec![&text] };
        for source in sources {
            let mut lines = source.split_inclusive('\n');
            let mut tokens = TokenizerIter::new(|| Ok::<_, ()>(lines.next().map(str::to_owned)), !plain);
            loop {
                match tokens.next_token() {
                    Ok(None) => break,
                    Ok(Some(t)) => writeln!(
                        out,
                        "({}, {}, {:?}, {:?}, {})",
                        t.kind,
                        ascii_str(Text::new(&t.string)),
                        t.start,
                        t.end,
                        ascii_str(Text::new(&t.line))
                    )?,
                    Err(TokenizeError::Syntax(e)) => {
                        writeln!(out, "{:?} {} {} {}", e.kind, ascii_str(&e.message), e.lineno, e.offset)?;
                        break;
                    }
                    Err(TokenizeError::Source(())) => break,
                }
            }
            writeln!(out, "---")?;
        }
    }
    Ok(())
}
