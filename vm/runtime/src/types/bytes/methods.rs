//! Methods and slots of `bytes`.

use super::{BYTES_BUFFER, Bytes};
use crate::protocol::buffer::{self, Buffer};
use crate::{Py, PyResult, Vm, pymethods};

#[pymethods]
impl Bytes {
    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        Ok(self.hash_value(vm))
    }

    #[slot(len)]
    fn slot_len(&self) -> PyResult<usize> {
        Ok(self.len())
    }

    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<Bytes>, flags: u32, vm: &mut Vm) -> PyResult<Buffer> {
        if flags & buffer::flags::WRITABLE != 0 {
            return Err(vm.buffer_error("Object is not writable."));
        }
        Ok(Buffer::simple(zelf.to_value(), &BYTES_BUFFER, true, zelf.len()))
    }
}
