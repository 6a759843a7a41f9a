//! Proc macros that turn Rust items into Python types and modules. They annotate items where they stand:
//!
//! - `#[pyclass(name = "deque", module = "collections", base = Object, flags(BASETYPE), gc, managed)]` on a struct; `managed` implies `gc`, unless
//!   `untracked` stands behind it
//! - `#[pymethods]` on its impl block: `#[method]`, `#[classmethod]`, `#[staticmethod]`, `#[getter]`, `#[setter]`, `#[slot(repr)]`, `#[new]`, `#[init]`
//! - `#[pyfunction]` on a function of a native module
//!
//! Signatures are given as Python writes them, `sig = "(x, /, *, key=None)"`; they drive argument binding, its errors and
//! `__text_signature__`. Without one all parameters are positional-only under their Rust names.
mod class;
mod func;
mod methods;
mod sig;

use proc_macro::TokenStream;

/// Makes a struct the payload of a native type.
#[proc_macro_attribute]
pub fn pyclass(attr: TokenStream, item: TokenStream) -> TokenStream {
    class::expand(attr.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes the annotated functions of an impl block methods, attributes and slots of the type.
#[proc_macro_attribute]
pub fn pymethods(attr: TokenStream, item: TokenStream) -> TokenStream {
    methods::expand(attr.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a function one of a native module; its definition is `NAME::DEF`.
#[proc_macro_attribute]
pub fn pyfunction(attr: TokenStream, item: TokenStream) -> TokenStream {
    func::expand(attr.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Derives `Traverse` for a plain struct that stands inside a payload.
#[proc_macro_derive(Traverse, attributes(traverse))]
pub fn derive_traverse(item: TokenStream) -> TokenStream {
    class::derive_traverse(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
