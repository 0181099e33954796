//! Findings about a change set: risks with a stable code and a fix.
