//! Template strings (PEP 750): `Template`, `Interpolation` and the iterator over a template.

use crate::types::str_::{Str, StrBuilder};
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// Template object
#[pyclass(name = "Template", module = "string.templatelib", gc)]
pub struct Template {
    /// One more than interpolations.
    pub strings: Py<Tuple>,
    pub interpolations: Py<Tuple>,
}

/// Interpolation object
#[pyclass(name = "Interpolation", module = "string.templatelib", gc)]
pub struct Interpolation {
    pub value: Value,
    pub expression: Value,
    pub conversion: Value,
    pub format_spec: Value,
}

/// Iterator over strings that are not empty and interpolations, in order.
#[pyclass(name = "TemplateIter", module = "string.templatelib", flags(DISALLOW_INSTANTIATION), gc)]
pub struct TemplateIter {
    template: GilCell<Option<Py<Template>>>,
    /// Twice the place, plus one if the interpolation is next.
    at: Cell<usize>,
}

#[pymethods]
impl TemplateIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<TemplateIter>) -> Py<TemplateIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(template) = self.template.load(vm) else { return Ok(None) };
        loop {
            let at = self.at.get();
            self.at.set(at + 1);
            let item = if at.is_multiple_of(2) { template.strings.items().get(at / 2) } else { template.interpolations.items().get(at / 2) };
            match item {
                None => {
                    let old = self.template.replace(vm, None);
                    drop(old);
                    return Ok(None);
                }
                Some(item) if item.downcast::<Str>().is_some_and(|s| s.is_empty()) => {}
                Some(item) => return Ok(Some(item.clone())),
            }
        }
    }
}

fn string(vm: &mut Vm, value: Option<&Value>, name: &str) -> PyResult {
    match value {
        None => Ok(vm.new_str("")?.into_value()),
        Some(value) if value.is::<Str>() => Ok(value.clone()),
        Some(value) => {
            let got = if value.is_none() { "None".to_owned() } else { value.type_name() };
            Err(vm.type_error(format!("Interpolation() argument '{name}' must be str, not {got}")))
        }
    }
}

#[pymethods]
impl Interpolation {
    #[new]
    #[allow(clippy::new_ret_no_self)]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Interpolation>> {
        use crate::args::{ArgSpec, Param};
        static SPEC: ArgSpec = ArgSpec {
            name: "Interpolation",
            params: &[
                Param { name: "value", required: true },
                Param { name: "expression", required: false },
                Param { name: "conversion", required: false },
                Param { name: "format_spec", required: false },
            ],
            required: 1,
            positional: 4,
            posonly: 0,
            raw: false,
        };
        let mut bound = [None; 4];
        SPEC.bind(vm, args, &mut bound)?;
        let [Some(value), expression, conversion, format_spec] = bound else { return Err(SPEC.missing(vm, 0)) };
        let expression = string(vm, expression, "expression")?;
        let conversion = match conversion {
            Some(c) if !c.is_none() => {
                let c = string(vm, Some(c), "conversion")?;
                if !c.downcast::<Str>().is_some_and(|s| ["s", "r", "a"].iter().any(|t| s.eq_str(t))) {
                    return Err(vm.value_error("Interpolation() argument 'conversion' must be one of 's', 'a' or 'r'"));
                }
                c
            }
            _ => Value::none(),
        };
        let format_spec = string(vm, format_spec, "format_spec")?;
        vm.new_instance(cls, Interpolation { value: value.clone(), expression, conversion, format_spec })
    }

    /// The value.
    #[getter]
    fn value(&self) -> Value {
        self.value.clone()
    }

    /// The text of the expression.
    #[getter]
    fn expression(&self) -> Value {
        self.expression.clone()
    }

    /// 'r', 's', 'a' or None.
    #[getter]
    fn conversion(&self) -> Value {
        self.conversion.clone()
    }

    /// The format specification.
    #[getter]
    fn format_spec(&self) -> Value {
        self.format_spec.clone()
    }

    #[classattr(name = "__match_args__")]
    fn match_args(vm: &mut Vm) -> PyResult {
        let names = ["value", "expression", "conversion", "format_spec"].map(|n| vm.intern(n).into_value());
        Ok(vm.new_tuple(names)?.into_value())
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Interpolation>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let parts = [zelf.value.clone(), zelf.expression.clone(), zelf.conversion.clone(), zelf.format_spec.clone()];
        let parts = vm.new_tuple(parts)?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), parts])
    }

    /// For annotations.
    #[classmethod(name = "__class_getitem__")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        crate::types::genericalias::new_alias(vm, cls.to_value(), object.clone())
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let mut out = StrBuilder::new();
        out.push_str("Interpolation(");
        for (i, part) in [&self.value, &self.expression, &self.conversion, &self.format_spec].into_iter().enumerate() {
            out.push_str(if i == 0 { "" } else { ", " });
            let part = vm.repr(part)?;
            out.push_object(&part);
        }
        out.push_str(")");
        out.finish(vm)
    }
}

#[pymethods]
impl Template {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Template>> {
        if args.has_keywords() {
            return Err(vm.type_error("Template.__new__ only accepts *args arguments"));
        }
        let empty = vm.new_str("")?;
        let (mut strings, mut interpolations, mut last) = (Vec::new(), Vec::new(), empty.clone());
        for arg in args.positional() {
            if let Some(s) = arg.downcast::<Str>() {
                last = if last.is_empty() { s.clone() } else { vm.str_concat(&last, s)? };
            } else if arg.is::<Interpolation>() {
                strings.push(std::mem::replace(&mut last, empty.clone()).into_value());
                interpolations.push(arg.clone());
            } else {
                let name = arg.type_name();
                return Err(vm.type_error(format!("Template.__new__ *args need to be of type 'str' or 'Interpolation', got {name}")));
            }
        }
        strings.push(last.into_value());
        let (strings, interpolations) = (vm.new_tuple(strings)?, vm.new_tuple(interpolations)?);
        vm.new_instance(cls, Template { strings, interpolations })
    }

    /// The strings around the interpolations.
    #[getter]
    fn strings(&self) -> Py<Tuple> {
        self.strings.clone()
    }

    /// The interpolations.
    #[getter]
    fn interpolations(&self) -> Py<Tuple> {
        self.interpolations.clone()
    }

    /// The values of the interpolations.
    #[getter]
    fn values(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let values: Vec<Value> = self.interpolations.items().iter().filter_map(|i| i.downcast::<Interpolation>()).map(|i| i.value.clone()).collect();
        vm.new_tuple(values)
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let import = vm.builtin_named("__import__")?;
        let name = vm.new_str("string.templatelib")?.into_value();
        let wanted = vm.new_str("_template_unpickle")?.into_value();
        let list = vm.new_tuple([wanted])?.into_value();
        let module = vm.call(&import, &[name, Value::none(), Value::none(), list])?;
        let function = vm.getattr_str(&module, "_template_unpickle")?;
        let parts = vm.new_tuple([self.strings.to_value(), self.interpolations.to_value()])?.into_value();
        vm.new_tuple([function, parts])
    }

    /// For annotations.
    #[classmethod(name = "__class_getitem__")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        crate::types::genericalias::new_alias(vm, cls.to_value(), object.clone())
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let strings = vm.repr(self.strings.as_value())?;
        let interpolations = vm.repr(self.interpolations.as_value())?;
        let mut out = StrBuilder::new();
        out.push_str("Template(strings=");
        out.push_object(&strings);
        out.push_str(", interpolations=");
        out.push_object(&interpolations);
        out.push_str(")");
        out.finish(vm)
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Template>, vm: &mut Vm) -> PyResult<Py<TemplateIter>> {
        vm.new_object(TemplateIter { template: GilCell::new(Some(zelf.clone())), at: Cell::new(0) })
    }

    #[slot(concat)]
    fn slot_concat(zelf: &Py<Template>, other: &Value, vm: &mut Vm) -> PyResult<Py<Template>> {
        let Some(other) = other.downcast::<Template>() else {
            let name = other.type_name();
            return Err(vm.type_error(format!("can only concatenate string.templatelib.Template (not \"{name}\") to string.templatelib.Template")));
        };
        let (mut strings, more) = (zelf.strings.items().to_vec(), other.strings.items());
        if let (Some(last), Some((first, rest))) = (strings.pop(), more.split_first()) {
            if let (Some(a), Some(b)) = (last.downcast::<Str>(), first.downcast::<Str>()) {
                strings.push(vm.str_concat(a, b)?.into_value());
            }
            strings.extend_from_slice(rest);
        }
        let interpolations = [zelf.interpolations.items(), other.interpolations.items()].concat();
        let strings = vm.new_tuple(strings)?;
        let interpolations = vm.new_tuple(interpolations)?;
        vm.new_object(Template { strings, interpolations })
    }
}

impl Vm {
    /// A template of its strings and interpolations, as a t-string makes it.
    pub fn new_template(&mut self, strings: Py<Tuple>, interpolations: Py<Tuple>) -> PyResult {
        Ok(self.new_object(Template { strings, interpolations })?.into_value())
    }

    /// An interpolation; `conversion` is 0, or 1 for `s`, 2 for `r`, 3 for `a`.
    pub fn new_interpolation(&mut self, value: Value, expression: Value, conversion: u32, format_spec: Option<Value>) -> PyResult {
        let conversion = match conversion {
            1 => self.intern("s").into_value(),
            2 => self.intern("r").into_value(),
            3 => self.intern("a").into_value(),
            _ => Value::none(),
        };
        let format_spec = match format_spec {
            Some(spec) => spec,
            None => self.new_str("")?.into_value(),
        };
        Ok(self.new_object(Interpolation { value, expression, conversion, format_spec })?.into_value())
    }
}
