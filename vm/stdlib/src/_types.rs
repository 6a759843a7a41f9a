//! `_types`: the types that `types` shows.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::{asyncgen, cell, code, frame, generator, genericalias, mappingproxy, method, module, namespace, native, pyfunction, singletons, traceback, union};
use krait_runtime::types::typeobject::wrapper;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyClass, PyResult, Vm, pyclass, pymethods};

/// A named thing of native code in an object. There is no C API that could ask for the thing: only the name is there.
#[pyclass(name = "PyCapsule")]
pub struct Capsule {
    #[traverse(skip)]
    pub name: &'static str,
}

#[pymethods]
impl Capsule {
    #[slot(repr)]
    fn slot_repr(zelf: &Py<Capsule>) -> String {
        format!("<capsule object \"{}\" at {:#x}>", zelf.name, zelf.as_value().id())
    }
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let types = [
        ("AsyncGeneratorType", asyncgen::AsyncGenerator::static_type()),
        ("BuiltinFunctionType", native::BuiltinFunction::static_type()),
        ("BuiltinMethodType", native::BuiltinFunction::static_type()),
        ("CapsuleType", Capsule::static_type()),
        ("CellType", cell::PyCell::static_type()),
        ("ClassMethodDescriptorType", native::ClassMethodDescr::static_type()),
        ("CodeType", code::CodeObject::static_type()),
        ("CoroutineType", generator::Coroutine::static_type()),
        ("EllipsisType", singletons::EllipsisType::static_type()),
        ("FrameType", frame::FrameObject::static_type()),
        ("FunctionType", pyfunction::Function::static_type()),
        ("GeneratorType", generator::Generator::static_type()),
        ("GenericAlias", genericalias::GenericAlias::static_type()),
        ("GetSetDescriptorType", native::GetSetDescr::static_type()),
        ("LambdaType", pyfunction::Function::static_type()),
        ("MappingProxyType", mappingproxy::MappingProxy::static_type()),
        ("MemberDescriptorType", native::MemberDescr::static_type()),
        ("MethodDescriptorType", native::MethodDescr::static_type()),
        ("MethodType", method::Method::static_type()),
        ("MethodWrapperType", wrapper::MethodWrapper::static_type()),
        ("ModuleType", module::Module::static_type()),
        ("NoneType", singletons::NoneType::static_type()),
        ("NotImplementedType", singletons::NotImplementedType::static_type()),
        ("SimpleNamespace", namespace::Namespace::static_type()),
        ("TracebackType", traceback::Traceback::static_type()),
        ("UnionType", union::Union::static_type()),
        ("WrapperDescriptorType", wrapper::WrapperDescr::static_type()),
    ];
    for (name, ty) in types {
        let ty = ty.ready(vm)?.to_value();
        let name = vm.intern(name);
        dict.set_str(vm, &name, ty)?;
    }
    Ok(())
}

krait_runtime::module! { "_types", doc: "The types that the module types shows.", functions: [], types: [], exec: init }
