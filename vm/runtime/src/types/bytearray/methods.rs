//! Methods and slots of `bytearray`.

use super::{BYTEARRAY_BUFFER, ByteArray};
use crate::protocol::buffer::Buffer;
use crate::{Py, PyResult, Vm, pymethods};

#[pymethods]
impl ByteArray {
    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.bytes(vm).len())
    }

    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<ByteArray>, _flags: u32, vm: &mut Vm) -> PyResult<Buffer> {
        zelf.exports.set(zelf.exports.get() + 1);
        let len = zelf.bytes(vm).len();
        Ok(Buffer::simple(zelf.to_value(), &BYTEARRAY_BUFFER, false, len))
    }
}
