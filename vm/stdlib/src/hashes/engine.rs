//! One interface to all algorithms.

use digest::{Digest, ExtendableOutput, Update, XofReader};

macro_rules! engines {
    ($($variant:ident($ty:ty) $name:literal $size:literal $block:literal;)*) => {
        /// A hash under way.
        #[derive(Clone)]
        pub enum Engine {
            $($variant($ty),)*
            Shake128(sha3::Shake128),
            Shake256(sha3::Shake256),
            Blake2b(Box<blake2b_simd::State>, usize),
            Blake2s(Box<blake2s_simd::State>, usize),
        }

        impl Engine {
            /// The algorithm of that name with its defaults.
            pub fn new(name: &str) -> Option<Engine> {
                Some(match name {
                    $($name => Engine::$variant(<$ty>::default()),)*
                    "shake_128" => Engine::Shake128(sha3::Shake128::default()),
                    "shake_256" => Engine::Shake256(sha3::Shake256::default()),
                    "blake2b" => Engine::Blake2b(Box::new(blake2b_simd::State::new()), 64),
                    "blake2s" => Engine::Blake2s(Box::new(blake2s_simd::State::new()), 32),
                    _ => return None,
                })
            }

            /// More data.
            pub fn update(&mut self, data: &[u8]) {
                match self {
                    $(Engine::$variant(h) => Digest::update(h, data),)*
                    Engine::Shake128(h) => Update::update(h, data),
                    Engine::Shake256(h) => Update::update(h, data),
                    Engine::Blake2b(h, _) => drop(h.update(data)),
                    Engine::Blake2s(h, _) => drop(h.update(data)),
                }
            }

            /// The digest of what has come so far; `length` bytes of it if there is no end to it.
            pub fn digest(&self, length: usize) -> Vec<u8> {
                match self {
                    $(Engine::$variant(h) => h.clone().finalize().to_vec(),)*
                    Engine::Shake128(h) => endless(h.clone(), length),
                    Engine::Shake256(h) => endless(h.clone(), length),
                    Engine::Blake2b(h, _) => h.finalize().as_bytes().to_vec(),
                    Engine::Blake2s(h, _) => h.finalize().as_bytes().to_vec(),
                }
            }

            /// As `hashlib` calls it.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Engine::$variant(_) => $name,)*
                    Engine::Shake128(_) => "shake_128",
                    Engine::Shake256(_) => "shake_256",
                    Engine::Blake2b(..) => "blake2b",
                    Engine::Blake2s(..) => "blake2s",
                }
            }

            /// Bytes of the digest, 0 if there is no end to it.
            pub fn digest_size(&self) -> usize {
                match self {
                    $(Engine::$variant(_) => $size,)*
                    Engine::Shake128(_) | Engine::Shake256(_) => 0,
                    Engine::Blake2b(_, size) | Engine::Blake2s(_, size) => *size,
                }
            }

            /// Bytes that are worked on at a time.
            pub fn block_size(&self) -> usize {
                match self {
                    $(Engine::$variant(_) => $block,)*
                    Engine::Shake128(_) => 168,
                    Engine::Shake256(_) => 136,
                    Engine::Blake2b(..) => 128,
                    Engine::Blake2s(..) => 64,
                }
            }
        }
    };
}

engines! {
    Md5(md5::Md5) "md5" 16 64;
    Sha1(sha1::Sha1) "sha1" 20 64;
    Sha224(sha2::Sha224) "sha224" 28 64;
    Sha256(sha2::Sha256) "sha256" 32 64;
    Sha384(sha2::Sha384) "sha384" 48 128;
    Sha512(sha2::Sha512) "sha512" 64 128;
    Sha3_224(sha3::Sha3_224) "sha3_224" 28 144;
    Sha3_256(sha3::Sha3_256) "sha3_256" 32 136;
    Sha3_384(sha3::Sha3_384) "sha3_384" 48 104;
    Sha3_512(sha3::Sha3_512) "sha3_512" 64 72;
}

fn endless(hash: impl ExtendableOutput, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    hash.finalize_xof().read(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_digests() {
        let check = |name: &str, want: &str| {
            let mut engine = Engine::new(name);
            if let Some(e) = engine.as_mut() {
                e.update(b"abc");
            }
            let got = engine.map(|e| super::super::hex(&e.digest(8)));
            assert_eq!(got.as_deref().map(|g| &g[..16]), Some(want), "{name}");
        };
        check("md5", "900150983cd24fb0");
        check("sha1", "a9993e364706816a");
        check("sha256", "ba7816bf8f01cfea");
        check("sha512", "ddaf35a193617aba");
        check("sha3_256", "3a985da74fe225b2");
        check("shake_128", "5881092dd818bf5c");
        check("blake2b", "ba80a53f981c4d0d");
        check("blake2s", "508c5e8c327c14e2");
    }
}
