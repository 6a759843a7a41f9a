//! Functions and methods with and without a signature, for tests of how signatures are shown.

use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};

macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[pyfunction]
        pub fn $name(_args: Args<'_>, _vm: &mut Vm) -> PyResult<()> {
            Ok(())
        }
    )*};
}

plain! {
    docstring_empty;
    /// This docstring has no signature.
    docstring_no_signature;
    /// docstring_with_invalid_signature($module, /, boo)
    ///
    /// This docstring has an invalid signature.
    docstring_with_invalid_signature;
    /// docstring_with_invalid_signature2($module, /, boo)
    ///
    /// --
    ///
    /// This docstring also has an invalid signature.
    docstring_with_invalid_signature2;
    /// A plain docstring.
    test_with_docstring;
}

/// This docstring has no signature.
#[pyfunction]
pub fn docstring_no_signature_noargs() {}

/// This docstring has no signature.
#[pyfunction(sig = "(object, /)")]
pub fn docstring_no_signature_o(_object: &Value) {}

/// This docstring has a valid signature.
#[pyfunction(text = "(sig)")]
pub fn docstring_with_signature(_args: Args<'_>, _vm: &mut Vm) -> PyResult<()> {
    Ok(())
}

#[pyfunction(text = "(sig)")]
pub fn docstring_with_signature_but_no_doc(_args: Args<'_>, _vm: &mut Vm) -> PyResult<()> {
    Ok(())
}

///
/// This docstring has a valid signature and an empty line in front.
#[pyfunction(text = "(parameter)")]
pub fn docstring_with_signature_and_extra_newlines(_args: Args<'_>, _vm: &mut Vm) -> PyResult<()> {
    Ok(())
}

/// This docstring has a signature whose parameters have defaults of many kinds.
#[pyfunction(
    text = "(s='avocado',\n        b=b'bytes', d=3.14, i=35, n=None, t=True, f=False,\n        local=the_number_three, sys=sys.maxsize,\n        exp=sys.maxsize - 1)"
)]
pub fn docstring_with_signature_with_defaults(_args: Args<'_>, _vm: &mut Vm) -> PyResult<()> {
    Ok(())
}

/// Methods whose docstrings have no signature, so that it comes from how they are called.
#[pyclass(name = "DocStringNoSignatureTest", module = "_testcapi", flags(BASETYPE))]
pub struct DocStringNoSignatureTest {}

#[pymethods]
impl DocStringNoSignatureTest {
    #[new]
    fn new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<DocStringNoSignatureTest>> {
        vm.new_instance(cls, DocStringNoSignatureTest {})
    }
    /// This docstring has no signature.
    #[method]
    fn meth_noargs(&self) {}
    /// This docstring has no signature.
    #[method(sig = "(object, /)")]
    fn meth_o(&self, _object: &Value) {}
    /// This docstring has no signature.
    #[classmethod]
    fn meth_noargs_class(_cls: &Py<PyType>) {}
    /// This docstring has no signature.
    #[classmethod(sig = "(object, /)")]
    fn meth_o_class(_cls: &Py<PyType>, _object: &Value) {}
    /// This docstring has no signature.
    #[staticmethod]
    fn meth_noargs_static() {}
    /// This docstring has no signature.
    #[staticmethod(sig = "(object, /)")]
    fn meth_o_static(_object: &Value) {}
    /// This docstring has no signature.
    #[method]
    fn meth_noargs_coexist(&self) {}
    /// This docstring has no signature.
    #[method(sig = "(object, /)")]
    fn meth_o_coexist(&self, _object: &Value) {}
}

/// Methods whose signatures have defaults that are no literals.
#[pyclass(name = "DocStringUnrepresentableSignatureTest", module = "_testcapi", flags(BASETYPE))]
pub struct DocStringUnrepresentableSignatureTest {}

#[pymethods]
impl DocStringUnrepresentableSignatureTest {
    #[new]
    fn new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<DocStringUnrepresentableSignatureTest>> {
        vm.new_instance(cls, DocStringUnrepresentableSignatureTest {})
    }
    /// The default of this method's parameter cannot be shown.
    #[method(text = "(a, b=<x>)")]
    fn meth(&self, _args: Args<'_>, _vm: &mut Vm) -> PyResult<()> {
        Ok(())
    }
    /// The default of this method's parameter cannot be shown.
    #[classmethod(text = "(a, b=<x>)")]
    fn classmeth(_cls: &Py<PyType>, _args: Args<'_>, _vm: &mut Vm) -> PyResult<()> {
        Ok(())
    }
    /// The default of this method's parameter cannot be shown.
    #[staticmethod(text = "(a, b=<x>)")]
    fn staticmeth(_args: Args<'_>, _vm: &mut Vm) -> PyResult<()> {
        Ok(())
    }
    /// The default of this method's parameter is a name of the module.
    #[method(text = "(x=ONE)")]
    fn with_default(&self, _args: Args<'_>, _vm: &mut Vm) -> PyResult<()> {
        Ok(())
    }
}
