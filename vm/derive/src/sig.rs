//! Python signatures in attributes, and the code that binds arguments to Rust parameters.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, FnArg, Pat, Result, Signature, Type, spanned::Spanned};

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    PosOnly,
    Normal,
    KwOnly,
}

pub struct Param {
    pub name: String,
    pub kind: Kind,
    /// Text of the default; `?` for one that has no literal.
    pub default: Option<String>,
}

/// Splits `(a, b=1, /, *, c=None)`; `($self, ...)` is understood too.
pub fn parse(text: &str, span: proc_macro2::Span) -> Result<Vec<Param>> {
    let inner = text.trim().strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    let inner = inner.ok_or_else(|| Error::new(span, "a signature is written `(x, /, *, y=None)`"))?;
    let mut params: Vec<Param> = Vec::new();
    let mut kind = Kind::Normal;
    for part in split(inner) {
        let part = part.trim();
        match part {
            "" => {}
            "/" => params.iter_mut().for_each(|p| p.kind = Kind::PosOnly),
            "*" => kind = Kind::KwOnly,
            _ if part.starts_with('$') => {}
            _ => {
                let (name, default) = match part.split_once('=') {
                    Some((n, d)) => (n.trim(), Some(d.trim().to_owned())),
                    None => (part, None),
                };
                params.push(Param { name: name.to_owned(), kind, default });
            }
        }
    }
    Ok(params)
}

fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quote, mut at) = (vec![String::new()], 0, None, 0);
    let chars: Vec<char> = text.chars().collect();
    while at < chars.len() {
        let c = chars[at];
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(String::new());
                at += 1;
                continue;
            }
            _ => {}
        }
        if let Some(p) = parts.last_mut() { p.push(c) }
        at += 1;
    }
    parts
}

pub fn type_ends_with(ty: &Type, name: &str) -> bool {
    match ty {
        Type::Reference(r) => type_ends_with(&r.elem, name),
        Type::Path(p) => p.path.segments.last().is_some_and(|s| s.ident == name),
        _ => false,
    }
}

pub fn is_vm(ty: &Type) -> bool {
    matches!(ty, Type::Reference(_)) && type_ends_with(ty, "Vm")
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(_)) && type_ends_with(ty, "Option")
}

fn option_inner(ty: &Type) -> Option<&Type> {
    let Type::Path(p) = ty else { return None };
    let syn::PathArguments::AngleBracketed(args) = &p.path.segments.last()?.arguments else { return None };
    match args.args.first()? {
        syn::GenericArgument::Type(t) => Some(t),
        _ => None,
    }
}

/// What a wrapper does around the call: statements that bind arguments, the argument expressions in order, and the `ArgSpec`.
pub struct Binding {
    pub setup: TokenStream,
    pub args: Vec<TokenStream>,
    pub spec: TokenStream,
    pub text_signature: TokenStream,
}

/// Binds the parameters behind the receiver. `name` is the Python name, `sig_text` the signature if given, `self_kind` the text
/// of the first parameter in `__text_signature__` (`$self`, `$type`, `$module` or empty).
pub fn bind(sig: &Signature, skip_first: bool, name: &str, sig_text: Option<&str>, self_kind: &str, text: Option<&str>) -> Result<Binding> {
    let mut rust_params: Vec<(String, &Type, proc_macro2::Span)> = Vec::new();
    let mut order: Vec<Option<usize>> = Vec::new();
    let mut skipped = !skip_first;
    for input in &sig.inputs {
        let FnArg::Typed(pat) = input else {
            skipped = true;
            continue;
        };
        if !skipped {
            skipped = true;
            continue;
        }
        if is_vm(&pat.ty) {
            order.push(None);
            continue;
        }
        let ident = match &*pat.pat {
            Pat::Ident(i) => i.ident.to_string(),
            _ => "arg".into(),
        };
        order.push(Some(rust_params.len()));
        rust_params.push((ident.trim_end_matches('_').trim_start_matches("r#").to_owned(), &pat.ty, pat.span()));
    }
    let vm_arg = quote!(vm);
    // Raw arguments: no binding at all.
    if rust_params.len() == 1 && type_ends_with(rust_params[0].1, "Args") {
        let args = order.iter().map(|o| if o.is_some() { quote!(args) } else { vm_arg.clone() }).collect();
        let text_signature = match text.or(sig_text) {
            Some(t) => with_self(t, self_kind),
            None => quote!(None),
        };
        let spec = quote!(::krait_runtime::args::ArgSpec { name: #name, params: &[], required: 0, positional: 0, posonly: 0, raw: true });
        return Ok(Binding { setup: quote!(), args, spec, text_signature });
    }
    let params = match sig_text {
        Some(t) => parse(t, sig.span())?,
        None => rust_params
            .iter()
            .map(|(n, t, _)| Param { name: n.clone(), kind: Kind::PosOnly, default: is_option(t).then(|| "?".to_owned()) })
            .collect(),
    };
    if params.len() != rust_params.len() {
        return Err(Error::new(sig.span(), format!("the signature has {} parameters, the function {}", params.len(), rust_params.len())));
    }
    let count = params.len();
    let required = params.iter().filter(|p| p.default.is_none() && p.kind != Kind::KwOnly).count();
    let positional = params.iter().filter(|p| p.kind != Kind::KwOnly).count();
    let posonly = params.iter().filter(|p| p.kind == Kind::PosOnly).count();
    let spec_params = params.iter().map(|p| {
        let (n, req) = (&p.name, p.default.is_none());
        quote!(::krait_runtime::args::Param { name: #n, required: #req })
    });
    let mut setup = quote! {
        let mut bound: [Option<&::krait_runtime::Value>; #count] = [None; #count];
        SPEC.bind(vm, args, &mut bound)?;
    };
    let mut names = Vec::new();
    for (i, (param, (_, ty, _))) in params.iter().zip(&rust_params).enumerate() {
        let var = format_ident!("a{}", i);
        let convert = |ty: &Type, value: TokenStream| quote!(<#ty as ::krait_runtime::args::FromArg>::from_arg(vm, #value, ::krait_runtime::args::ArgInfo { spec: &SPEC, index: #i })?);
        let code = match param.default.as_deref() {
            None => {
                let c = convert(ty, quote!(value));
                quote!(let #var = { let Some(value) = bound[#i] else { return Err(SPEC.missing(vm, #i)) }; #c };)
            }
            Some("?") => {
                let inner = option_inner(ty).ok_or_else(|| Error::new(sig.span(), "a parameter with default `?` is an Option"))?;
                let c = convert(inner, quote!(value));
                quote!(let #var: #ty = match bound[#i] { Some(value) => Some(#c), None => None };)
            }
            Some(default) => {
                let c = convert(ty, quote!(value));
                let d = default_expr(default, ty)?;
                quote!(let #var: #ty = match bound[#i] { Some(value) => #c, None => #d };)
            }
        };
        setup.extend(code);
        names.push(var);
    }
    let args = order.iter().map(|o| o.map_or_else(|| vm_arg.clone(), |i| { let v = &names[i]; quote!(#v) })).collect();
    let spec = quote! {
        ::krait_runtime::args::ArgSpec { name: #name, params: &[#(#spec_params),*], required: #required, positional: #positional, posonly: #posonly, raw: false }
    };
    let text_signature = match text {
        Some(t) => with_self(t, self_kind),
        None if params.iter().any(|p| p.default.as_deref() == Some("?")) && sig_text.is_none() => quote!(None),
        None => with_self(&render(&params), self_kind),
    };
    Ok(Binding { setup, args, spec, text_signature })
}

fn with_self(text: &str, self_kind: &str) -> TokenStream {
    // An empty text: CPython shows no signature.
    if text.is_empty() {
        return quote!(None);
    }
    let text = text.trim();
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(text);
    let out = if self_kind.is_empty() || inner.starts_with('$') {
        format!("({inner})")
    } else if inner.is_empty() {
        format!("({self_kind}, /)")
    } else if inner.split(',').any(|p| p.trim() == "/") {
        format!("({self_kind}, {inner})")
    } else {
        format!("({self_kind}, /, {inner})")
    };
    quote!(Some(#out))
}

fn render(params: &[Param]) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut star = false;
    for (i, p) in params.iter().enumerate() {
        if p.kind == Kind::KwOnly && !star {
            star = true;
            out.push("*".into());
        }
        match p.default.as_deref() {
            None => out.push(p.name.clone()),
            Some("?") => out.push(format!("{}=<unrepresentable>", p.name)),
            Some(d) => out.push(format!("{}={d}", p.name)),
        }
        let last_posonly = p.kind == Kind::PosOnly && params.get(i + 1).is_none_or(|n| n.kind != Kind::PosOnly);
        if last_posonly {
            out.push("/".into());
        }
    }
    format!("({})", out.join(", "))
}

fn default_expr(text: &str, ty: &Type) -> Result<TokenStream> {
    let is_value = matches!(ty, Type::Path(_)) && type_ends_with(ty, "Value");
    Ok(match text {
        "None" if is_value => quote!(::krait_runtime::Value::none()),
        "None" => quote!(None),
        "True" if is_value => quote!(::krait_runtime::Value::from_bool(true)),
        "False" if is_value => quote!(::krait_runtime::Value::from_bool(false)),
        "True" => quote!(true),
        "False" => quote!(false),
        "''" if type_ends_with(ty, "String") => quote!(String::new()),
        _ if text.starts_with(['\'', '"']) => {
            let s = &text[1..text.len() - 1];
            if is_value { quote!(vm.new_str(#s)?.into_value()) } else if type_ends_with(ty, "String") { quote!(#s.to_owned()) } else { quote!(#s) }
        }
        _ => {
            let tokens: TokenStream = text.parse().map_err(|_| Error::new(ty.span(), format!("`{text}` is no default")))?;
            if is_value { quote!(::krait_runtime::Value::from_i32(#tokens)) } else { quote!(#tokens) }
        }
    })
}
