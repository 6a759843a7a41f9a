//! The abstract syntax of Python 3.14, node for node as the `ast` module documents it.
//!
//! Nodes live in a [`bumpalo::Bump`] arena and are immutable; children are references, sequences are slices.
//! Columns are UTF-8 byte offsets in the line, lines count from 1, as in CPython.
//! Field names that are Rust keywords carry a trailing underscore.

use krait_unicode::Text;
use num_bigint::BigInt;

/// The arena that all nodes of one tree live in.
pub type Arena = bumpalo::Bump;

/// Source range of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Range {
    pub lineno: i32,
    pub col_offset: i32,
    pub end_lineno: i32,
    pub end_col_offset: i32,
}

/// A NFKC-normalized name. Keywords `None`, `True`, `False` never stand here in a valid tree.
pub type Identifier<'a> = &'a str;

#[derive(Clone, Copy, Debug)]
pub enum Mod<'a> {
    Module { body: &'a [Stmt<'a>], type_ignores: &'a [TypeIgnore<'a>] },
    Interactive { body: &'a [Stmt<'a>] },
    Expression { body: &'a Expr<'a> },
    FunctionType { argtypes: &'a [Expr<'a>], returns: &'a Expr<'a> },
}

#[derive(Clone, Copy, Debug)]
pub struct TypeIgnore<'a> {
    pub lineno: i32,
    pub tag: &'a Text,
}

#[derive(Clone, Copy, Debug)]
pub struct Stmt<'a> {
    pub range: Range,
    pub kind: StmtKind<'a>,
}

/// What `def` and `async def` share.
#[derive(Clone, Copy, Debug)]
pub struct FunctionDef<'a> {
    pub name: Identifier<'a>,
    pub args: &'a Arguments<'a>,
    pub body: &'a [Stmt<'a>],
    pub decorator_list: &'a [Expr<'a>],
    pub returns: Option<&'a Expr<'a>>,
    pub type_comment: Option<&'a Text>,
    pub type_params: &'a [TypeParam<'a>],
}

#[derive(Clone, Copy, Debug)]
pub struct ClassDef<'a> {
    pub name: Identifier<'a>,
    pub bases: &'a [Expr<'a>],
    pub keywords: &'a [Keyword<'a>],
    pub body: &'a [Stmt<'a>],
    pub decorator_list: &'a [Expr<'a>],
    pub type_params: &'a [TypeParam<'a>],
}

/// What `for` and `async for` share.
#[derive(Clone, Copy, Debug)]
pub struct For<'a> {
    pub target: &'a Expr<'a>,
    pub iter: &'a Expr<'a>,
    pub body: &'a [Stmt<'a>],
    pub orelse: &'a [Stmt<'a>],
    pub type_comment: Option<&'a Text>,
}

/// What `with` and `async with` share.
#[derive(Clone, Copy, Debug)]
pub struct With<'a> {
    pub items: &'a [WithItem<'a>],
    pub body: &'a [Stmt<'a>],
    pub type_comment: Option<&'a Text>,
}

/// What `try` and `try ... except*` share.
#[derive(Clone, Copy, Debug)]
pub struct Try<'a> {
    pub body: &'a [Stmt<'a>],
    pub handlers: &'a [ExceptHandler<'a>],
    pub orelse: &'a [Stmt<'a>],
    pub finalbody: &'a [Stmt<'a>],
}

#[derive(Clone, Copy, Debug)]
pub enum StmtKind<'a> {
    FunctionDef(&'a FunctionDef<'a>),
    AsyncFunctionDef(&'a FunctionDef<'a>),
    ClassDef(&'a ClassDef<'a>),
    Return { value: Option<&'a Expr<'a>> },
    Delete { targets: &'a [Expr<'a>] },
    Assign { targets: &'a [Expr<'a>], value: &'a Expr<'a>, type_comment: Option<&'a Text> },
    TypeAlias { name: &'a Expr<'a>, type_params: &'a [TypeParam<'a>], value: &'a Expr<'a> },
    AugAssign { target: &'a Expr<'a>, op: Operator, value: &'a Expr<'a> },
    AnnAssign { target: &'a Expr<'a>, annotation: &'a Expr<'a>, value: Option<&'a Expr<'a>>, simple: bool },
    For(&'a For<'a>),
    AsyncFor(&'a For<'a>),
    While { test: &'a Expr<'a>, body: &'a [Stmt<'a>], orelse: &'a [Stmt<'a>] },
    If { test: &'a Expr<'a>, body: &'a [Stmt<'a>], orelse: &'a [Stmt<'a>] },
    With(&'a With<'a>),
    AsyncWith(&'a With<'a>),
    Match { subject: &'a Expr<'a>, cases: &'a [MatchCase<'a>] },
    Raise { exc: Option<&'a Expr<'a>>, cause: Option<&'a Expr<'a>> },
    Try(&'a Try<'a>),
    TryStar(&'a Try<'a>),
    Assert { test: &'a Expr<'a>, msg: Option<&'a Expr<'a>> },
    Import { names: &'a [Alias<'a>] },
    ImportFrom { module: Option<Identifier<'a>>, names: &'a [Alias<'a>], level: i32 },
    Global { names: &'a [Identifier<'a>] },
    Nonlocal { names: &'a [Identifier<'a>] },
    Expr { value: &'a Expr<'a> },
    Pass,
    Break,
    Continue,
}

#[derive(Clone, Copy, Debug)]
pub struct Expr<'a> {
    pub range: Range,
    pub kind: ExprKind<'a>,
}

#[derive(Clone, Copy, Debug)]
pub enum ExprKind<'a> {
    BoolOp { op: BoolOp, values: &'a [Expr<'a>] },
    NamedExpr { target: &'a Expr<'a>, value: &'a Expr<'a> },
    BinOp { left: &'a Expr<'a>, op: Operator, right: &'a Expr<'a> },
    UnaryOp { op: UnaryOp, operand: &'a Expr<'a> },
    Lambda { args: &'a Arguments<'a>, body: &'a Expr<'a> },
    IfExp { test: &'a Expr<'a>, body: &'a Expr<'a>, orelse: &'a Expr<'a> },
    /// A `None` key stands for `**value`.
    Dict { keys: &'a [Option<Expr<'a>>], values: &'a [Expr<'a>] },
    Set { elts: &'a [Expr<'a>] },
    ListComp { elt: &'a Expr<'a>, generators: &'a [Comprehension<'a>] },
    SetComp { elt: &'a Expr<'a>, generators: &'a [Comprehension<'a>] },
    DictComp { key: &'a Expr<'a>, value: &'a Expr<'a>, generators: &'a [Comprehension<'a>] },
    GeneratorExp { elt: &'a Expr<'a>, generators: &'a [Comprehension<'a>] },
    Await { value: &'a Expr<'a> },
    Yield { value: Option<&'a Expr<'a>> },
    YieldFrom { value: &'a Expr<'a> },
    Compare { left: &'a Expr<'a>, ops: &'a [CmpOp], comparators: &'a [Expr<'a>] },
    Call { func: &'a Expr<'a>, args: &'a [Expr<'a>], keywords: &'a [Keyword<'a>] },
    /// One replacement field of an f-string. `conversion` is -1 or the ASCII code of `s`, `r`, `a`.
    FormattedValue { value: &'a Expr<'a>, conversion: i32, format_spec: Option<&'a Expr<'a>> },
    /// One replacement field of a t-string; `str` is the source text of the expression.
    Interpolation { value: &'a Expr<'a>, str: Constant<'a>, conversion: i32, format_spec: Option<&'a Expr<'a>> },
    JoinedStr { values: &'a [Expr<'a>] },
    TemplateStr { values: &'a [Expr<'a>] },
    Constant { value: Constant<'a>, kind: Option<&'a Text> },
    Attribute { value: &'a Expr<'a>, attr: Identifier<'a>, ctx: ExprContext },
    Subscript { value: &'a Expr<'a>, slice: &'a Expr<'a>, ctx: ExprContext },
    Starred { value: &'a Expr<'a>, ctx: ExprContext },
    Name { id: Identifier<'a>, ctx: ExprContext },
    List { elts: &'a [Expr<'a>], ctx: ExprContext },
    Tuple { elts: &'a [Expr<'a>], ctx: ExprContext },
    Slice { lower: Option<&'a Expr<'a>>, upper: Option<&'a Expr<'a>>, step: Option<&'a Expr<'a>> },
}

/// The value of a `Constant` node. The parser never makes `Tuple` and `FrozenSet`; trees built by hand may hold them.
#[derive(Clone, Copy, Debug)]
pub enum Constant<'a> {
    None,
    True,
    False,
    Ellipsis,
    Int(i64),
    /// An int outside `i64`.
    BigInt(&'a BigInt),
    Float(f64),
    Complex { real: f64, imag: f64 },
    Str(&'a Text),
    Bytes(&'a [u8]),
    Tuple(&'a [Constant<'a>]),
    FrozenSet(&'a [Constant<'a>]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExprContext {
    Load,
    Store,
    Del,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BoolOp {
    And,
    Or,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Add,
    Sub,
    Mult,
    MatMult,
    Div,
    Mod,
    Pow,
    LShift,
    RShift,
    BitOr,
    BitXor,
    BitAnd,
    FloorDiv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    Invert,
    Not,
    UAdd,
    USub,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CmpOp {
    Eq,
    NotEq,
    Lt,
    LtE,
    Gt,
    GtE,
    Is,
    IsNot,
    In,
    NotIn,
}

#[derive(Clone, Copy, Debug)]
pub struct Comprehension<'a> {
    pub target: &'a Expr<'a>,
    pub iter: &'a Expr<'a>,
    pub ifs: &'a [Expr<'a>],
    pub is_async: bool,
}

/// `except type as name: body`.
#[derive(Clone, Copy, Debug)]
pub struct ExceptHandler<'a> {
    pub range: Range,
    pub type_: Option<&'a Expr<'a>>,
    pub name: Option<Identifier<'a>>,
    pub body: &'a [Stmt<'a>],
}

/// Parameters. `kw_defaults` has one entry per `kwonlyargs`; `defaults` belong to the last of `posonlyargs + args`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arguments<'a> {
    pub posonlyargs: &'a [Arg<'a>],
    pub args: &'a [Arg<'a>],
    pub vararg: Option<&'a Arg<'a>>,
    pub kwonlyargs: &'a [Arg<'a>],
    pub kw_defaults: &'a [Option<Expr<'a>>],
    pub kwarg: Option<&'a Arg<'a>>,
    pub defaults: &'a [Expr<'a>],
}

#[derive(Clone, Copy, Debug)]
pub struct Arg<'a> {
    pub range: Range,
    pub arg: Identifier<'a>,
    pub annotation: Option<&'a Expr<'a>>,
    pub type_comment: Option<&'a Text>,
}

/// A keyword argument; without a name it is `**value`.
#[derive(Clone, Copy, Debug)]
pub struct Keyword<'a> {
    pub range: Range,
    pub arg: Option<Identifier<'a>>,
    pub value: &'a Expr<'a>,
}

#[derive(Clone, Copy, Debug)]
pub struct Alias<'a> {
    pub range: Range,
    pub name: Identifier<'a>,
    pub asname: Option<Identifier<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub struct WithItem<'a> {
    pub context_expr: &'a Expr<'a>,
    pub optional_vars: Option<&'a Expr<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub struct MatchCase<'a> {
    pub pattern: &'a Pattern<'a>,
    pub guard: Option<&'a Expr<'a>>,
    pub body: &'a [Stmt<'a>],
}

#[derive(Clone, Copy, Debug)]
pub struct Pattern<'a> {
    pub range: Range,
    pub kind: PatternKind<'a>,
}

#[derive(Clone, Copy, Debug)]
pub enum PatternKind<'a> {
    MatchValue { value: &'a Expr<'a> },
    MatchSingleton { value: Constant<'a> },
    MatchSequence { patterns: &'a [Pattern<'a>] },
    MatchMapping { keys: &'a [Expr<'a>], patterns: &'a [Pattern<'a>], rest: Option<Identifier<'a>> },
    MatchClass { cls: &'a Expr<'a>, patterns: &'a [Pattern<'a>], kwd_attrs: &'a [Identifier<'a>], kwd_patterns: &'a [Pattern<'a>] },
    MatchStar { name: Option<Identifier<'a>> },
    MatchAs { pattern: Option<&'a Pattern<'a>>, name: Option<Identifier<'a>> },
    MatchOr { patterns: &'a [Pattern<'a>] },
}

#[derive(Clone, Copy, Debug)]
pub struct TypeParam<'a> {
    pub range: Range,
    pub kind: TypeParamKind<'a>,
}

#[derive(Clone, Copy, Debug)]
pub enum TypeParamKind<'a> {
    TypeVar { name: Identifier<'a>, bound: Option<&'a Expr<'a>>, default_value: Option<&'a Expr<'a>> },
    ParamSpec { name: Identifier<'a>, default_value: Option<&'a Expr<'a>> },
    TypeVarTuple { name: Identifier<'a>, default_value: Option<&'a Expr<'a>> },
}
