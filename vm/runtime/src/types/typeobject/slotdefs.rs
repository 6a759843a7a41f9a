//! The slot table: which `__dunder__` belongs to which slot, the wrapper that shows a native slot as a method, and the generic function
//! that a slot gets when a class defines the dunder.
//!
//! `getattro`, `setattro` and `richcompare` stay empty where a type has just `object`'s behaviour, so that fast paths can test for it.

use crate::types::dict::Dict;
use crate::types::native::{BuiltinFunction, MethodDescr};
use crate::types::slots::*;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::types::type_::PyType;
use crate::types::typeobject::slotfuncs as generic;
use crate::types::typeobject::wrapper::{Wrap, WrapperDescr};
use crate::{Py, PyResult, Value, Vm};

macro_rules! slot_fns {
    ($($variant:ident($ty:ty)),* $(,)?) => {
        /// A slot's function, whatever its shape.
        #[derive(Clone, Copy)]
        pub enum SlotFn {
            $($variant($ty),)*
        }

        impl SlotFn {
            /// The function's address, to tell functions apart.
            pub fn address(self) -> usize {
                match self {
                    $(SlotFn::$variant(f) => f as usize,)*
                }
            }
        }
    };
}

slot_fns! {
    Unary(UnaryFn), Binary(BinaryFn), Ternary(TernaryFn), Bool(BoolFn), Len(LenFn), Hash(HashFn), Next(IterNextFn), Contains(ContainsFn),
    Index(IndexFn), SetItem(SetItemFn), Compare(RichCompareFn), Call(CallFn), New(NewFn), Init(InitFn), GetAttr(GetAttrFn),
    SetAttr(SetAttrFn), DescrGet(DescrGetFn), Del(DelFn), Buffer(BufferFn),
}

/// A slot with the dunders that can fill it.
pub struct SlotGroup {
    pub get: fn(&Slots) -> Option<SlotFn>,
    pub set: fn(&Slots, Option<SlotFn>),
    /// What the slot gets when a class defines one of the dunders.
    pub generic: Option<SlotFn>,
    pub defs: &'static [SlotDef],
}

/// One dunder of a slot.
pub struct SlotDef {
    pub name: &'static str,
    pub key: fn() -> &'static Py<Str>,
    /// How the native function is called when the dunder is called; none if a native slot does not show up under this name.
    pub wrap: Option<Wrap>,
    pub text_signature: &'static str,
    pub doc: &'static str,
}

macro_rules! key {
    ($name:ident) => { || &crate::names::get().$name };
}

macro_rules! table {
    ($($field:ident $variant:ident $generic:expr => [$($name:ident $wrap:expr, $text:literal, $doc:literal;)*])*) => {
        /// All slots. Where several slots answer to one dunder, the first that a native type sets gives the wrapper.
        pub static SLOTS: &[SlotGroup] = &[$(
            SlotGroup {
                get: |s| s.$field.get().map(SlotFn::$variant),
                set: |s, f| s.$field.set(match f { Some(SlotFn::$variant(f)) => Some(f), _ => None }),
                generic: $generic,
                defs: &[$(SlotDef { name: stringify!($name), key: key!($name), wrap: $wrap, text_signature: $text, doc: $doc }),*],
            },
        )*];
    };
}

use SlotFn as F;
use Wrap as W;

table! {
    getattro GetAttr Some(F::GetAttr(generic::getattro)) => [
        __getattribute__ Some(W::GetAttr), "($self, name, /)", "Look up the attribute name.";
        __getattr__ None, "", "";
    ]
    setattro SetAttr Some(F::SetAttr(generic::setattro)) => [
        __setattr__ Some(W::SetAttr), "($self, name, value, /)", "Set the attribute name to value.";
        __delattr__ Some(W::DelAttr), "($self, name, /)", "Delete the attribute name.";
    ]
    repr Unary Some(F::Unary(generic::repr)) => [__repr__ Some(W::Unary), "($self, /)", "The result of repr(self).";]
    hash Hash Some(F::Hash(generic::hash)) => [__hash__ Some(W::Hash), "($self, /)", "The result of hash(self).";]
    call Call Some(F::Call(generic::call)) => [__call__ Some(W::Call), "($self, /, *args, **kwargs)", "Call self like a function.";]
    str Unary Some(F::Unary(generic::str_)) => [__str__ Some(W::Unary), "($self, /)", "The result of str(self).";]
    richcompare Compare Some(F::Compare(generic::richcompare)) => [
        __lt__ Some(W::Compare(CompareOp::Lt)), "($self, value, /)", "Compare: self < value.";
        __le__ Some(W::Compare(CompareOp::Le)), "($self, value, /)", "Compare: self <= value.";
        __eq__ Some(W::Compare(CompareOp::Eq)), "($self, value, /)", "Compare: self == value.";
        __ne__ Some(W::Compare(CompareOp::Ne)), "($self, value, /)", "Compare: self != value.";
        __gt__ Some(W::Compare(CompareOp::Gt)), "($self, value, /)", "Compare: self > value.";
        __ge__ Some(W::Compare(CompareOp::Ge)), "($self, value, /)", "Compare: self >= value.";
    ]
    iter Unary Some(F::Unary(generic::iter)) => [__iter__ Some(W::Unary), "($self, /)", "The result of iter(self).";]
    iternext Next Some(F::Next(generic::iternext)) => [__next__ Some(W::Next), "($self, /)", "Implement next(self).";]
    descr_get DescrGet Some(F::DescrGet(generic::descr_get)) => [
        __get__ Some(W::DescrGet), "($self, instance, owner=None, /)", "The attribute's value for instance, which is of the class owner.";
    ]
    descr_set SetItem Some(F::SetItem(generic::descr_set)) => [
        __set__ Some(W::DescrSet), "($self, instance, value, /)", "Set the attribute of instance to value.";
        __delete__ Some(W::DescrDelete), "($self, instance, /)", "Delete the attribute of instance.";
    ]
    init Init Some(F::Init(generic::init)) => [
        __init__ Some(W::Init), "($self, /, *args, **kwargs)", "Set up the new object self.  The type's help() has the exact signature.";
    ]
    new New Some(F::New(generic::new)) => [__new__ None, "", "";]
    del Del Some(F::Del(generic::del)) => [__del__ Some(W::Del), "($self, /)", "Called before the object goes away.";]
    buffer Buffer Some(F::Buffer(generic::buffer)) => [
        __buffer__ Some(W::Buffer), "($self, flags, /)", "A view of the object's memory, as the flags want it.";
    ]
    await_ Unary Some(F::Unary(generic::await_)) => [__await__ Some(W::Unary), "($self, /)", "An iterator for the await expression.";]
    aiter Unary Some(F::Unary(generic::aiter)) => [__aiter__ Some(W::Unary), "($self, /)", "An asynchronous iterator over self.";]
    anext Unary Some(F::Unary(generic::anext)) => [__anext__ Some(W::Unary), "($self, /)", "An awaitable for the next item.";]
    nb_add Binary Some(F::Binary(generic::nb_add)) => [
        __add__ Some(W::BinaryL), "($self, value, /)", "Compute self + value.";
        __radd__ Some(W::BinaryR), "($self, value, /)", "Compute value + self.";
    ]
    nb_sub Binary Some(F::Binary(generic::nb_sub)) => [
        __sub__ Some(W::BinaryL), "($self, value, /)", "Compute self - value.";
        __rsub__ Some(W::BinaryR), "($self, value, /)", "Compute value - self.";
    ]
    nb_mul Binary Some(F::Binary(generic::nb_mul)) => [
        __mul__ Some(W::BinaryL), "($self, value, /)", "Compute self * value.";
        __rmul__ Some(W::BinaryR), "($self, value, /)", "Compute value * self.";
    ]
    nb_rem Binary Some(F::Binary(generic::nb_rem)) => [
        __mod__ Some(W::BinaryL), "($self, value, /)", "Compute self % value.";
        __rmod__ Some(W::BinaryR), "($self, value, /)", "Compute value % self.";
    ]
    nb_divmod Binary Some(F::Binary(generic::nb_divmod)) => [
        __divmod__ Some(W::BinaryL), "($self, value, /)", "Compute divmod(self, value).";
        __rdivmod__ Some(W::BinaryR), "($self, value, /)", "Compute divmod(value, self).";
    ]
    nb_pow Ternary Some(F::Ternary(generic::nb_pow)) => [
        __pow__ Some(W::TernaryL), "($self, value, mod=None, /)", "Compute pow(self, value, mod).";
        __rpow__ Some(W::TernaryR), "($self, value, mod=None, /)", "Compute pow(value, self, mod).";
    ]
    nb_neg Unary Some(F::Unary(generic::nb_neg)) => [__neg__ Some(W::Unary), "($self, /)", "Compute -self.";]
    nb_pos Unary Some(F::Unary(generic::nb_pos)) => [__pos__ Some(W::Unary), "($self, /)", "Compute +self.";]
    nb_abs Unary Some(F::Unary(generic::nb_abs)) => [__abs__ Some(W::Unary), "($self, /)", "Compute abs(self).";]
    nb_bool Bool Some(F::Bool(generic::nb_bool)) => [__bool__ Some(W::Bool), "($self, /)", "The truth of self.";]
    nb_invert Unary Some(F::Unary(generic::nb_invert)) => [__invert__ Some(W::Unary), "($self, /)", "Compute ~self.";]
    nb_lshift Binary Some(F::Binary(generic::nb_lshift)) => [
        __lshift__ Some(W::BinaryL), "($self, value, /)", "Compute self << value.";
        __rlshift__ Some(W::BinaryR), "($self, value, /)", "Compute value << self.";
    ]
    nb_rshift Binary Some(F::Binary(generic::nb_rshift)) => [
        __rshift__ Some(W::BinaryL), "($self, value, /)", "Compute self >> value.";
        __rrshift__ Some(W::BinaryR), "($self, value, /)", "Compute value >> self.";
    ]
    nb_and Binary Some(F::Binary(generic::nb_and)) => [
        __and__ Some(W::BinaryL), "($self, value, /)", "Compute self & value.";
        __rand__ Some(W::BinaryR), "($self, value, /)", "Compute value & self.";
    ]
    nb_xor Binary Some(F::Binary(generic::nb_xor)) => [
        __xor__ Some(W::BinaryL), "($self, value, /)", "Compute self ^ value.";
        __rxor__ Some(W::BinaryR), "($self, value, /)", "Compute value ^ self.";
    ]
    nb_or Binary Some(F::Binary(generic::nb_or)) => [
        __or__ Some(W::BinaryL), "($self, value, /)", "Compute self | value.";
        __ror__ Some(W::BinaryR), "($self, value, /)", "Compute value | self.";
    ]
    nb_int Unary Some(F::Unary(generic::nb_int)) => [__int__ Some(W::Unary), "($self, /)", "The result of int(self).";]
    nb_float Unary Some(F::Unary(generic::nb_float)) => [__float__ Some(W::Unary), "($self, /)", "The result of float(self).";]
    nb_inplace_add Binary Some(F::Binary(generic::nb_inplace_add)) => [__iadd__ Some(W::BinaryL), "($self, value, /)", "Do self += value.";]
    nb_inplace_sub Binary Some(F::Binary(generic::nb_inplace_sub)) => [__isub__ Some(W::BinaryL), "($self, value, /)", "Do self -= value.";]
    nb_inplace_mul Binary Some(F::Binary(generic::nb_inplace_mul)) => [__imul__ Some(W::BinaryL), "($self, value, /)", "Do self *= value.";]
    nb_inplace_rem Binary Some(F::Binary(generic::nb_inplace_rem)) => [__imod__ Some(W::BinaryL), "($self, value, /)", "Do self %= value.";]
    nb_inplace_pow Ternary Some(F::Ternary(generic::nb_inplace_pow)) => [
        __ipow__ Some(W::TernaryL), "($self, value, mod=None, /)", "Do self **= value.";
    ]
    nb_inplace_lshift Binary Some(F::Binary(generic::nb_inplace_lshift)) => [
        __ilshift__ Some(W::BinaryL), "($self, value, /)", "Do self <<= value.";
    ]
    nb_inplace_rshift Binary Some(F::Binary(generic::nb_inplace_rshift)) => [
        __irshift__ Some(W::BinaryL), "($self, value, /)", "Do self >>= value.";
    ]
    nb_inplace_and Binary Some(F::Binary(generic::nb_inplace_and)) => [__iand__ Some(W::BinaryL), "($self, value, /)", "Do self &= value.";]
    nb_inplace_xor Binary Some(F::Binary(generic::nb_inplace_xor)) => [__ixor__ Some(W::BinaryL), "($self, value, /)", "Do self ^= value.";]
    nb_inplace_or Binary Some(F::Binary(generic::nb_inplace_or)) => [__ior__ Some(W::BinaryL), "($self, value, /)", "Do self |= value.";]
    nb_floordiv Binary Some(F::Binary(generic::nb_floordiv)) => [
        __floordiv__ Some(W::BinaryL), "($self, value, /)", "Compute self // value.";
        __rfloordiv__ Some(W::BinaryR), "($self, value, /)", "Compute value // self.";
    ]
    nb_truediv Binary Some(F::Binary(generic::nb_truediv)) => [
        __truediv__ Some(W::BinaryL), "($self, value, /)", "Compute self / value.";
        __rtruediv__ Some(W::BinaryR), "($self, value, /)", "Compute value / self.";
    ]
    nb_inplace_floordiv Binary Some(F::Binary(generic::nb_inplace_floordiv)) => [
        __ifloordiv__ Some(W::BinaryL), "($self, value, /)", "Do self //= value.";
    ]
    nb_inplace_truediv Binary Some(F::Binary(generic::nb_inplace_truediv)) => [
        __itruediv__ Some(W::BinaryL), "($self, value, /)", "Do self /= value.";
    ]
    nb_index Unary Some(F::Unary(generic::nb_index)) => [
        __index__ Some(W::Unary), "($self, /)", "Self as an int without loss, for use as an index.";
    ]
    nb_matmul Binary Some(F::Binary(generic::nb_matmul)) => [
        __matmul__ Some(W::BinaryL), "($self, value, /)", "Compute self @ value.";
        __rmatmul__ Some(W::BinaryR), "($self, value, /)", "Compute value @ self.";
    ]
    nb_inplace_matmul Binary Some(F::Binary(generic::nb_inplace_matmul)) => [
        __imatmul__ Some(W::BinaryL), "($self, value, /)", "Do self @= value.";
    ]
    len Len Some(F::Len(generic::len)) => [__len__ Some(W::Len), "($self, /)", "The result of len(self).";]
    getitem Binary Some(F::Binary(generic::getitem)) => [__getitem__ Some(W::BinaryL), "($self, key, /)", "The result of self[key].";]
    setitem SetItem Some(F::SetItem(generic::setitem)) => [
        __setitem__ Some(W::SetItem), "($self, key, value, /)", "Set self[key] to value.";
        __delitem__ Some(W::DelItem), "($self, key, /)", "Delete self[key].";
    ]
    concat Binary None => [__add__ Some(W::BinaryL), "($self, value, /)", "Compute self + value.";]
    repeat Index None => [
        __mul__ Some(W::Repeat), "($self, value, /)", "Compute self * value.";
        __rmul__ Some(W::Repeat), "($self, value, /)", "Compute value * self.";
    ]
    item Index Some(F::Index(generic::item)) => [__getitem__ Some(W::Item), "($self, key, /)", "The result of self[key].";]
    contains Contains Some(F::Contains(generic::contains)) => [__contains__ Some(W::Contains), "($self, key, /)", "Whether key is in self.";]
    inplace_concat Binary None => [__iadd__ Some(W::BinaryL), "($self, value, /)", "Do self += value.";]
    inplace_repeat Index None => [__imul__ Some(W::Repeat), "($self, value, /)", "Do self *= value.";]
}

/// Puts a slot wrapper into the dict of a native type for each slot that it sets itself.
pub fn add_slot_wrappers(vm: &mut Vm, ty: &Py<PyType>, dict: &Py<Dict>) -> PyResult<()> {
    let is_object = ty.base().is_none();
    for group in SLOTS {
        let Some(func) = (group.get)(&ty.slots) else { continue };
        for def in group.defs {
            let Some(wrap) = def.wrap else { continue };
            let key = (def.key)();
            if dict.get_str(vm, key).is_none() {
                let wrapper = vm.new_object(WrapperDescr { owner: ty.clone(), def, wrap, func })?;
                dict.set_str(vm, key, wrapper.into_value())?;
            }
        }
        // `object`'s own behaviour is what an empty slot stands for.
        if is_object && stays_empty(group) {
            (group.set)(&ty.slots, None);
        }
    }
    if ty.slots.new.get().is_some() && !ty.has_flag(crate::types::class::flags::GENERIC_NEW) {
        let new = crate::types::typeobject::new::wrapper(vm, ty)?;
        dict.set_str(vm, n!(__new__), new)?;
    }
    Ok(())
}

/// Whether `object`'s function for the slot is shown by an empty slot.
fn stays_empty(group: &SlotGroup) -> bool {
    matches!(group.generic, Some(F::GetAttr(_) | F::SetAttr(_) | F::Compare(_)))
}

/// Fills the slots that a native type does not set from its bases.
pub fn inherit_slots(vm: &mut Vm, ty: &Py<PyType>, dict: &Py<Dict>) -> PyResult<()> {
    let has = |vm: &Vm, name: &Py<Str>| dict.get_str(vm, name).is_some();
    let own_compare = ty.slots.richcompare.get().is_some();
    let own_hash = ty.slots.hash.get().is_some() || has(vm, n!(__hash__));
    if own_compare && !own_hash {
        dict.set_str(vm, n!(__hash__), Value::none())?;
    }
    let unhashable = dict.get_str(vm, n!(__hash__)).is_some_and(Value::is_none);
    if unhashable {
        ty.slots.hash.set(Some(generic::unhashable));
    }
    let own_getattr = ty.slots.getattro.get().is_some();
    let base_is_object = ty.base().is_some_and(|b| b.base().is_none());
    let own_new = ty.slots.new.get().is_some();
    // Native types have one base, whose slots are complete.
    if let Some(base) = ty.base().cloned() {
        ty.slots.inherit(&base.slots, |slot| match slot {
            // A native type that derives from `object` and has no constructor cannot be instantiated.
            "new" => own_new || !base_is_object,
            "richcompare" => !own_compare && !own_hash,
            "getattro" => !own_getattr,
            _ => true,
        });
    }
    Ok(())
}

/// Sets all slots of a class made by `type.__new__` from what its MRO offers.
pub fn fill_slots(vm: &mut Vm, ty: &Py<PyType>) {
    let own = own_dunders(vm, ty);
    let base = ty.base().cloned().filter(|base| extends_mro(vm, ty, base));
    let inherited = base.as_ref().and_then(|base| subclass_slots(vm, base));
    for group in SLOTS {
        match (inherited, &own) {
            (Some(slots), Some(own)) if !group.defs.iter().any(|def| own.contains(&(def.key)().as_value().bits())) => {
                (group.set)(&ty.slots, (group.get)(slots));
            }
            _ => update_group(vm, ty, group),
        }
    }
    if let Some(base) = ty.base() {
        ty.slots.send.set(base.slots.send.get());
        if ty.slots.buffer.get().is_none() {
            ty.slots.buffer.set(base.slots.buffer.get());
        }
    }
    set_finalizer_flag(ty);
}

/// The dunders that a class defines itself, by their words; none if some name in its dict is not interned.
fn own_dunders(vm: &Vm, ty: &Py<PyType>) -> Option<Vec<u64>> {
    let mut own = Vec::new();
    for (key, _) in ty.dict.get(vm).as_ref()?.iter(vm) {
        let name = key.downcast_exact::<crate::types::str_::Str>().filter(|name| name.is_interned())?;
        if name.as_ascii().is_some_and(|text| text.starts_with("__")) {
            own.push(key.bits());
        }
    }
    Some(own)
}

/// Whether a class finds behind itself what its base finds, and nothing else.
fn extends_mro(vm: &Vm, ty: &Py<PyType>, base: &Py<PyType>) -> bool {
    let (Some(mro), Some(base_mro)) = (ty.mro.get(vm), base.mro.get(vm)) else { return false };
    let same = |(a, b): (&Value, &Value)| a.is_same(b);
    mro.len() == base_mro.len() + 1 && mro.items().iter().skip(1).zip(base_mro.items()).all(same)
}

/// The slots of a subclass that defines no dunder: those of a class made by a program itself; those of a native type, whose own may say more
/// than its dunders do, are worked out once.
fn subclass_slots<'a>(vm: &mut Vm, base: &'a Py<PyType>) -> Option<&'a Slots> {
    use crate::types::class::flags;
    if base.has_flag(flags::HEAPTYPE) {
        return Some(&base.slots);
    }
    if !base.has_flag(flags::IMMUTABLETYPE) {
        return None;
    }
    let key = base.as_value().bits();
    if let Some(slots) = vm.interp.subclass_slots.get(vm).get(&key) {
        return Some(slots);
    }
    let slots: &'static Slots = Box::leak(Box::new(Slots::new()));
    for group in SLOTS {
        (group.set)(slots, group_value(vm, base, Some(base), group));
    }
    let interp = vm.interp;
    interp.subclass_slots.get_mut(vm).insert(key, slots);
    Some(slots)
}

fn set_finalizer_flag(ty: &PyType) {
    let flags = ty.core.flags.get();
    let bit = krait_heap::TypeFlags::FINALIZER;
    ty.core.flags.set(if ty.slots.del.get().is_some() { flags | bit } else { flags & !bit });
}

/// What a dunder found on a type means for its slot.
enum Found {
    /// Nothing, or what an empty slot stands for.
    Nothing,
    Native(SlotFn),
    Generic,
    /// The dunder is shown by another slot of the same name; this slot stays empty.
    Elsewhere,
}

/// Sets one slot of a class from what its MRO offers (CPython's `update_one_slot`).
fn update_group(vm: &mut Vm, ty: &Py<PyType>, group: &'static SlotGroup) {
    let value = group_value(vm, ty, ty.base(), group);
    // What calls of the native base do otherwise is not what a `__call__` in Python does.
    if let Some(F::Call(f)) = value
        && f as usize == generic::call as *const () as usize {
            ty.core.flags.set(ty.core.flags.get() & !crate::types::class::flags::HAVE_VECTORCALL);
        }
    (group.set)(&ty.slots, value);
}

/// A slot by what the MRO of `ty` offers, for a class whose base is `base`.
fn group_value(vm: &mut Vm, ty: &Py<PyType>, base: Option<&Py<PyType>>, group: &'static SlotGroup) -> Option<SlotFn> {
    let mut native: Option<SlotFn> = None;
    let mut empty = false;
    let mut generic = false;
    for def in group.defs {
        match found(vm, ty, base, group, def) {
            Found::Nothing => {}
            Found::Elsewhere => empty = true,
            Found::Generic => generic = true,
            Found::Native(f) => match native {
                Some(other) if other.address() != f.address() => generic = true,
                _ => native = Some(f),
            },
        }
    }
    // `object`'s function beside another one: only the generic function serves both.
    if native.is_some() && empty && stays_empty(group) && group.defs.len() > 1 {
        generic = true;
    }
    if generic { group.generic } else { native }
}

fn found(vm: &mut Vm, ty: &Py<PyType>, base: Option<&Py<PyType>>, group: &'static SlotGroup, def: &'static SlotDef) -> Found {
    let key = (def.key)();
    let Some((owner, value)) = ty.lookup_uncached(vm, key).map(|(o, v)| (o.clone(), v.clone())) else { return Found::Nothing };
    if let Some(wrapper) = value.downcast_exact::<WrapperDescr>() {
        if std::ptr::eq(wrapper.def, def) && ty.is_subtype(vm, &wrapper.owner) {
            if wrapper.owner.base().is_none() && stays_empty(group) {
                return Found::Elsewhere;
            }
            return Found::Native(wrapper.func);
        }
        if wrapper.def.name == def.name && owner.is(&wrapper.owner) && group.defs.iter().all(|d| !std::ptr::eq(d, wrapper.def)) {
            return Found::Elsewhere;
        }
        return Found::Generic;
    }
    if let Some(method) = value.downcast_exact::<MethodDescr>() {
        // A native method beside a native slot: both do the same, the slot faster.
        if owner.is(&method.owner) && !owner.has_flag(crate::types::class::flags::HEAPTYPE) {
            return match (group.get)(&owner.slots) {
                Some(f) => Found::Native(f),
                None => Found::Generic,
            };
        }
        return Found::Generic;
    }
    if key.is(n!(__new__)) && value.downcast_exact::<BuiltinFunction>().is_some_and(|f| std::ptr::eq(f.def, &crate::types::typeobject::new::NEW)) {
        return match base.and_then(|b| b.slots.new.get()) {
            Some(f) => Found::Native(F::New(f)),
            None => Found::Nothing,
        };
    }
    if key.is(n!(__hash__)) && value.is_none() {
        return Found::Native(F::Hash(generic::unhashable));
    }
    Found::Generic
}

/// Called when the attribute `name` of a class has been set or deleted: updates its slots and those of its subclasses.
pub fn update_slot(vm: &mut Vm, ty: &Py<PyType>, name: &Py<Str>) {
    let groups: Vec<&'static SlotGroup> = SLOTS.iter().filter(|g| g.defs.iter().any(|d| (d.key)().is(name))).collect();
    if !groups.is_empty() {
        update_with_subclasses(vm, ty, name, &groups);
    }
}

/// Updates the type and the classes below it that do not override `name`. A `mro()` of a program can make a class its own descendant, so
/// each is visited once.
fn update_with_subclasses(vm: &mut Vm, ty: &Py<PyType>, name: &Py<Str>, groups: &[&'static SlotGroup]) {
    let finalizer = groups.iter().any(|g| g.defs.iter().any(|d| d.name == "__del__"));
    let mut seen = std::collections::HashSet::from([ty.as_value().id()]);
    let mut waiting = vec![ty.clone()];
    while let Some(ty) = waiting.pop() {
        for group in groups {
            update_group(vm, &ty, group);
        }
        if finalizer {
            set_finalizer_flag(&ty);
        }
        for sub in ty.direct_subclasses(vm) {
            let overridden = sub.dict.get(vm).as_ref().is_some_and(|d| d.get_str(vm, name).is_some());
            if !overridden && seen.insert(sub.as_value().id()) {
                waiting.push(sub);
            }
        }
    }
}

/// Whether the type's `__getitem__` is that of a class that defines it in Python: such a class counts as a sequence, a native mapping does not.
pub fn has_generic_getitem(ty: &PyType) -> bool {
    ty.slots.getitem.get().is_some_and(|f| f as usize == generic::getitem as *const () as usize)
}

/// Whether slots of the type's `__next__` are those of a class that defines it in Python.
pub fn has_generic_next(ty: &PyType) -> bool {
    ty.slots.iternext.get().is_some_and(|f| f as usize == generic::iternext as *const () as usize)
}

/// The native type whose `new` creates instances of `ty`: the first base that is not a class made by a program.
pub fn static_base(ty: &Py<PyType>) -> &Py<PyType> {
    let mut at = ty;
    let address = |t: &PyType| t.slots.new.get().map(|f| f as usize);
    while let Some(base) = at.base() {
        let own = address(at);
        let inherited = own == address(base) || own == Some(generic::new as *const () as usize) || own.is_none();
        if !at.has_flag(crate::types::class::flags::HEAPTYPE) || !inherited {
            break;
        }
        at = base;
    }
    at
}
