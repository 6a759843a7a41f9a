//! Binary, unary and in-place operators: CPython's number protocol with the sequence slots behind it.

use crate::types::slots::{BinaryFn, Slots, TernaryFn};
use crate::types::value::ValueExt;
use crate::{PyResult, Raised, Value, Vm};
pub use krait_bytecode::opcode::BinaryOp;
use std::cell::Cell;

type Pick<F> = fn(&Slots) -> &Cell<Option<F>>;

fn binary_slots(op: BinaryOp) -> (Pick<BinaryFn>, Option<Pick<BinaryFn>>) {
    match op {
        BinaryOp::NB_ADD => (|s| &s.nb_add, None),
        BinaryOp::NB_AND => (|s| &s.nb_and, None),
        BinaryOp::NB_FLOOR_DIVIDE => (|s| &s.nb_floordiv, None),
        BinaryOp::NB_LSHIFT => (|s| &s.nb_lshift, None),
        BinaryOp::NB_MATRIX_MULTIPLY => (|s| &s.nb_matmul, None),
        BinaryOp::NB_MULTIPLY => (|s| &s.nb_mul, None),
        BinaryOp::NB_REMAINDER => (|s| &s.nb_rem, None),
        BinaryOp::NB_OR => (|s| &s.nb_or, None),
        BinaryOp::NB_RSHIFT => (|s| &s.nb_rshift, None),
        BinaryOp::NB_SUBTRACT => (|s| &s.nb_sub, None),
        BinaryOp::NB_TRUE_DIVIDE => (|s| &s.nb_truediv, None),
        BinaryOp::NB_XOR => (|s| &s.nb_xor, None),
        BinaryOp::NB_INPLACE_ADD => (|s| &s.nb_add, Some(|s| &s.nb_inplace_add)),
        BinaryOp::NB_INPLACE_AND => (|s| &s.nb_and, Some(|s| &s.nb_inplace_and)),
        BinaryOp::NB_INPLACE_FLOOR_DIVIDE => (|s| &s.nb_floordiv, Some(|s| &s.nb_inplace_floordiv)),
        BinaryOp::NB_INPLACE_LSHIFT => (|s| &s.nb_lshift, Some(|s| &s.nb_inplace_lshift)),
        BinaryOp::NB_INPLACE_MATRIX_MULTIPLY => (|s| &s.nb_matmul, Some(|s| &s.nb_inplace_matmul)),
        BinaryOp::NB_INPLACE_MULTIPLY => (|s| &s.nb_mul, Some(|s| &s.nb_inplace_mul)),
        BinaryOp::NB_INPLACE_REMAINDER => (|s| &s.nb_rem, Some(|s| &s.nb_inplace_rem)),
        BinaryOp::NB_INPLACE_OR => (|s| &s.nb_or, Some(|s| &s.nb_inplace_or)),
        BinaryOp::NB_INPLACE_RSHIFT => (|s| &s.nb_rshift, Some(|s| &s.nb_inplace_rshift)),
        BinaryOp::NB_INPLACE_SUBTRACT => (|s| &s.nb_sub, Some(|s| &s.nb_inplace_sub)),
        BinaryOp::NB_INPLACE_TRUE_DIVIDE => (|s| &s.nb_truediv, Some(|s| &s.nb_inplace_truediv)),
        BinaryOp::NB_INPLACE_XOR => (|s| &s.nb_xor, Some(|s| &s.nb_inplace_xor)),
        // Powers and subscripts do not come here.
        BinaryOp::NB_POWER | BinaryOp::NB_INPLACE_POWER | BinaryOp::NB_SUBSCR => (|s| &s.nb_divmod, None),
    }
}

impl Vm {
    /// `a OP b`; subscripts too.
    pub fn binary_op(&mut self, op: BinaryOp, a: &Value, b: &Value) -> PyResult {
        match op {
            BinaryOp::NB_SUBSCR => return self.getitem(a, b),
            BinaryOp::NB_POWER => return self.power(a, b, &Value::none()),
            BinaryOp::NB_INPLACE_POWER => return self.inplace_power(a, b),
            _ => {}
        }
        let (pick, pick_inplace) = binary_slots(op);
        if let Some(slot) = pick_inplace.and_then(|p| p(&a.type_ref().slots).get()) {
            let result = slot(self, a, b)?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        let result = self.binary_op1(a, b, pick)?;
        if !result.is_not_implemented() {
            return Ok(result);
        }
        match op {
            BinaryOp::NB_ADD | BinaryOp::NB_INPLACE_ADD => self.concat_op(a, b, op),
            BinaryOp::NB_MULTIPLY | BinaryOp::NB_INPLACE_MULTIPLY => self.repeat_op(a, b, op),
            _ => Err(self.binop_type_error(a, b, op.text())),
        }
    }

    /// `divmod(a, b)`.
    pub fn divmod(&mut self, a: &Value, b: &Value) -> PyResult {
        let result = self.binary_op1(a, b, |s| &s.nb_divmod)?;
        if result.is_not_implemented() { Err(self.binop_type_error(a, b, "divmod()")) } else { Ok(result) }
    }

    fn binary_op1(&mut self, a: &Value, b: &Value, pick: Pick<BinaryFn>) -> PyResult {
        let (ta, tb) = (a.ty(), b.ty());
        let left = pick(&ta.slots).get();
        let mut right = if ta.is(tb) { None } else { pick(&tb.slots).get() };
        if let (Some(l), Some(r)) = (left, right) {
            // The generic function of two classes counts as different slots, as their methods may differ.
            if std::ptr::fn_addr_eq(l, r) && !ta.has_flag(crate::types::class::flags::HEAPTYPE) && !tb.has_flag(crate::types::class::flags::HEAPTYPE) {
                right = None;
            }
        }
        if let Some(l) = left {
            if let Some(r) = right
                && tb.is_subtype(self, ta) {
                    let result = r(self, a, b)?;
                    if !result.is_not_implemented() {
                        return Ok(result);
                    }
                    right = None;
                }
            let result = l(self, a, b)?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        match right {
            Some(r) => r(self, a, b),
            None => Ok(Value::not_implemented()),
        }
    }

    fn concat_op(&mut self, a: &Value, b: &Value, op: BinaryOp) -> PyResult {
        let slots = &a.type_ref().slots;
        let inplace = if op == BinaryOp::NB_INPLACE_ADD { slots.inplace_concat.get() } else { None };
        match inplace.or(slots.concat.get()) {
            Some(slot) => slot(self, a, b),
            None => Err(self.binop_type_error(a, b, op.text())),
        }
    }

    fn repeat_op(&mut self, a: &Value, b: &Value, op: BinaryOp) -> PyResult {
        let slots = &a.type_ref().slots;
        let inplace = if op == BinaryOp::NB_INPLACE_MULTIPLY { slots.inplace_repeat.get() } else { None };
        if let Some(slot) = inplace.or(slots.repeat.get()) {
            let n = self.repeat_count(b)?;
            return slot(self, a, n);
        }
        if let Some(slot) = b.type_ref().slots.repeat.get() {
            let n = self.repeat_count(a)?;
            return slot(self, b, n);
        }
        Err(self.binop_type_error(a, b, op.text()))
    }

    fn repeat_count(&mut self, n: &Value) -> PyResult<isize> {
        if !n.is_small_int() && n.type_ref().slots.nb_index.get().is_none() && !n.is::<crate::types::int::Int>() {
            let name = n.type_name();
            return Err(self.type_error(format!("can't multiply sequence by non-int of type '{name}'")));
        }
        let index = self.index(n)?;
        match self.int_as_i128(&index).and_then(|i| isize::try_from(i).ok()) {
            Some(n) => Ok(n),
            None => {
                let name = n.type_name();
                Err(self.overflow_error(format!("cannot fit '{name}' into an index-sized integer")))
            }
        }
    }

    #[cold]
    fn binop_type_error(&mut self, a: &Value, b: &Value, symbol: &str) -> Raised {
        let (ta, tb) = (a.type_name(), b.type_name());
        let hint = match a.downcast_exact::<crate::types::native::BuiltinFunction>() {
            Some(f) if symbol == ">>" && f.def.name == "print" => ". Did you mean \"print(<message>, file=<output_stream>)\"?",
            _ => "",
        };
        self.type_error(format!("unsupported operand type(s) for {symbol}: '{ta}' and '{tb}'{hint}"))
    }

    /// `pow(a, b, c)`, with `None` for no third argument.
    pub fn power(&mut self, a: &Value, b: &Value, c: &Value) -> PyResult {
        self.ternary_op(a, b, c, "** or pow()")
    }

    fn inplace_power(&mut self, a: &Value, b: &Value) -> PyResult {
        if let Some(slot) = a.type_ref().slots.nb_inplace_pow.get() {
            let result = slot(self, a, b, &Value::none())?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        self.ternary_op(a, b, &Value::none(), "**=")
    }

    fn ternary_op(&mut self, a: &Value, b: &Value, c: &Value, symbol: &str) -> PyResult {
        let (ta, tb, tc) = (a.ty(), b.ty(), c.ty());
        let heap = |t: &crate::types::type_::PyType| t.has_flag(crate::types::class::flags::HEAPTYPE);
        let same = |x: Option<TernaryFn>, y: Option<TernaryFn>| matches!((x, y), (Some(x), Some(y)) if std::ptr::fn_addr_eq(x, y));
        let left = ta.slots.nb_pow.get();
        let mut right = if ta.is(tb) { None } else { tb.slots.nb_pow.get() };
        if same(left, right) && !heap(ta) && !heap(tb) {
            right = None;
        }
        let third = if tc.is(ta) || tc.is(tb) { None } else { tc.slots.nb_pow.get() };
        let mut order = Vec::with_capacity(3);
        if left.is_some() && right.is_some() && tb.is_subtype(self, ta) {
            order.push(right.take());
        }
        order.extend([left, right, third]);
        for slot in order.into_iter().flatten() {
            let result = slot(self, a, b, c)?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        let (ta, tb) = (a.type_name(), b.type_name());
        if c.is_none() {
            return Err(self.type_error(format!("unsupported operand type(s) for {symbol}: '{ta}' and '{tb}'")));
        }
        let tc = c.type_name();
        Err(self.type_error(format!("unsupported operand type(s) for {symbol}: '{ta}', '{tb}', '{tc}'")))
    }

    fn unary_op(&mut self, a: &Value, slot: Option<crate::types::slots::UnaryFn>, symbol: &str) -> PyResult {
        match slot {
            Some(slot) => slot(self, a),
            None => {
                let name = a.type_name();
                Err(self.type_error(format!("bad operand type for {symbol}: '{name}'")))
            }
        }
    }

    /// `-a`.
    pub fn negative(&mut self, a: &Value) -> PyResult {
        self.unary_op(a, a.type_ref().slots.nb_neg.get(), "unary -")
    }

    /// `+a`.
    pub fn positive(&mut self, a: &Value) -> PyResult {
        self.unary_op(a, a.type_ref().slots.nb_pos.get(), "unary +")
    }

    /// `~a`.
    pub fn invert(&mut self, a: &Value) -> PyResult {
        self.unary_op(a, a.type_ref().slots.nb_invert.get(), "unary ~")
    }

    /// `abs(a)`.
    pub fn absolute(&mut self, a: &Value) -> PyResult {
        self.unary_op(a, a.type_ref().slots.nb_abs.get(), "abs()")
    }
}
