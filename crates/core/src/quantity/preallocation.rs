use super::ByteSize;

/// The most that a topic may reserve for segments when it is created
/// (`iggy_common` 0.11.0, `types/options/mod.rs`).
pub const MAX_PREALLOCATED: ByteSize = match ByteSize::new(64 << 30) {
    Some(size) => size,
    None => ByteSize::GIB,
};

/// Whether the server refuses to create a topic that preallocates a segment of
/// this size in each of its partitions. It does not ask when partitions are
/// added later (`server/src/dispatch.rs` of the server).
#[must_use]
pub fn exceeds_preallocation(partitions: u32, segment_size: ByteSize) -> bool {
    u128::from(partitions) * u128::from(segment_size.bytes()) > u128::from(MAX_PREALLOCATED.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_taken() {
        assert!(!exceeds_preallocation(64, ByteSize::GIB));
        assert!(exceeds_preallocation(65, ByteSize::GIB));
        assert!(!exceeds_preallocation(1_000_000, ByteSize::KIB));
    }
}
