use super::*;
use crate::check::check;
use crate::diff::diff;
use crate::plan::{Approvals, plan};
use crate::quantity::MessageExpiry;
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;
use crate::testing::{declare_topic, there_topic};

fn origin(line: u32, column: u32) -> Origin {
    Origin {
        file: "./a,b/100%.yaml".into(),
        line,
        column,
    }
}

#[test]
fn blocked_lines_and_findings_are_at_their_declaration() {
    let mut desired = DesiredState::default();
    let mut observed = ObservedState::default();
    let returns = declare_topic(&mut desired, "orders", "returns");
    returns.partitions = Some(2);
    returns.origin = origin(12, 9);
    let live = there_topic(&mut observed, "orders", "returns");
    live.partitions = 8;
    live.messages = 17;
    let events = declare_topic(&mut desired, "orders", "events");
    events.settings.message_expiry = Some(MessageExpiry::from_micros(86_400_000_000));
    events.origin = origin(8, 9);
    let live = there_topic(&mut observed, "orders", "events");
    live.messages = 1;
    live.settings.message_expiry = Some(MessageExpiry::NEVER);

    let changes = diff(&desired, &observed);
    let findings = check(&changes, &desired, &observed);
    let plan = plan(&changes, &Approvals::default()).located(&desired);
    let report = PlanReport::new(&plan, &changes, &findings);
    let text = annotations_text(report.annotations(|address| desired.origin(address)));
    insta::assert_snapshot!(text);
}

#[test]
fn a_command_ends_where_it_is_meant_to() {
    let annotation = Annotation {
        level: AnnotationLevel::Error,
        origin: Some(origin(1, 2)),
        title: "a: b, c%".to_owned(),
        message: "50% of a,b:c\r\n::error::x ##[error]y \u{1b}[31m".to_owned(),
    };
    assert_eq!(
        annotation.to_line(),
        "::error file=a%2Cb/100%25.yaml,line=1,col=2,title=a%3A b%2C c%25::50%25 of \
         a,b:c\\u{d}\\u{a}::error::x #\\u{23}[error]y \\u{1b}[31m\n"
    );
}

#[test]
fn what_comes_from_standard_input_is_in_no_file() {
    let mut annotation = Annotation::notice("t", "m");
    annotation.origin = Some(Origin {
        file: "-".into(),
        line: 1,
        column: 1,
    });
    assert_eq!(annotation.to_line(), "::notice title=t::m\n");
}
