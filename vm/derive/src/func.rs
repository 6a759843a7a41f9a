//! `#[pyfunction]`.

use crate::sig::{bind, type_ends_with};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, FnArg, ItemFn, Lit, Meta, Result, punctuated::Punctuated, Token};

/// Options common to functions and methods.
#[derive(Default)]
pub struct Options {
    pub name: Option<String>,
    pub sig: Option<String>,
    pub text: Option<String>,
    /// The attribute is a field, which `member_descriptor` shows.
    pub member: bool,
}

pub fn options(attr: TokenStream) -> Result<Options> {
    let metas = syn::parse::Parser::parse2(Punctuated::<Meta, Token![,]>::parse_terminated, attr)?;
    let mut out = Options::default();
    for meta in metas {
        if meta.path().is_ident("member") {
            out.member = true;
            continue;
        }
        let Meta::NameValue(nv) = &meta else { return Err(syn::Error::new_spanned(meta, "expected name = \"...\"")) };
        let Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) = &nv.value else { return Err(syn::Error::new_spanned(&nv.value, "expected a string")) };
        match nv.path.get_ident().map(ToString::to_string).as_deref() {
            Some("name") => out.name = Some(s.value()),
            Some("sig") => out.sig = Some(s.value()),
            Some("text") => out.text = Some(s.value()),
            _ => return Err(syn::Error::new_spanned(&nv.path, "expected name, sig or text")),
        }
    }
    Ok(out)
}

/// A Rust function's name as Python's: without `r#`, and without the underscore that keeps it from being a keyword.
pub fn python_name(ident: &syn::Ident) -> String {
    let text = ident.to_string();
    let name = text.trim_start_matches("r#");
    if name.ends_with("__") { name.to_owned() } else { name.trim_end_matches('_').to_owned() }
}

/// The doc comment, without the leading spaces.
pub fn doc(attrs: &[syn::Attribute]) -> TokenStream {
    let mut lines = Vec::new();
    for a in attrs {
        if let Meta::NameValue(nv) = &a.meta
            && nv.path.is_ident("doc")
                && let Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) = &nv.value {
                    let line = s.value();
                    lines.push(line.strip_prefix(' ').unwrap_or(&line).to_owned());
                }
    }
    if lines.is_empty() {
        quote!(None)
    } else {
        let text = lines.join("\n");
        quote!(Some(#text))
    }
}

pub fn expand(attr: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let opts = options(attr)?;
    let func: ItemFn = syn::parse2(item)?;
    let ident = &func.sig.ident;
    let name = opts.name.unwrap_or_else(|| python_name(ident));
    // A first parameter `module: &Value` takes the module.
    let takes_module = matches!(func.sig.inputs.first(), Some(FnArg::Typed(p)) if matches!(&*p.pat, syn::Pat::Ident(i) if i.ident == "module") && type_ends_with(&p.ty, "Value"));
    let b = bind(&func.sig, takes_module, &name, opts.sig.as_deref(), "$module", opts.text.as_deref())?;
    let (setup, args, spec, text) = (b.setup, b.args, b.spec, b.text_signature);
    let receiver = takes_module.then(|| quote!(zelf,));
    let doc = doc(&func.attrs);
    let vis = &func.vis;
    Ok(quote! {
        #func
        #[allow(non_snake_case, non_camel_case_types, unused_imports, unused_variables, unused_mut, clippy::all)]
        #vis mod #ident {
            use super::*;
            static SPEC: ::krait_runtime::args::ArgSpec = #spec;
            fn wrapper(vm: &mut ::krait_runtime::Vm, zelf: &::krait_runtime::Value, args: ::krait_runtime::args::Args<'_>) -> ::krait_runtime::PyResult<::krait_runtime::Value> {
                #setup
                ::krait_runtime::args::IntoPyResult::into_py_result(super::#ident(#receiver #(#args),*), vm)
            }
            pub static DEF: ::krait_runtime::args::MethodDef = ::krait_runtime::args::MethodDef {
                name: #name, func: wrapper, kind: ::krait_runtime::args::MethodKind::Static, spec: &SPEC, doc: #doc, text_signature: #text,
            };
        }
    })
}
