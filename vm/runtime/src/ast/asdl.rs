//! The abstract grammar, as the classes' docstrings show it, and its parts.

/// One sum or product type: name, constructors, attributes, and whether `end_lineno` and `end_col_offset` are optional.
pub struct Type {
    pub name: &'static str,
    /// `Name(type field, ...)`; products have one of their own name.
    pub constructors: &'static [&'static str],
    pub located: Located,
    /// A product type has no base of its own.
    pub product: bool,
}

/// What a node has of a position.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Located {
    No,
    /// The end may be left out.
    OptionalEnd,
    /// All four must be given.
    Full,
}

const fn sum(name: &'static str, located: Located, constructors: &'static [&'static str]) -> Type {
    Type { name, constructors, located, product: false }
}

const fn product(name: &'static str, located: Located, constructors: &'static [&'static str]) -> Type {
    Type { name, constructors, located, product: true }
}

/// The grammar of Python 3.14, in the order of its definition.
pub const GRAMMAR: &[Type] = &[
    sum("mod", Located::No, &[
        "Module(stmt* body, type_ignore* type_ignores)",
        "Interactive(stmt* body)",
        "Expression(expr body)",
        "FunctionType(expr* argtypes, expr returns)",
    ]),
    sum("stmt", Located::OptionalEnd, &[
        "FunctionDef(identifier name, arguments args, stmt* body, expr* decorator_list, expr? returns, string? type_comment, type_param* type_params)",
        "AsyncFunctionDef(identifier name, arguments args, stmt* body, expr* decorator_list, expr? returns, string? type_comment, type_param* type_params)",
        "ClassDef(identifier name, expr* bases, keyword* keywords, stmt* body, expr* decorator_list, type_param* type_params)",
        "Return(expr? value)",
        "Delete(expr* targets)",
        "Assign(expr* targets, expr value, string? type_comment)",
        "TypeAlias(expr name, type_param* type_params, expr value)",
        "AugAssign(expr target, operator op, expr value)",
        "AnnAssign(expr target, expr annotation, expr? value, int simple)",
        "For(expr target, expr iter, stmt* body, stmt* orelse, string? type_comment)",
        "AsyncFor(expr target, expr iter, stmt* body, stmt* orelse, string? type_comment)",
        "While(expr test, stmt* body, stmt* orelse)",
        "If(expr test, stmt* body, stmt* orelse)",
        "With(withitem* items, stmt* body, string? type_comment)",
        "AsyncWith(withitem* items, stmt* body, string? type_comment)",
        "Match(expr subject, match_case* cases)",
        "Raise(expr? exc, expr? cause)",
        "Try(stmt* body, excepthandler* handlers, stmt* orelse, stmt* finalbody)",
        "TryStar(stmt* body, excepthandler* handlers, stmt* orelse, stmt* finalbody)",
        "Assert(expr test, expr? msg)",
        "Import(alias* names)",
        "ImportFrom(identifier? module, alias* names, int? level)",
        "Global(identifier* names)",
        "Nonlocal(identifier* names)",
        "Expr(expr value)",
        "Pass",
        "Break",
        "Continue",
    ]),
    sum("expr", Located::OptionalEnd, &[
        "BoolOp(boolop op, expr* values)",
        "NamedExpr(expr target, expr value)",
        "BinOp(expr left, operator op, expr right)",
        "UnaryOp(unaryop op, expr operand)",
        "Lambda(arguments args, expr body)",
        "IfExp(expr test, expr body, expr orelse)",
        "Dict(expr?* keys, expr* values)",
        "Set(expr* elts)",
        "ListComp(expr elt, comprehension* generators)",
        "SetComp(expr elt, comprehension* generators)",
        "DictComp(expr key, expr value, comprehension* generators)",
        "GeneratorExp(expr elt, comprehension* generators)",
        "Await(expr value)",
        "Yield(expr? value)",
        "YieldFrom(expr value)",
        "Compare(expr left, cmpop* ops, expr* comparators)",
        "Call(expr func, expr* args, keyword* keywords)",
        "FormattedValue(expr value, int conversion, expr? format_spec)",
        "Interpolation(expr value, constant str, int conversion, expr? format_spec)",
        "JoinedStr(expr* values)",
        "TemplateStr(expr* values)",
        "Constant(constant value, string? kind)",
        "Attribute(expr value, identifier attr, expr_context ctx)",
        "Subscript(expr value, expr slice, expr_context ctx)",
        "Starred(expr value, expr_context ctx)",
        "Name(identifier id, expr_context ctx)",
        "List(expr* elts, expr_context ctx)",
        "Tuple(expr* elts, expr_context ctx)",
        "Slice(expr? lower, expr? upper, expr? step)",
    ]),
    sum("expr_context", Located::No, &["Load", "Store", "Del"]),
    sum("boolop", Located::No, &["And", "Or"]),
    sum("operator", Located::No, &["Add", "Sub", "Mult", "MatMult", "Div", "Mod", "Pow", "LShift", "RShift", "BitOr", "BitXor", "BitAnd", "FloorDiv"]),
    sum("unaryop", Located::No, &["Invert", "Not", "UAdd", "USub"]),
    sum("cmpop", Located::No, &["Eq", "NotEq", "Lt", "LtE", "Gt", "GtE", "Is", "IsNot", "In", "NotIn"]),
    product("comprehension", Located::No, &["comprehension(expr target, expr iter, expr* ifs, int is_async)"]),
    sum("excepthandler", Located::OptionalEnd, &["ExceptHandler(expr? type, identifier? name, stmt* body)"]),
    product("arguments", Located::No, &[
        "arguments(arg* posonlyargs, arg* args, arg? vararg, arg* kwonlyargs, expr?* kw_defaults, arg? kwarg, expr* defaults)",
    ]),
    product("arg", Located::OptionalEnd, &["arg(identifier arg, expr? annotation, string? type_comment)"]),
    product("keyword", Located::OptionalEnd, &["keyword(identifier? arg, expr value)"]),
    product("alias", Located::OptionalEnd, &["alias(identifier name, identifier? asname)"]),
    product("withitem", Located::No, &["withitem(expr context_expr, expr? optional_vars)"]),
    product("match_case", Located::No, &["match_case(pattern pattern, expr? guard, stmt* body)"]),
    sum("pattern", Located::Full, &[
        "MatchValue(expr value)",
        "MatchSingleton(constant value)",
        "MatchSequence(pattern* patterns)",
        "MatchMapping(expr* keys, pattern* patterns, identifier? rest)",
        "MatchClass(expr cls, pattern* patterns, identifier* kwd_attrs, pattern* kwd_patterns)",
        "MatchStar(identifier? name)",
        "MatchAs(pattern? pattern, identifier? name)",
        "MatchOr(pattern* patterns)",
    ]),
    sum("type_ignore", Located::No, &["TypeIgnore(int lineno, string tag)"]),
    sum("type_param", Located::Full, &[
        "TypeVar(identifier name, expr? bound, expr? default_value)",
        "ParamSpec(identifier name, expr? default_value)",
        "TypeVarTuple(identifier name, expr? default_value)",
    ]),
];

/// One field of a constructor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub ty: &'static str,
    pub optional: bool,
    pub list: bool,
}

/// The constructor's name.
pub fn constructor_name(text: &'static str) -> &'static str {
    text.split('(').next().unwrap_or(text)
}

/// The fields of a constructor.
pub fn fields(text: &'static str) -> Vec<Field> {
    let Some((_, rest)) = text.split_once('(') else { return Vec::new() };
    let inner = rest.trim_end_matches(')');
    inner.split(", ").filter_map(|f| f.split_once(' ')).map(|(ty, name)| Field {
        name,
        ty: ty.trim_end_matches(['?', '*']),
        optional: ty.contains('?') && !ty.ends_with('*'),
        list: ty.ends_with('*'),
    }).collect()
}

/// The docstring of a sum type: its constructors, aligned below each other unless none has fields.
pub fn sum_doc(ty: &Type) -> String {
    if ty.constructors.iter().all(|c| !c.contains('(')) {
        return format!("{} = {}", ty.name, ty.constructors.join(" | "));
    }
    let indent = format!("\n{}| ", " ".repeat(ty.name.len() + 1));
    format!("{} = {}", ty.name, ty.constructors.join(&indent))
}
