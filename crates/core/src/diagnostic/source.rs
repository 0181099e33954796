use std::sync::Arc;

/// A file as it was read: its name and its bytes, whatever they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file as the user named it, `-` for standard input.
    pub name: Arc<str>,
    /// What it holds; not necessarily UTF-8.
    pub bytes: Vec<u8>,
}

impl SourceFile {
    /// A file of this name with these bytes.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
        }
    }
}
