//! `#[pyclass]` and `#[derive(Traverse)]`.

use crate::func::doc;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Expr, ExprLit, Fields, Lit, Meta, Path, Result, Token, punctuated::Punctuated};

pub fn derive_traverse(item: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    traverse_impl(&input)
}

fn skipped(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|a| a.path().is_ident("traverse"))
}

fn traverse_impl(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let (ig, tg, wc) = input.generics.split_for_impl();
    let (visit, clear) = match &input.data {
        Data::Struct(s) => {
            let members: Vec<_> = s.fields.iter().enumerate().filter(|(_, f)| !skipped(&f.attrs)).map(|(i, f)| match &f.ident {
                Some(id) => quote!(#id),
                None => { let i = syn::Index::from(i); quote!(#i) }
            }).collect();
            (
                quote!(#(::krait_heap::Traverse::traverse(&self.#members, visit);)*),
                quote!(#(::krait_heap::Traverse::clear(&mut self.#members, out);)*),
            )
        }
        Data::Enum(e) => {
            let mut visits = Vec::new();
            let mut clears = Vec::new();
            for v in &e.variants {
                let vname = &v.ident;
                let names: Vec<_> = (0..v.fields.len()).map(|i| format_ident!("f{}", i)).collect();
                let pattern = match &v.fields {
                    Fields::Unit => quote!(#name::#vname),
                    Fields::Unnamed(_) => quote!(#name::#vname(#(#names),*)),
                    Fields::Named(fs) => { let ids = fs.named.iter().map(|f| &f.ident); quote!(#name::#vname { #(#ids: #names),* }) }
                };
                visits.push(quote!(#pattern => { #(::krait_heap::Traverse::traverse(#names, visit);)* }));
                clears.push(quote!(#pattern => { #(::krait_heap::Traverse::clear(#names, out);)* }));
            }
            (quote!(match self { #(#visits)* }), quote!(match self { #(#clears)* }))
        }
        Data::Union(_) => return Err(Error::new_spanned(input, "unions cannot be traversed")),
    };
    Ok(quote! {
        #[allow(unused_variables, clippy::all)]
        impl #ig ::krait_heap::Traverse for #name #tg #wc {
            fn traverse(&self, visit: &mut ::krait_heap::Visit<'_>) { #visit }
            fn clear(&mut self, out: &mut ::krait_heap::Clear) { #clear }
        }
    })
}

pub fn expand(attr: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut input: DeriveInput = syn::parse2(item)?;
    let metas = syn::parse::Parser::parse2(Punctuated::<Meta, Token![,]>::parse_terminated, attr)?;
    let (mut name, mut module, mut base, mut flags) = (input.ident.to_string(), "builtins".to_owned(), None::<Path>, Vec::new());
    let (mut gc, mut managed, mut custom_traverse, mut tail, mut has_methods, mut text) = (false, false, false, false, true, quote!(None));
    for meta in &metas {
        match meta {
            Meta::NameValue(nv) => {
                let lit = match &nv.value {
                    Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) => Some(s.value()),
                    _ => None,
                };
                match (nv.path.get_ident().map(ToString::to_string).as_deref(), lit) {
                    (Some("name"), Some(s)) => name = s,
                    (Some("module"), Some(s)) => module = s,
                    (Some("text_signature"), Some(s)) => text = quote!(Some(#s)),
                    (Some("base"), None) => {
                        let Expr::Path(p) = &nv.value else { return Err(Error::new_spanned(&nv.value, "expected a type")) };
                        base = Some(p.path.clone());
                    }
                    _ => return Err(Error::new_spanned(nv, "expected name, module, text_signature or base")),
                }
            }
            Meta::List(l) if l.path.is_ident("flags") => {
                let list = l.parse_args_with(Punctuated::<syn::Ident, Token![,]>::parse_terminated)?;
                flags.extend(list);
            }
            Meta::Path(p) if p.is_ident("gc") => gc = true,
            Meta::Path(p) if p.is_ident("managed") => { managed = true; gc = true; }
            Meta::Path(p) if p.is_ident("untracked") => gc = false,
            Meta::Path(p) if p.is_ident("tail") => tail = true,
            Meta::Path(p) if p.is_ident("custom_traverse") => custom_traverse = true,
            Meta::Path(p) if p.is_ident("no_methods") => has_methods = false,
            other => return Err(Error::new_spanned(other, "unknown option of pyclass")),
        }
    }
    let traverse = if custom_traverse { quote!() } else { traverse_impl(&input)? };
    if let Data::Struct(s) = &mut input.data {
        s.fields.iter_mut().for_each(|f| f.attrs.retain(|a| !a.path().is_ident("traverse")));
    }
    let ident = &input.ident;
    let doc = doc(&input.attrs);
    let is_object = name == "object" && module == "builtins";
    let base = match base {
        Some(p) => quote!(Some(<#p as ::krait_runtime::PyClass>::static_type)),
        None if is_object => quote!(None),
        None => quote!(Some(<::krait_runtime::types::object::Object as ::krait_runtime::PyClass>::static_type)),
    };
    let tp_name = if module == "builtins" { name.clone() } else { format!("{module}.{name}") };
    let no_methods = (!has_methods).then(|| quote!(impl ::krait_runtime::types::class::PyMethods for #ident {}));
    Ok(quote! {
        #input
        #traverse
        #no_methods
        #[allow(unsafe_code, reason = "the payload is tied to its one static type")]
        // SAFETY: the static type below is only ever given to objects with this payload in front.
        unsafe impl ::krait_heap::Payload for #ident {
            #[inline(always)]
            fn type_core() -> *const ::krait_heap::TypeCore { <#ident as ::krait_runtime::PyClass>::static_type().core_ptr() }
            #[inline]
            fn is_subtype(ty: *const ::krait_heap::TypeCore) -> bool { ::krait_runtime::types::class::has_base(ty, Self::type_core()) }
        }
        impl ::krait_runtime::PyClass for #ident {
            const NAME: &'static str = #name;
            #[inline(always)]
            fn static_type() -> &'static ::krait_runtime::types::class::StaticType {
                static TYPE: ::krait_runtime::types::class::StaticType = ::krait_runtime::types::class::StaticType::new(&DEF);
                static DEF: ::krait_runtime::types::class::ClassDef = ::krait_runtime::types::class::ClassDef {
                    tp_name: #tp_name,
                    doc: #doc,
                    text_signature: #text,
                    base: #base,
                    flags: 0 #(| ::krait_runtime::types::class::flags::#flags)*,
                    gc: #gc,
                    managed: #managed,
                    tail: #tail,
                    size: ::std::mem::size_of::<#ident>(),
                    drop: ::krait_runtime::types::class::drop_payload::<#ident>,
                    traverse: ::krait_runtime::types::class::traverse_payload::<#ident>,
                    clear: ::krait_runtime::types::class::clear_payload::<#ident>,
                    methods: <#ident as ::krait_runtime::types::class::PyMethods>::METHODS,
                    getsets: <#ident as ::krait_runtime::types::class::PyMethods>::GETSETS,
                    class_attrs: <#ident as ::krait_runtime::types::class::PyMethods>::CLASS_ATTRS,
                    set_slots: <#ident as ::krait_runtime::types::class::PyMethods>::set_slots,
                };
                &TYPE
            }
        }
    })
}
