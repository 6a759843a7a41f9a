//! Calls of Python functions: binding arguments to parameters with CPython's errors, making the frame, entering the evaluator.
#![allow(unsafe_code, reason = "moves arguments between raw slots")]

use crate::eval::frame::{Frame, Slot};
use crate::eval::{run, suggestions};
use crate::types::code::CodeObject;
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::{Args, Py, PyResult, Raised, Value, Vm};
use krait_bytecode::code::co;

/// Calls a function from native code.
pub(crate) fn call_function(vm: &mut Vm, func: &Py<Function>, args: Args<'_>) -> PyResult {
    let frame = if is_simple(vm, func, args.values().len(), args.has_keywords()) {
        let code = func.code.load(vm);
        let frame = vm.new_frame(func.clone(), code, None)?;
        // SAFETY: the frame has at least as many variables as the code has arguments.
        unsafe {
            for (i, value) in args.values().iter().enumerate() {
                Frame::slots(frame).add(i).write(Some(value.clone()));
            }
        }
        frame
    } else {
        let mut values: Vec<Slot> = args.values().iter().cloned().map(Some).collect();
        let positional = args.positional().len();
        // SAFETY: the vector holds as many values as told, and each may be moved out of its slot.
        unsafe { make_frame(vm, func.clone(), values.as_mut_ptr(), positional, args.kwnames())? }
    };
    run_new_frame(vm, frame)
}

/// Whether binding is nothing but copying: no keywords, no defaults, no `*args`.
#[inline(always)]
pub(crate) fn is_simple(vm: &Vm, func: &Py<Function>, given: usize, keywords: bool) -> bool {
    let code = func.code.get(vm);
    const NEEDED: u32 = co::OPTIMIZED;
    const REFUSED: u32 = co::VARARGS | co::VARKEYWORDS;
    !keywords && code.flags & (NEEDED | REFUSED) == NEEDED && code.kwonlyargcount == 0 && code.argcount as usize == given
}

/// Runs a frame that is not linked in yet until it returns.
pub(crate) fn run_new_frame(vm: &mut Vm, frame: *mut Frame) -> PyResult {
    // SAFETY: the frame is new and on top of the data stack.
    unsafe {
        if let Err(e) = enter(vm) {
            vm.free_frame(frame);
            return Err(e);
        }
        (*frame).is_entry = true;
        (*frame).previous = vm.eval.frame;
    }
    // Code from elsewhere may leave a handler without POP_EXCEPT. What it handled must not become the context of all that follows.
    let handled = vm.eval.handled.last().cloned().flatten();
    let result = run(vm, frame, None);
    if let Some(slot) = vm.eval.handled.last_mut()
        && slot.as_ref().map(Value::bits) != handled.as_ref().map(Value::bits) {
            let left = std::mem::replace(slot, handled);
            drop(left);
        }
    result
}

/// Counts one more running frame; RecursionError beyond the limit.
#[inline(always)]
pub(crate) fn enter(vm: &mut Vm) -> PyResult<()> {
    vm.eval.depth += 1;
    if vm.eval.depth > vm.interp.recursion_limit.get() { Err(too_deep(vm)) } else { Ok(()) }
}

#[cold]
fn too_deep(vm: &mut Vm) -> Raised {
    vm.eval.depth -= 1;
    vm.recursion_error("maximum recursion depth exceeded")
}

/// The frame for a call of `func`, not linked in yet. The arguments (positional ones, then those of the keywords) are moved out of their slots.
///
/// # Safety
/// `args` points at `positional + kwnames.len()` slots that hold values.
#[inline]
pub(crate) unsafe fn make_frame(vm: &mut Vm, func: Py<Function>, args: *mut Slot, positional: usize, kwnames: &[Value]) -> PyResult<*mut Frame> {
    let simple = is_simple(vm, &func, positional, !kwnames.is_empty());
    let code = func.code.load(vm);
    let locals = if code.has(co::OPTIMIZED) { None } else { Some(func.globals.to_value()) };
    // SAFETY: the caller's promise.
    unsafe {
        let frame = vm.new_frame(func, code, locals)?;
        let slots = Frame::slots(frame);
        if simple {
            for i in 0..positional {
                slots.add(i).write((*args.add(i)).take());
            }
            return Ok(frame);
        }
        if quick_bind(vm, frame, args, positional, kwnames) {
            return Ok(frame);
        }
        let given = std::slice::from_raw_parts_mut(args, positional + kwnames.len());
        let mut binding = Binding { func: (*frame).func.clone(), code: (*frame).code.clone(), slots: Frame::locals_slice(frame) };
        if let Err(e) = binding.bind(vm, given, positional, kwnames) {
            vm.free_frame(frame);
            return Err(e);
        }
        Ok(frame)
    }
}

/// Binds arguments where nothing has to be made and nothing is wrong: keywords with the very names of parameters, defaults for the rest. Else
/// does nothing.
///
/// # Safety
/// `args` points at `positional + kwnames.len()` slots that hold values, `frame` is new.
#[inline]
unsafe fn quick_bind(vm: &Vm, frame: *mut Frame, args: *mut Slot, positional: usize, kwnames: &[Value]) -> bool {
    // SAFETY: the frame has at least as many variables as the code has parameters.
    unsafe {
        let (code, func) = (&(*frame).code, &(*frame).func);
        let (argcount, kwonly) = (code.argcount as usize, code.kwonlyargcount as usize);
        let all = argcount + kwonly;
        if code.flags & (co::OPTIMIZED | co::VARARGS | co::VARKEYWORDS) != co::OPTIMIZED || positional > argcount || all > 64 || kwnames.len() > PLACES {
            return false;
        }
        let (names, posonly) = (code.localsplusnames.items(), code.posonlyargcount as usize);
        let Some(parameters) = names.get(posonly..all) else { return false };
        // A bit for each parameter that has an argument.
        let mut bound = u64::MAX.checked_shl(positional as u32).map_or(u64::MAX, |rest| !rest);
        let mut places = [0u8; PLACES];
        for (place, key) in places.iter_mut().zip(kwnames) {
            let Some(i) = parameters.iter().position(|name| name.is_same(key)).map(|i| i + posonly) else { return false };
            if bound & 1 << i != 0 {
                return false;
            }
            bound |= 1 << i;
            *place = i as u8;
        }
        let defaults = func.defaults.get(vm).as_ref().map_or(&[][..], |d| d.items());
        // With more defaults than parameters the last ones count.
        let skip = defaults.len().saturating_sub(argcount);
        let required = argcount - (defaults.len() - skip);
        if (positional..required).any(|i| bound & 1 << i == 0) {
            return false;
        }
        let slots = Frame::slots(frame);
        let kwdefaults = func.kwdefaults.get(vm).as_ref();
        for i in (argcount..all).filter(|i| bound & 1 << i == 0) {
            let name = names.get(i).and_then(|n| n.downcast_exact::<Str>());
            match kwdefaults.zip(name).and_then(|(dict, name)| dict.get_str(vm, name)) {
                Some(value) => slots.add(i).write(Some(value.clone())),
                None => {
                    (argcount..i).for_each(|i| drop((*slots.add(i)).take()));
                    return false;
                }
            }
        }
        for i in 0..positional {
            slots.add(i).write((*args.add(i)).take());
        }
        for (i, place) in places.iter().take(kwnames.len()).enumerate() {
            slots.add(usize::from(*place)).write((*args.add(positional + i)).take());
        }
        for i in (positional.max(required)..argcount).filter(|i| bound & 1 << i == 0) {
            slots.add(i).write(defaults.get(skip + i - required).cloned());
        }
        true
    }
}

/// Keywords that [`quick_bind`] can place.
const PLACES: usize = 16;

/// The frame for a call whose arguments fit the parameters one by one; they are moved out of their slots, which hold nothing afterwards.
///
/// # Safety
/// `args` points at `count` slots that hold values, `func` takes exactly so many, and the caller takes the slots off its stack.
#[inline(always)]
pub(crate) unsafe fn exact_frame(vm: &mut Vm, func: Py<Function>, args: *mut Slot, count: usize) -> PyResult<*mut Frame> {
    let size = Frame::size_of(func.code.get(vm));
    let Some(frame) = vm.eval.stack.push(size) else { return Err(vm.memory_error()) };
    // SAFETY: the caller's promise.
    unsafe { fill_exact(vm, frame, func, args, count) };
    Ok(frame)
}

/// Makes that frame in memory of the data stack.
///
/// # Safety
/// As for [`exact_frame`]; `frame` points at memory of [`Frame::size_of`] the function's code.
#[inline(always)]
pub(crate) unsafe fn fill_exact(vm: &Vm, frame: *mut Frame, func: Py<Function>, args: *mut Slot, count: usize) {
    let code = func.code.load(vm);
    let nlocalsplus = code.nlocalsplus();
    // SAFETY: the block has room for head and variables, of which the arguments are the first.
    unsafe {
        let slots = Frame::slots(frame);
        let ip = code.start();
        let consts = code.consts.items().as_ptr();
        frame.write(Frame {
            code,
            func,
            locals: None,
            frame_obj: None,
            previous: std::ptr::null_mut(),
            consts,
            ip,
            sp: slots.add(nlocalsplus),
            return_offset: 0,
            owner: crate::eval::frame::Owner::Thread,
            is_entry: false,
            is_init: false,
            cleared: false,
        });
        for i in 0..count {
            slots.add(i).write(args.add(i).read());
        }
        // There are few; the optimiser would call a function for it.
        for i in count..nlocalsplus {
            slots.add(i).write_volatile(None);
        }
    }
}

/// The arguments of one call on their way into the variables.
struct Binding<'a> {
    func: Py<Function>,
    code: Py<CodeObject>,
    slots: &'a mut [Slot],
}

impl Binding<'_> {
    fn bind(&mut self, vm: &mut Vm, given: &mut [Slot], positional: usize, kwnames: &[Value]) -> PyResult<()> {
        let argcount = self.code.argcount as usize;
        let named = argcount + self.code.kwonlyargcount as usize;
        let kwdict = if self.code.has(co::VARKEYWORDS) {
            let dict = vm.new_dict()?;
            let at = named + usize::from(self.code.has(co::VARARGS));
            self.set(at, dict.to_value());
            Some(dict)
        } else {
            None
        };
        for i in 0..argcount.min(positional) {
            if let (Some(slot), Some(arg)) = (self.slots.get_mut(i), given.get_mut(i)) {
                *slot = arg.take();
            }
        }
        if self.code.has(co::VARARGS) {
            let rest = given.get_mut(argcount..positional).unwrap_or_default();
            let rest = vm.new_tuple(rest.iter_mut().map(|slot| slot.take().unwrap_or_else(Value::none)))?;
            self.set(named, rest.into_value());
        }
        for (i, key) in kwnames.iter().enumerate() {
            let Some(value) = given.get_mut(positional + i).and_then(Option::take) else { continue };
            self.keyword(vm, key, value, kwdict.as_ref(), kwnames)?;
        }
        if positional > argcount && !self.code.has(co::VARARGS) {
            return Err(self.too_many(vm, positional));
        }
        self.defaults(vm, positional)?;
        self.keyword_defaults(vm)
    }

    fn set(&mut self, at: usize, value: Value) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some(value);
        }
    }

    fn name(&self, vm: &Vm) -> String {
        self.func.qualname.get(vm).to_string_lossy().into_owned()
    }

    /// Index of the parameter that a keyword names.
    fn find(&self, vm: &mut Vm, key: &Value) -> PyResult<Option<usize>> {
        let first = self.code.posonlyargcount as usize;
        let end = (self.code.argcount + self.code.kwonlyargcount) as usize;
        let names = self.code.localsplusnames.items().get(first..end).unwrap_or(&[]);
        if let Some(i) = names.iter().position(|n| n.is_same(key)) {
            return Ok(Some(first + i));
        }
        let exact = key.downcast_exact::<Str>();
        for (i, name) in names.iter().enumerate() {
            let equal = match (exact, name.downcast_exact::<Str>()) {
                (Some(k), Some(n)) => k.eq_chars(n),
                _ => vm.eq(key, name)?,
            };
            if equal {
                return Ok(Some(first + i));
            }
        }
        Ok(None)
    }

    fn keyword(&mut self, vm: &mut Vm, key: &Value, value: Value, kwdict: Option<&Py<crate::types::dict::Dict>>, kwnames: &[Value]) -> PyResult<()> {
        let Some(text) = key.downcast::<Str>() else {
            let name = self.name(vm);
            return Err(vm.type_error(format!("{name}() keywords must be strings")));
        };
        match self.find(vm, key)? {
            Some(i) => {
                let Some(slot) = self.slots.get_mut(i) else { return Ok(()) };
                if slot.is_some() {
                    let name = self.name(vm);
                    return Err(vm.type_error(format!("{name}() got multiple values for argument '{}'", text.to_string_lossy())));
                }
                *slot = Some(value);
                Ok(())
            }
            None => match kwdict {
                Some(dict) => match key.downcast_exact::<Str>() {
                    Some(name) => dict.set_str(vm, name, value),
                    None => dict.set(vm, key, value),
                },
                None => Err(self.unexpected(vm, text, kwnames)),
            },
        }
    }

    #[cold]
    fn unexpected(&self, vm: &mut Vm, key: &Py<Str>, kwnames: &[Value]) -> Raised {
        let name = self.name(vm);
        let posonly = self.code.localsplusnames.items().iter().take(self.code.posonlyargcount as usize);
        let passed: Vec<String> = posonly
            .filter_map(|n| n.downcast::<Str>())
            .filter(|n| kwnames.iter().filter_map(|k| k.downcast::<Str>()).any(|k| k.eq_chars(n)))
            .map(|n| n.to_string_lossy().into_owned())
            .collect();
        if !passed.is_empty() {
            let passed = passed.join(", ");
            return vm.type_error(format!("{name}() got some positional-only arguments passed as keyword arguments: '{passed}'"));
        }
        let end = (self.code.argcount + self.code.kwonlyargcount) as usize;
        let possible = self.code.localsplusnames.items().get(self.code.posonlyargcount as usize..end).unwrap_or(&[]);
        let possible: Vec<String> = possible.iter().filter_map(|n| n.downcast::<Str>()).map(|n| n.to_string_lossy().into_owned()).collect();
        let key = key.to_string_lossy();
        match suggestions::closest(&key, possible.iter().map(String::as_str)) {
            Some(found) => vm.type_error(format!("{name}() got an unexpected keyword argument '{key}'. Did you mean '{found}'?")),
            None => vm.type_error(format!("{name}() got an unexpected keyword argument '{key}'")),
        }
    }

    #[cold]
    fn too_many(&self, vm: &mut Vm, given: usize) -> Raised {
        let (argcount, kwonly) = (self.code.argcount as usize, self.code.kwonlyargcount as usize);
        let kwonly_given = self.slots.iter().skip(argcount).take(kwonly).filter(|s| s.is_some()).count();
        let defaults = self.func.defaults.get(vm).as_ref().map_or(0, |d| d.len());
        let s = |n: usize| if n == 1 { "" } else { "s" };
        let (signature, plural) = if defaults > 0 {
            (format!("from {} to {argcount}", argcount - defaults.min(argcount)), "s")
        } else {
            (argcount.to_string(), s(argcount))
        };
        let extra = if kwonly_given > 0 {
            format!(" positional argument{} (and {kwonly_given} keyword-only argument{})", s(given), s(kwonly_given))
        } else {
            String::new()
        };
        let verb = if given == 1 && kwonly_given == 0 { "was" } else { "were" };
        let name = self.name(vm);
        vm.type_error(format!("{name}() takes {signature} positional argument{plural} but {given}{extra} {verb} given"))
    }

    fn defaults(&mut self, vm: &mut Vm, positional: usize) -> PyResult<()> {
        let argcount = self.code.argcount as usize;
        if positional >= argcount {
            return Ok(());
        }
        let defaults = self.func.defaults.load(vm);
        let count = defaults.as_ref().map_or(0, |d| d.len());
        let required = argcount - count.min(argcount);
        let missing: Vec<usize> = (positional..required).filter(|&i| self.slots.get(i).is_none_or(|s| s.is_none())).collect();
        if !missing.is_empty() {
            return Err(self.missing(vm, &missing, "positional"));
        }
        let Some(defaults) = defaults else { return Ok(()) };
        // With more defaults than parameters the last ones count.
        let skip = count - count.min(argcount);
        for i in positional.max(required)..argcount {
            if let (Some(slot @ None), Some(value)) = (self.slots.get_mut(i), defaults.items().get(skip + i - required)) {
                *slot = Some(value.clone());
            }
        }
        Ok(())
    }

    fn keyword_defaults(&mut self, vm: &mut Vm) -> PyResult<()> {
        let first = self.code.argcount as usize;
        let end = first + self.code.kwonlyargcount as usize;
        if first == end {
            return Ok(());
        }
        let defaults = self.func.kwdefaults.load(vm);
        let mut missing = Vec::new();
        for i in first..end {
            if self.slots.get(i).is_none_or(|s| s.is_some()) {
                continue;
            }
            let code = self.code.clone();
            let value = match (&defaults, code.local_name(i)) {
                (Some(dict), Some(name)) => match dict.get_str(vm, name).cloned() {
                    None => dict.get(vm, name.as_value())?,
                    found => found,
                },
                _ => None,
            };
            match value {
                Some(value) => self.set(i, value),
                None => missing.push(i),
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(self.missing(vm, &missing, "keyword-only")) }
    }

    #[cold]
    fn missing(&self, vm: &mut Vm, which: &[usize], kind: &str) -> Raised {
        let mut names = Vec::new();
        for &i in which {
            let Some(name) = self.code.local_name(i) else { continue };
            match vm.repr(name.as_value()) {
                Ok(text) => names.push(text.to_string_lossy().into_owned()),
                Err(e) => return e,
            }
        }
        let list = match names.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [a, b] => format!("{a} and {b}"),
            [most @ .., last] => format!("{}, and {last}", most.join(", ")),
        };
        let (name, count) = (self.name(vm), which.len());
        let s = if count == 1 { "" } else { "s" };
        vm.type_error(format!("{name}() missing {count} required {kind} argument{s}: {list}"))
    }
}
