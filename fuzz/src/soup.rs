//! Token soup: text that gets past the tokenizer far more often than bytes do, and past the parser now and then.

use arbitrary::{Arbitrary, Result, Unstructured};

const WORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
    "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield", "match", "case", "type", "_", "print", "exec", "__debug__", "__future__", "annotations", "x", "y", "self", "é", "ª",
];
const SIGNS: &[&str] = &[
    "(", ")", "[", "]", "{", "}", ",", ":", ";", ".", "...", "->", ":=", "=", "==", "!=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "**", "/",
    "//", "%", "@", "&", "|", "^", "~", "<<", ">>", "+=", "-=", "*=", "**=", "@=", "|=", ">>=", "!", "$", "?", "`", "\\\n", "#", "# type: int",
    "# type: ignore", "# coding: latin-1",
];
const LITERALS: &[&str] = &[
    "0", "1", "00", "07", "1_0", "1__0", "0x_f", "0b2", "0o8", "1e5", "1.", ".5", "1e", "1j", "1if", "0xfor", "999999999999999999999", "1e999",
    "''", "\"a\"", "'''\n'''", "b'x'", "rb'\\x'", "u'a'", "'\\N{DIGIT ONE}'", "'\\N{x}'", "'\\x'", "'\\777'", "'\\d'", "b'é'", "f'{x}'", "f'{x!r:>{y}}'",
    "f'{x=}'", "f'{{'", "f'}'", "f'{'", "f'''{\nx}'''", "t'{x}'", "t'{x!s:{y}}'", "rf'{x:\\d}'", "f'{x:'", "f'{lambda x: 1}'", "f\"{f'{x}'}\"",
];

/// Text out of tokens.
#[derive(Debug)]
pub struct Soup {
    pub text: String,
    pub bits: u8,
}

impl<'a> Arbitrary<'a> for Soup {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Soup> {
        let bits = u.arbitrary()?;
        let (mut text, mut indent) = (String::new(), 0_usize);
        while !u.is_empty() && text.len() < 4096 {
            let which: u8 = u.arbitrary()?;
            match which {
                0..=89 => text.push_str(u.choose(WORDS)?),
                90..=169 => text.push_str(u.choose(SIGNS)?),
                170..=199 => text.push_str(u.choose(LITERALS)?),
                200..=214 => {
                    indent += 1;
                    text.push_str(":\n");
                    text.push_str(&" ".repeat(indent));
                    continue;
                }
                215..=229 => {
                    text.push('\n');
                    text.push_str(&" ".repeat(indent));
                    continue;
                }
                230..=241 => {
                    indent = indent.saturating_sub(1 + usize::from(which & 1));
                    text.push('\n');
                    text.push_str(&" ".repeat(indent));
                    continue;
                }
                242..=245 => text.push('\t'),
                246 => text.push('\x0c'),
                247 => text.push('\r'),
                248 => text.push(u.arbitrary()?),
                249 => {
                    // The same again and again: nesting and long chains.
                    let (token, count) = (u.choose(&["(", "[", "{", "-", "not ", "x+", "x.", "f'{", "x if ", "lambda:", "x**", "*", "await ", "x[", "x("])?, u.int_in_range(1..=400)?);
                    text.push_str(&token.repeat(count));
                }
                _ => {
                    // Glued to what follows.
                    text.push_str(u.choose(SIGNS)?);
                    continue;
                }
            }
            text.push(' ');
        }
        Ok(Soup { text, bits })
    }
}
