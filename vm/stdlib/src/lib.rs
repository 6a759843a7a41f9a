//! Native modules, one file or folder each, named as CPython's `Modules/`.

use krait_runtime::module::ModuleDef;

mod _abc;
mod _bisect;
mod _codecs;
mod _collections;
mod _contextvars;
mod _csv;
mod _datetime;
mod _functools;
mod _heapq;
mod _json;
mod _multibytecodec;
mod _multiprocessing;
mod _opcode;
mod _operator;
mod _pickle;
mod _posixshmem;
mod _queue;
mod _random;
mod _remote_debugging;
mod _sre;
mod _statistics;
mod _string;
mod _struct;
mod _suggestions;
mod _symtable;
mod _testbuffer;
mod _testcapi;
mod _testinternalcapi;
mod _testlimitedcapi;
mod _testmultiphase;
mod _tokenize;
mod _types;
mod _typing;
mod _weakref;
mod _zoneinfo;
mod array;
mod atexit;
mod audit;
mod binascii;
mod cmath;
mod errno;
mod faulthandler;
mod fcntl;
mod fspath;
mod gc;
mod grp;
mod hashes;
mod io;
mod itertools;
mod locale;
mod lock;
mod math;
mod mmap;
pub mod oserror;
mod posix;
mod posixsubprocess;
mod pwd;
mod resource;
mod select;
pub mod signal;
mod socket;
mod stat;
mod termios;
mod thread;
mod time;
mod unicodedata;
mod xxsubtype;
mod zlib;

/// All of them, by name.
pub static MODULES: &[&ModuleDef] = &[
    &_abc::MODULE,
    &_bisect::MODULE,
    &_codecs::MODULE,
    &_collections::MODULE,
    &_contextvars::MODULE,
    &_csv::MODULE,
    &_datetime::MODULE,
    &_functools::MODULE,
    &_heapq::MODULE,
    &_json::MODULE,
    &_multibytecodec::MODULE,
    &_multibytecodec::cn::MODULE,
    &_multibytecodec::hk::MODULE,
    &_multibytecodec::iso::MODULE,
    &_multibytecodec::jp::MODULE,
    &_multibytecodec::kr::MODULE,
    &_multibytecodec::tw::MODULE,
    &_multiprocessing::MODULE,
    &_opcode::MODULE,
    &_operator::MODULE,
    &_pickle::MODULE,
    &_posixshmem::MODULE,
    &_queue::MODULE,
    &_random::MODULE,
    &_remote_debugging::MODULE,
    &_sre::MODULE,
    &_statistics::MODULE,
    &_string::MODULE,
    &_struct::MODULE,
    &_suggestions::MODULE,
    &_symtable::MODULE,
    &_testbuffer::MODULE,
    &_testcapi::MODULE,
    &_testinternalcapi::MODULE,
    &_testlimitedcapi::MODULE,
    &_testmultiphase::MODULE,
    &_tokenize::MODULE,
    &_types::MODULE,
    &_typing::MODULE,
    &_weakref::MODULE,
    &_zoneinfo::MODULE,
    &array::MODULE,
    &atexit::MODULE,
    &binascii::MODULE,
    &cmath::MODULE,
    &errno::MODULE,
    &faulthandler::MODULE,
    &fcntl::MODULE,
    &gc::MODULE,
    &grp::MODULE,
    &hashes::blake2::MODULE,
    &hashes::digests::md5_module::MODULE,
    &hashes::digests::sha1_module::MODULE,
    &hashes::digests::sha2_module::MODULE,
    &hashes::digests::sha3_module::MODULE,
    &hashes::hmac::MODULE,
    &io::MODULE,
    &itertools::MODULE,
    &locale::MODULE,
    &math::MODULE,
    &mmap::MODULE,
    &posix::MODULE,
    &posixsubprocess::MODULE,
    &pwd::MODULE,
    &resource::MODULE,
    &select::MODULE,
    &signal::MODULE,
    &socket::MODULE,
    &stat::MODULE,
    &termios::MODULE,
    &thread::MODULE,
    &time::MODULE,
    &unicodedata::MODULE,
    &xxsubtype::MODULE,
    &zlib::MODULE,
];
