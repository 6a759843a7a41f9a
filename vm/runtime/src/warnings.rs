//! The `_warnings` module: filters, registries and the issuing of warnings, on the state that `warnings` shares with it.

use crate::types::context::ContextVar;
use crate::types::dict::Dict;
use crate::types::exceptions::{BaseException, UserWarning, Warning};
use crate::types::list::List;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Raised, Value, Vm, pyfunction};
use krait_unicode::TextBuf;

/// Where a warning is issued, and what it says.
struct Issue {
    category: Value,
    /// The warning, or the text of one.
    message: Value,
    filename: Value,
    lineno: Value,
    module: Value,
    registry: Option<Value>,
    source: Option<Value>,
    /// The line that the warning is about, where a module's loader has given it.
    line: Option<Value>,
}

/// Issues a warning at a place in a file (`PyErr_WarnExplicit`); an error if the filters say so.
pub fn warn_explicit(vm: &mut Vm, category: &Value, message: &str, filename: &TextBuf, lineno: i32) -> PyResult<()> {
    let filename = vm.new_str_text(filename)?.into_value();
    let module = module_of_file(vm, &filename)?;
    let message = vm.new_str(message)?.into_value();
    let lineno = vm.new_int(lineno)?;
    issue(vm, Issue { category: category.clone(), message, filename, lineno, module, registry: None, source: None, line: None })
}

/// Issues a warning at the frame `stacklevel` levels up (`PyErr_WarnEx`).
pub fn warn(vm: &mut Vm, category: &Value, message: &str, stacklevel: isize) -> PyResult<()> {
    let message = vm.new_str(message)?.into_value();
    warn_value(vm, message, category.clone(), stacklevel, None, &[])
}

/// Issues a warning about an object, also while the interpreter ends; nothing before `_warnings` is there.
pub fn warn_about(vm: &mut Vm, category: &Value, message: &str, stacklevel: isize, source: Option<&Value>) -> PyResult<()> {
    if vm.interp.warnings.get(vm).is_none() {
        return Ok(());
    }
    let message = vm.new_str(message)?.into_value();
    warn_value(vm, message, category.clone(), stacklevel, source.cloned(), &[])
}

impl Vm {
    /// Issues a DeprecationWarning at the caller.
    pub fn warn_deprecated(&mut self, message: &str) -> PyResult<()> {
        let category = crate::types::exceptions::DeprecationWarning::static_type().ready(self)?.to_value();
        warn(self, &category, message, 1)
    }
}

fn module_of_file(vm: &mut Vm, filename: &Value) -> PyResult {
    let Some(name) = filename.downcast::<Str>() else { return Ok(Value::none()) };
    let text = name.to_string_lossy().into_owned();
    if text.is_empty() {
        return Ok(vm.intern("<unknown>").into_value());
    }
    Ok(vm.new_str(text.strip_suffix(".py").unwrap_or(&text))?.into_value())
}

fn warn_value(vm: &mut Vm, message: Value, category: Value, stacklevel: isize, source: Option<Value>, skip: &[Value]) -> PyResult<()> {
    let (mut frame, mut level) = (vm.frame_object(0)?.map(Py::into_value), stacklevel);
    if skip.is_empty() && (level <= 0 || frame.is_none()) {
        while let Some(f) = frame.clone().filter(|_| level > 1) {
            frame = next_frame(vm, &f)?;
            level -= 1;
        }
    } else {
        while let Some(f) = frame.clone().filter(|_| level > 1) {
            frame = next_external_frame(vm, &f, skip)?;
            level -= 1;
        }
    }
    let (globals, filename, lineno) = match &frame {
        Some(frame) => {
            let code = vm.getattr_str(frame, "f_code")?;
            (vm.getattr_str(frame, "f_globals")?, vm.getattr_str(&code, "co_filename")?, vm.getattr_str(frame, "f_lineno")?)
        }
        None => {
            let dict = vm.interp.sys_dict.load(vm).map_or_else(Value::none, Py::into_value);
            (dict, vm.intern("<sys>").into_value(), Value::from_i32(0))
        }
    };
    let (mut registry, mut module) = (None, None);
    if let Some(globals) = globals.downcast::<Dict>() {
        let key = vm.intern("__warningregistry__");
        let found = globals.get_str(vm, &key).cloned();
        registry = Some(match found {
            Some(r) => r,
            None => {
                let r = vm.new_dict()?.into_value();
                globals.set_str(vm, &key, r.clone())?;
                r
            }
        });
        module = globals.get_str(vm, n!(__name__)).cloned().filter(|m| m.is::<Str>() || m.is_none());
    }
    let module = match module {
        Some(m) => m,
        None => vm.intern("<string>").into_value(),
    };
    issue(vm, Issue { category, message, filename, lineno, module, registry, source, line: None })
}

fn next_frame(vm: &mut Vm, frame: &Value) -> PyResult<Option<Value>> {
    let back = vm.getattr_str(frame, "f_back")?;
    Ok((!back.is_none()).then_some(back))
}

/// The next frame outside the import system and outside the skipped file prefixes.
fn next_external_frame(vm: &mut Vm, frame: &Value, skip: &[Value]) -> PyResult<Option<Value>> {
    let mut frame = next_frame(vm, frame)?;
    while let Some(f) = frame.clone() {
        if !is_internal(vm, &f, skip)? {
            break;
        }
        frame = next_frame(vm, &f)?;
    }
    Ok(frame)
}

fn is_internal(vm: &mut Vm, frame: &Value, skip: &[Value]) -> PyResult<bool> {
    let code = vm.getattr_str(frame, "f_code")?;
    let filename = vm.getattr_str(&code, "co_filename")?;
    let Some(name) = filename.downcast::<Str>() else { return Ok(false) };
    let name = name.to_string_lossy();
    let skipped = skip.iter().filter_map(|p| p.downcast::<Str>()).any(|p| name.starts_with(&*p.to_string_lossy()));
    Ok(skipped || (name.contains("importlib") && name.contains("_bootstrap")))
}

/// An attribute of the `warnings` module, if it has been imported.
fn from_warnings(vm: &mut Vm, name: &str) -> PyResult<Option<Value>> {
    let Ok(module) = vm.imported("warnings") else { return Ok(None) };
    let name = vm.intern(name);
    vm.getattr_opt(&module, &name)
}

/// What the `warnings` module has under a name, or had when it was last asked; `kept` is the name here.
fn setting(vm: &mut Vm, name: &str, kept: &str) -> PyResult<Option<Value>> {
    let found = from_warnings(vm, name)?;
    let Some(state) = vm.interp.warnings.load(vm) else { return Ok(found) };
    let kept = vm.intern(kept);
    match found {
        Some(value) => {
            state.set_str(vm, &kept, value.clone())?;
            Ok(Some(value))
        }
        None => Ok(state.get_str(vm, &kept).cloned()),
    }
}

fn issue(vm: &mut Vm, issue: Issue) -> PyResult<()> {
    let (text, category, warning) = match issue.message.downcast::<BaseException>() {
        Some(e) => (vm.str(e.as_value())?.into_value(), e.as_value().ty().to_value(), issue.message.clone()),
        None => {
            let warning = vm.call(&issue.category, std::slice::from_ref(&issue.message))?;
            (issue.message.clone(), issue.category.clone(), warning)
        }
    };
    let key = vm.new_tuple(vec![text.clone(), category.clone(), issue.lineno.clone()])?.into_value();
    let registry = issue.registry.as_ref().filter(|r| !r.is_none()).cloned();
    if let Some(registry) = &registry
        && already_warned(vm, registry, &key, false)? {
            return Ok(());
        }
    let (action, item) = find_filter(vm, &category, &text, &issue.lineno, &issue.module)?;
    let once = Value::from_bool(true);
    let show = match action.as_str() {
        "error" => return Err(vm.raise_object(warning)),
        "ignore" => false,
        "always" | "all" => true,
        "once" => {
            let onceregistry = setting(vm, "onceregistry", "_onceregistry")?;
            if let Some(other) = onceregistry.as_ref().filter(|r| !r.is::<Dict>()) {
                let got = other.type_name();
                return Err(vm.type_error(format!("_warnings.onceregistry must be a dict, not '{got}'")));
            }
            let registry = match (registry, onceregistry) {
                (_, Some(once)) => Some(once),
                (registry, None) => registry,
            };
            let key = vm.new_tuple(vec![text.clone(), category.clone()])?.into_value();
            match registry {
                Some(r) => !already_warned(vm, &r, &key, true)?,
                None => true,
            }
        }
        "module" => {
            let key = vm.new_tuple(vec![text.clone(), category.clone(), Value::from_i32(0)])?.into_value();
            match &registry {
                Some(r) => !already_warned(vm, r, &key, true)?,
                None => true,
            }
        }
        "default" => {
            if let Some(r) = &registry {
                vm.setitem(r, &key, &once)?;
            }
            true
        }
        _ => {
            let (action, item) = (vm.new_str(&action)?.into_value(), item);
            let (action, item) = (vm.repr(&action)?, vm.repr(&item)?);
            let message = format!("Unrecognized action ({}) in warnings.filters:\n {}", action.to_string_lossy(), item.to_string_lossy());
            return Err(vm.runtime_error(message));
        }
    };
    if show { show_warning(vm, &issue, text, category, warning) } else { Ok(()) }
}

/// Whether the registry has the key; with `set`, it has it afterwards. A registry of an older filters' version is emptied.
fn already_warned(vm: &mut Vm, registry: &Value, key: &Value, set: bool) -> PyResult<bool> {
    let Some(dict) = registry.downcast::<Dict>().cloned() else {
        return Err(vm.type_error("'registry' must be a dict or None"));
    };
    let version = Value::from_i32(vm.interp.filters_version.get());
    let name = vm.intern("version");
    let seen = dict.get_str(vm, &name).cloned();
    if seen.is_none_or(|v| !v.is_same(&version)) {
        dict.clear(vm);
        dict.set_str(vm, &name, version)?;
    } else if let Some(found) = dict.get(vm, key)?
        && vm.is_true(&found)? {
            return Ok(true);
        }
    if set {
        dict.set(vm, key, Value::from_bool(true))?;
    }
    Ok(false)
}

/// The action of the first filter that fits, and the filter.
fn find_filter(vm: &mut Vm, category: &Value, text: &Value, lineno: &Value, module: &Value) -> PyResult<(String, Value)> {
    let filters = match context(vm)? {
        Some(context) => {
            let name = vm.intern("_filters");
            Some(vm.getattr(&context, &name)?)
        }
        None => setting(vm, "filters", "filters")?,
    };
    let Some(filters) = filters else { return Ok(("default".into(), Value::none())) };
    let Some(list) = filters.downcast::<List>().cloned() else {
        return Err(vm.value_error("_warnings.filters must be a list"));
    };
    let mut i = 0;
    while let Some(item) = list.items(vm).get(i).cloned() {
        i += 1;
        let Some(parts) = item.downcast::<Tuple>().filter(|t| t.len() == 5).map(|t| t.items().to_vec()) else {
            return Err(vm.value_error("warnings.filters item must be a 5-tuple"));
        };
        let [action, message, wanted, wanted_module, line] = parts.as_slice() else { continue };
        let Some(action) = action.downcast::<Str>() else {
            let name = action.type_name();
            return Err(vm.type_error(format!("action must be a string, not '{name}'")));
        };
        let fits = matches(vm, message, text)?
            && vm.issubclass(category, wanted)?
            && matches(vm, wanted_module, module)?
            && (line.as_small_int() == Some(0) || vm.eq(line, lineno)?);
        if fits {
            return Ok((action.to_string_lossy().into_owned(), item.clone()));
        }
    }
    let action = match setting(vm, "defaultaction", "_defaultaction")? {
        Some(action) => match action.downcast::<Str>() {
            Some(text) => text.to_string_lossy().into_owned(),
            None => {
                let got = action.type_name();
                return Err(vm.type_error(format!("_warnings.defaultaction must be a string, not '{got}'")));
            }
        },
        None => "default".to_owned(),
    };
    Ok((action, Value::none()))
}

/// The filters' context that `warnings.catch_warnings` has set in the running context, if it has.
fn context(vm: &mut Vm) -> PyResult<Option<Value>> {
    let Some(var) = setting(vm, "_warnings_context", "_warnings_context")? else { return Ok(None) };
    match var.downcast::<ContextVar>() {
        Some(var) => Ok(crate::types::context::get(vm, var)?.filter(|c| !c.is_none())),
        None => Err(vm.type_error("warnings._warnings_context must be a ContextVar")),
    }
}

/// Whether a filter's pattern fits: none fits all, a string itself, anything else has `match()`.
fn matches(vm: &mut Vm, pattern: &Value, text: &Value) -> PyResult<bool> {
    if pattern.is_none() {
        return Ok(true);
    }
    if pattern.is_exact::<Str>() {
        return vm.eq(pattern, text);
    }
    let name = vm.intern("match");
    let found = vm.call_method(pattern, &name, std::slice::from_ref(text))?;
    vm.is_true(&found)
}

fn show_warning(vm: &mut Vm, issue: &Issue, text: Value, category: Value, warning: Value) -> PyResult<()> {
    // With a source the formatting needs the module; it is imported then, unless the interpreter is going down.
    if issue.source.is_some() && !vm.interp.finalizing.get() {
        vm.import_module("warnings").map(drop).or_else(|e| { drop(e); Ok::<(), Raised>(()) })?;
    }
    let Some(show) = from_warnings(vm, "_showwarnmsg")? else { return show_plainly(vm, issue, &text, &category) };
    let Some(message_type) = from_warnings(vm, "WarningMessage")? else {
        return Err(vm.runtime_error("unable to get warnings.WarningMessage"));
    };
    let source = issue.source.clone().unwrap_or_else(Value::none);
    let line = issue.line.clone().unwrap_or_else(Value::none);
    let message = vm.call(&message_type, &[warning, category, issue.filename.clone(), issue.lineno.clone(), Value::none(), line, source])?;
    vm.call(&show, &[message])?;
    Ok(())
}

fn show_plainly(vm: &mut Vm, issue: &Issue, text: &Value, category: &Value) -> PyResult<()> {
    let Some(stderr) = vm.sys_get("stderr").filter(|s| !s.is_none()) else { return Ok(()) };
    let (file, line, text) = (vm.str(&issue.filename)?, vm.str(&issue.lineno)?, vm.str(text)?);
    let name = category.downcast::<PyType>().map(|t| t.tp_name()).unwrap_or_default();
    let line = format!("{}:{}: {name}: {}\n", file.to_string_lossy(), line.to_string_lossy(), text.to_string_lossy());
    let mut shown = line;
    if let Some(source) = issue.line.as_ref().and_then(|l| l.downcast::<Str>()) {
        shown.push_str("  ");
        shown.push_str(source.to_string_lossy().trim_matches([' ', '\t', '\x0c', '\n']));
        shown.push('\n');
        let shown = vm.new_str(&shown)?.into_value();
        vm.call_method(&stderr, n!(write), &[shown])?;
        return Ok(());
    }
    let number = crate::types::int::IntRef::new(&issue.lineno).and_then(|n| n.to_i64()).and_then(|n| i32::try_from(n).ok());
    if let Some(source) = number.and_then(|n| crate::compile::source_line(vm, &file.to_text(), n)) {
        shown.push_str("  ");
        shown.push_str(source.trim_matches([' ', '\t', '\x0c', '\n']));
        shown.push('\n');
    }
    let shown = vm.new_str(&shown)?.into_value();
    vm.call_method(&stderr, n!(write), &[shown])?;
    Ok(())
}

/// Issue a warning, or raise it as an exception if the filters say so.
///
/// stacklevel says whose line the warning is about; skip_file_prefixes leaves out the frames of some files.
#[pyfunction(name = "warn", sig = "(message, category=None, stacklevel=1, source=None, *, skip_file_prefixes=None)", text = "(message, category=None, stacklevel=1, source=None, *, skip_file_prefixes=())")]
fn warn_(message: Value, category: Value, stacklevel: isize, source: Value, skip_file_prefixes: Option<&Py<Tuple>>, vm: &mut Vm) -> PyResult<()> {
    let skip: Vec<Value> = skip_file_prefixes.map(|t| t.items().to_vec()).unwrap_or_default();
    let category = category_of(vm, &message, category)?;
    let level = if skip.is_empty() { stacklevel } else { stacklevel.max(2) };
    for prefix in &skip {
        if !prefix.is::<Str>() {
            let name = prefix.type_name();
            return Err(vm.type_error(format!("Found non-str '{name}' in skip_file_prefixes.")));
        }
    }
    warn_value(vm, message, category, level, Some(source).filter(|s| !s.is_none()), &skip)
}

fn category_of(vm: &mut Vm, message: &Value, category: Value) -> PyResult {
    let warning = Warning::static_type().ready(vm)?.to_value();
    if vm.isinstance(message, &warning)? {
        return Ok(message.ty().to_value());
    }
    if category.is_none() {
        return Ok(UserWarning::static_type().ready(vm)?.to_value());
    }
    let fits = category.is::<PyType>() && vm.issubclass(&category, &warning)?;
    if fits {
        return Ok(category);
    }
    let got = match category.downcast::<PyType>() {
        Some(t) => format!("class '{}'", t.tp_name()),
        None => format!("'{}'", category.type_name()),
    };
    Err(vm.type_error(format!("category must be a Warning subclass, not {got}")))
}

/// Issue a warning at a given place.
#[pyfunction(
    name = "warn_explicit",
    sig = "(message, category, filename, lineno, module=None, registry=None, module_globals=None, source=None)",
    text = "(message, category, filename, lineno, module=<unrepresentable>, registry=None, module_globals=None, source=None)"
)]
#[allow(clippy::too_many_arguments, reason = "the signature is Python's")]
fn warn_explicit_(message: Value, category: Value, filename: Value, lineno: i32, module: Value, registry: Value, module_globals: Value, source: Value, vm: &mut Vm) -> PyResult<()> {
    if !module_globals.is_none() && !module_globals.is::<Dict>() {
        let name = module_globals.type_name();
        return Err(vm.type_error(format!("module_globals must be a dict, not '{name}'")));
    }
    if !filename.is::<Str>() {
        let name = filename.type_name();
        return Err(vm.type_error(format!("warn_explicit() argument 'filename' must be str, not {name}")));
    }
    let category = category_of(vm, &message, category)?;
    let module = if module.is_none() { module_of_file(vm, &filename)? } else { module };
    let line = if module_globals.is_none() { None } else { line_of_module(vm, &module_globals, lineno)? };
    let lineno = vm.new_int(lineno)?;
    let registry = Some(registry).filter(|r| !r.is_none());
    issue(vm, Issue { category, message, filename, lineno, module, registry, source: Some(source).filter(|s| !s.is_none()), line })
}

/// A line of a module's source, from the loader that its globals name; none if it has none, or no such line.
fn line_of_module(vm: &mut Vm, globals: &Value, lineno: i32) -> PyResult<Option<Value>> {
    let Some(dict) = globals.downcast::<Dict>() else { return Ok(None) };
    let Some(name) = dict.get_str(vm, n!(__name__)).cloned() else { return Ok(None) };
    let external = vm.import_module("_frozen_importlib_external")?;
    let bless = vm.getattr_str(&external, "_bless_my_loader")?;
    let loader = vm.call(&bless, std::slice::from_ref(globals))?;
    if loader.is_none() {
        return Ok(None);
    }
    let get_source = vm.intern("get_source");
    let Some(get_source) = vm.getattr_opt(&loader, &get_source)? else { return Ok(None) };
    let source = match vm.call(&get_source, &[name]) {
        Ok(source) if source.is_none() => return Ok(None),
        Ok(source) => source,
        // The loader of `__main__` may be one for other modules.
        Err(e) if vm.is_raised::<crate::types::exceptions::ImportError>(&e) => return Ok(None),
        Err(e) => return Err(e),
    };
    let Some(text) = source.downcast::<Str>() else {
        let got = source.type_name();
        return Err(vm.type_error(format!("must be str, not {got}")));
    };
    let (splitlines, str_type) = (vm.intern("splitlines"), Str::type_object(vm).to_value());
    let splitlines = vm.getattr(&str_type, &splitlines)?;
    let lines = vm.call(&splitlines, &[text.to_value()])?;
    let index = usize::try_from(lineno).ok().and_then(|n| n.checked_sub(1));
    Ok(lines.downcast::<List>().and_then(|l| l.items(vm).get(index?).cloned()))
}

/// Tell the registries that the filters have changed.
#[pyfunction]
fn _filters_mutated_lock_held(vm: &mut Vm) {
    let version = &vm.interp.filters_version;
    version.set(version.get().wrapping_add(1));
}

/// Take the lock of the filters.
#[pyfunction]
fn _acquire_lock(vm: &mut Vm) {
    let (this, interp) = (vm.eval.thread_id, vm.interp);
    loop {
        let (owner, count) = interp.filters_lock.get();
        if count == 0 || owner == this {
            interp.filters_lock.set((this, count.saturating_add(1)));
            return;
        }
        vm.allow_threads(|| std::thread::sleep(std::time::Duration::from_micros(50)));
    }
}

/// Give the lock of the filters back.
#[pyfunction]
fn _release_lock(vm: &mut Vm) -> PyResult<()> {
    let (owner, count) = vm.interp.filters_lock.get();
    if count == 0 || owner != vm.eval.thread_id {
        return Err(vm.runtime_error("cannot release un-acquired lock"));
    }
    vm.interp.filters_lock.set((owner, count - 1));
    Ok(())
}

crate::module! {
    "_warnings",
    doc: "Native support for warnings.",
    functions: [warn_, warn_explicit_, _filters_mutated_lock_held, _acquire_lock, _release_lock],
    types: [],
    exec: init,
    single: true,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    use crate::types::exceptions as exc;
    let category = |vm: &mut Vm, ty: &'static crate::types::class::StaticType| -> PyResult { Ok(ty.ready(vm)?.to_value()) };
    let defaults: [(&str, &'static crate::types::class::StaticType, Option<&str>); 5] = [
        ("default", exc::DeprecationWarning::static_type(), Some("__main__")),
        ("ignore", exc::DeprecationWarning::static_type(), None),
        ("ignore", exc::PendingDeprecationWarning::static_type(), None),
        ("ignore", exc::ImportWarning::static_type(), None),
        ("ignore", exc::ResourceWarning::static_type(), None),
    ];
    let mut filters = Vec::new();
    for (action, ty, module) in defaults {
        let action = vm.intern(action).into_value();
        let ty = category(vm, ty)?;
        let module = match module {
            Some(m) => vm.intern(m).into_value(),
            None => Value::none(),
        };
        filters.push(vm.new_tuple(vec![action, Value::none(), ty, module, Value::from_i32(0)])?.into_value());
    }
    let entries = [
        ("filters", vm.new_list(filters)?.into_value()),
        ("_onceregistry", vm.new_dict()?.into_value()),
        ("_defaultaction", vm.intern("default").into_value()),
    ];
    for (name, value) in entries {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    let context = crate::types::context::new_context_var(vm, "warnings_context")?;
    let name = vm.intern("_warnings_context");
    dict.set_str(vm, &name, context)?;
    // A dict of its own: the module's is emptied when the interpreter ends, and what dies then may still warn.
    let state = dict.copy(vm)?;
    vm.interp.warnings.replace(vm, Some(state));
    Ok(())
}
