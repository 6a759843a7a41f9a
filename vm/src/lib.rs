//! Embedding face of Krait.
