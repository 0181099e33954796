//! The manifests that are measured.

use std::fmt::Write;

/// A manifest of `streams` × `topics` × `partitions`.
pub(crate) fn manifest(streams: usize, topics: usize, partitions: u32) -> String {
    let mut text = String::from(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: bench }\nspec:\n  streams:\n",
    );
    for stream in 0..streams {
        let _ = write!(text, "    - name: stream-{stream}\n      topics:\n");
        for topic in 0..topics {
            let _ = write!(
                text,
                "        - name: topic-{topic}\n          partitions: {partitions}\n          messageExpiry: 7d\n"
            );
        }
    }
    text
}
