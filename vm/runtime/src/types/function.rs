//! Python functions.
