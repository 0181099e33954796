//! What manifests mean: the desired state that they make.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use iggyctl_core::diagnostic::render_text;
use iggyctl_core::manifest::{Compiled, Provenance, SourceFile, Variables, compile};
use iggyctl_core::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};
use iggyctl_core::state::desired::Presence;

fn compiled(files: &[(&str, &str)], variables: &Variables) -> Compiled {
    let sources: Vec<SourceFile> = files
        .iter()
        .map(|(name, text)| SourceFile::new(*name, *text))
        .collect();
    compile(&sources, variables)
        .unwrap_or_else(|diagnostics| panic!("{}", render_text(&diagnostics, &sources, false)))
}

const EVERY_SETTING: &str = r#"
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders, labels: { team: "1" } }
spec:
  owns:
    streams: [orders, "billing-*"]
    topics: ["shared/orders-*"]
  streams:
    - name: orders
      previousName: old-orders
      topics:
        - name: events
          previousName: old-events
          partitions: 6
          messageExpiry: 7d
          maxTopicSize: 50GiB
          compression: gzip
          segmentSize: 256MiB
          durability: persisted
          consumerOffsetDurability: replicated
          messagesRequiredToSave: 100
          sizeOfMessagesRequiredToSave: 65536
          preallocateSegments: true
          consumerGroups: [billing, audit]
        - name: bare
    - name: untouched
"#;

#[test]
fn every_setting_arrives() {
    let compiled = compiled(&[("a.yaml", EVERY_SETTING)], &Variables::default());
    let state = &compiled.state;
    assert_eq!(state.project.as_deref(), Some("orders"));
    assert_eq!(state.owns.streams, ["orders", "billing-*"]);
    assert_eq!(state.owns.topics, ["shared/orders-*"]);
    let stream = &state.streams[&"orders".parse().unwrap()];
    assert_eq!(stream.presence, Presence::Declared);
    assert_eq!(
        stream.previous_name.as_ref().unwrap().as_str(),
        "old-orders"
    );
    assert!(stream.topics_listed);
    assert_eq!(stream.origin.to_string(), "a.yaml:10:13");
    let topic = &stream.topics[&"events".parse().unwrap()];
    assert_eq!(topic.previous_name.as_ref().unwrap().as_str(), "old-events");
    assert_eq!(topic.partitions, Some(6));
    assert_eq!(topic.origin.to_string(), "a.yaml:13:17");
    let settings = &topic.settings;
    assert_eq!(
        settings.message_expiry,
        Some(MessageExpiry::from_micros(604_800_000_000))
    );
    assert_eq!(
        settings.max_topic_size,
        Some(MaxTopicSize::from_bytes(50 << 30))
    );
    assert_eq!(settings.compression, Some(Compression::Gzip));
    assert_eq!(
        settings.segment_size,
        Some(ByteSize::new(256 << 20).unwrap())
    );
    assert_eq!(settings.durability, Some(Durability::Persisted));
    assert_eq!(
        settings.consumer_offset_durability,
        Some(Durability::Replicated)
    );
    assert_eq!(settings.messages_required_to_save, Some(100));
    assert_eq!(
        settings.size_of_messages_required_to_save,
        Some(ByteSize::new(65536).unwrap())
    );
    assert_eq!(settings.preallocate_segments, Some(true));
    let groups: Vec<&str> = topic.groups.keys().map(|name| name.as_str()).collect();
    assert_eq!(groups, ["audit", "billing"]);
    assert!(topic.groups_listed);
    let bare = &stream.topics[&"bare".parse().unwrap()];
    assert_eq!(bare.settings, Default::default());
    assert_eq!(bare.partitions, None);
    assert!(!bare.groups_listed);
    assert!(!state.streams[&"untouched".parse().unwrap()].topics_listed);
    assert!(compiled.warnings.is_empty());
}

/// What is more special wins: its own, then that of what it is in. What stands in another document is none of
/// the topology's matter.
#[test]
fn the_deletion_policy_of_a_topology_is_that_of_what_says_nothing() {
    let topology = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec:
  deletionPolicy: Retain
  streams:
    - name: orders
      topics:
        - { name: events, consumerGroups: [billing] }
        - { name: scratch, deletionPolicy: Delete, consumerGroups: [audit] }
    - name: cache
      deletionPolicy: DeleteIfEmpty
      topics: [{ name: entries, consumerGroups: [readers] }]
  users:
    - { name: svc-orders }
    - { name: svc-guest, deletionPolicy: Delete }
";
    let alone = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: alone }\n\
                 spec: {}\n---\napiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopic\n\
                 metadata: { name: more }\nspec: { stream: orders }\n";
    for files in [
        [("a.yaml", topology), ("b.yaml", alone)],
        [("a.yaml", alone), ("b.yaml", topology)],
    ] {
        let compiled = compiled(&files, &Variables::default());
        let policies = compiled.state.deletion_policies.iter();
        let policies: Vec<String> = policies
            .map(|(address, policy)| format!("{address} {policy}"))
            .collect();
        let expected = [
            "stream/cache DeleteIfEmpty",
            "stream/orders Retain",
            "topic/cache/entries DeleteIfEmpty",
            "topic/orders/events Retain",
            "topic/orders/scratch Delete",
            "group/cache/entries/readers DeleteIfEmpty",
            "group/orders/events/billing Retain",
            "group/orders/scratch/audit Delete",
            "user/svc-guest Delete",
            "user/svc-orders Retain",
        ];
        assert_eq!(policies, expected);
    }
}

#[test]
fn granular_documents_join_what_others_declare_in_any_order() {
    let topic = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopic\nmetadata: {name: events}\nspec: {stream: orders, partitions: 3}\n";
    let group = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyConsumerGroup\nmetadata: {name: g1}\nspec: {stream: orders, topic: events, name: audit}\n";
    let stream =
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {name: orders}\nspec: {}\n";
    let orders = [
        [("t", topic), ("g", group), ("s", stream)],
        [("g", group), ("s", stream), ("t", topic)],
        [("s", stream), ("t", topic), ("g", group)],
    ];
    let states: Vec<_> = orders
        .iter()
        .map(|files| compiled(files, &Variables::default()).state)
        .collect();
    assert_eq!(states[0], states[1]);
    assert_eq!(states[1], states[2]);
    let stream = &states[0].streams[&"orders".parse().unwrap()];
    assert_eq!(stream.presence, Presence::Declared);
    let topic = &stream.topics[&"events".parse().unwrap()];
    assert_eq!(
        (topic.presence, topic.partitions),
        (Presence::Declared, Some(3))
    );
    assert!(topic.groups.contains_key(&"audit".parse().unwrap()));
}

#[test]
fn a_parent_that_nobody_declares_is_only_named() {
    let group = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyConsumerGroup\nmetadata: {name: audit}\nspec: {stream: orders, topic: events}\n";
    let state = compiled(&[("g", group)], &Variables::default()).state;
    let stream = &state.streams[&"orders".parse().unwrap()];
    assert_eq!(stream.presence, Presence::Parent);
    assert_eq!(
        stream.topics[&"events".parse().unwrap()].presence,
        Presence::Parent
    );
    assert_eq!(state.project, None);
}

#[test]
fn json_is_read_and_variables_take_the_type_of_their_field() {
    let json = "{\n\t\"apiVersion\": \"iggyctl.dev/v1alpha1\",\n\t\"kind\": \"IggyTopic\",\n\t\"metadata\": {\"name\": \"x\"},\n\t\"spec\": {\"stream\": \"orders-${env}\", \"name\": \"${n}\", \"partitions\": \"${p}\", \"preallocateSegments\": \"${pre:-false}\", \"maxTopicSize\": 2147483648, \"messageExpiry\": \"${keep:-7d}\"}\n}\n";
    let mut variables = Variables::default();
    variables.set("env", "prod", Provenance::CommandLine);
    variables.set("n", "v2", Provenance::Environment);
    variables.set("p", "12", Provenance::ValuesFile("v".into()));
    let state = compiled(&[("a.json", json)], &variables).state;
    let stream = &state.streams[&"orders-prod".parse().unwrap()];
    let topic = &stream.topics[&"v2".parse().unwrap()];
    assert_eq!(topic.partitions, Some(12));
    assert_eq!(topic.settings.preallocate_segments, Some(false));
    assert_eq!(
        topic.settings.max_topic_size,
        Some(MaxTopicSize::from_bytes(2 << 30))
    );
}

#[test]
fn anchors_aliases_and_merges_are_read() {
    let yaml = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {name: p}\nspec:\n  streams:\n    - name: s\n      topics:\n        - &base\n          name: a\n          partitions: 3\n          consumerGroups: &groups [g]\n        - <<: *base\n          name: b\n          consumerGroups: *groups\n        - <<: [{partitions: 5}, *base]\n          name: c\n        - {<<: *base, name: d, messageExpiry: &keep 7d}\n        - {name: e, messageExpiry: *keep}\n";
    let state = compiled(&[("a", yaml)], &Variables::default()).state;
    let topics = &state.streams[&"s".parse().unwrap()].topics;
    let partitions: Vec<_> = topics.values().map(|topic| topic.partitions).collect();
    assert_eq!(partitions, [Some(3), Some(3), Some(5), Some(3), None]);
    let week = Some(MessageExpiry::from_micros(604_800_000_000));
    assert_eq!(topics[&"e".parse().unwrap()].settings.message_expiry, week);
    assert!(topics.values().take(4).all(|topic| topic.groups.len() == 1));
}

#[test]
fn a_byte_order_mark_and_windows_lines_are_fine() {
    let yaml = "\u{feff}apiVersion: iggyctl.dev/v1alpha1\r\nkind: IggyStream\r\nmetadata: {name: s}\r\nspec: {}\r\n";
    assert_eq!(
        compiled(&[("a", yaml)], &Variables::default())
            .state
            .streams
            .len(),
        1
    );
}

#[test]
fn an_empty_file_next_to_manifests_is_a_warning() {
    let stream = "---\n---\napiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {name: s}\nspec: {}\n---\n";
    let compiled = compiled(
        &[("a", stream), ("b", "# nothing\n")],
        &Variables::default(),
    );
    assert_eq!(compiled.documents.values().sum::<usize>(), 1);
    assert_eq!(compiled.warnings.len(), 1);
}

#[test]
fn what_is_for_the_operator_is_checked_and_passed_over() {
    let server = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyServer\nmetadata: { name: default }\nspec:\n  \
                  address: iggy://iggy:8090\n  credentialsSecretRef: { name: iggy }\n  orphanAfter: 2h\n";
    let topic = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopic\nmetadata: { name: events }\nspec:\n  \
                 stream: orders\n  serverRef: { name: default }\n  adoption: Adopt\n  interval: 1m\n";
    let plain = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopic\nmetadata: { name: events }\nspec:\n  \
                 stream: orders\n";
    let both = compiled(
        &[("server.yaml", server), ("topic.yaml", topic)],
        &Variables::default(),
    );
    let alone = compiled(&[("topic.yaml", plain)], &Variables::default());
    assert_eq!(both.documents.values().sum::<usize>(), 2);
    let addresses =
        |compiled: &Compiled| compiled.state.streams.keys().cloned().collect::<Vec<_>>();
    assert_eq!(addresses(&both), addresses(&alone));

    let wrong = server.replace("2h", "forever");
    let sources = [SourceFile::new("server.yaml", wrong.as_str())];
    let refused = compile(&sources, &Variables::default()).unwrap_err();
    let refused = render_text(&refused, &sources, false);
    assert!(refused.contains("`1s` to `30d`"), "{refused}");
}
