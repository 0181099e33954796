//! The example programs of the Apache Iggy repository, unmodified and built outside this one,
//! against the embedded server. What they sent, and what they stored, is looked at by a client
//! of the test's own; what the consumers received is in what they print.
//!
//! And against a real one, found as for the contract (`docs/testing.md`): what is expected of
//! the embedded server is what a real one does.

#[path = "../../crates/embedded/tests/contract/server.rs"]
#[allow(dead_code, reason = "the contract uses more of it")]
mod real;

mod builder;
mod checkout;
mod headers;
mod lab;
mod observer;
mod plain;
mod python;
mod server;
mod tenants;
mod tls;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use checkout::Checkout;
use lab::Lab;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use real::RealServer;
use server::{Place, Server};

/// What a test answers; any error that can be shown is a failure.
pub(crate) type Outcome = Result<(), Failed>;

/// No single test takes longer: some programs wait ten seconds, whatever there is to do.
const DEADLINE: Duration = Duration::from_secs(120);

/// How often a test is tried whose program lost its place in a group, see
/// [`Lab::lost_membership`].
const ATTEMPTS: u32 = 3;

/// Some programs know one address only, so what they need is a matter of turns.
static FIXED_ADDRESS: Mutex<()> = Mutex::new(());

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let trials = [
        on_both(
            "rust/getting-started",
            Place::Any,
            &["getting-started-producer", "getting-started-consumer"],
            plain::getting_started,
        ),
        on_both(
            "rust/basic",
            Place::Any,
            &["basic-producer", "basic-consumer"],
            plain::basic,
        ),
        on_both(
            "rust/message-envelope",
            Place::Any,
            &["message-envelope-producer", "message-envelope-consumer"],
            plain::envelope,
        ),
        on_both(
            "rust/new-sdk",
            Place::Any,
            &["new-sdk-producer", "new-sdk-consumer"],
            plain::new_sdk,
        ),
        on_both(
            "rust/sink-data-producer",
            Place::Any,
            &["sink-data-producer"],
            plain::sink,
        ),
        on_both(
            "rust/message-headers/message-type",
            Place::Any,
            &[
                "message-headers-type-producer",
                "message-headers-type-consumer",
            ],
            headers::message_type,
        ),
        on_both(
            "rust/message-headers/typed-headers",
            Place::Any,
            &["typed-headers-producer", "typed-headers-consumer"],
            headers::typed,
        ),
        on_both(
            "rust/message-headers/message-compression",
            Place::Fixed,
            &[
                "message-headers-compression-producer",
                "message-headers-compression-consumer",
            ],
            headers::compression,
        ),
        on_both(
            "rust/multi-tenant",
            Place::Any,
            &["multi-tenant-producer", "multi-tenant-consumer"],
            tenants::multi_tenant,
        ),
        on_both(
            "rust/stream-builder/stream-basic",
            Place::Fixed,
            &["stream-basic"],
            builder::basic,
        ),
        on_both(
            "rust/stream-builder/stream-producer-and-consumer",
            Place::Fixed,
            &["stream-producer", "stream-consumer"],
            builder::pair,
        ),
        on_both(
            "rust/stream-builder/with-config",
            Place::Fixed,
            &["stream-producer-config", "stream-consumer-config"],
            builder::pair_with_config,
        ),
        on_both(
            "rust/tcp-tls",
            Place::FixedWithTls,
            &["tcp-tls-producer", "tcp-tls-consumer"],
            tls::rust,
        ),
        on_both(
            "python/getting-started",
            Place::Any,
            &["getting-started/producer.py", "getting-started/consumer.py"],
            python::getting_started,
        ),
        on_both(
            "python/getting-started-over-tls",
            Place::AnyWithTls,
            &["getting-started/producer.py", "getting-started/consumer.py"],
            python::getting_started_over_tls,
        ),
        on_both(
            "python/basic",
            Place::Any,
            &["basic/producer.py", "basic/consumer.py"],
            python::basic,
        ),
        on_both(
            "python/message-headers/plain-headers",
            Place::Any,
            &[
                "message-headers/plain-headers/producer.py",
                "message-headers/plain-headers/consumer.py",
            ],
            python::plain_headers,
        ),
        on_both(
            "python/message-headers/typed-headers",
            Place::Any,
            &[
                "message-headers/typed-headers/producer.py",
                "message-headers/typed-headers/consumer.py",
            ],
            python::typed_headers,
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test on an embedded server of its own, and on a real one where the place allows for it.
fn on_both<Test>(
    name: &'static str,
    place: Place,
    programs: &'static [&'static str],
    test: Test,
) -> Vec<Trial>
where
    Test: AsyncFn(&Lab<'_>) -> Outcome + Send + Copy + 'static,
{
    let mut trials = vec![trial(
        name.to_owned(),
        place,
        programs,
        test,
        async move || Server::embedded(place).await,
    )];
    if !place.has_tls() {
        trials.push(trial(
            format!("real/{name}"),
            place,
            programs,
            test,
            async move || match RealServer::find() {
                Ok(RealServer::Binary(program)) => Server::real(program, place).await,
                // The programs count on the ids of an empty server.
                Ok(RealServer::Address(_)) => {
                    Ok(Err("IGGYCTL_TEST_SERVER is not a program".to_owned()))
                }
                Err(reason) => Ok(Err(reason)),
            },
        ));
    }
    trials
}

/// A test that is ignored where its programs, its server or its address are not to be had.
fn trial<Test, Start>(
    name: String,
    place: Place,
    programs: &'static [&'static str],
    test: Test,
    start: Start,
) -> Trial
where
    Test: AsyncFn(&Lab<'_>) -> Outcome + Send + 'static,
    Start: AsyncFn() -> Result<Result<Server, String>, Failed> + Send + 'static,
{
    Trial::ignorable_test(name, move || {
        let Some(folder) = std::env::var_os(Checkout::VARIABLE).map(PathBuf::from) else {
            return Ok(Completion::ignored_with(format!(
                "{} is not set",
                Checkout::VARIABLE
            )));
        };
        let checkout = match Checkout::of(folder)?.with_all(programs) {
            Ok(checkout) => checkout,
            Err(missing) => return Ok(Completion::ignored_with(missing)),
        };
        // A test that failed before this one has ended its server all the same.
        let turn = place
            .is_fixed()
            .then(|| FIXED_ADDRESS.lock().unwrap_or_else(PoisonError::into_inner));
        let completion = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?
            .block_on(async {
                for attempt in 1.. {
                    let server = match start().await? {
                        Ok(server) => server,
                        Err(missing) => return Ok(Completion::ignored_with(missing)),
                    };
                    let lab = Lab::new(&checkout, server)?;
                    let outcome = tokio::time::timeout(DEADLINE, test(&lab)).await;
                    let again = lab.has_lost_membership() && attempt < ATTEMPTS;
                    let is_real = lab.is_real();
                    lab.end().await;
                    match outcome {
                        Ok(Ok(())) => break,
                        Ok(Err(_)) if again => {}
                        Ok(Err(failed)) if is_real && sends_unknown_options(&failed) => {
                            return Ok(Completion::ignored_with(
                                "the SDK sends options that this version of the server refuses",
                            ));
                        }
                        Ok(Err(failed)) => return Err(failed),
                        Err(_) => {
                            return Err(format!("not done after {} s", DEADLINE.as_secs()).into());
                        }
                    }
                }
                Ok(Completion::Completed)
            });
        drop(turn);
        completion
    })
    .with_kind("official-examples")
}

/// Whether a client of the Python SDK was refused by a server that is older than it.
fn sends_unknown_options(failed: &Failed) -> bool {
    failed
        .message()
        .is_some_and(|it| it.contains("RuntimeError: Unsupported option key"))
}
