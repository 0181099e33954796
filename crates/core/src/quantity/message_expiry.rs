/// How long a message is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageExpiry {
    /// This many microseconds (more than 0: 0 is the server's word for "default").
    Micros(u64),
    /// For ever (`u64::MAX` on the wire).
    Never,
}


impl serde::Serialize for MessageExpiry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::fmt::Display for MessageExpiry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Micros(micros) => write!(formatter, "{micros}us"),
            Self::Never => formatter.write_str("never"),
        }
    }
}
