//! Krait crate; see ARCHITECTURE.md.
