use std::fmt::Display;

/// A number with its noun: `1 topic`, `2 topics`, `0 topics`.
#[must_use]
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, singular: &str) -> String {
    let noun = noun(&count, singular);
    format!("{count} {noun}")
}

/// The noun alone as the number wants it, for `the last partition` beside
/// `the last 2 partitions`. All our nouns take a plain `s`.
#[must_use]
pub fn noun<N: PartialEq + From<u8>>(count: &N, singular: &str) -> String {
    if *count == N::from(1) {
        singular.to_owned()
    } else {
        format!("{singular}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(counted(0_u64, "message"), "0 messages");
        assert_eq!(counted(1_u32, "consumer group"), "1 consumer group");
        assert_eq!(counted(2_usize, "topic"), "2 topics");
    }
}
