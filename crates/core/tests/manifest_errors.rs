//! What is refused, and what a person reads then: one snapshot for each mistake.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use iggyctl_core::diagnostic::{Code, Diagnostics, render_text, to_json};
use iggyctl_core::manifest::{Provenance, SourceFile, Variables, compile};

fn variables() -> Variables {
    let mut variables = Variables::default();
    variables.set("environment", "prod", Provenance::CommandLine);
    variables
}

/// The errors of these files, or the warnings if there are no errors.
fn diagnostics(sources: &[SourceFile]) -> Diagnostics {
    match compile(sources, &variables()) {
        Ok(compiled) => compiled.warnings,
        Err(diagnostics) => diagnostics,
    }
}

fn sources(files: &[(&str, &[u8])]) -> Vec<SourceFile> {
    files
        .iter()
        .map(|(name, bytes)| SourceFile::new(*name, *bytes))
        .collect()
}

/// A snapshot of what is said about the files, and a check that it is said with this code.
fn refused(snapshot: &str, code: Code, files: &[(&str, &[u8])]) {
    let sources = sources(files);
    let diagnostics = diagnostics(&sources);
    let codes: Vec<Code> = diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect();
    let text = render_text(&diagnostics, &sources, false);
    assert!(
        codes.contains(&code),
        "{code} is not among {codes:?}:\n{text}"
    );
    insta::assert_snapshot!(snapshot, text);
}

/// A document of this kind whose spec is this flow or block text.
fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec:{spec}\n"
    )
}

fn topology(streams: &str) -> String {
    document("IggyTopology", "orders", &format!("\n  streams:{streams}"))
}

fn topic(fields: &str) -> String {
    topology(&format!(
        "\n    - name: orders\n      topics:\n        - name: events\n{fields}"
    ))
}

#[test]
fn many_mistakes_are_said_at_once() {
    let first = topic(
        "          partions: 6\n          messageExpiry: 7 dais\n          compression: gzp\n          durability: Persisted\n          preallocateSegments: maybe\n          consumerGroups: billing\n          maxTopicSize: 50 gigs\n",
    );
    let second = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopik\nmetadata: {name: x}\nspec: {}\n---\napiVersion: iggyctl.dev/v1\nkind: IggyTopic\nmetadata: {}\nspec: {partitions: -1}\n";
    refused(
        "many_mistakes",
        Code::UnknownField,
        &[
            ("first.yaml", first.as_bytes()),
            ("second.yaml", second.as_bytes()),
        ],
    );
}

#[test]
fn billion_laughs() {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        let list = [alias.as_str(); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    refused(
        "billion_laughs",
        Code::TooManyValues,
        &[("laughs.yaml", text.as_bytes())],
    );
}

#[test]
fn large_texts_by_alias() {
    let long = "x".repeat(1 << 20);
    let aliases = vec!["*long"; 100].join(", ");
    let text = format!("a: &long {long}\nb: [{aliases}]\n");
    refused(
        "large_texts_by_alias",
        Code::TooManyValues,
        &[("long.yaml", text.as_bytes())],
    );
}

#[test]
fn deep_nesting() {
    let flow = format!("a: {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    refused(
        "deep_flow",
        Code::TooDeep,
        &[("deep.yaml", flow.as_bytes())],
    );
    let mut block = String::new();
    for level in 0..2_000 {
        block.push_str(&" ".repeat(level));
        block.push_str("a:\n");
    }
    refused(
        "deep_block",
        Code::TooDeep,
        &[("deep.yaml", block.as_bytes())],
    );
    let mut aliases = "a0: &a0 [[[[[[[[x]]]]]]]]\n".to_owned();
    for level in 1..20 {
        aliases.push_str(&format!(
            "a{level}: &a{level} [[[[[[[[*a{}]]]]]]]]\n",
            level - 1
        ));
    }
    refused(
        "deep_aliases",
        Code::TooDeep,
        &[("deep.yaml", aliases.as_bytes())],
    );
}

#[test]
fn gigantic_file() {
    let text = vec![b'#'; (64 << 20) + 1];
    refused("gigantic_file", Code::TooLarge, &[("big.yaml", &text)]);
}

#[test]
fn not_utf8() {
    let text = b"apiVersion: iggyctl.dev/v1alpha1\nkind: \xff\xfe\n";
    refused("not_utf8", Code::NotUtf8, &[("latin.yaml", text)]);
    let wide: Vec<u8> = "kind: x"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    refused("utf16", Code::ControlCharacter, &[("wide.yaml", &wide)]);
}

#[test]
fn nul_bytes_and_escape_sequences() {
    refused(
        "nul_byte",
        Code::ControlCharacter,
        &[("nul.yaml", b"apiVersion: x\nkind: a\0b\n")],
    );
    refused(
        "escape_sequence",
        Code::ControlCharacter,
        &[("esc.yaml", b"kind: \x1b[31mred\napiVersion: x\n")],
    );
    let text =
        topology("\n    - name: \"a\\u001b[31mb\"\n    - \"\\u001b[2J\": 1\n      name: b\n");
    refused(
        "escaped_control_characters",
        Code::ControlCharacterInName,
        &[("a\u{1b}[1m.yaml", text.as_bytes())],
    );
}

#[test]
fn nothing_there() {
    refused("no_files", Code::NoManifests, &[]);
    refused("empty_file", Code::EmptyFile, &[("empty.yaml", b"")]);
    refused(
        "only_comments",
        Code::EmptyFile,
        &[("c.yaml", b"# one\n---\n# two\n")],
    );
}

#[test]
fn syntax() {
    for (snapshot, text) in [
        ("syntax_tab", "kind: a\n\tspec: b\n"),
        ("syntax_tab_in_indentation", "spec:\n\tname: a\n"),
        ("syntax_tab_after_dash", "spec:\n  -\tname: a\n  \tb: c\n"),
        ("syntax_quote", "kind: \"IggyTopic\nspec: {}\n"),
        ("syntax_bracket", "spec: [a, b\nkind: c\n"),
        ("syntax_alias", "kind: *nothing\n"),
        ("syntax_indentation", "spec:\n    a: 1\n  b: 2\n"),
        ("syntax_json", "{\"kind\": \"IggyTopic\",, }\n"),
    ] {
        // What says nothing of a manifest may be a secret, and is not shown.
        let text = format!("{text}# of an IggyTopic\n");
        refused(snapshot, Code::Syntax, &[("broken.yaml", text.as_bytes())]);
    }
}

#[test]
fn later_documents_are_read_after_a_broken_one() {
    let text = format!("kind: [\n---\n{}", topology("\n    - nam: orders\n"));
    refused(
        "broken_then_wrong",
        Code::UnknownField,
        &[("two.yaml", text.as_bytes())],
    );
}

#[test]
fn yaml_that_is_no_data() {
    let text = topology("\n    - !stream\n      name: a\n    - ? [x]\n      : y\n      name: b\n");
    refused(
        "tags_and_complex_keys",
        Code::UnsupportedYaml,
        &[("tags.yaml", text.as_bytes())],
    );
    let text = topology(" &all\n    - name: a\n      topics: *all\n");
    refused(
        "alias_of_itself",
        Code::UnsupportedYaml,
        &[("self.yaml", text.as_bytes())],
    );
    let text = topology("\n    - <<: [a]\n      name: b\n");
    refused(
        "merge_of_a_text",
        Code::UnsupportedYaml,
        &[("merge.yaml", text.as_bytes())],
    );
}

#[test]
fn a_document_that_is_no_manifest() {
    refused("a_text", Code::WrongType, &[("text.yaml", b"just text\n")]);
    refused("a_list", Code::WrongType, &[("list.yaml", b"- a\n- b\n")]);
    refused("a_mapping", Code::MissingField, &[("map.yaml", b"a: b\n")]);
    refused(
        "somebody_elses",
        Code::UnknownApiVersion,
        &[(
            "deployment.yaml",
            b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
        )],
    );
    refused(
        "kind_misspelt",
        Code::UnknownKind,
        &[(
            "k.yaml",
            b"apiVersion: iggyctl.dev/v1alpha1\nkind: iggyStream\nmetadata: {name: x}\nspec: {}\n",
        )],
    );
    refused(
        "version_misspelt",
        Code::UnknownApiVersion,
        &[("v.yaml", b"apiVersion: iggyctl.dev/v1\nkind: IggyStream\nmetadata: {name: x}\nspec: {strem: y}\n")],
    );
}

#[test]
fn a_key_twice() {
    let text = topic("          partitions: 1\n          partitions: 2\n");
    refused(
        "duplicate_key",
        Code::DuplicateKey,
        &[("twice.yaml", text.as_bytes())],
    );
}

#[test]
fn names() {
    let long = "x".repeat(256);
    let text = topology(&format!(
        "\n    - name: \"123\"\n    - name: 456\n    - name: +5\n    - name: {long}\n    - name: \"\"\n    - name: iggyctl-ledger\n    - name: true\n    - name:\n    - name: ok\n      topics:\n        - name: \"7\"\n          consumerGroups: [\"8\", {long}]\n"
    ));
    refused(
        "names",
        Code::DigitOnlyName,
        &[("names.yaml", text.as_bytes())],
    );
    for code in [Code::NameLength, Code::ReservedName, Code::WrongType] {
        let diagnostics = diagnostics(&sources(&[("names.yaml", text.as_bytes())]));
        assert!(
            diagnostics.iter().any(|diagnostic| diagnostic.code == code),
            "{code}"
        );
    }
    // 255 bytes are fine, in characters of one byte and of several.
    for name in ["x".repeat(255), "é".repeat(127)] {
        let text = topology(&format!("\n    - name: {name}\n"));
        assert!(diagnostics(&sources(&[("n", text.as_bytes())])).is_empty());
    }
    let text = topology(&format!("\n    - name: {}\n", "é".repeat(128)));
    refused(
        "name_of_256_bytes",
        Code::NameLength,
        &[("n.yaml", text.as_bytes())],
    );
    let text = document("IggyStream", "iggyctl-state", " {}");
    refused(
        "reserved_by_metadata",
        Code::ReservedName,
        &[("n.yaml", text.as_bytes())],
    );
    let text = document("IggyTopic", "t", " { stream: iggyctl, name: \"1\" }");
    refused(
        "reserved_parent",
        Code::ReservedName,
        &[("n.yaml", text.as_bytes())],
    );
}

#[test]
fn quantities() {
    let text = topic(
        "          messageExpiry: 0\n          maxTopicSize: 0\n          segmentSize: 99999999999TiB\n          sizeOfMessagesRequiredToSave: -5\n          messagesRequiredToSave: 0\n",
    );
    refused(
        "quantities",
        Code::BadQuantity,
        &[("q.yaml", text.as_bytes())],
    );
    let text = topic(
        "          messageExpiry: P1Y\n          maxTopicSize: never\n          segmentSize: [1]\n          messagesRequiredToSave: 16777217\n          preallocateSegments: 1\n",
    );
    refused(
        "more_quantities",
        Code::BadQuantity,
        &[("q.yaml", text.as_bytes())],
    );
    let text = topic(
        "          messageExpiry:\n          maxTopicSize: ~\n          partitions: 1.5\n          consumerGroups: {a: b}\n          compression: true\n",
    );
    refused(
        "wrong_types",
        Code::WrongType,
        &[("t.yaml", text.as_bytes())],
    );
}

#[test]
fn partitions() {
    for (snapshot, partitions) in [
        ("partitions_negative", "-1"),
        ("partitions_too_many", "1000001"),
        (
            "partitions_astronomic",
            "99999999999999999999999999999999999999999999",
        ),
        ("partitions_quoted", "\"6\""),
    ] {
        let text = topic(&format!("          partitions: {partitions}\n"));
        let code = if snapshot == "partitions_quoted" {
            Code::WrongType
        } else {
            Code::OutOfRange
        };
        refused(snapshot, code, &[("p.yaml", text.as_bytes())]);
    }
}

#[test]
fn settings_against_each_other() {
    let cases = [
        (
            "size_below_segment",
            Code::SizeBelowSegment,
            "          maxTopicSize: 100MiB\n          segmentSize: 256MiB\n",
        ),
        (
            "size_below_default_segment",
            Code::SizeBelowSegment,
            "          maxTopicSize: 100MiB\n",
        ),
        (
            "size_below_any_segment",
            Code::SizeBelowSegment,
            "          maxTopicSize: 1KiB\n",
        ),
        (
            "segment_too_small",
            Code::SegmentSize,
            "          segmentSize: 1KiB\n",
        ),
        (
            "segment_too_large",
            Code::SegmentSize,
            "          segmentSize: 2GiB\n",
        ),
        (
            "segment_not_in_blocks",
            Code::SegmentSize,
            "          segmentSize: 1048577\n",
        ),
        (
            "save_size_too_large",
            Code::SaveSizeTooLarge,
            "          sizeOfMessagesRequiredToSave: 2GiB\n",
        ),
        (
            "preallocation",
            Code::PreallocationTooLarge,
            "          partitions: 65\n          preallocateSegments: true\n",
        ),
        (
            "unenforceable",
            Code::UnenforceableSize,
            "          partitions: 8\n          maxTopicSize: 1GiB\n          segmentSize: 512MiB\n",
        ),
    ];
    for (snapshot, code, fields) in cases {
        let text = topic(fields);
        refused(snapshot, code, &[("s.yaml", text.as_bytes())]);
    }
}

#[test]
fn settings_are_held_against_each_other_beside_other_mistakes() {
    let fields =
        "          partitons: 6\n          segmentSize: 512MiB\n          maxTopicSize: 1MiB\n";
    let in_a_stream = topic(fields);
    // The first stream keeps its topics from being read as a whole, too.
    let beside = topology(&format!(
        "\n    - name: 123\n      topics: nothing\n    - name: orders\n      topics:\n        - name: events\n{}",
        fields.replace("partitons", "partitions")
    ));
    let granular = document(
        "IggyTopic",
        "events",
        " { stream: orders, durability: no, segmentSize: 100, preallocateSegments: true }",
    );
    // What is compared with an unreadable size is left for the next time.
    let unreadable = document(
        "IggyTopic",
        "other",
        " { stream: orders, segmentSize: small, maxTopicSize: 5MiB }",
    );
    let owned = document(
        "IggyTopology",
        "orders",
        "\n  stream: []\n  owns: { streams: [\"iggyctl*\"] }",
    );
    refused(
        "settings_beside_other_mistakes",
        Code::SizeBelowSegment,
        &[
            ("a.yaml", in_a_stream.as_bytes()),
            ("b.yaml", beside.as_bytes()),
            ("c.yaml", granular.as_bytes()),
            ("d.yaml", unreadable.as_bytes()),
            ("e.yaml", owned.as_bytes()),
        ],
    );
}

#[test]
fn too_many_topics() {
    let mut list = "\n    - name: orders\n      topics:\n".to_owned();
    for index in 0..4097 {
        list.push_str(&format!("        - name: t{index}\n"));
    }
    let text = topology(&list);
    refused(
        "too_many_topics",
        Code::TooManyTopics,
        &[("many.yaml", text.as_bytes())],
    );
}

#[test]
fn duplicates_name_both_places() {
    let nested = topology(
        "\n    - name: orders\n      topics:\n        - name: events\n          consumerGroups: [a, b, a]\n    - name: orders\n",
    );
    let stream = document("IggyStream", "orders", " {}");
    let topic = document("IggyTopic", "other", " { stream: orders, name: events }");
    let group = document(
        "IggyConsumerGroup",
        "b",
        " { stream: orders, topic: events }",
    );
    refused(
        "duplicates",
        Code::DuplicateResource,
        &[
            ("a.yaml", nested.as_bytes()),
            ("b.yaml", stream.as_bytes()),
            ("c.yaml", topic.as_bytes()),
            ("d.yaml", group.as_bytes()),
        ],
    );
}

#[test]
fn duplicates_are_found_beside_other_mistakes() {
    let topics = "\n      topics:\n        - { name: events, partitions: many }\n        - { name: events, consumerGroups: [g, 5, g] }\n        - name: 7\n        - name: 7\n";
    let in_a_topology = topology(&format!(
        "\n    - name: orders{topics}    - name: orders\n      topics:\n        - name: events\n    - {{ name: new, previousName: new, topics: nothing }}\n"
    ));
    let granular = document(
        "IggyStream",
        "billing",
        "\n  topics:\n    - { name: a, partitons: 1 }\n    - name: a\n",
    );
    // Nothing of it can be merged, since the document itself has a mistake.
    let second = document(
        "IggyTopology",
        "orders",
        "\n  stream: []\n  streams:\n    - name: twice\n    - name: twice\n",
    );
    refused(
        "duplicates_beside_other_mistakes",
        Code::DuplicateResource,
        &[
            ("a.yaml", in_a_topology.as_bytes()),
            ("b.yaml", granular.as_bytes()),
            ("c.yaml", second.as_bytes()),
        ],
    );
}

#[test]
fn two_topologies() {
    let first = topology(" []");
    let second = document("IggyTopology", "billing", " {}");
    refused(
        "two_topologies",
        Code::SecondTopology,
        &[("a.yaml", first.as_bytes()), ("b.yaml", second.as_bytes())],
    );
}

#[test]
fn renames() {
    let text = topology(
        "\n    - { name: a, previousName: b }\n    - { name: b, previousName: c }\n    - { name: c, previousName: a }\n    - { name: x, previousName: a }\n",
    );
    refused(
        "rename_cycle",
        Code::RenameCycle,
        &[("r.yaml", text.as_bytes())],
    );
    let text = topology("\n    - { name: a, previousName: a }\n");
    refused(
        "rename_to_itself",
        Code::RenameCycle,
        &[("r.yaml", text.as_bytes())],
    );
    let text = topic("          previousName: b\n        - { name: b, previousName: events }\n");
    refused(
        "rename_cycle_of_topics",
        Code::RenameCycle,
        &[("r.yaml", text.as_bytes())],
    );
    let text =
        topology("\n    - { name: a, previousName: old }\n    - { name: b, previousName: old }\n");
    refused(
        "rename_conflict",
        Code::RenameConflict,
        &[("r.yaml", text.as_bytes())],
    );
    // A chain is no circle.
    let text =
        topology("\n    - { name: a, previousName: b }\n    - { name: b, previousName: c }\n");
    assert!(diagnostics(&sources(&[("r", text.as_bytes())])).is_empty());
}

#[test]
fn a_previous_name_that_cannot_act() {
    let text = topology(
        "\n    - { name: registered, previousName: signups }\n    - name: signups\n      topics:\n        - name: old\n        - { name: new, previousName: old }\n        - { name: other, previousName: elsewhere }\n",
    );
    let granular = document(
        "IggyTopic",
        "elsewhere",
        " { stream: registered, name: elsewhere }",
    );
    refused(
        "rename_held_up",
        Code::RenameHeldUp,
        &[("a.yaml", text.as_bytes()), ("b.yaml", granular.as_bytes())],
    );
}

#[test]
fn owns() {
    let text = document(
        "IggyTopology",
        "orders",
        "\n  owns:\n    streams: [orders, \"billing-*\", orders, iggyctl*, \"\"]\n    topics: [nothing, shared/x, orders/y, billing-eu/z, a/]\n    users: [svc-orders, \"svc-*\", \"\", \"a\\tb*\"]\n",
    );
    refused("owns", Code::OwnsPattern, &[("o.yaml", text.as_bytes())]);
    let text = document(
        "IggyTopology",
        "orders",
        "\n  owns:\n    streams: [orders]\n    topics: [orders/y]\n",
    );
    refused(
        "owns_overlap",
        Code::OwnsOverlap,
        &[("o.yaml", text.as_bytes())],
    );
}

/// 10,000 streams of these names and 10,000 topics in others.
fn owning_many(stream: impl Fn(usize) -> String) -> String {
    let mut spec = "\n  owns:\n    streams:\n".to_owned();
    for index in 0..10_000 {
        spec.push_str(&format!("      - {}\n", stream(index)));
    }
    spec.push_str("    topics:\n");
    for index in 0..10_000 {
        spec.push_str(&format!("      - shared-{index}/t{index}\n"));
    }
    document("IggyTopology", "orders", &spec)
}

#[test]
fn owning_many_is_not_slow() {
    // It took minutes when each was held against each; any machine needs less
    // than a second now, and a loaded one gets more.
    let patience = std::time::Duration::from_secs(20);
    let start = std::time::Instant::now();
    let names = owning_many(|index| format!("orders-{index}"));
    assert!(diagnostics(&sources(&[("o.yaml", names.as_bytes())])).is_empty());
    let patterns = owning_many(|index| match index {
        0..256 => format!("\"o*{index}*\""),
        _ => format!("orders-{index}"),
    });
    assert!(diagnostics(&sources(&[("o.yaml", patterns.as_bytes())])).is_empty());
    assert!(start.elapsed() < patience, "{:?}", start.elapsed());
    let too_many = owning_many(|index| format!("\"orders-{index}-*\""));
    refused(
        "owns_too_many_patterns",
        Code::TooManyPatterns,
        &[("o.yaml", too_many.as_bytes())],
    );
}

#[test]
fn variables_without_a_value() {
    let text = topic(
        "          partitions: ${partitions}\n          messageExpiry: ${enviroment}\n          compression: ${oops\n          durability: ${environment}\n          segmentSize: ${size:-}\n",
    );
    refused(
        "variables",
        Code::UnknownVariable,
        &[("v.yaml", text.as_bytes())],
    );
    assert!(
        diagnostics(&sources(&[("v.yaml", text.as_bytes())]))
            .iter()
            .any(|diagnostic| diagnostic.code == Code::VariableSyntax)
    );
}

#[test]
fn one_very_long_line_is_not_printed() {
    let text = format!(
        "{{\"apiVersion\": \"iggyctl.dev/v1alpha1\", \"kind\": \"IggyStream\", \"metadata\": {{\"name\": \"a\", \"labels\": {{\"x\": \"{}\"}}}}, \"spek\": 1}}",
        "y".repeat(100_000)
    );
    refused(
        "long_line",
        Code::UnknownField,
        &[("one.json", text.as_bytes())],
    );
}

#[test]
fn diagnostics_as_json_and_in_colour() {
    let text = topic("          partions: 6\n          partitions: 1\n          partitions: 2\n");
    let sources = sources(&[("a.yaml", text.as_bytes())]);
    let diagnostics = diagnostics(&sources);
    insta::assert_json_snapshot!("as_json", to_json(&diagnostics));
    let coloured = render_text(&diagnostics, &sources, true);
    assert!(coloured.contains("\u{1b}["));
    assert!(!render_text(&diagnostics, &sources, false).contains('\u{1b}'));
}
