use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::address::Address;
use crate::check::check;
use crate::diff::diff;
use crate::manifest::{SourceFile, Variables, compile};
use crate::plan::{Approvals, Plan, plan};
use crate::render::{ApplyCounts, ApplyReport, PlanReport, StepReport, StepStatus, Verification};
use crate::state::desired::DesiredState;
use crate::state::observed::{ObservationGap, ObservedState};
use crate::testing::{
    apply_plan, declare_group, declare_stream, declare_topic, desired_state, observed_state,
    there_group, there_stream, there_topic, with_tokens, with_users, without_obstacles,
};

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn addresses(texts: &[&str]) -> BTreeSet<Address> {
    texts.iter().map(|text| address(text)).collect()
}

fn identity() -> LedgerIdentity {
    "1767225600000000-3".parse().unwrap()
}

fn place() -> DocumentPlace {
    DocumentPlace {
        parts: vec![4, 7],
        bytes: 12,
        sha256: "ab".to_owned(),
    }
}

fn begun() -> Begun {
    Begun {
        run: "0190".to_owned(),
        project: Some("orders".to_owned()),
        author: Author {
            login: Some("iggy".to_owned()),
            machine: Some("anna@laptop".to_owned()),
            ..Author::default()
        },
        commit: Some("c0ffee".to_owned()),
        product: "0.1.0".to_owned(),
        command: LedgeredCommand::ApplyPlan,
        server: "iggy://127.0.0.1:8090".to_owned(),
        ledger: identity(),
        manifests: "ab".to_owned(),
        steps: 3,
        document: place(),
    }
}

fn ended() -> Ended {
    Ended {
        run: "0190".to_owned(),
        revision: Revision::at(41),
        outcome: Outcome::Partial,
        counts: ApplyCounts {
            applied: 1,
            failed: 2,
            ..ApplyCounts::default()
        },
        omitted: Omitted {
            blocked: 1,
            left_out: 0,
        },
        document: place(),
    }
}

fn planned(desired: &DesiredState, observed: &ObservedState) -> (Plan, PlanReport) {
    let changes = diff(desired, observed);
    let findings = check(&changes, desired, observed);
    let plan = plan(&changes, &Approvals::default()).located(desired);
    let report = PlanReport::new(&plan, &changes, &findings);
    (plan, report)
}

fn reports(plan: &Plan, status: StepStatus) -> Vec<StepReport> {
    let steps = plan.steps.iter().map(|step| StepReport {
        id: step.id,
        address: step.address.clone(),
        action: step.action.to_string(),
        status,
        reason: None,
    });
    steps.collect()
}

#[test]
fn entries_are_read_back_as_they_were() {
    for entry in [Entry::Begun(Box::new(begun())), Entry::Ended(ended())] {
        let bytes = entry.to_bytes().unwrap();
        assert!(bytes.starts_with(b"{\"formatVersion\":1,\"kind\":"));
        assert_eq!(Entry::from_bytes(&bytes), Ok(entry));
    }
}

#[test]
fn a_later_form_is_refused_whatever_else_it_has() {
    for text in [
        r#"{"formatVersion":2,"kind":"begun"}"#,
        r#"{"somethingNew":[1],"formatVersion":2}"#,
    ] {
        let newer = Err(LedgerError::Newer { found: 2 });
        assert_eq!(Entry::from_bytes(text.as_bytes()), newer);
        let read = BegunDocument::from_bytes(text.as_bytes());
        assert_eq!(read.unwrap_err(), LedgerError::Newer { found: 2 });
    }
    let never = Entry::from_bytes(br#"{"formatVersion":0}"#);
    assert_eq!(never, Err(LedgerError::NoSuchForm { found: 0 }));
}

#[test]
fn fields_of_later_versions_of_the_same_form_are_skipped() {
    let bytes = Entry::Ended(ended()).to_bytes().unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    value["later"] = serde_json::json!({ "a": [1] });
    let bytes = serde_json::to_vec(&value).unwrap();
    assert_eq!(Entry::from_bytes(&bytes), Ok(Entry::Ended(ended())));
}

#[test]
fn a_revision_is_one_more_than_its_offset() {
    assert_eq!(Revision::at(0).to_string(), "1");
    assert_eq!(Revision::at(41).offset(), 41);
    assert!("0".parse::<Revision>().is_err());
    assert_eq!("42".parse(), Ok(Revision::at(41)));
    assert_eq!(Revision::at(u64::MAX), Revision::at(u64::MAX - 1));
}

#[test]
fn an_identity_is_time_and_id() {
    assert_eq!(identity().to_string(), "1767225600000000-3");
    for text in ["", "3", "-", "1-", "-1", "+1-1", "1-1-1", "1-4294967296"] {
        assert!(text.parse::<LedgerIdentity>().is_err(), "{text}");
    }
}

#[test]
fn manifests_are_kept_with_variables_substituted_and_without_secrets() {
    let sources = [
        SourceFile::new(
            "a.yaml",
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: orders }\nspec:\n  \
             streams: [{ name: 'orders-${stage}', topics: [{ name: events }] }]\n  users: [{ name: anna, password: { env: ANNA } }]\n",
        ),
        SourceFile::new("empty.yaml", "# nothing yet\n"),
    ];
    let mut variables = Variables::default();
    variables.set("stage", "dev", crate::manifest::Provenance::CommandLine);
    let manifests = applied_manifests(&sources, &variables).unwrap();
    assert_eq!(manifests.len(), 1);
    assert_eq!(manifests[0].file, "a.yaml");
    assert!(manifests[0].text.contains("orders-dev"));
    let state = AppliedState {
        manifests,
        ..AppliedState::default()
    };
    let declared = state.compile().unwrap();
    let now = compile(&sources, &variables).unwrap().state;
    assert_eq!(declared.project.as_deref(), Some("orders"));
    assert!(declared.declares(&address("topic/orders-dev/events")));
    assert!(diff(&declared, &ObservedState::default()) == diff(&now, &ObservedState::default()));
    assert_eq!(
        AppliedState::default().compile(),
        Ok(DesiredState::default())
    );
}

#[test]
fn what_a_later_version_refuses_is_an_error_and_no_panic() {
    let state = AppliedState {
        manifests: vec![AppliedManifest {
            file: "a.yaml".to_owned(),
            text: "kind: [".to_owned(),
        }],
        ..AppliedState::default()
    };
    assert!(state.compile().is_err());
}

#[test]
fn without_an_end_what_the_steps_speak_of_is_unsettled() {
    let mut desired = DesiredState::default();
    declare_topic(&mut desired, "orders", "events").partitions = Some(3);
    declare_group(&mut desired, "orders", "events", "billing");
    declare_topic(&mut desired, "orders", "audit");
    declare_stream(&mut desired, "orders");
    let mut observed = ObservedState::default();
    there_topic(&mut observed, "orders", "audit");
    let (_, report) = planned(&desired, &observed);
    let begun = BegunDocument::new(Vec::new(), report, &desired, &observed, None);
    let applied = AppliedState::of(begun, None);
    assert_eq!(
        applied.unsettled,
        addresses(&["topic/orders/events", "group/orders/events/billing"])
    );
    let known: Vec<_> = applied.incarnations.keys().cloned().collect();
    assert_eq!(
        known,
        [address("stream/orders"), address("topic/orders/audit")]
    );
}

/// A topic with too few days, another one with too many partitions, and a third to be made.
fn half_done() -> (DesiredState, ObservedState) {
    let mut desired = DesiredState::default();
    let events = declare_topic(&mut desired, "orders", "events");
    events.settings.message_expiry = Some("7d".parse().unwrap());
    declare_topic(&mut desired, "orders", "audit").partitions = Some(1);
    declare_topic(&mut desired, "orders", "late");
    declare_stream(&mut desired, "orders");
    let mut observed = ObservedState::default();
    let events = there_topic(&mut observed, "orders", "events");
    events.settings.message_expiry = Some("1d".parse().unwrap());
    there_topic(&mut observed, "orders", "audit").partitions = 3;
    (desired, observed)
}

/// What is known after an apply of which each step ended so, and what was read then.
fn after_apply(
    status: StepStatus,
    previous: Option<&AppliedState>,
    read: impl FnOnce(&DesiredState, &ObservedState) -> Option<ObservedState>,
) -> AppliedState {
    let (desired, observed) = half_done();
    let (plan, report) = planned(&desired, &observed);
    assert_eq!(plan.blocked.len(), 1);
    let manifests = Vec::new();
    let begun = BegunDocument::new(manifests, report, &desired, &observed, previous);
    let steps = reports(&plan, status);
    let ended = ApplyReport::new(steps, plan.blocked.clone(), Verification::Skipped);
    let read = read(&desired, &observed);
    let revision = Revision::at(0);
    let document = EndedDocument::new(revision, &begun, &ended, &desired, read.as_ref());
    AppliedState::of(begun, Some(document))
}

fn left(state: &AppliedState) -> Vec<String> {
    let Left { absent, attributes } = &state.left;
    let attributes = attributes.iter().flat_map(|(address, attributes)| {
        attributes.iter().map(move |(name, left)| {
            let expected = left.expected().unwrap_or("?");
            format!("{address} {name}: {expected}, not {}", left.declared)
        })
    });
    let absent = absent.iter().map(|address| format!("{address} absent"));
    absent.chain(attributes).collect()
}

#[test]
fn what_was_not_attempted_or_refused_or_blocked_is_as_it_was() {
    for status in [StepStatus::NotAttempted, StepStatus::Failed] {
        let state = after_apply(status, None, |_, observed| Some(observed.clone()));
        assert_eq!(state.unsettled, BTreeSet::new(), "{status:?}");
        assert_eq!(
            left(&state),
            [
                "topic/orders/late absent",
                "topic/orders/audit partitions: 3, not 1",
                "topic/orders/events messageExpiry: 1d, not 7d",
            ],
            "{status:?}"
        );
    }
}

#[test]
fn of_a_step_with_an_unknown_outcome_nobody_knows_what_it_is_about_and_nothing_else() {
    let may_come_late = |_: &_, observed: &ObservedState| Some(observed.clone());
    for state in [
        after_apply(StepStatus::Unknown, None, may_come_late),
        after_apply(StepStatus::Unknown, None, |_, _| None),
    ] {
        assert_eq!(state.unsettled, addresses(&["topic/orders/late"]));
        assert_eq!(
            left(&state),
            [
                "topic/orders/audit partitions: 3, not 1",
                "topic/orders/events messageExpiry: ?, not 7d",
            ]
        );
    }
}

#[test]
fn what_is_done_is_as_declared_also_where_nobody_read_it_afterwards() {
    let done = |desired: &DesiredState, observed: &ObservedState| {
        let mut after = observed.clone();
        let (plan, _) = planned(desired, observed);
        apply_plan(&plan, &mut after).unwrap();
        Some(after)
    };
    for state in [
        after_apply(StepStatus::Applied, None, done),
        after_apply(StepStatus::Applied, None, |_, _| None),
    ] {
        assert_eq!(state.unsettled, BTreeSet::new());
        assert_eq!(left(&state), ["topic/orders/audit partitions: 3, not 1"]);
    }
}

#[test]
fn what_changes_while_an_apply_runs_is_not_what_it_left() {
    let meanwhile = |_: &_, observed: &ObservedState| {
        let mut after = observed.clone();
        there_topic(&mut after, "orders", "audit").partitions = 9;
        Some(after)
    };
    let state = after_apply(StepStatus::NotAttempted, None, meanwhile);
    assert!(left(&state).contains(&"topic/orders/audit partitions: 3, not 1".to_owned()));
}

#[test]
fn what_cannot_be_read_is_unsettled() {
    let refused = |_: &_, observed: &ObservedState| {
        let mut after = observed.clone();
        after.streams.clear();
        after.gaps.push(ObservationGap {
            address: address("stream/orders"),
            reason: "the login may not do this".to_owned(),
        });
        Some(after)
    };
    let state = after_apply(StepStatus::NotAttempted, None, refused);
    let all = [
        "stream/orders",
        "topic/orders/audit",
        "topic/orders/events",
        "topic/orders/late",
    ];
    assert_eq!(state.unsettled, addresses(&all));
}

#[test]
fn what_may_have_been_deleted_is_unsettled() {
    let mut owned = DesiredState::default();
    declare_stream(&mut owned, "orders");
    let mut observed = ObservedState::default();
    there_stream(&mut observed, "orders");
    let desired = owned.emptied();
    let approvals = Approvals {
        prune: true,
        ..Approvals::default()
    };
    let changes = diff(&desired, &observed);
    let plan = plan(&changes, &approvals);
    let findings = check(&changes, &desired, &observed);
    let report = PlanReport::new(&plan, &changes, &findings);
    let begun = BegunDocument::new(Vec::new(), report, &desired, &observed, None);
    assert_eq!(
        AppliedState::of(begun, None).unsettled,
        addresses(&["stream/orders"])
    );
}

#[test]
fn what_is_removed_is_remembered_until_it_is_declared_again() {
    let mut desired = DesiredState::default();
    let renamed = declare_topic(&mut desired, "orders", "events");
    renamed.previous_name = Some(crate::testing::name("former"));
    let mut observed = ObservedState::default();
    there_topic(&mut observed, "orders", "former");
    let (plan, report) = planned(&desired, &observed);
    let begun = BegunDocument::new(Vec::new(), report.clone(), &desired, &observed, None);
    let steps = reports(&plan, StepStatus::Applied);
    let ended = ApplyReport::new(steps, Vec::new(), Verification::Converged);
    let document = EndedDocument::new(Revision::at(4), &begun, &ended, &desired, None);
    let first = AppliedState::of(begun, Some(document));
    let former = address("topic/orders/former");
    assert_eq!(first.removed[&former].revision, Revision::at(4));
    // Another apply that does not declare it.
    let mut after = ObservedState::default();
    there_topic(&mut after, "orders", "events");
    let begun = BegunDocument::new(Vec::new(), report.clone(), &desired, &after, Some(&first));
    assert_eq!(AppliedState::of(begun, None).removed, first.removed);
    // One that finds it there again, and leaves it alone.
    let begun = BegunDocument::new(Vec::new(), report, &desired, &observed, Some(&first));
    assert_eq!(begun.removed, BTreeMap::new());
    declare_topic(&mut desired, "orders", "former");
    let (_, report) = planned(&desired, &observed);
    let begun = BegunDocument::new(Vec::new(), report, &desired, &observed, Some(&first));
    assert_eq!(begun.removed, BTreeMap::new());
}

/// What a record says was not taken over, of an apply that was asked for these alone, or of a
/// destroy.
fn passed_over(
    only: &[&str],
    destroys: bool,
    previous: Option<&AppliedState>,
) -> (AppliedState, BTreeSet<Address>) {
    let text = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: shop }\n\
                spec: { streams: [{ name: orders, topics: [{ name: audit }, { name: events }] }] }\n";
    let manifest = AppliedManifest {
        file: "topology.yaml".to_owned(),
        text: text.to_owned(),
    };
    let state = AppliedState {
        manifests: vec![manifest],
        ..AppliedState::default()
    };
    let (desired, mut observed) = (state.compile().unwrap(), ObservedState::default());
    there_topic(&mut observed, "orders", "audit");
    there_topic(&mut observed, "orders", "events");
    let (_, mut report) = planned(&desired, &observed);
    report.only = only.iter().map(|text| address(text)).collect();
    report.approvals.destroy = destroys;
    let begun = BegunDocument::new(state.manifests, report, &desired, &observed, previous);
    let read = BegunDocument::from_bytes(&begun.to_bytes().unwrap()).unwrap();
    assert_eq!(read, begun);
    let applied = AppliedState::of(begun, None);
    let removed = BTreeSet::new();
    let expected = applied.expected(&desired, &removed, 0);
    let again = crate::drift::adopted(&desired, Some(&expected), &observed);
    (applied, again)
}

#[test]
fn what_only_leaves_out_is_not_taken_over() {
    let none = BTreeSet::new();
    let all = addresses(&["stream/orders", "topic/orders/audit", "topic/orders/events"]);
    let (first, again) = passed_over(&["topic/orders/events"], false, None);
    let others = addresses(&["stream/orders", "topic/orders/audit"]);
    assert_eq!((&first.passed_over, &again), (&others, &others));
    // Another one of these does not forget the rest, nor what was taken over.
    let (second, again) = passed_over(&["topic/orders/audit"], false, Some(&first));
    let stream = addresses(&["stream/orders"]);
    assert_eq!((&second.passed_over, &again), (&stream, &stream));
    let (third, again) = passed_over(&[], false, Some(&second));
    assert_eq!((&third.passed_over, &again), (&none, &none));
    let (_, again) = passed_over(&["topic/orders/audit"], false, Some(&third));
    assert_eq!(again, none);
    // What is to be removed is not taken over either, and stays what it was.
    assert_eq!(passed_over(&[], true, None).1, all);
    assert_eq!(passed_over(&[], true, Some(&third)).1, none);
}

#[test]
fn a_record_of_an_earlier_version_passes_nothing_over() {
    let (state, _) = passed_over(&[], false, None);
    let (desired, observed) = (DesiredState::default(), ObservedState::default());
    let (_, report) = planned(&desired, &observed);
    let begun = BegunDocument::new(state.manifests, report, &desired, &observed, None);
    let text = String::from_utf8(begun.to_bytes().unwrap()).unwrap();
    // As before there was such a thing.
    assert!(
        !text.contains("passedOver") && !text.contains("adopted"),
        "{text}"
    );
    assert_eq!(BegunDocument::from_bytes(text.as_bytes()), Ok(begun));
}

#[test]
fn a_thing_made_again_has_another_incarnation() {
    let mut desired = DesiredState::default();
    declare_group(&mut desired, "orders", "events", "billing");
    declare_stream(&mut desired, "orders");
    let mut observed = ObservedState::default();
    there_group(&mut observed, "orders", "events", "billing");
    let before = Settled::of(&desired, &observed, None);
    there_stream(&mut observed, "orders").created_at_micros += 1;
    let after = Settled::of(&desired, &observed, None);
    let stream = address("stream/orders");
    assert_ne!(before.incarnations[&stream], after.incarnations[&stream]);
    assert!(
        before
            .incarnations
            .contains_key(&address("group/orders/events/billing"))
    );
    assert_eq!(before.unsettled, BTreeSet::new());
}

fn states() -> impl Strategy<Value = (DesiredState, ObservedState)> {
    let states = (desired_state(), observed_state()).prop_map(|(desired, observed)| {
        let desired = without_obstacles(desired, &observed);
        (desired, observed)
    });
    with_tokens(with_users(states))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn documents_are_read_back_as_they_were((desired, observed) in states()) {
        let (plan, report) = planned(&desired, &observed);
        let begun = BegunDocument::new(Vec::new(), report, &desired, &observed, None);
        let bytes = begun.to_bytes().unwrap();
        // The public form of a step does not say where its secret is declared.
        let read = BegunDocument::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.to_bytes().unwrap(), bytes);
        prop_assert_eq!(&read.before, &begun.before);
        let steps = reports(&plan, StepStatus::Failed);
        let report = ApplyReport::new(steps, plan.blocked.clone(), Verification::Skipped);
        let ended = EndedDocument::new(Revision::at(0), &begun, &report, &desired, None);
        let read = EndedDocument::from_bytes(&ended.to_bytes().unwrap());
        prop_assert_eq!(read, Ok(ended));
    }

    #[test]
    fn after_a_whole_apply_only_what_cannot_be_told_is_unsettled(
        (desired, observed) in states(),
    ) {
        let (plan, report) = planned(&desired, &observed);
        let begun = BegunDocument::new(Vec::new(), report, &desired, &observed, None);
        let mut after = observed.clone();
        prop_assume!(apply_plan(&plan, &mut after).is_ok());
        let steps = reports(&plan, StepStatus::Applied);
        let report = ApplyReport::new(steps, plan.blocked.clone(), Verification::Skipped);
        let ended = EndedDocument::new(Revision::at(0), &begun, &report, &desired, Some(&after));
        let applied = AppliedState::of(begun, Some(ended));
        prop_assert_eq!(applied.unsettled, BTreeSet::new());
        for (address, incarnation) in Settled::of(&desired, &after, None).incarnations {
            prop_assert_eq!(applied.incarnations.get(&address), Some(&incarnation));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, text in "\\{\"formatVersion\":1,\"kind\":\"(begun|ended)\"[ -~]{0,40}\\}") {
        let _ = Entry::from_bytes(&bytes);
        let _ = BegunDocument::from_bytes(&bytes);
        let _ = EndedDocument::from_bytes(&bytes);
        prop_assert!(Entry::from_bytes(text.as_bytes()).is_err());
    }
}

mod reports {
    use super::*;

    fn line(first: Result<&Begun, &str>, ending: Option<(&Ended, u64)>) -> HistoryLine {
        HistoryLine::new(Revision::at(41), 1_767_225_600_000_000, first, ending)
    }

    fn hostile() -> Begun {
        Begun {
            project: Some("shop|<b>\u{1b}[31m@everyone".to_owned()),
            commit: Some("\u{202e}c0ffee".to_owned()),
            ..begun()
        }
    }

    #[test]
    fn a_history_is_a_table() {
        let (begun, ended) = (begun(), ended());
        let lines = vec![
            line(Ok(&hostile()), None),
            line(Ok(&begun), Some((&ended, 1_767_225_601_500_000))),
            line(Err("this is not a record of \u{7}"), None),
        ];
        let report = HistoryReport::new(Some(identity()), lines);
        insta::assert_snapshot!("history_as_text", report.to_text());
        insta::assert_snapshot!("history_as_markdown", report.to_markdown());
        let none = HistoryReport::new(None, Vec::new()).to_text();
        assert!(none.contains("has no ledger"));
    }

    #[test]
    fn one_apply_is_its_heading_its_plan_and_its_end() {
        let mut desired = DesiredState::default();
        declare_topic(&mut desired, "orders", "events").partitions = Some(3);
        declare_stream(&mut desired, "orders");
        let observed = ObservedState::default();
        let (plan, report) = planned(&desired, &observed);
        let document = BegunDocument::new(Vec::new(), report, &desired, &observed, None);
        let begun = begun();
        let running = RevisionReport::new(line(Ok(&begun), None), document.clone(), None);
        assert!(
            running
                .to_text(crate::render::TextOptions::default())
                .contains("It never said how")
        );
        let steps = reports(&plan, StepStatus::Applied);
        let apply = ApplyReport::new(steps, Vec::new(), Verification::Converged);
        let end = EndedDocument::new(Revision::at(41), &document, &apply, &desired, None);
        let ended = ended();
        let record = line(Ok(&begun), Some((&ended, 1_767_225_601_500_000)));
        let whole = RevisionReport::new(record, document, Some(end));
        assert_eq!(whole.apply().unwrap(), apply);
        insta::assert_snapshot!(
            "one_apply_as_text",
            whole.to_text(crate::render::TextOptions::default())
        );
        assert!(whole.to_markdown().contains("- Who: `anna@laptop as iggy`"));
    }
}
