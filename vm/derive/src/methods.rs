//! `#[pymethods]`.

use crate::func::{doc, options};
use crate::sig::{bind, is_vm};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Pat, Result, Token, punctuated::Punctuated};

enum Role {
    Method(&'static str),
    Getter,
    Setter,
    ClassAttr,
    Slot(Vec<String>),
    New,
    Init,
}

#[derive(Default)]
struct Out {
    wrappers: Vec<TokenStream>,
    methods: Vec<TokenStream>,
    getters: Vec<(String, TokenStream, TokenStream, bool)>,
    setters: Vec<(String, TokenStream)>,
    attrs: Vec<TokenStream>,
    slots: Vec<TokenStream>,
}

pub fn expand(attr: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut block: ItemImpl = syn::parse2(item)?;
    let (part, parts) = header(attr)?;
    let ty = block.self_ty.clone();
    let mut out = Out::default();
    for item in &mut block.items {
        let ImplItem::Fn(f) = item else { continue };
        let mut roles = Vec::new();
        let mut kept = Vec::new();
        for a in std::mem::take(&mut f.attrs) {
            match role(&a)? {
                Some(r) => roles.push((r, a)),
                None => kept.push(a),
            }
        }
        f.attrs = kept;
        for (r, a) in roles {
            one(&ty, f, r, &a, &mut out)?;
        }
    }
    let Out { wrappers, methods, getters, setters, attrs, slots } = out;
    let getsets = getset_defs(&getters, &setters);
    let all_slots = quote!(#(#slots)*);
    let result = match part {
        Some(part) => {
            let (m, g, a, s) = (format_ident!("METHODS_{}", part), format_ident!("GETSETS_{}", part), format_ident!("CLASS_ATTRS_{}", part), format_ident!("set_slots_{}", part));
            quote! {
                #[allow(non_upper_case_globals, clippy::all)]
                impl #ty {
                    pub(crate) const #m: &'static [::krait_runtime::args::MethodDef] = &[#(#methods),*];
                    pub(crate) const #g: &'static [::krait_runtime::types::class::GetSetDef] = &[#(#getsets),*];
                    pub(crate) const #a: &'static [::krait_runtime::types::class::ClassAttr] = &[#(#attrs),*];
                    pub(crate) fn #s(slots: &::krait_runtime::types::slots::Slots) { #all_slots }
                }
            }
        }
        None => {
            let ms = parts.iter().map(|p| { let i = format_ident!("METHODS_{}", p); quote!(#ty::#i) });
            let gs = parts.iter().map(|p| { let i = format_ident!("GETSETS_{}", p); quote!(#ty::#i) });
            let cs = parts.iter().map(|p| { let i = format_ident!("CLASS_ATTRS_{}", p); quote!(#ty::#i) });
            let ss = parts.iter().map(|p| { let i = format_ident!("set_slots_{}", p); quote!(#ty::#i(slots);) });
            quote! {
                #[allow(clippy::all)]
                impl ::krait_runtime::types::class::PyMethods for #ty {
                    const METHODS: &'static [&'static [::krait_runtime::args::MethodDef]] = &[&[#(#methods),*] #(, #ms)*];
                    const GETSETS: &'static [&'static [::krait_runtime::types::class::GetSetDef]] = &[&[#(#getsets),*] #(, #gs)*];
                    const CLASS_ATTRS: &'static [&'static [::krait_runtime::types::class::ClassAttr]] = &[&[#(#attrs),*] #(, #cs)*];
                    fn set_slots(slots: &::krait_runtime::types::slots::Slots) { #all_slots #(#ss)* }
                }
            }
        }
    };
    Ok(quote! {
        #[allow(non_snake_case, reason = "a setter's name is set_ and the attribute's")]
        #block
        #[allow(non_snake_case, unused_variables, unused_mut, clippy::all)]
        impl #ty { #(#wrappers)* }
        #result
    })
}

/// `part = NAME`, or `parts(A, B)`.
fn header(attr: TokenStream) -> Result<(Option<String>, Vec<String>)> {
    let metas = syn::parse::Parser::parse2(Punctuated::<syn::Meta, Token![,]>::parse_terminated, attr)?;
    let (mut part, mut parts) = (None, Vec::new());
    for meta in metas {
        match meta {
            syn::Meta::NameValue(nv) if nv.path.is_ident("part") => {
                let syn::Expr::Path(p) = &nv.value else { return Err(Error::new_spanned(nv.value, "expected a name")) };
                part = p.path.get_ident().map(ToString::to_string);
            }
            syn::Meta::List(l) if l.path.is_ident("parts") => {
                parts.extend(l.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated)?.iter().map(ToString::to_string));
            }
            other => return Err(Error::new_spanned(other, "expected part = NAME or parts(A, B)")),
        }
    }
    Ok((part, parts))
}

fn role(a: &syn::Attribute) -> Result<Option<Role>> {
    let Some(id) = a.path().get_ident().map(ToString::to_string) else { return Ok(None) };
    Ok(Some(match id.as_str() {
        "method" => Role::Method("Instance"),
        "classmethod" => Role::Method("Class"),
        "staticmethod" => Role::Method("Static"),
        "getter" => Role::Getter,
        "setter" => Role::Setter,
        "classattr" => Role::ClassAttr,
        "new" => Role::New,
        "init" => Role::Init,
        "slot" => {
            let names = a.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated)?;
            Role::Slot(names.iter().map(|n| n.to_string().trim_start_matches("r#").to_owned()).collect())
        }
        _ => return Ok(None),
    }))
}

fn attr_tokens(a: &syn::Attribute) -> TokenStream {
    match &a.meta {
        syn::Meta::List(l) => l.tokens.clone(),
        _ => quote!(),
    }
}

/// The expression for the receiver, and whether the first typed parameter is the receiver.
fn receiver(f: &ImplItemFn, what: &str, kind: &str) -> (TokenStream, TokenStream, bool) {
    let typed_first = |name: &str| matches!(f.sig.inputs.first(), Some(FnArg::Typed(p)) if matches!(&*p.pat, Pat::Ident(i) if i.ident == name));
    if matches!(f.sig.inputs.first(), Some(FnArg::Receiver(_))) {
        (quote!(let this = <Self as ::krait_runtime::PyClass>::self_arg(vm, zelf, #what)?;), quote!(&**this,), false)
    } else if typed_first("zelf") && matches!(f.sig.inputs.first(), Some(FnArg::Typed(p)) if crate::sig::type_ends_with(&p.ty, "Value")) {
        // Ints and floats may be in words: the method takes the value as it is.
        (quote!(let this = <Self as ::krait_runtime::PyClass>::self_value(vm, zelf, #what)?;), quote!(this,), true)
    } else if typed_first("zelf") {
        (quote!(let this = <Self as ::krait_runtime::PyClass>::self_arg(vm, zelf, #what)?;), quote!(this,), true)
    } else if kind == "Class" {
        (quote!(let this = <::krait_runtime::types::type_::PyType as ::krait_runtime::PyClass>::self_arg(vm, zelf, #what)?;), quote!(this,), true)
    } else {
        (quote!(), quote!(), false)
    }
}

fn one(ty: &syn::Type, f: &ImplItemFn, role: Role, a: &syn::Attribute, out: &mut Out) -> Result<()> {
    let ident = &f.sig.ident;
    let rust_name = crate::func::python_name(ident);
    let wrapper = format_ident!("__py_{}", rust_name);
    match role {
        Role::Method(kind) => {
            let opts = options(attr_tokens(a))?;
            let name = opts.name.unwrap_or(rust_name);
            let (this, arg, skip) = receiver(f, &name, kind);
            let self_kind = match kind { "Instance" => "$self", "Class" => "$type", _ => "" };
            let b = bind(&f.sig, skip, &name, opts.sig.as_deref(), self_kind, opts.text.as_deref())?;
            let (setup, args, spec, text, doc) = (b.setup, b.args, b.spec, b.text_signature, doc(&f.attrs));
            let spec_ident = format_ident!("__SPEC_{}", wrapper);
            out.wrappers.push(quote! {
                const #spec_ident: &'static ::krait_runtime::args::ArgSpec = &{ #spec };
                fn #wrapper(vm: &mut ::krait_runtime::Vm, zelf: &::krait_runtime::Value, args: ::krait_runtime::args::Args<'_>) -> ::krait_runtime::PyResult<::krait_runtime::Value> {
                    static SPEC: ::krait_runtime::args::ArgSpec = #spec;
                    #this
                    #setup
                    ::krait_runtime::args::IntoPyResult::into_py_result(Self::#ident(#arg #(#args),*), vm)
                }
            });
            let kind = format_ident!("{}", kind);
            out.methods.push(quote!(::krait_runtime::args::MethodDef { name: #name, func: #ty::#wrapper, kind: ::krait_runtime::args::MethodKind::#kind, spec: #ty::#spec_ident, doc: #doc, text_signature: #text }));
        }
        Role::Getter => {
            let opts = options(attr_tokens(a))?;
            let member = opts.member;
            let name = opts.name.unwrap_or(rust_name);
            let (this, arg, _) = receiver(f, &name, "Instance");
            let extra = vm_only(f);
            out.wrappers.push(quote! {
                fn #wrapper(vm: &mut ::krait_runtime::Vm, zelf: &::krait_runtime::Value) -> ::krait_runtime::PyResult<::krait_runtime::Value> {
                    #this
                    ::krait_runtime::args::IntoPyResult::into_py_result(Self::#ident(#arg #extra), vm)
                }
            });
            out.getters.push((name, quote!(#ty::#wrapper), doc(&f.attrs), member));
        }
        Role::Setter => {
            let opts = options(attr_tokens(a))?;
            let name = opts.name.unwrap_or_else(|| rust_name.trim_start_matches("set_").to_owned());
            let (this, arg, _) = receiver(f, &name, "Instance");
            out.wrappers.push(quote! {
                fn #wrapper(vm: &mut ::krait_runtime::Vm, zelf: &::krait_runtime::Value, value: Option<&::krait_runtime::Value>) -> ::krait_runtime::PyResult<()> {
                    #this
                    Self::#ident(#arg value, vm)
                }
            });
            out.setters.push((name, quote!(#ty::#wrapper)));
        }
        Role::ClassAttr => {
            let opts = options(attr_tokens(a))?;
            let name = opts.name.unwrap_or(rust_name);
            out.attrs.push(quote!(::krait_runtime::types::class::ClassAttr { name: #name, value: #ty::#ident }));
        }
        Role::New | Role::Init => {
            let opts = options(attr_tokens(a))?;
            let is_new = matches!(role, Role::New);
            let kind = if is_new { "Class" } else { "Instance" };
            let opts_name = opts.name.clone();
            let name = opts.name.unwrap_or_default();
            let (this, arg, skip) = receiver(f, if is_new { "__new__" } else { "__init__" }, kind);
            let b = bind(&f.sig, skip, &name, opts.sig.as_deref(), "", opts.text.as_deref())?;
            let (setup, args, spec) = (b.setup, b.args, b.spec);
            // The constructor's errors name the type.
            let spec = match opts_name {
                Some(_) => spec,
                None => quote!(::krait_runtime::args::ArgSpec { name: <#ty as ::krait_runtime::PyClass>::NAME, ..#spec }),
            };
            let (sig_self, ret, conv, slot) = if is_new {
                (quote!(cls: &::krait_runtime::Py<::krait_runtime::types::type_::PyType>), quote!(::krait_runtime::Value), quote!(::krait_runtime::args::IntoPyResult::into_py_result), quote!(new))
            } else {
                (quote!(zelf: &::krait_runtime::Value), quote!(()), quote!(::krait_runtime::args::unit_result), quote!(init))
            };
            let (this, arg) = if is_new { (quote!(), quote!(cls,)) } else { (this, arg) };
            out.wrappers.push(quote! {
                fn #wrapper(vm: &mut ::krait_runtime::Vm, #sig_self, args: ::krait_runtime::args::Args<'_>) -> ::krait_runtime::PyResult<#ret> {
                    static SPEC: ::krait_runtime::args::ArgSpec = #spec;
                    #this
                    #setup
                    #conv(Self::#ident(#arg #(#args),*), vm)
                }
            });
            out.slots.push(quote!(slots.#slot.set(Some(#ty::#wrapper));));
        }
        Role::Slot(names) => {
            for name in names {
                slot(ty, f, &name, out)?;
            }
        }
    }
    Ok(())
}

fn vm_only(f: &ImplItemFn) -> TokenStream {
    let has_vm = f.sig.inputs.iter().any(|i| matches!(i, FnArg::Typed(p) if is_vm(&p.ty)));
    if has_vm { quote!(vm) } else { quote!() }
}

/// Parameters of the slot functions behind `vm`, and what they return.
fn slot_shape(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "repr" | "str" | "iter" | "await_" | "aiter" | "anext" | "neg" | "pos" | "abs" | "invert" | "int" | "float" | "index" => ("", "Value"),
        "bool" => ("", "bool"),
        "len" => ("", "usize"),
        "hash" => ("", "i64"),
        "iternext" => ("", "Option<Value>"),
        "del" => ("", "()"),
        "getitem" | "concat" | "inplace_concat" => ("v", "Value"),
        "contains" => ("v", "bool"),
        "repeat" | "inplace_repeat" | "item" => ("n", "Value"),
        "setitem" => ("vo", "()"),
        "richcompare" => ("vc", "Value"),
        "call" => ("a", "Value"),
        "descr_get" => ("oo", "Value"),
        "descr_set" => ("vo", "()"),
        "getattro" => ("s", "Value"),
        "setattro" => ("so", "()"),
        "buffer" => ("f", "Buffer"),
        "send" => ("v", "SendResult"),
        _ => return None,
    })
}

fn slot(ty: &syn::Type, f: &ImplItemFn, name: &str, out: &mut Out) -> Result<()> {
    let ident = &f.sig.ident;
    let field = format_ident!("{}", match name { "await" => "await_", other => other });
    let name = field.to_string();
    const BINARY: &[&str] = &["add", "sub", "mul", "rem", "divmod", "lshift", "rshift", "and", "xor", "or", "floordiv", "truediv", "matmul", "inplace_add", "inplace_sub", "inplace_mul", "inplace_rem", "inplace_lshift", "inplace_rshift", "inplace_and", "inplace_xor", "inplace_or", "inplace_floordiv", "inplace_truediv", "inplace_matmul"];
    let shim = format_ident!("__slot_{}", name);
    if BINARY.contains(&name.as_str()) || name == "pow" || name == "inplace_pow" {
        // Numeric slots take both operands as they are: either may be of this type.
        let field = format_ident!("nb_{}", name);
        let third = name.ends_with("pow").then(|| quote!(, c: &::krait_runtime::Value));
        let third_arg = name.ends_with("pow").then(|| quote!(c,));
        out.wrappers.push(quote! {
            fn #shim(vm: &mut ::krait_runtime::Vm, a: &::krait_runtime::Value, b: &::krait_runtime::Value #third) -> ::krait_runtime::PyResult<::krait_runtime::Value> {
                ::krait_runtime::args::IntoPyResult::into_py_result(Self::#ident(a, b, #third_arg vm), vm)
            }
        });
        out.slots.push(quote!(slots.#field.set(Some(#ty::#shim));));
        return Ok(());
    }
    let Some((params, ret)) = slot_shape(&name) else { return Err(Error::new_spanned(ident, format!("there is no slot `{name}`"))) };
    let (this, arg, _) = receiver(f, &format!("__{name}__"), "Instance");
    let mut decl = Vec::new();
    let mut pass = Vec::new();
    for (i, c) in params.chars().enumerate() {
        let v = format_ident!("p{}", i);
        let t = match c {
            'v' => quote!(&::krait_runtime::Value),
            'o' => quote!(Option<&::krait_runtime::Value>),
            'n' => quote!(isize),
            'c' => quote!(::krait_runtime::types::slots::CompareOp),
            'a' => quote!(::krait_runtime::args::Args<'_>),
            's' => quote!(&::krait_runtime::Py<::krait_runtime::types::str_::Str>),
            _ => quote!(u32),
        };
        decl.push(quote!(#v: #t));
        pass.push(quote!(#v,));
    }
    let ret_ty = match ret {
        "Value" => quote!(::krait_runtime::Value),
        "bool" => quote!(bool),
        "usize" => quote!(usize),
        "i64" => quote!(i64),
        "Option<Value>" => quote!(Option<::krait_runtime::Value>),
        "Buffer" => quote!(::krait_runtime::protocol::buffer::Buffer),
        "SendResult" => quote!(::krait_runtime::types::slots::SendResult),
        _ => quote!(()),
    };
    let vm = vm_only(f);
    let call = quote!(Self::#ident(#arg #(#pass)* #vm));
    let body = if ret == "Value" { quote!(::krait_runtime::args::IntoPyResult::into_py_result(#call, vm)) } else { call };
    out.wrappers.push(quote! {
        fn #shim(vm: &mut ::krait_runtime::Vm, zelf: &::krait_runtime::Value, #(#decl),*) -> ::krait_runtime::PyResult<#ret_ty> {
            #this
            #body
        }
    });
    let field = if name == "del" || name == "bool" || name == "int" || name == "float" || name == "index" || name == "neg" || name == "pos" || name == "abs" || name == "invert" { format_ident!("nb_{}", name) } else { field };
    let field = if name == "del" { format_ident!("del") } else { field };
    out.slots.push(quote!(slots.#field.set(Some(#ty::#shim));));
    Ok(())
}

fn getset_defs(getters: &[(String, TokenStream, TokenStream, bool)], setters: &[(String, TokenStream)]) -> Vec<TokenStream> {
    let mut defs = Vec::new();
    for (name, get, doc, member) in getters {
        let set = match setters.iter().find(|(n, _)| n == name) {
            Some((_, s)) => quote!(Some(#s)),
            None => quote!(None),
        };
        defs.push(quote!(::krait_runtime::types::class::GetSetDef { name: #name, get: Some(#get), set: #set, doc: #doc, member: #member }));
    }
    for (name, set) in setters.iter().filter(|(n, _)| !getters.iter().any(|(g, _, _, _)| g == n)) {
        defs.push(quote!(::krait_runtime::types::class::GetSetDef { name: #name, get: None, set: Some(#set), doc: None, member: false }));
    }
    defs
}
