/// The candidate that somebody who wrote `text` probably meant.
pub fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = text.to_lowercase();
    // A third of the letters may be wrong, at least one: `env` for `enw`.
    let tolerated = (text.chars().count() / 3).max(1);
    candidates
        .map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&lower, &other);
            (candidate, distance, strsim::jaro_winkler(&lower, &other))
        })
        .filter(|(_, distance, similarity)| *distance <= tolerated || *similarity > 0.88)
        .max_by(|(_, _, a), (_, _, b)| a.total_cmp(b))
        .map(|(candidate, _, _)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_away_is_not_suggested() {
        let names = || ["partitions", "messageExpiry", "env"].into_iter();
        assert_eq!(nearest("partition", names()), Some("partitions"));
        assert_eq!(nearest("messageexpiry", names()), Some("messageExpiry"));
        assert_eq!(nearest("enw", names()), Some("env"));
        assert_eq!(nearest("colour", names()), None);
    }
}
