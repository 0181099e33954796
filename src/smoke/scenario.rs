//! The table of scenarios.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use iggyctl_engine::connect::Transport;

use super::arena::Arena;
use super::check::Check;
use super::failure::Stop;
use super::names::RunId;
use super::scenarios::{basic, getting_started};
use super::target::{Target, transport_name};

/// One scenario.
pub(crate) struct Scenario {
    /// Its name: the sample's where it mirrors one.
    pub(crate) name: &'static str,
    /// The official sample it mirrors, as a folder of apache/iggy.
    pub(crate) sample: Option<&'static str>,
    /// What it shows, in a few words.
    pub(crate) title: &'static str,
    /// Whether it restarts the server, so that nothing else may run meanwhile.
    pub(crate) is_exclusive: bool,
    /// Runs it.
    pub(crate) run: Run,
}

/// How a scenario is run.
pub(crate) type Run = for<'a> fn(&'a Arena) -> LocalBoxFuture<'a, Result<(), Stop>>;

/// All of them, in the order of the report. `docs/smoke.md` has the same table.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "getting-started",
        sample: Some("examples/rust/src/getting-started"),
        title: "messages come back in order from the offset that is asked for",
        is_exclusive: false,
        run: |arena| Box::pin(getting_started::run(arena)),
    },
    Scenario {
        name: "basic",
        sample: Some("examples/rust/src/basic"),
        title: "a consumer goes on after the offset that the server stored for it",
        is_exclusive: false,
        run: |arena| Box::pin(basic::run(arena)),
    },
];

/// Scenarios, each over each transport, ready to be run.
pub(crate) fn checks(
    scenarios: &[&'static Scenario],
    transports: &[Transport],
    target: &Rc<Target>,
    run: &RunId,
) -> Vec<Check<'static>> {
    let mut checks = Vec::new();
    for scenario in scenarios {
        for &transport in transports {
            let arena = Arena::new(Rc::clone(target), run, scenario.name, transport);
            let arena = Rc::new(arena);
            let (working, closing) = (Rc::clone(&arena), Rc::clone(&arena));
            let Scenario {
                name,
                sample,
                title,
                is_exclusive,
                run,
            } = *scenario;
            checks.push(Check {
                name: (*name).to_owned(),
                title: (*title).to_owned(),
                sample: sample.map(str::to_owned),
                transport: transport_name(transport).to_owned(),
                is_exclusive: *is_exclusive,
                recorder: arena.recorder.clone(),
                work: Box::pin(async move { run(&working).await }),
                after: Box::pin(async move { closing.close().await }),
            });
        }
    }
    checks
}
