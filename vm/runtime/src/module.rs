//! Native modules: their definition and how one becomes a module object.

use crate::args::MethodDef;
use crate::types::class::StaticType;
use crate::types::dict::Dict;
use crate::types::module::Module;
use crate::types::native::new_builtin_method;
use crate::{GilCell, Py, PyResult, Vm};

/// What makes the contents of a module, given its dict.
pub type Exec = fn(&mut Vm, &Py<Dict>) -> PyResult<()>;

/// A native module.
pub struct ModuleDef {
    pub name: &'static str,
    pub doc: Option<&'static str>,
    pub functions: &'static [&'static MethodDef],
    /// Types that become attributes under their `__name__`.
    pub types: &'static [fn() -> &'static StaticType],
    /// Runs when the module is made: constants and whatever else it needs.
    pub exec: Option<Exec>,
    /// An interpreter has one such module, whatever becomes of it in `sys.modules`: `exec` makes what native code finds again outside the module.
    /// Others are made anew each time one is imported that is not in `sys.modules`.
    pub single: bool,
}

/// Defines `pub static MODULE: ModuleDef`.
///
/// ```ignore
/// module! { "math", doc: "Mathematical functions.", functions: [sqrt, cos], types: [], exec: init }
/// ```
#[macro_export]
macro_rules! module {
    ($name:literal, doc: $doc:expr, functions: [$($($f:ident)::+),* $(,)?], types: [$($t:ty),* $(,)?] $(, exec: $exec:path)? $(, single: $single:literal)? $(,)?) => {
        /// The module.
        pub static MODULE: $crate::module::ModuleDef = $crate::module::ModuleDef {
            name: $name,
            doc: Some($doc),
            functions: &[$(&$($f)::+::DEF),*],
            types: &[$(<$t as $crate::PyClass>::static_type),*],
            exec: $crate::module_exec!($($exec)?),
            single: $crate::module_single!($($single)?),
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! module_exec {
    () => { None };
    ($e:path) => { Some($e) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! module_single {
    () => { false };
    ($single:literal) => { $single };
}

/// Makes the module object of a definition. It is not put into `sys.modules`.
pub fn create(vm: &mut Vm, def: &'static ModuleDef) -> PyResult<Py<Module>> {
    let dict = vm.new_dict()?;
    let name = vm.intern(def.name).into_value();
    dict.set_str(vm, n!(__name__), name.clone())?;
    let doc = match def.doc {
        Some(doc) => vm.new_str(doc)?.into_value(),
        None => crate::Value::none(),
    };
    dict.set_str(vm, n!(__doc__), doc)?;
    for name in [n!(__package__), n!(__loader__), n!(__spec__)] {
        dict.set_str(vm, name, crate::Value::none())?;
    }
    let module = vm.new_object(Module { dict: GilCell::new(Some(dict.clone())), def: Some(def) })?;
    for function in def.functions {
        let key = vm.intern(function.name);
        let value = new_builtin_method(vm, function, module.to_value(), Some(name.clone()))?;
        dict.set_str(vm, &key, value)?;
    }
    for ty in def.types {
        let ty = ty().ready(vm)?;
        let key = ty.name.load(vm);
        if let Some(key) = key {
            dict.set(vm, &key, ty.to_value())?;
        }
    }
    if let Some(exec) = def.exec {
        exec(vm, &dict)?;
    }
    Ok(module)
}
