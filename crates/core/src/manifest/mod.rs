//! From files to a `DesiredState`: parse, substitute, validate, merge.
