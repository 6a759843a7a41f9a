//! Telling the audit hooks what a native function is about to do. Nothing is made if there are none.

use crate::fspath::{DirFd, Path};
use crate::posix::files::Id;
use krait_runtime::{PyResult, Value, Vm};

/// What stands among the arguments of an audit event.
pub trait Audited {
    /// As the hooks see it.
    fn audited(&self, vm: &mut Vm) -> PyResult;
}

impl Audited for Value {
    fn audited(&self, _: &mut Vm) -> PyResult {
        Ok(self.clone())
    }
}

impl Audited for &Value {
    fn audited(&self, _: &mut Vm) -> PyResult {
        Ok((*self).clone())
    }
}

macro_rules! numbers {
    ($($ty:ty)*) => {$(
        impl Audited for $ty {
            fn audited(&self, vm: &mut Vm) -> PyResult {
                vm.new_int(*self)
            }
        }
    )*};
}
numbers!(i32 u32 i64 u64);

impl Audited for &str {
    fn audited(&self, vm: &mut Vm) -> PyResult {
        Ok(vm.new_str(self)?.into_value())
    }
}

impl Audited for &[u8] {
    fn audited(&self, vm: &mut Vm) -> PyResult {
        Ok(vm.new_bytes(self)?.into_value())
    }
}

impl<const FD: bool, const NONE: bool> Audited for Path<FD, NONE> {
    fn audited(&self, _: &mut Vm) -> PyResult {
        Ok(self.object.clone())
    }
}

impl Audited for Option<DirFd> {
    fn audited(&self, vm: &mut Vm) -> PyResult {
        vm.new_int(self.as_ref().map_or(-1, |fd| fd.0))
    }
}

impl Audited for Id {
    fn audited(&self, vm: &mut Vm) -> PyResult {
        // -1 leaves the owner as it is.
        if self.0 == u32::MAX { vm.new_int(-1) } else { vm.new_int(self.0) }
    }
}

/// `audit!(vm, "event", argument, ...)?`
macro_rules! audit {
    ($vm:ident, $event:expr $(, $arg:expr)*) => {
        $vm.audit_with($event, |_vm| Ok(vec![$($crate::audit::Audited::audited(&$arg, _vm)?),*]))
    };
}
pub(crate) use audit;
