//! A rung of tests that needs a program of somebody else's on this machine.
//!
//! A missing rung is reported by name as ignored, with the reason, never as
//! passed: that is why these tests have a harness of their own.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use iggyctl_embedded::EmbeddedServer;
use libtest_mimic::{Completion, Failed, Trial};

/// What a test answers; any error that can be shown is a failure.
pub(crate) type Outcome = Result<(), Failed>;

/// No single test takes longer, whatever a client in another process does.
const DEADLINE: Duration = Duration::from_secs(60);

/// One kind of foreign client.
pub(crate) struct Rung {
    /// Its name in the output: `test [name] …`.
    pub(crate) name: &'static str,
    /// The environment variable that says where the program is.
    pub(crate) variable: &'static str,
}

impl Rung {
    /// One test, given the program and an embedded server of its own.
    pub(crate) fn trial<Test, Running>(&'static self, name: &'static str, test: Test) -> Trial
    where
        Test: FnOnce(PathBuf, EmbeddedServer) -> Running + Send + 'static,
        Running: Future<Output = Outcome>,
    {
        Trial::ignorable_test(name, move || {
            let Some(program) = std::env::var_os(self.variable).map(PathBuf::from) else {
                return Ok(Completion::ignored_with(format!(
                    "{} is not set",
                    self.variable
                )));
            };
            if !program.is_file() {
                return Err(format!("{}={} is no file", self.variable, program.display()).into());
            }
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let server = EmbeddedServer::builder().start().await?;
                match tokio::time::timeout(DEADLINE, test(program, server)).await {
                    Ok(outcome) => outcome.map(|()| Completion::Completed),
                    Err(_) => Err(format!("not done after {} s", DEADLINE.as_secs()).into()),
                }
            })
        })
        .with_kind(self.name)
    }
}
