use proptest::prelude::*;

use super::{ChangeFacts, Date, PolicySet};
use crate::api::v1alpha1::PolicyVerb;
use crate::check::{Findings, Severity};
use crate::diagnostic::{Diagnostics, SourceFile, render_text};
use crate::manifest::{Variables, compile};
use crate::policy::AttributeFacts;
use crate::state::desired::DesiredState;

fn today() -> Date {
    "2026-11-22".parse().unwrap()
}

fn policy(rules: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyPolicy\nmetadata: {{ name: team }}\nspec:\n  rules:\n{rules}"
    )
}

fn read(text: &str) -> Result<PolicySet, Diagnostics> {
    PolicySet::read(&[SourceFile::new("policy.yaml", text)])
}

fn set(rules: &str) -> PolicySet {
    let text = policy(rules);
    read(&text).unwrap_or_else(|wrong| {
        let sources = [SourceFile::new("policy.yaml", text.as_str())];
        panic!("{}", render_text(&wrong, &sources, false))
    })
}

/// `CODE line:column message` of everything that is wrong.
fn wrong(rules: &str) -> Vec<String> {
    let diagnostics = read(&policy(rules)).unwrap_err();
    lines(&diagnostics)
}

fn lines(diagnostics: &Diagnostics) -> Vec<String> {
    let line = |diagnostic: &crate::diagnostic::Diagnostic| {
        let origin = &diagnostic.place.as_ref().unwrap().origin;
        format!(
            "{} {}:{} {}",
            diagnostic.code, origin.line, origin.column, diagnostic.message
        )
    };
    diagnostics.iter().map(line).collect()
}

fn desired(text: &str) -> DesiredState {
    let sources = [SourceFile::new("topology.yaml", text)];
    compile(&sources, &Variables::default()).unwrap().state
}

const TOPOLOGY: &str = r#"apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec:
  owns: { streams: ["orders*"] }
  streams:
    - name: orders
      topics:
        - name: events
          partitions: 6
          messageExpiry: 7d
          maxTopicSize: 50GiB
          consumerGroups: [billing]
        - name: audit
  users:
    - name: svc
      password: { env: SVC_PASSWORD }
      permissions:
        allow: [read_servers]
        streams:
          - name: orders
            topics: [{ name: events, allow: [send_messages] }]
      tokens:
        - name: ci
          expiry: 30d
          writeTo: { file: secrets/ci.token }
"#;

fn declared(rules: &str) -> Vec<String> {
    let state = desired(TOPOLOGY);
    said(&set(rules).check_declared(&state, today()).unwrap())
}

fn said(findings: &Findings) -> Vec<String> {
    let line = |finding: &crate::check::Finding| {
        format!(
            "{} {} {}: {}",
            finding.severity, finding.code, finding.address, finding.message
        )
    };
    findings.findings.iter().map(line).collect()
}

fn rule(kinds: &str, expression: &str) -> String {
    format!(
        "    - name: r\n      match: {{ kinds: [{kinds}] }}\n      expression: {}\n      message: no\n",
        serde_json::Value::from(expression)
    )
}

#[test]
fn every_field_can_be_seen() {
    for (kinds, expression) in [
        (
            "stream",
            "resource.topics == ['audit', 'events'] && resource.name == 'orders'",
        ),
        (
            "stream",
            "resource.address == 'stream/orders' && resource.kind == 'stream'",
        ),
        (
            "stream",
            "resource.declared && resource.file == 'topology.yaml' && resource.line == 7",
        ),
        ("topic", "resource.stream == 'orders'"),
        (
            "topic",
            "resource.name == 'audit' || resource.partitions == 6",
        ),
        (
            "topic",
            "resource.name == 'audit' || resource.messageExpiry == '7d'",
        ),
        (
            "topic",
            "!has(resource.messageExpiry) || seconds(resource.messageExpiry) == 7 * 24 * 3600",
        ),
        (
            "topic",
            "seconds(resource.?messageExpiry.orValue('never')) > seconds('6d')",
        ),
        (
            "topic",
            "bytesOf(resource.?maxTopicSize.orValue('unlimited')) >= bytesOf('50GiB')",
        ),
        (
            "topic",
            "resource.name == 'audit' || resource.consumerGroups == ['billing']",
        ),
        ("topic", "resource.name.matches('^[a-z]+$')"),
        ("topic", "resource.name.lowerAscii() == resource.name"),
        (
            "group",
            "resource.stream + '/' + resource.topic + '/' + resource.name == 'orders/events/billing'",
        ),
        (
            "user",
            "resource.password.env == 'SVC_PASSWORD' && resource.tokens == ['ci']",
        ),
        ("user", "resource.permissions.allow == ['read_servers']"),
        (
            "user",
            "resource.permissions.streams.all(s, s.topics.exists(t, 'send_messages' in t.allow))",
        ),
        (
            "token",
            "resource.expiry == '30d' && resource.writeTo.file == 'secrets/ci.token'",
        ),
        ("token", "resource.user == 'svc'"),
        (
            "token",
            "project.name == 'orders' && project.owns.streams == ['orders*']",
        ),
    ] {
        assert_eq!(
            declared(&rule(kinds, expression)),
            Vec::<String>::new(),
            "{expression}"
        );
        // A rule that never looked would hold, too.
        let not = format!("!({expression})");
        assert!(!declared(&rule(kinds, &not)).is_empty(), "{not}");
    }
}

#[test]
fn a_rule_looks_only_at_what_it_matches() {
    let rules = "    - name: r\n      match: { kinds: [topic, group], addresses: ['*/orders/events*', '*/*/*/*'] }\n      expression: 'false'\n      message: no\n      severity: warn\n";
    assert_eq!(
        declared(rules),
        [
            "warning policy/team/r topic/orders/events: no",
            "warning policy/team/r group/orders/events/billing: no",
        ]
    );
    assert_eq!(declared(&rule("", "false")).len(), 6);
}

#[test]
fn messages_are_made_of_what_is_there() {
    let rules = "    - name: r\n      match: { kinds: [topic] }\n      expression: has(resource.partitions)\n      messageExpression: \"'the topic ' + resource.name + ' says no partitions'\"\n";
    assert_eq!(
        declared(rules),
        ["error policy/team/r topic/orders/audit: the topic audit says no partitions"]
    );
    let silent = "    - name: r\n      match: { kinds: [topic] }\n      expression: |\n        has(resource.partitions)\n          && true\n";
    assert_eq!(
        declared(silent),
        [
            "error policy/team/r topic/orders/audit: `has(resource.partitions) && true` does not hold"
        ]
    );
}

#[test]
fn exceptions_count_until_their_last_day() {
    let rules = "    - name: r\n      match: { kinds: [topic] }\n      expression: has(resource.partitions)\n      message: no\n      exceptions:\n        - { address: topic/orders/*, until: 2026-11-22, reason: audits move }\n";
    let state = desired(TOPOLOGY);
    let on = |day: &str| {
        said(
            &set(rules)
                .check_declared(&state, day.parse().unwrap())
                .unwrap(),
        )
    };
    assert_eq!(on("2026-11-22"), Vec::<String>::new());
    assert_eq!(
        on("2026-11-23"),
        [
            "error policy/team/r topic/orders/audit: no (an exception ended on 2026-11-22: audits move)"
        ]
    );
}

fn partitions_removed() -> ChangeFacts {
    ChangeFacts {
        address: "topic/orders/events".parse().unwrap(),
        verb: PolicyVerb::Update,
        previous: None,
        attributes: vec![AttributeFacts {
            name: "partitions".to_owned(),
            from: Some("9".to_owned()),
            to: "6".to_owned(),
        }],
        messages: Some(12),
        bytes: Some(3000),
        destructive: true,
    }
}

#[test]
fn changes_have_their_own_rules() {
    let state = desired(TOPOLOGY);
    let changes = [
        partitions_removed(),
        ChangeFacts {
            address: "topic/orders/gone".parse().unwrap(),
            verb: PolicyVerb::Delete,
            attributes: Vec::new(),
            messages: None,
            bytes: None,
            ..partitions_removed()
        },
    ];
    let found = |rules: &str| said(&set(rules).check_changes(&state, &changes, today()).unwrap());
    for expression in [
        "change.destructive && change.address == resource.address",
        "resource.declared == (change.verb == 'update')",
        "change.changed == [] || int(change.attributes.partitions.to) < int(change.attributes.partitions.from)",
        "!has(change.messages) || change.messages == 12 && change.bytes == 3000",
    ] {
        assert_eq!(
            found(&rule("change, topic", expression)),
            Vec::<String>::new(),
            "{expression}"
        );
        assert_eq!(found(&rule("change", &format!("!({expression})"))).len(), 2);
    }
    let verbs = "    - name: r\n      match: { kinds: [change], verbs: [delete] }\n      expression: 'false'\n      message: no\n";
    assert_eq!(found(verbs), ["error policy/team/r topic/orders/gone: no"]);
    assert_eq!(
        found(&rule("change, stream", "false")),
        Vec::<String>::new()
    );
    // Rules about resources do not look at changes, and the other way round.
    assert_eq!(found(&rule("topic", "false")), Vec::<String>::new());
    assert_eq!(declared(verbs), Vec::<String>::new());
}

#[test]
fn what_is_wrong_has_its_place_inside_the_expression() {
    // Each line of rules begins in line 6 of the file.
    for (written, at) in [
        ("      expression: resource.partitons > 3", (7, 28)),
        ("      expression: \"resource.partitons > 3\"", (7, 29)),
        ("      expression: '''ä''== resource.partitons'", (7, 37)),
        (
            "      expression: \"\\\"ä\\\"== resource.partitons\"",
            (7, 37),
        ),
        (
            "      expression: |\n        true\n          && resource.partitons > 3",
            (9, 23),
        ),
        (
            "      expression: >-\n        true &&\n\n        resource.partitons > 3",
            (10, 18),
        ),
        (
            "      expression: true &&\n        resource.partitons > 3",
            (8, 18),
        ),
    ] {
        let rules = format!("    - name: r\n{written}\n");
        let expected = format!(
            "IGC0062 {}:{} `resource` has no field `partitons` here",
            at.0, at.1
        );
        assert_eq!(wrong(&rules), [expected], "{written}");
    }
    let rules =
        "    - name: r\n      expression: |\n        true &&\n          'ä' resource.name\n";
    assert_eq!(
        wrong(rules),
        ["IGC0061 9:15 the expression cannot be read: 'resource' cannot stand here"]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let rules = r#"    - name: syntax
      expression: resource.name ==
    - name: unknown
      expression: topic.name == env('HOME') && resource.nam == ''
    - name: number
      match: { kinds: [topic] }
      expression: resource.partitions
    - name: Bad Name
      match: { kinds: [topic], verbs: [create], addresses: [orders/events] }
      expression: change.verb == 'create'
      message: one
      messageExpression: '1'
      exceptions:
        - { address: nothing, until: tomorrow, reason: '' }
    - name: syntax
      expression: 'true'
"#;
    insta::assert_snapshot!(wrong(rules).join("\n"));
}

#[test]
fn what_fails_for_a_resource_is_an_error_and_not_a_finding() {
    let state = desired(TOPOLOGY);
    let fails = |kinds: &str, expression: &str| {
        let set = set(&rule(kinds, expression));
        lines(&set.check_declared(&state, today()).unwrap_err())
    };
    assert_eq!(
        fails("topic", "resource.partitions > 3"),
        ["IGC0065 8:29 policy/team/r fails for topic/orders/audit: there is no `partitions`"]
    );
    assert_eq!(
        fails("topic", "dyn(resource.name)"),
        [
            "IGC0063 8:20 policy/team/r fails for topic/orders/audit and 1 more: it results in a string, not in true or false"
        ]
    );
    let failed = fails("topic", "seconds(resource.name) > 3");
    assert!(failed[0].starts_with("IGC0065 8:"), "{failed:?}");
}

#[test]
fn policies_and_manifests_are_kept_apart() {
    let diagnostics = read(TOPOLOGY).unwrap_err();
    assert_eq!(
        lines(&diagnostics),
        ["IGC0060 2:7 an IggyTopology among the policies is no policy"]
    );
    let text = policy(&rule("topic", "true"));
    let sources = [SourceFile::new(
        "all.yaml",
        format!("{TOPOLOGY}---\n{text}"),
    )];
    let diagnostics = compile(&sources, &Variables::default()).unwrap_err();
    assert!(
        lines(&diagnostics)[0].starts_with("IGC0060 "),
        "{diagnostics:?}"
    );
}

#[test]
fn nobody_sets_a_variable_of_a_policy() {
    let wrong = wrong("    - name: r\n      expression: ${allowed}\n");
    assert_eq!(wrong, ["IGC0011 7:19 the variable `allowed` has no value"]);
}

#[test]
fn severities_are_kept() {
    for (word, severity) in [
        ("error", Severity::Error),
        ("warn", Severity::Warning),
        ("info", Severity::Note),
    ] {
        let rules = format!("{}      severity: {word}\n", rule("stream", "false"));
        let findings = set(&rules)
            .check_declared(&desired(TOPOLOGY), today())
            .unwrap();
        assert_eq!(findings.findings[0].severity, severity);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever somebody writes is read or refused, with a place inside the file.
    #[test]
    fn no_expression_ends_the_program(expression in ".{0,40}") {
        let rules = rule("topic", &expression);
        if let Ok(set) = read(&policy(&rules)) {
            let _ = set.check_declared(&desired(TOPOLOGY), today());
        }
    }

    /// The same with what looks more like an expression.
    #[test]
    fn no_likely_expression_ends_the_program(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "resource", ".", "name", "partitions", "(", ")", "[", "]", "{", "}", "'a'", "1",
                "-", "+", "&&", "||", "!", "==", "<", "?", ":", ",", "has", "all", "exists", "map",
                "x", "true", "seconds", "bytesOf", "optional", "of", "none", "orValue", "`", "b'a'",
                "1u", "2.5", "9223372036854775807", "in", "size", "matches", "split", "type", "\\", "\n", "é",
            ]),
            0..14,
        )
    ) {
        let rules = rule("topic", &parts.concat());
        if let Ok(set) = read(&policy(&rules)) {
            let _ = set.check_declared(&desired(TOPOLOGY), today());
        }
    }
}
