//! From source to code object: decoding, parsing and compiling, with syntax errors raised and warnings issued.

use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm};
use krait_compiler::compile::CompileOptions;
use krait_syntax::ParseOptions;
use krait_syntax::ast::Arena;
use krait_syntax::error::{Details, ErrorKind, SyntaxError, SyntaxWarning, WarningCategory};
use krait_unicode::TextBuf;

pub use krait_syntax::Mode;
use krait_syntax::Origin;

/// `PyCF_*`, and the future features' bits.
pub mod flags {
    pub const SOURCE_IS_UTF8: u32 = 0x0100;
    pub const DONT_IMPLY_DEDENT: u32 = 0x0200;
    pub const ONLY_AST: i32 = 0x0400;
    pub const IGNORE_COOKIE: u32 = 0x0800;
    pub const TYPE_COMMENTS: u32 = 0x1000;
    pub const ALLOW_TOP_LEVEL_AWAIT: u32 = 0x2000;
    pub const ALLOW_INCOMPLETE_INPUT: u32 = 0x4000;
    pub const OPTIMIZED_AST: u32 = 0x8000 | ONLY_AST as u32;
    /// Set by `eval` and `exec`, whose `str` arguments carry no encoding cookie.
    pub const IGNORE_COOKIE_FOR_STR: u32 = 0;
    pub const FUTURE_MASK: u32 = 0x1fe_0000;
    /// What `compile()` accepts.
    pub const COMPILE_MASK: i32 = FUTURE_MASK as i32 | 0xf600 | 0x10;
}

/// What to compile how.
#[derive(Clone)]
pub struct CompileRequest {
    pub filename: TextBuf,
    pub mode: Mode,
    /// `PyCF_*` and `CO_FUTURE_*`.
    pub flags: u32,
    /// -1: as the interpreter runs.
    pub optimize: i32,
    /// Minor version; -1 for this one.
    pub feature_version: i32,
    /// The source is read off a file as it is parsed.
    pub from_file: bool,
    /// The encoding that the source names, where it is not UTF-8.
    pub encoding: Option<String>,
}

impl CompileRequest {
    /// What the parser is told.
    pub fn parse_options(&self, vm: &Vm) -> ParseOptions {
        ParseOptions {
            mode: self.mode,
            type_comments: self.flags & flags::TYPE_COMMENTS != 0,
            feature_version: if self.feature_version < 0 { 14 } else { self.feature_version },
            allow_incomplete_input: self.flags & flags::ALLOW_INCOMPLETE_INPUT != 0,
            dont_imply_dedent: self.flags & flags::DONT_IMPLY_DEDENT != 0,
            filename: self.filename.to_str_lossy().into_owned(),
            barry_as_bdfl: self.flags & krait_bytecode::code::co::FUTURE_BARRY_AS_BDFL != 0,
            int_max_str_digits: usize::try_from(vm.interp.int_max_str_digits.get()).unwrap_or(0),
            from_file: self.from_file,
            lookup_name: character_by_name,
            foreign_names: None,
        }
    }

    /// What the compiler is told.
    pub fn compile_options(&self, vm: &Vm) -> CompileOptions {
        let optimize = u8::try_from(self.optimize).unwrap_or_else(|_| vm.interp.config_optimize());
        CompileOptions { optimize, flags: self.flags, allow_top_level_await: self.flags & flags::ALLOW_TOP_LEVEL_AWAIT != 0 }
    }
}

/// The character that `\N{...}` names; sequences of several are not meant there.
fn character_by_name(name: &str) -> Option<u32> {
    match krait_unicode::lookup_name(name)? {
        krait_unicode::Named::Char(c) => Some(c),
        krait_unicode::Named::Sequence(_) => None,
    }
}

/// `compile()` of a string, of bytes or of a tree.
pub fn compile_object(vm: &mut Vm, source: &Value, function: &str, request: CompileRequest) -> PyResult {
    if crate::ast::is_node(vm, source)? {
        vm.audit_with("compile", |vm| Ok(vec![source.clone(), vm.new_str_text(&request.filename)?.into_value()]))?;
        return crate::ast::compile_tree(vm, source, request);
    }
    let text = source_text(vm, source, function, &request)?;
    let cookie = source.downcast::<crate::types::bytes::Bytes>().filter(|_| request.flags & flags::IGNORE_COOKIE == 0);
    let request = CompileRequest { encoding: cookie.and_then(|b| krait_syntax::source_encoding(b.as_bytes())), ..request };
    // eval() alone lets blanks stand before the expression.
    let text = if function == "eval" { text.trim_start_matches([' ', '\t']) } else { &text };
    compile_source(vm, text, request)
}

/// Compiles decoded source; gives a code object, or a tree with `PyCF_ONLY_AST`.
pub fn compile_source(vm: &mut Vm, text: &str, request: CompileRequest) -> PyResult {
    vm.audit_with("compile", |vm| {
        let source = if request.from_file { Value::none() } else { vm.new_bytes(text.as_bytes())?.into_value() };
        Ok(vec![source, vm.new_str_text(&request.filename)?.into_value()])
    })?;
    let mut options = request.parse_options(vm);
    if !text.is_ascii()
        && let Some(normalize) = replaced_normalize(vm)? {
            options.foreign_names = Some(foreign_names(vm, &normalize, text, &options)?);
        }
    let arena = Arena::new();
    let parsed = match krait_syntax::parse(&arena, text, &options) {
        Ok(parsed) => parsed,
        Err(mut e) => {
            if let Some(parser) = &mut e.parser {
                parser.encoding.clone_from(&request.encoding);
            }
            return Err(raise_reported(vm, e, &request.filename, Some(text)));
        }
    };
    issue_warnings(vm, &parsed.warnings, &request.filename, Some(text))?;
    if request.flags & flags::ONLY_AST as u32 != 0 {
        let module = match preprocess(vm, &arena, &parsed.module, &request) {
            Ok(module) => module,
            Err(e) => return Err(raise_syntax_error(vm, e, &request.filename, Some(text))),
        };
        return crate::ast::to_object(vm, &arena, &module, &request);
    }
    compile_module(vm, &arena, &parsed.module, &request)
}

/// `unicodedata.normalize` if it is not what the module came with: CPython normalizes names by calling it.
fn replaced_normalize(vm: &mut Vm) -> PyResult<Option<Value>> {
    use crate::types::native::BuiltinFunction;
    let key = vm.intern("unicodedata");
    let Some(module) = vm.interp.modules.load(vm).and_then(|m| m.get_str(vm, &key).cloned()) else { return Ok(None) };
    let name = vm.intern("normalize");
    let Some(normalize) = vm.getattr_opt(&module, &name)? else { return Ok(None) };
    let native = normalize.downcast::<BuiltinFunction>().is_some_and(|f| f.def.name == "normalize");
    Ok(if native { None } else { Some(normalize) })
}

/// What `normalize` makes of the names in `text`, called in their order up to the first error.
fn foreign_names(vm: &mut Vm, normalize: &Value, text: &str, options: &ParseOptions) -> PyResult<std::rc::Rc<krait_syntax::ForeignNames>> {
    let mut names = krait_syntax::ForeignNames::default();
    loop {
        let shared = std::rc::Rc::new(names);
        let options = ParseOptions { foreign_names: Some(shared.clone()), ..options.clone() };
        let _ = krait_syntax::parse(&Arena::new(), text, &options);
        let missing = shared.missing.take();
        let Some(name) = missing else { return Ok(shared) };
        let (form, given) = (vm.new_str("NFKC")?.into_value(), vm.new_str(&name)?.into_value());
        let normal = vm.call(normalize, &[form, given])?;
        let Some(normal) = normal.downcast::<Str>() else {
            let got = normal.type_name();
            return Err(vm.type_error(format!("unicodedata.normalize() must return a string, not {got}")));
        };
        let mut known = shared.known.clone();
        known.insert(name, normal.to_utf8(vm)?);
        names = krait_syntax::ForeignNames { known, ..Default::default() };
    }
}

/// Raises an error of the parser or the compiler, after the warnings that are due before it.
pub fn raise_reported(vm: &mut Vm, mut error: SyntaxError, filename: &TextBuf, source: Option<&str>) -> Raised {
    let warnings = std::mem::take(&mut error.warnings);
    match issue_warnings(vm, &warnings, filename, source) {
        Ok(()) => raise_syntax_error(vm, error, filename, source),
        Err(raised) => raised,
    }
}

/// Parses and compiles the statement that `lines` begin, under another name than errors in its syntax bear. None if more lines are needed.
pub fn compile_interactive(vm: &mut Vm, lines: &str, ended: bool, request: &CompileRequest, code_name: &mut dyn FnMut() -> TextBuf) -> PyResult<InteractiveCode> {
    use krait_syntax::Interactive;
    let arena = Arena::new();
    let parsed = match krait_syntax::parse_interactive(&arena, lines, ended, &request.parse_options(vm)) {
        Ok(Interactive::Parsed(parsed)) => parsed,
        Ok(Interactive::NeedsLine) => return Ok(InteractiveCode::NeedsLine),
        Ok(Interactive::Exit) => return Ok(InteractiveCode::Exit),
        Err(e) => return Err(raise_reported(vm, e, &request.filename, Some(lines))),
    };
    issue_warnings(vm, &parsed.warnings, &request.filename, Some(lines))?;
    let request = CompileRequest { filename: code_name(), ..request.clone() };
    let code = compile_module(vm, &arena, &parsed.module, &request);
    match code {
        Ok(code) => Ok(InteractiveCode::Code(code)),
        Err(raised) => {
            set_text(vm, &raised, lines)?;
            Err(raised)
        }
    }
}

/// What [`compile_interactive`] makes of the lines so far.
pub enum InteractiveCode {
    Code(Value),
    NeedsLine,
    Exit,
}

/// Gives an error of the compiler the line that it could not find in a file.
fn set_text(vm: &mut Vm, raised: &Raised, lines: &str) -> PyResult<()> {
    use crate::types::int::IntRef;
    let object = raised.exception().to_value();
    let Some(error) = object.downcast::<crate::types::exceptions::SyntaxError>() else { return Ok(()) };
    if error.text.load(vm).is_some_and(|t| !t.is_none()) {
        return Ok(());
    }
    let lineno = error.lineno.load(vm).and_then(|l| IntRef::new(&l).and_then(|i| i.to_i64())).unwrap_or(0);
    let Some(line) = usize::try_from(lineno - 1).ok().and_then(|n| lines.split_inclusive('\n').nth(n)) else { return Ok(()) };
    let line = vm.new_str(line)?.into_value();
    let old = error.text.replace(vm, Some(line));
    drop(old);
    Ok(())
}

/// What the compiler does to a tree first, for `PyCF_ONLY_AST`; optimizations only with `PyCF_OPTIMIZED_AST`.
pub fn preprocess<'a>(
    vm: &Vm,
    arena: &'a Arena,
    module: &krait_syntax::ast::Mod<'a>,
    request: &CompileRequest,
) -> Result<krait_syntax::ast::Mod<'a>, SyntaxError> {
    let optimize = u8::try_from(request.optimize).unwrap_or_else(|_| vm.interp.config_optimize());
    let syntax_check_only = request.flags & flags::OPTIMIZED_AST == flags::ONLY_AST as u32;
    let options = krait_compiler::preprocess::PreprocessOptions { optimize, features: request.flags & flags::FUTURE_MASK, syntax_check_only };
    krait_compiler::preprocess::preprocess(arena, module, options)
}

/// Compiles a tree that comes from the parser or has been validated.
pub fn compile_module(vm: &mut Vm, arena: &Arena, module: &krait_syntax::ast::Mod<'_>, request: &CompileRequest) -> PyResult {
    let compiled = match krait_compiler::compile::compile(arena, module, &request.filename, request.compile_options(vm)) {
        Ok(compiled) => compiled,
        // As in CPython, the compiler's errors show a line only if there is a file to read it from.
        Err(e) => return Err(raise_reported(vm, e, &request.filename, None)),
    };
    issue_warnings(vm, &compiled.warnings, &request.filename, None)?;
    Ok(vm.new_code(&compiled.code)?.into_value())
}

/// The text of a source object, decoded.
pub fn source_text(vm: &mut Vm, source: &Value, function: &str, request: &CompileRequest) -> PyResult<String> {
    if let Some(s) = source.downcast::<Str>() {
        let text = s.to_utf8(vm)?;
        if text.contains('\0') {
            return Err(null_bytes(vm));
        }
        return Ok(text);
    }
    if source.ty().slots.buffer.get().is_none() {
        let what = match function {
            "compile" => "string, bytes or AST",
            "symtable" => "string or bytes",
            _ => "string, bytes or code",
        };
        return Err(vm.type_error(format!("{function}() arg 1 must be a {what} object")));
    }
    let bytes = vm.bytes_of(source)?;
    if bytes.contains(&0) {
        return Err(null_bytes(vm));
    }
    if request.flags & flags::IGNORE_COOKIE != 0 {
        return match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => {
                let bytes = vm.new_bytes(&bytes)?.into_value();
                let text = crate::codecs::decode(vm, &bytes, "utf-8", "strict")?;
                text.downcast::<Str>().map_or_else(|| Ok(String::new()), |s| s.to_utf8(vm))
            }
        };
    }
    decode_source(vm, &bytes, &request.filename, Origin::String { module: request.mode == Mode::Exec })
}

#[cold]
fn null_bytes(vm: &mut Vm) -> Raised {
    vm.raise::<crate::types::exceptions::SyntaxError>("source code string cannot contain null bytes")
}

/// The error of a program file with a null byte at `at`: its line is shown up to there.
#[cold]
pub fn null_byte_in_file(vm: &mut Vm, data: &[u8], at: usize, filename: &TextBuf) -> Raised {
    let before = data.get(..at).unwrap_or_default();
    let start = memchr::memrchr(b'\n', before).map_or(0, |n| n + 1);
    let lineno = i32::try_from(memchr::memchr_iter(b'\n', before).count()).map_or(i32::MAX, |n| n.saturating_add(1));
    let text = String::from_utf8_lossy(before.get(start..).unwrap_or_default()).into_owned();
    syntax_error_at(vm, "source code cannot contain null bytes", filename, lineno, &text)
}

/// A SyntaxError for a whole line of a file.
pub fn syntax_error_at(vm: &mut Vm, message: &str, filename: &TextBuf, lineno: i32, line: &str) -> Raised {
    let error = SyntaxError { lineno, end_lineno: lineno, text: Some(line.into()), ..SyntaxError::new(ErrorKind::SyntaxError, message) };
    raise_syntax_error(vm, error, filename, None)
}

/// Decodes the bytes of the source file `filename` by BOM and coding cookie (PEP 263).
pub fn decode_source_file(vm: &mut Vm, bytes: &[u8], filename: &TextBuf) -> PyResult<String> {
    let shown = filename.to_str_lossy();
    decode_source(vm, bytes, filename, Origin::File(&shown))
}

fn decode_source(vm: &mut Vm, bytes: &[u8], filename: &TextBuf, origin: Origin) -> PyResult<String> {
    let mut raised: Option<Raised> = None;
    let result = krait_syntax::decode_source_of(bytes, origin, &mut |codec, data| match decode_with_codec(vm, codec, data, "strict") {
        Ok(text) => text.map(Ok),
        Err(e) => {
            use crate::types::exceptions as exc;
            let exception = e.exception().to_value();
            let message = vm.str(&exception).map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            // Only what a codec is expected to raise becomes a syntax error.
            if !exception.is::<exc::LookupError>() && !exception.is::<exc::SyntaxError>() && !exception.is::<exc::UnicodeDecodeError>() {
                raised = Some(e);
            }
            Some(Err(message))
        }
    });
    match (raised, result) {
        (Some(raised), _) => Err(raised),
        (None, Ok(text)) => Ok(text),
        (None, Err(e)) => Err(raise_syntax_error(vm, e, filename, None)),
    }
}

/// Through the codec registry.
fn decode_with_codec(vm: &mut Vm, codec: &str, data: &[u8], errors: &str) -> PyResult<Option<String>> {
    let bytes = vm.new_bytes(data)?.into_value();
    let text = crate::codecs::decode(vm, &bytes, codec, errors)?;
    match text.downcast::<Str>() {
        Some(s) => s.to_utf8(vm).map(Some),
        None => Ok(None),
    }
}

/// Raises what the front end reports.
pub fn raise_syntax_error(vm: &mut Vm, error: SyntaxError, filename: &TextBuf, source: Option<&str>) -> Raised {
    use crate::types::exceptions as exc;
    let message = error.message.to_str_lossy().into_owned();
    match error.kind {
        ErrorKind::MemoryError => return vm.raise::<exc::MemoryError>(&message),
        ErrorKind::RecursionError => return vm.recursion_error(message),
        ErrorKind::OverflowError => return vm.overflow_error(message),
        ErrorKind::ValueError => return vm.value_error(message),
        ErrorKind::SystemError => return vm.system_error(message),
        ErrorKind::TypeError => return vm.type_error(message),
        ErrorKind::UnicodeEncodeError => {
            let encoded = vm.new_str_text(&error.message).and_then(|text| vm.encode_to_bytes(&text, "utf-8", "strict"));
            return encoded.err().unwrap_or_else(|| vm.system_error("a text without surrogates cannot be encoded"));
        }
        ErrorKind::SyntaxError | ErrorKind::IndentationError | ErrorKind::TabError | ErrorKind::IncompleteInput | ErrorKind::UnicodeDecodeError => {}
    }
    match syntax_error_object(vm, &error, filename, source) {
        Ok(e) => vm.raise_object(e),
        Err(e) => e,
    }
}

fn syntax_error_object(vm: &mut Vm, error: &SyntaxError, filename: &TextBuf, source: Option<&str>) -> PyResult {
    use crate::PyClass;
    use crate::types::exceptions as exc;
    let class = match error.kind {
        ErrorKind::IndentationError => exc::IndentationError::static_type(),
        ErrorKind::TabError => exc::TabError::static_type(),
        ErrorKind::IncompleteInput => exc::IncompleteInputError::static_type(),
        _ => exc::SyntaxError::static_type(),
    };
    let class = class.ready(vm)?.to_value();
    let line = |n: i32| source.and_then(|s| s.split_inclusive('\n').nth(usize::try_from(n - 1).ok()?)).map(str::to_owned);
    let from_file = error.parser.as_ref().is_some_and(|p| p.line_from_file);
    let encoding = error.parser.as_ref().map(|p| p.encoding.as_deref().unwrap_or("utf-8"));
    let on_file = if from_file { file_line(vm, filename, error.lineno, encoding) } else { None };
    let (mut offset, mut end_offset) = (error.offset, error.end_offset);
    let text = match (&error.text, on_file) {
        (_, Some(text)) => {
            // It may differ from the line that the parser saw, if only in its newline.
            (offset, end_offset) = error.offsets_on(&text);
            vm.new_str(&text)?.into_value()
        }
        (Some(text), None) => vm.new_str_text(text)?.into_value(),
        (None, None) => match line(error.lineno).or_else(|| file_line(vm, filename, error.lineno, encoding)) {
            Some(text) => vm.new_str(&text)?.into_value(),
            None => Value::none(),
        },
    };
    let (filename, message) = (vm.new_str_text(filename)?.into_value(), vm.new_str_text(&error.message)?.into_value());
    let (lineno, offset) = (vm.new_int(error.lineno)?, vm.new_int(offset)?);
    let no_end = error.end_lineno < 0 && error.parser.is_none();
    let end_lineno = if no_end { Value::none() } else { vm.new_int(error.end_lineno)? };
    let end_offset = if no_end || error.details == Details::Message && end_offset < 0 { Value::none() } else { vm.new_int(end_offset)? };
    let place = [filename, lineno, offset, text, end_lineno, end_offset];
    let shown = match error.details {
        Details::Full => Some(vm.new_tuple_from(&place)?),
        Details::Nameless => {
            let [_, rest @ ..] = &place;
            let nameless: Vec<Value> = std::iter::once(Value::none()).chain(rest.iter().cloned()).collect();
            Some(vm.new_tuple(nameless)?)
        }
        Details::Short => {
            let [filename, lineno, offset, text, ..] = &place;
            Some(vm.new_tuple_from(&[filename.clone(), lineno.clone(), offset.clone(), text.clone()])?)
        }
        Details::Message => None,
    };
    let object = match shown {
        Some(shown) => vm.call(&class, &[message, shown.into_value()])?,
        None => vm.call(&class, &[message])?,
    };
    if error.details != Details::Full && let Some(e) = object.downcast::<exc::SyntaxError>() {
        e.set_place(vm, &place);
    }
    if error.details == Details::Message {
        return Ok(object);
    }
    set_metadata(vm, &object, error)?;
    Ok(object)
}

/// `_metadata`: the last statement before the error and the source, of which `traceback` makes suggestions.
fn set_metadata(vm: &mut Vm, object: &Value, error: &SyntaxError) -> PyResult<()> {
    let Some((parser, (lineno, col))) = error.parser.as_ref().and_then(|p| Some((p, p.last_statement?))) else { return Ok(()) };
    // CPython decodes the source by its own encoding although it is UTF-8 by then.
    let recoded = match &parser.encoding {
        Some(encoding) if !parser.from_file => decode_with_codec(vm, encoding, parser.source.as_bytes(), "replace").ok().flatten(),
        _ => None,
    };
    let source = if parser.from_file { Value::none() } else { vm.new_str(recoded.as_deref().unwrap_or(&parser.source))?.into_value() };
    let metadata = vec![vm.new_int(lineno)?, vm.new_int(col)?, source];
    let metadata = vm.new_tuple(metadata)?.into_value();
    if let Some(e) = object.downcast::<crate::types::exceptions::SyntaxError>() {
        let old = e._metadata.replace(vm, Some(metadata));
        drop(old);
    }
    Ok(())
}

/// A line of the file itself, for errors whose source is not at hand, decoded without regard to faults. Without an encoding the
/// file's own cookie counts.
fn file_line(vm: &mut Vm, filename: &TextBuf, lineno: i32, encoding: Option<&str>) -> Option<String> {
    let bytes = std::fs::read(filename.as_str()?).ok()?;
    let encoding = encoding.map(str::to_owned).or_else(|| krait_syntax::source_encoding(&bytes));
    let line = krait_syntax::line_of_file(&bytes, lineno)?;
    match encoding.as_deref() {
        None | Some("utf-8") => Some(String::from_utf8_lossy(&line).into_owned()),
        Some(encoding) => decode_with_codec(vm, encoding, &line, "replace").ok().flatten(),
    }
}

/// The line of the file that a warning shows.
pub(crate) fn source_line(vm: &mut Vm, filename: &TextBuf, lineno: i32) -> Option<String> {
    file_line(vm, filename, lineno, None)
}

/// Issues the warnings of the front end. One that the filters turn into an exception becomes a SyntaxError at its place,
/// which shows a line of `source`, or of the file if there is none.
pub fn issue_warnings(vm: &mut Vm, warnings: &[SyntaxWarning], filename: &TextBuf, source: Option<&str>) -> PyResult<()> {
    use crate::PyClass;
    use crate::types::exceptions as exc;
    for warning in warnings {
        let category = match warning.category {
            WarningCategory::SyntaxWarning => exc::SyntaxWarning::static_type().ready(vm)?,
            WarningCategory::DeprecationWarning => exc::DeprecationWarning::static_type().ready(vm)?,
        };
        let result = crate::warnings::warn_explicit(vm, category.as_value(), &warning.message, filename, warning.lineno);
        let Err(raised) = result else { continue };
        let same = raised.exception().as_value().ty().is_subtype(vm, category);
        if !same {
            return Err(raised);
        }
        drop(raised);
        let error = SyntaxError {
            kind: ErrorKind::SyntaxError,
            message: warning.error_message().into(),
            lineno: warning.lineno,
            offset: warning.offset,
            end_lineno: warning.end_lineno,
            end_offset: warning.end_offset,
            text: None,
            details: Details::Full,
            parser: None,
            warnings: Vec::new(),
        };
        return Err(raise_syntax_error(vm, error, filename, source));
    }
    Ok(())
}

impl Vm {
    /// A filesystem path (`str`, `bytes` or `__fspath__`) as text, undecodable bytes as lone surrogates.
    pub fn fs_path_text(&mut self, path: &Value) -> PyResult<TextBuf> {
        let path = self.fs_path(path)?;
        if let Some(s) = path.downcast::<Str>() {
            return Ok(s.to_text());
        }
        let bytes = self.bytes_of(&path)?;
        Ok(fs_decode(&bytes))
    }

    /// `os.fspath(path)`: a `str` or `bytes`.
    pub fn fs_path(&mut self, path: &Value) -> PyResult {
        use crate::types::bytes::Bytes;
        if path.is::<Str>() || path.is::<Bytes>() {
            return Ok(path.clone());
        }
        let name = path.type_name();
        let Some(result) = self.call_special(path, n!(__fspath__), &[])? else {
            return Err(self.type_error(format!("expected str, bytes or os.PathLike object, not {name}")));
        };
        if result.is::<Str>() || result.is::<Bytes>() {
            return Ok(result);
        }
        let got = result.type_name();
        Err(self.type_error(format!("expected {name}.__fspath__() to return str or bytes, not {got}")))
    }

    /// A file name of the operating system as a `str`, undecodable bytes as lone surrogates (PEP 383).
    pub fn new_str_fs(&mut self, bytes: &[u8]) -> PyResult<Py<Str>> {
        let text = fs_decode(bytes);
        self.new_str_text(&text)
    }
}

/// UTF-8 with `surrogateescape`.
pub fn fs_decode(bytes: &[u8]) -> TextBuf {
    let mut out = TextBuf::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|&b| out.push(0xdc00 + u32::from(b)));
    }
    out
}

/// The reverse of [`fs_decode`]; none if there are surrogates that stand for no byte.
pub fn fs_encode(text: &krait_unicode::Text) -> Option<Vec<u8>> {
    if let Some(s) = text.as_str() {
        return Some(s.as_bytes().to_vec());
    }
    let mut out = Vec::new();
    for c in text.code_points() {
        match char::from_u32(c) {
            Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None if (0xdc80..=0xdcff).contains(&c) => out.push((c - 0xdc00) as u8),
            None => return None,
        }
    }
    Some(out)
}
