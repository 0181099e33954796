use super::*;
use crate::access::{Right, Scope};
use crate::manifest::{SourceFile, Variables, compile};
use crate::name::ResourceName;
use crate::state::desired::DesiredState;

fn name(text: &str) -> ResourceName {
    text.parse().unwrap()
}

fn desired() -> DesiredState {
    let text = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics: [{ name: events }, { name: 'a|b' }]
  users:
    - name: producer
      permissions:
        streams:
          - name: orders
            allow: [poll_messages]
            topics:
              - { name: 'e*', preset: producer }
              - { name: 'a|b', allow: [manage_topic] }
          - name: elsewhere
            optional: true
            allow: [read_topics]
    - name: operator
      status: inactive
      permissions:
        preset: readOnly
        allow: [manage_topics]
    - name: nobody
      permissions: {}
    - name: unmanaged
";
    let source = SourceFile::new("users.yaml", text.as_bytes());
    compile(&[source], &Variables::default()).unwrap().state
}

#[test]
fn each_right_has_the_line_that_gives_it() {
    let overview = AccessOverview::of_manifests(&desired());
    let text = |user| overview.user(&name(user)).unwrap().to_text();
    insta::assert_snapshot!("producer", text("producer"));
    insta::assert_snapshot!("operator", text("operator"));
    assert!(text("nobody").contains("It may do nothing."));
    assert!(text("unmanaged").contains("Not known"));
    assert_eq!(overview.user(&name("stranger")), None);
}

#[test]
fn a_matrix_is_markdown_whatever_the_names() {
    let overview = AccessOverview::of_manifests(&desired());
    let topic = overview.topic(&name("orders"), &name("a|b"));
    insta::assert_snapshot!("topic as markdown", topic.to_markdown());
    insta::assert_snapshot!("topic as text", topic.to_text());
    let user = overview.user(&name("producer")).unwrap();
    insta::assert_snapshot!("producer as markdown", user.to_markdown());
    // Every line of a table has as many cells as its head.
    for document in [topic.to_markdown(), user.to_markdown()] {
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let mut counts = document
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(cells);
        let head = counts.next().unwrap();
        assert!(counts.all(|count| count == head), "{document}");
    }
}

#[test]
fn a_question_is_answered_from_the_words() {
    let overview = AccessOverview::of_manifests(&desired());
    let events = Scope::Topic(name("orders"), name("events"));
    let orders = Scope::Stream(name("orders"));
    let answer = |user, right, on| overview.check(&name(user), right, on).unwrap().allowed;
    assert_eq!(answer("producer", Right::SendMessages, &events), Some(true));
    // On all topics of the stream, which is more than it has.
    assert_eq!(
        answer("producer", Right::SendMessages, &orders),
        Some(false)
    );
    assert_eq!(answer("producer", Right::PollMessages, &orders), Some(true));
    assert_eq!(
        answer("operator", Right::ManageUsers, &Scope::Server),
        Some(false)
    );
    assert_eq!(answer("unmanaged", Right::PollMessages, &events), None);
    assert_eq!(
        overview.check(&name("stranger"), Right::PollMessages, &events),
        None
    );
    let elsewhere = Scope::Topic(name("elsewhere"), name("any"));
    let check = overview.check(&name("producer"), Right::PollMessages, &elsewhere);
    insta::assert_snapshot!(check.unwrap().to_text(), @r"
    yes: producer has poll_messages on elsewhere/any
      by read_topics on elsewhere, users.yaml:17
    ");
}
