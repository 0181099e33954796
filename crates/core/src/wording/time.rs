use jiff::Timestamp;

/// A time of a server, in microseconds since the Unix epoch, as text to the second that has
/// begun (RFC 3339, UTC); one that no calendar has as its number.
#[must_use]
pub fn time_of_server(micros: u64) -> String {
    let timestamp = i64::try_from(micros)
        .ok()
        .and_then(|micros| Timestamp::from_second(micros / 1_000_000).ok());
    timestamp.map_or_else(|| format!("{micros} µs"), |timestamp| timestamp.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_that_has_begun_is_said_and_never_the_next_one() {
        assert_eq!(
            time_of_server(1_767_225_600_999_999),
            "2026-01-01T00:00:00Z"
        );
        assert_eq!(time_of_server(u64::MAX), "18446744073709551615 µs");
    }
}
