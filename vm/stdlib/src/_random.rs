//! `_random`: the Mersenne Twister MT19937 of Matsumoto and Nishimura, seeded and read as CPython does it.

use krait_runtime::types::int::{Int, IntRef};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use num_bigint::BigInt;
use num_traits::ToPrimitive;

krait_runtime::module! {
    "_random",
    doc: "The generator of pseudo-random numbers behind the module random.",
    functions: [],
    types: [Random],
}

const N: usize = 624;
const M: usize = 397;

/// The generator's words and how many of them have been used.
#[derive(Clone)]
struct Twister {
    state: [u32; N],
    index: usize,
}

impl Twister {
    const fn new() -> Twister {
        Twister { state: [0; N], index: N }
    }

    fn seed_word(&mut self, seed: u32) {
        let mut last = seed;
        for (i, word) in self.state.iter_mut().enumerate() {
            if i > 0 {
                last = 1_812_433_253u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i as u32);
            }
            *word = last;
        }
        self.index = N;
    }

    /// Seeds from as many words as there are; `key` is not empty.
    fn seed(&mut self, key: &[u32]) {
        self.seed_word(19_650_218);
        let (mut i, mut j) = (1, 0);
        for _ in 0..N.max(key.len()) {
            let last = self.state[i - 1];
            self.state[i] = (self.state[i] ^ (last ^ (last >> 30)).wrapping_mul(1_664_525)).wrapping_add(key[j]).wrapping_add(j as u32);
            i += 1;
            j += 1;
            if i >= N {
                self.state[0] = self.state[N - 1];
                i = 1;
            }
            if j >= key.len() {
                j = 0;
            }
        }
        for _ in 0..N - 1 {
            let last = self.state[i - 1];
            self.state[i] = (self.state[i] ^ (last ^ (last >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i >= N {
                self.state[0] = self.state[N - 1];
                i = 1;
            }
        }
        self.state[0] = 0x8000_0000;
    }

    fn twist(&mut self) {
        for k in 0..N {
            let y = (self.state[k] & 0x8000_0000) | (self.state[(k + 1) % N] & 0x7fff_ffff);
            let magic = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[k] = self.state[(k + M) % N] ^ (y >> 1) ^ magic;
        }
        self.index = 0;
    }

    fn next(&mut self) -> u32 {
        if self.index >= N {
            self.twist();
        }
        let mut y = self.state[self.index];
        self.index += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }
}

/// A generator of pseudo-random numbers with a state of its own.
#[pyclass(name = "Random", module = "_random", flags(BASETYPE))]
#[repr(C)]
pub struct Random {
    #[traverse(skip)]
    twister: GilCell<Box<Twister>>,
}

/// What seeds a generator: an int by its absolute value, anything else by its hash, nothing by the system's entropy.
fn seed_key(vm: &mut Vm, seed: Option<&Value>) -> PyResult<Vec<u32>> {
    let Some(seed) = seed.filter(|s| !s.is_none()) else { return Ok(entropy()) };
    let big = if seed.is_exact::<Int>() || seed.is::<Int>() {
        // A subclass may have an __abs__ of its own.
        let absolute = match (seed.is_exact::<Int>(), seed.ty().slots.nb_abs.get()) {
            (false, Some(abs)) => abs(vm, seed)?,
            _ => seed.clone(),
        };
        match IntRef::new(&absolute) {
            Some(int) => int.to_big().into_owned(),
            None => return Err(vm.type_error("an integer is required")),
        }
    } else {
        BigInt::from(vm.hash(seed)? as u64)
    };
    let digits = big.magnitude().to_u32_digits();
    Ok(if digits.is_empty() { vec![0] } else { digits })
}

fn entropy() -> Vec<u32> {
    use std::io::Read;
    let mut bytes = vec![0u8; N * 4];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes));
    if read.is_err() {
        // Time and process must do.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        return vec![now as u32, (now >> 32) as u32, std::process::id()];
    }
    bytes.chunks_exact(4).map(|c| c.iter().fold(0, |n, &b| n << 8 | u32::from(b))).collect()
}

impl Random {
    fn reseed(&self, seed: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let key = seed_key(vm, seed)?;
        self.twister.get_mut(vm).seed(&key);
        Ok(())
    }
}

#[pymethods]
impl Random {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Random>> {
        let _ = args;
        vm.new_instance(cls, Random { twister: GilCell::new(Box::new(Twister::new())) })
    }

    #[init]
    fn init(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let values = args.unpack(vm, "Random", 0, 1)?;
        self.reseed(values.first(), vm)
    }

    /// The next number from 0.0 up to, but not including, 1.0.
    #[method]
    fn random(&self, vm: &mut Vm) -> PyResult<f64> {
        let twister = self.twister.get_mut(vm);
        let (a, b) = (twister.next() >> 5, twister.next() >> 6);
        Ok((f64::from(a) * 67_108_864.0 + f64::from(b)) * (1.0 / 9_007_199_254_740_992.0))
    }

    /// Starts the generator from an int or another hashable object; from the system's entropy without one.
    #[method(sig = "(n=None, /)")]
    fn seed(&self, n: Value, vm: &mut Vm) -> PyResult<()> {
        self.reseed(Some(&n), vm)
    }

    /// The state as a tuple of ints, for `setstate()`.
    #[method]
    fn getstate(&self, vm: &mut Vm) -> PyResult {
        let twister = self.twister.get(vm).clone();
        let mut items = Vec::with_capacity(N + 1);
        for word in twister.state {
            items.push(vm.new_int(word)?);
        }
        items.push(vm.new_int(twister.index)?);
        Ok(vm.new_tuple(items)?.into_value())
    }

    /// Goes back to a state that `getstate()` gave.
    #[method(sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let Some(state) = state.downcast::<Tuple>() else { return Err(vm.type_error("state vector must be a tuple")) };
        let Some((index, words)) = state.items().split_last().filter(|(_, words)| words.len() == N) else {
            return Err(vm.value_error("state vector is the wrong size"));
        };
        let mut twister = Box::new(Twister::new());
        for (place, word) in twister.state.iter_mut().zip(words) {
            let Some(int) = IntRef::new(word) else { return Err(vm.type_error("an integer is required")) };
            if int.is_negative() {
                return Err(vm.overflow_error("can't convert negative value to unsigned int"));
            }
            match int.to_big().to_u64() {
                // CPython keeps the low 32 bits.
                Some(w) => *place = w as u32,
                None => return Err(vm.overflow_error("Python int too large to convert to C unsigned long")),
            }
        }
        let index = vm.index(index)?;
        let Some(index) = IntRef::new(&index).and_then(|i| i.to_i64()) else {
            return Err(vm.overflow_error("Python int too large to convert to C long"));
        };
        match usize::try_from(index) {
            Ok(index) if index <= N => twister.index = index,
            _ => return Err(vm.value_error("invalid state")),
        }
        let old = self.twister.replace(vm, twister);
        drop(old);
        Ok(())
    }

    /// An int of k random bits.
    #[method(sig = "(k, /)")]
    fn getrandbits(&self, k: &Value, vm: &mut Vm) -> PyResult {
        let k = vm.index(k)?;
        let Some(k) = IntRef::new(&k) else { return Err(vm.system_error("index is no int")) };
        if k.is_negative() {
            return Err(vm.value_error("Cannot convert negative int"));
        }
        let Some(mut left) = k.to_big().to_u64() else { return Err(vm.overflow_error("Python int too large for C uint64_t")) };
        if left <= 32 {
            let word = if left == 0 { 0 } else { self.twister.get_mut(vm).next() >> (32 - left) };
            return vm.new_int(word);
        }
        let count = left.div_ceil(32);
        let mut words: Vec<u32> = Vec::new();
        let fits = usize::try_from(count).is_ok_and(|n| n < 1 << 34 && words.try_reserve_exact(n).is_ok());
        if !fits {
            return Err(vm.memory_error());
        }
        let twister = self.twister.get_mut(vm);
        while left > 0 {
            let word = twister.next();
            words.push(if left < 32 { word >> (32 - left) } else { word });
            left = left.saturating_sub(32);
        }
        vm.new_bigint(BigInt::from(num_bigint::BigUint::new(words)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_output() {
        let mut t = Twister::new();
        t.seed(&[0x123, 0x234, 0x345, 0x456]);
        let first: Vec<u32> = (0..5).map(|_| t.next()).collect();
        assert_eq!(first, [1_067_595_299, 955_945_823, 477_289_528, 4_107_218_783, 4_228_976_476]);
    }
}
