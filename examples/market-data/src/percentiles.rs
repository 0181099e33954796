//! Percentiles of a histogram, as Prometheus computes them from a page of metrics.

use std::time::Duration;

/// Counts by upper limit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Upper limits in seconds, ascending, the last one infinite; and how many were at
    /// most that long.
    buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// Reads a histogram of a page, all its label sets together.
    #[must_use]
    pub fn read(page: &str, name: &str) -> Self {
        let mut buckets: Vec<(f64, u64)> = Vec::new();
        for line in page.lines() {
            let Some((limit, count)) = bucket(line, name) else {
                continue;
            };
            match buckets.iter_mut().find(|(other, _)| *other == limit) {
                Some((_, sum)) => *sum += count,
                None => buckets.push((limit, count)),
            }
        }
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        Self { buckets }
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.last().map_or(0, |(_, count)| *count)
    }

    /// How long this share of all (0 to 1) took at most, as `histogram_quantile` says:
    /// evenly spread within a bucket, and the last limit for what is above it. None
    /// without anything.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = share.clamp(0.0, 1.0) * self.count() as f64;
        let (mut below, mut counted) = (0.0, 0);
        for (limit, count) in &self.buckets {
            if *count > 0 && *count as f64 >= rank {
                if limit.is_infinite() {
                    return Duration::try_from_secs_f64(below).ok();
                }
                let inside = (*count - counted).max(1) as f64;
                let part = ((rank - counted as f64) / inside).clamp(0.0, 1.0);
                return Duration::try_from_secs_f64(below + (limit - below) * part).ok();
            }
            (below, counted) = (*limit, *count);
        }
        None
    }
}

/// The limit and the count of `name_bucket{…,le="0.005"} 17`.
fn bucket(line: &str, name: &str) -> Option<(f64, u64)> {
    let labels = line.strip_prefix(name)?.strip_prefix("_bucket{")?;
    let (labels, count) = labels.rsplit_once("} ")?;
    let (_, limit) = labels.rsplit_once("le=\"")?;
    let limit = limit.split('"').next()?;
    let limit = match limit {
        "+Inf" => f64::INFINITY,
        limit => limit.parse().ok()?,
    };
    Some((limit, count.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"# TYPE latency histogram
latency_bucket{topic="a",le="0.001"} 10
latency_bucket{topic="a",le="0.002"} 50
latency_bucket{topic="a",le="+Inf"} 50
latency_bucket{topic="b",le="0.001"} 0
latency_bucket{topic="b",le="0.002"} 40
latency_bucket{topic="b",le="+Inf"} 50
latency_sum{topic="b"} 3.5
other_bucket{le="0.001"} 1000
"#;

    #[test]
    fn percentiles_are_those_of_all_label_sets_together() {
        let histogram = Histogram::read(PAGE, "latency");
        assert_eq!(histogram.count(), 100);
        let micros = |share| histogram.quantile(share).unwrap().as_micros();
        // 10 of 100 are in the first millisecond, 80 in the second.
        assert_eq!(
            [micros(0.05), micros(0.1), micros(0.5), micros(0.9)],
            [500, 1000, 1500, 2000]
        );
        // What is above the last limit is at least that.
        assert_eq!([micros(0.99), micros(1.0)], [2000, 2000]);
        assert_eq!(Histogram::read(PAGE, "nothing").quantile(0.5), None);
    }
}
