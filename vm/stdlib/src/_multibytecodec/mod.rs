//! `_multibytecodec` and the modules of codecs: the encodings of East Asia, with several bytes a character.
//!
//! A codec takes single steps ([`codec`]); `convert` drives it through texts and bytes and asks error handlers, `objects` are the codec, the
//! incremental encoder and decoder and the stream reader and writer that Python sees.
//!
//! Absent: the codecs of JIS X 0213, and `__create_codec`, which takes a codec from C.

mod charset;
mod chinese;
mod codec;
mod convert;
mod iso2022;
mod japanese;
mod korean;
mod objects;
mod streams;
mod taiwanese;

use codec::CodecDef;
use krait_runtime::types::str_::Str;
use krait_runtime::{PyResult, Value, Vm};
use objects::{IncrementalDecoder, IncrementalEncoder, MultibyteCodec};
use streams::{StreamReader, StreamWriter};

fn find(vm: &mut Vm, codecs: &'static [CodecDef], encoding: &Value) -> PyResult {
    let Some(name) = encoding.downcast::<Str>() else {
        return Err(vm.type_error("encoding name must be a string."));
    };
    match codecs.iter().find(|codec| name.eq_str(codec.name)) {
        Some(def) => Ok(vm.new_object(MultibyteCodec { def })?.into_value()),
        None => {
            let name = name.to_string_lossy();
            let message = match &*name {
                "euc_jis_2004" | "euc_jisx0213" | "shift_jis_2004" | "shift_jisx0213" | "iso2022_jp_3" | "iso2022_jp_2004" => {
                    format!("codec '{name}' needs the tables of JIS X 0213, which are not there")
                }
                _ => "no such codec is supported.".to_owned(),
            };
            Err(vm.raise::<krait_runtime::types::exceptions::LookupError>(&message))
        }
    }
}

macro_rules! modules {
    ($($module:ident $name:literal $doc:literal $codecs:expr;)*) => {$(
        pub mod $module {
            use krait_runtime::{PyResult, Value, Vm, pyfunction};

            /// The codec of this name.
            #[pyfunction(sig = "(encoding, /)")]
            fn getcodec(encoding: &Value, vm: &mut Vm) -> PyResult {
                super::find(vm, $codecs, encoding)
            }

            krait_runtime::module! { $name, doc: $doc, functions: [getcodec], types: [] }
        }
    )*};
}

modules! {
    cn "_codecs_cn" "Codecs of China." super::chinese::CODECS;
    hk "_codecs_hk" "Codecs of Hong Kong." super::taiwanese::HONG_KONG;
    iso "_codecs_iso2022" "Codecs that escape sequences switch." super::iso2022::CODECS;
    jp "_codecs_jp" "Codecs of Japan." super::japanese::CODECS;
    kr "_codecs_kr" "Codecs of Korea." super::korean::CODECS;
    tw "_codecs_tw" "Codecs of Taiwan." super::taiwanese::CODECS;
}

krait_runtime::module! {
    "_multibytecodec",
    doc: "What codecs of several bytes a character have in common.",
    functions: [],
    types: [IncrementalEncoder, IncrementalDecoder, StreamReader, StreamWriter],
}
