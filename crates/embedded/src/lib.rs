//! An Iggy-compatible server in this process.
