//! What `-v` and `RUST_LOG` show.
//!
//! The SDK and its libraries log requests, configurations and headers, and
//! nothing promises that no credential is among them. Only our own events can
//! be switched on, whatever `RUST_LOG` says.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::command_error::CommandError;
use crate::environment::Environment;

/// Prefix of the targets of our own events.
const OWN_TARGET: &str = "iggyctl";

/// What can be said in one word.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Starts logging to standard error when it is asked for.
///
/// # Errors
/// A `RUST_LOG` that cannot be read, or that is one word which is no level.
pub(crate) fn start(
    verbosity: u8,
    environment: &Environment,
    colors: bool,
) -> Result<(), CommandError> {
    let directives = match (verbosity, environment.get("RUST_LOG")) {
        (0, None) => return Ok(()),
        (0, Some(directives)) => {
            if is_mistaken_level(directives) {
                return Err(not_understood(directives));
            }
            directives.to_owned()
        }
        (1, _) => "info".to_owned(),
        (2, _) => "debug".to_owned(),
        (_, _) => "trace".to_owned(),
    };
    let filter = EnvFilter::try_new(&directives).map_err(|_| not_understood(&directives))?;
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
    Ok(())
}

/// Whether this is one word that can only have been meant as a level. The
/// filter takes it for the name of a library and then shows nothing.
fn is_mistaken_level(directives: &str) -> bool {
    let word = directives.trim();
    let is_word = word.chars().all(|letter| letter.is_ascii_alphanumeric());
    is_word && word.parse::<LevelFilter>().is_err() && !word.starts_with(OWN_TARGET)
}

fn not_understood(directives: &str) -> CommandError {
    CommandError::usage(format!(
        "RUST_LOG is `{directives}`, which is neither a level nor a list of targets with levels"
    ))
    .hint(format!(
        "expected a level ({}), or targets with levels such as {OWN_TARGET}=debug",
        LEVELS.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_a_level() {
        for fine in [
            "info",
            "TRACE",
            "off",
            "iggyctl",
            "iggyctl_engine",
            "hyper=info",
        ] {
            assert!(!is_mistaken_level(fine), "{fine}");
        }
        for mistaken in ["inof", "verbose", "yes"] {
            assert!(is_mistaken_level(mistaken), "{mistaken}");
        }
        for level in LEVELS {
            assert!(level.parse::<LevelFilter>().is_ok(), "{level}");
        }
    }
}
