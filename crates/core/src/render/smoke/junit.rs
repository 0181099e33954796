//! The report for CI systems: JUnit's XML.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::text::duration;
use super::{ScenarioOutcome, ScenarioReport, SmokeReport};
use crate::render::escape::escape;

impl SmokeReport {
    /// As JUnit's XML: one suite, in which a scenario is a test case of the class
    /// `iggyctl.smoke.TRANSPORT`. Without times of day, so that two good runs differ in
    /// nothing but durations. A run of which nothing failed and that is not good either, such
    /// as one that was interrupted, has an error of its own. Notes, and what was left behind, are the output of the suite.
    ///
    /// # Errors
    /// Never in practice.
    pub fn to_junit(&self) -> Result<String, SerializeError> {
        let mut suite = TestSuite::new(format!("smoke test of {}", escape(&self.server.name)));
        suite.set_time(length(self.duration_milliseconds));
        if let Some(version) = &self.server.version {
            suite.add_property(("server.version", escape(version).as_ref()));
        }
        for scenario in &self.scenarios {
            suite.add_test_case(case(scenario));
        }
        if let Some(doubt) = self.verdict().doubt() {
            // Skipped ones alone look like success to those who read it.
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(doubt);
            let mut whole = TestCase::new("the whole run", status);
            whole.set_classname("iggyctl.smoke");
            suite.add_test_case(whole);
        }
        let notes = self
            .notes
            .iter()
            .map(|note| format!("note: {}", escape(note)));
        let left = self.left_behind.iter();
        let left = left.map(|left| format!("left behind: {}", escape(left)));
        let remarks: Vec<String> = notes.chain(left).collect();
        if !remarks.is_empty() {
            suite.set_system_out(remarks.join("\n"));
        }
        let mut report = Report::new("iggyctl smoke");
        report.set_time(length(self.duration_milliseconds));
        report.add_test_suite(suite);
        report.to_string()
    }
}

fn case(scenario: &ScenarioReport) -> TestCase {
    let status = match &scenario.outcome {
        ScenarioOutcome::Passed => TestCaseStatus::success(),
        ScenarioOutcome::Failed {
            step,
            expected,
            found,
        } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status
                .set_message(escape(step).into_owned())
                .set_description(format!(
                    "expected: {}\nfound: {}",
                    escape(expected),
                    escape(found)
                ));
            status
        }
        ScenarioOutcome::TimedOut { limit_milliseconds } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(format!(
                "did not end within {}",
                duration(*limit_milliseconds)
            ));
            status
        }
        ScenarioOutcome::Skipped { reason } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(escape(reason).into_owned());
            status
        }
    };
    let mut case = TestCase::new(escape(&scenario.name).into_owned(), status);
    case.set_classname(format!("iggyctl.smoke.{}", escape(&scenario.transport)));
    case.set_time(length(scenario.duration_milliseconds));
    case
}

fn length(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or_default()
}
