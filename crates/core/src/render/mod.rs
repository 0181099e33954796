//! Reports as text and JSON, made of the same structs.
