//! The example programs of the Apache Iggy repository, unmodified and built outside this one,
//! against the embedded server. What they sent, and what they stored, is looked at by a client
//! of the test's own; what the consumers received is in what they print.

mod builder;
mod checkout;
mod headers;
mod lab;
mod observer;
mod plain;
mod python;
mod tenants;
mod tls;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use checkout::Checkout;
use lab::{Lab, Place};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// What a test answers; any error that can be shown is a failure.
pub(crate) type Outcome = Result<(), Failed>;

/// No single test takes longer: some programs wait ten seconds, whatever there is to do.
const DEADLINE: Duration = Duration::from_secs(120);

/// Some programs know one address only, so what they need is a matter of turns.
static FIXED_ADDRESS: Mutex<()> = Mutex::new(());

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        trial(
            "rust/getting-started",
            Place::Any,
            &["getting-started-producer", "getting-started-consumer"],
            plain::getting_started,
        ),
        trial(
            "rust/basic",
            Place::Any,
            &["basic-producer", "basic-consumer"],
            plain::basic,
        ),
        trial(
            "rust/message-envelope",
            Place::Any,
            &["message-envelope-producer", "message-envelope-consumer"],
            plain::envelope,
        ),
        trial(
            "rust/new-sdk",
            Place::Any,
            &["new-sdk-producer", "new-sdk-consumer"],
            plain::new_sdk,
        ),
        trial(
            "rust/sink-data-producer",
            Place::Any,
            &["sink-data-producer"],
            plain::sink,
        ),
        trial(
            "rust/message-headers/message-type",
            Place::Any,
            &[
                "message-headers-type-producer",
                "message-headers-type-consumer",
            ],
            headers::message_type,
        ),
        trial(
            "rust/message-headers/typed-headers",
            Place::Any,
            &["typed-headers-producer", "typed-headers-consumer"],
            headers::typed,
        ),
        trial(
            "rust/message-headers/message-compression",
            Place::Fixed,
            &[
                "message-headers-compression-producer",
                "message-headers-compression-consumer",
            ],
            headers::compression,
        ),
        trial(
            "rust/multi-tenant",
            Place::Any,
            &["multi-tenant-producer", "multi-tenant-consumer"],
            tenants::multi_tenant,
        ),
        trial(
            "rust/stream-builder/stream-basic",
            Place::Fixed,
            &["stream-basic"],
            builder::basic,
        ),
        trial(
            "rust/stream-builder/stream-producer-and-consumer",
            Place::Fixed,
            &["stream-producer", "stream-consumer"],
            builder::pair,
        ),
        trial(
            "rust/stream-builder/with-config",
            Place::Fixed,
            &["stream-producer-config", "stream-consumer-config"],
            builder::pair_with_config,
        ),
        trial(
            "rust/tcp-tls",
            Place::FixedWithTls,
            &["tcp-tls-producer", "tcp-tls-consumer"],
            tls::rust,
        ),
        trial(
            "python/getting-started",
            Place::Any,
            &["getting-started/producer.py", "getting-started/consumer.py"],
            python::getting_started,
        ),
        trial(
            "python/getting-started-over-tls",
            Place::AnyWithTls,
            &["getting-started/producer.py", "getting-started/consumer.py"],
            python::getting_started_over_tls,
        ),
        trial(
            "python/basic",
            Place::Any,
            &["basic/producer.py", "basic/consumer.py"],
            python::basic,
        ),
        trial(
            "python/message-headers/plain-headers",
            Place::Any,
            &[
                "message-headers/plain-headers/producer.py",
                "message-headers/plain-headers/consumer.py",
            ],
            python::plain_headers,
        ),
        trial(
            "python/message-headers/typed-headers",
            Place::Any,
            &[
                "message-headers/typed-headers/producer.py",
                "message-headers/typed-headers/consumer.py",
            ],
            python::typed_headers,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test of a server of its own, ignored where its programs or its address are not to be had.
fn trial<Test>(
    name: &'static str,
    place: Place,
    programs: &'static [&'static str],
    test: Test,
) -> Trial
where
    Test: AsyncFnOnce(&Lab) -> Outcome + Send + 'static,
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
                let lab = match Lab::start(checkout, place).await? {
                    Ok(lab) => lab,
                    Err(taken) => return Ok(Completion::ignored_with(taken)),
                };
                let outcome = tokio::time::timeout(DEADLINE, test(&lab)).await;
                lab.end().await;
                match outcome {
                    Ok(outcome) => outcome.map(|()| Completion::Completed),
                    Err(_) => Err(format!("not done after {} s", DEADLINE.as_secs()).into()),
                }
            });
        drop(turn);
        completion
    })
    .with_kind("official-examples")
}
