//! Attributes.

use super::{AGAIN, Done, Step};
use crate::eval::ops::attr;
use crate::eval::specialize;
use crate::Vm;

/// LOAD_ATTR.
pub(super) fn load_attr(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        let name = s.name(s.oparg >> 1);
        specialize::attr::load_attr(vm, s.site(), s.item(1), &name, s.oparg);
        return Err(AGAIN);
    }
    let name = s.name(s.oparg >> 1);
    let object = s.pop();
    if s.oparg & 1 == 0 {
        s.push(match attr::plain_attribute(vm, &object, &name) {
            Some((value, false)) => value,
            Some((_, true)) | None => vm.getattr(&object, &name)?,
        });
    } else {
        let (value, zelf) = attr::load_method(vm, &object, &name)?;
        s.push(value);
        s.push_slot(zelf);
    }
    drop(object);
    s.skip(9);
    Ok(())
}

/// STORE_ATTR.
pub(super) fn store_attr(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        let name = s.name(s.oparg);
        specialize::attr::store_attr(vm, s.site(), s.item(1), &name);
        return Err(AGAIN);
    }
    let name = s.name(s.oparg);
    let object = s.pop();
    let value = s.pop();
    vm.setattr(&object, &name, &value)?;
    drop((object, value));
    s.skip(4);
    Ok(())
}

/// DELETE_ATTR.
pub(super) fn delete_attr(vm: &mut Vm, s: &mut Step) -> Done {
    let (name, object) = (s.name(s.oparg), s.pop());
    vm.delattr(&object, &name)?;
    drop(object);
    Ok(())
}

/// LOAD_SUPER_ATTR.
pub(super) fn load_super_attr(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        specialize::attr::load_super_attr(vm, s.site(), s.item(3), s.item(2), s.oparg);
        return Err(AGAIN);
    }
    let name = s.name(s.oparg >> 2);
    let zelf = s.pop();
    let class = s.pop();
    let global_super = s.pop();
    let (value, object) = attr::load_super_attr(vm, &global_super, &class, &zelf, &name, s.oparg)?;
    s.push(value);
    if s.oparg & 1 != 0 {
        s.push_slot(object);
    }
    s.skip(1);
    Ok(())
}

/// LOAD_SPECIAL.
pub(super) fn load_special(vm: &mut Vm, s: &mut Step) -> Done {
    let owner = s.pop();
    let (method, zelf) = attr::load_special(vm, owner, s.oparg)?;
    s.push(method);
    s.push_slot(zelf);
    Ok(())
}
