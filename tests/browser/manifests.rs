//! What the pages are about.

use std::fmt::Write as _;

const HEAD: &str =
    "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: shop }\nspec:\n";

/// Names that would do something in one format or another.
pub(crate) const HOSTILE: [&str; 10] = [
    "<script>window.harmed=1</script>",
    "</script><script>window.harmed=1</script>",
    "<img src=x onerror=window.harmed=1>",
    "\"><svg onload=window.harmed=1>",
    "]]></style><b>",
    "--><b>",
    "javascript:window.harmed=1",
    "https://evil.example/a",
    "@team | `x` ::error::y",
    "&lt;b&gt; %0A ##[error]z",
];

/// As they are, and as they are to be: something new, something risky, something blocked,
/// and other rights.
pub(crate) fn ten_topics() -> (String, String) {
    let before = format!(
        "{HEAD}  streams:
    - name: orders
      topics:
        - {{ name: events, partitions: 6, segmentSize: 256MiB, messageExpiry: 30d, consumerGroups: [billing, audit] }}
        - {{ name: returns, partitions: 2, messageExpiry: 30d }}
        - {{ name: dead-letters, partitions: 1 }}
        - {{ name: invoices, partitions: 3, consumerGroups: [ledger] }}
    - name: payments
      topics:
        - {{ name: settled, partitions: 24, consumerGroups: [ledger, fraud, reporting] }}
        - {{ name: refused, partitions: 2 }}
  users:
    - name: svc-orders
      password: {{ file: password }}
      permissions:
        streams: [{{ name: orders, topics: [{{ name: events, allow: [send_messages] }}, {{ name: returns, allow: [send_messages, poll_messages] }}] }}]
    - name: svc-billing
      password: {{ file: password }}
      permissions:
        streams: [{{ name: orders, topics: [{{ name: events, allow: [poll_messages] }}] }}, {{ name: payments, allow: [poll_messages] }}]
"
    );
    let after = before
        .replace("256MiB", "512MiB")
        .replace("name: returns, partitions: 2, messageExpiry: 30d", "name: returns, partitions: 5, messageExpiry: 7d")
        .replace("[{ name: events, allow: [poll_messages] }] }, { name: payments", "[{ name: events, allow: [poll_messages] }, { name: invoices, allow: [send_messages] }] }, { name: payments")
        .replace(
            "  users:\n",
            "    - name: shipping
      topics:
        - { name: parcels, partitions: 4, consumerGroups: [tracking] }
        - { name: labels, partitions: 1 }
        - { name: a-topic-with-a-name-that-is-much-too-long-for-any-picture-of-it, partitions: 2 }
        - { name: customs, partitions: 12, consumerGroups: [declarations] }
  users:
",
        );
    (before, after)
}

/// A hundred streams of a hundred topics, each with a group.
pub(crate) fn large() -> String {
    let mut text = format!("{HEAD}  streams:\n");
    for stream in 0..100 {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    - name: stream-{stream:03}\n      topics:");
        for topic in 0..100 {
            let number = stream * 100 + topic;
            let partitions = 1 + number % 16;
            let _ = writeln!(
                text,
                "        - {{ name: t-{number:05}, partitions: {partitions}, consumerGroups: [readers] }}"
            );
        }
    }
    text
}

pub(crate) fn hostile() -> Result<String, serde_json::Error> {
    let mut text = format!("{HEAD}  streams:\n");
    for name in HOSTILE {
        let name = serde_json::to_string(name)?;
        let _ = writeln!(
            text,
            "    - name: {name}\n      topics: [{{ name: {name}, partitions: 2, consumerGroups: [{name}] }}]"
        );
    }
    Ok(text)
}
