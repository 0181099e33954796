//! What `-v` and `RUST_LOG` show.
//!
//! The SDK and its libraries log requests, configurations and headers, and
//! nothing promises that no credential is among them. Only our own events can
//! be switched on, whatever `RUST_LOG` says.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::environment::Environment;

/// Prefix of the targets of our own events.
const OWN_TARGET: &str = "iggyctl";

/// Starts logging to standard error when it is asked for.
pub(crate) fn start(verbosity: u8, environment: &Environment, colors: bool) {
    let directives = match (verbosity, environment.get("RUST_LOG")) {
        (0, None) => return,
        (0, Some(directives)) => directives.to_owned(),
        (1, _) => "info".to_owned(),
        (2, _) => "debug".to_owned(),
        (_, _) => "trace".to_owned(),
    };
    let Ok(filter) = EnvFilter::try_new(&directives) else {
        return;
    };
    let own =
        tracing_subscriber::filter::filter_fn(|metadata| metadata.target().starts_with(OWN_TARGET));
    // A second subscriber cannot be there: this is called once, by `cli::run`.
    let _ = tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(colors),
        )
        .with(filter)
        .with(own)
        .try_init();
}
