use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;
use iggyctl_messaging::dead_letters::{DeadLetter, Letter};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Place, WhereArguments, unless_stopped};
use crate::cli::Process;
use crate::cli::messages::place::TopicPlace;
use crate::cli::messages::shape::{headers, time};
use crate::cli::output::json_line;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl dlq show orders/dead
  iggyctl dlq show orders/dead --waiting --max 100 -o json
  iggyctl dlq show orders/dead --partition 0 --from-offset 40 --max 1

The oldest come first. Nothing is stored, and nobody misses a message that was shown.")]
pub(super) struct ShowArguments {
    /// The topic of dead letters, such as orders/dead
    #[arg(value_name = "STREAM/TOPIC")]
    topic: TopicPlace,
    /// Only this partition
    #[arg(short, long, value_name = "N")]
    partition: Option<u32>,
    /// Begin with this offset in each partition
    #[arg(long, value_name = "N")]
    from_offset: Option<u64>,
    /// Only those that `iggyctl dlq replay` has not sent back yet
    #[arg(long)]
    waiting: bool,
    /// How many at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    max: u64,
    #[command(flatten)]
    place: WhereArguments,
    /// How to print them
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Output {
    /// For people; a payload is cut off after 500 characters.
    #[default]
    Text,
    /// An object in one line for each.
    Json,
}

/// What `-o json` prints of a message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LetterReport<'a> {
    partition: u32,
    offset: u64,
    /// As a text: it has up to 128 bits.
    id: String,
    timestamp: String,
    /// Absent for a message that is no dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<DeadReport<'a>>,
    /// Null when they cannot be read.
    headers: Option<Map<String, Value>>,
    /// Whether the payload is as it was sent, since it cannot be decrypted or
    /// decompressed.
    sealed: bool,
    /// Of a payload that is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    /// Of one that is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

#[derive(Serialize)]
struct DeadReport<'a> {
    stream: &'a str,
    topic: &'a str,
    partition: u32,
    offset: u64,
    error: &'a str,
    attempts: u32,
}

impl<'a> DeadReport<'a> {
    fn new(dead: &'a DeadLetter) -> Self {
        let DeadLetter {
            stream,
            topic,
            partition,
            offset,
            error,
            attempts,
        } = dead;
        Self {
            stream,
            topic,
            partition: *partition,
            offset: *offset,
            error,
            attempts: *attempts,
        }
    }
}

pub(super) async fn show(
    process: &Process,
    arguments: &ShowArguments,
) -> Result<ExitCode, CommandError> {
    arguments
        .place
        .run(process, async |place| {
            let session = place.session;
            let shown = unless_stopped(session, print(process, place, arguments)).await?;
            if shown == 0 && arguments.output == Output::Text {
                process.terminal.message("There are none.");
            }
            Ok(ExitCode::Done)
        })
        .await
}

async fn print(
    process: &Process,
    place: &Place<'_>,
    arguments: &ShowArguments,
) -> Result<u64, CommandError> {
    let failed = |error| place.session.reasons.of(&error);
    let topic = place.open_place(&arguments.topic)?;
    let mut spans = topic.spans().await.map_err(failed)?;
    if arguments.waiting {
        spans = topic.pending(&spans).await.map_err(failed)?;
    }
    let mut shown = 0;
    for (&partition, span) in &spans {
        if arguments.partition.is_some_and(|only| only != partition) {
            continue;
        }
        let mut next = span.next.max(arguments.from_offset.unwrap_or(0));
        while next < span.end && shown < arguments.max {
            let count = u32::try_from(arguments.max - shown).unwrap_or(100).min(100);
            let letters = topic.read(partition, next, count).await.map_err(failed)?;
            let Some(last) = letters.last() else {
                break;
            };
            next = last.offset + 1;
            for letter in letters.iter().filter(|it| it.offset < span.end) {
                shown += 1;
                process.output(&match arguments.output {
                    Output::Text => text(letter),
                    Output::Json => json(letter)?,
                })?;
            }
        }
    }
    Ok(shown)
}

fn json(letter: &Letter) -> Result<String, CommandError> {
    let payload = std::str::from_utf8(&letter.payload).ok();
    let report = LetterReport {
        partition: letter.partition,
        offset: letter.offset,
        id: letter.id.to_string(),
        timestamp: time(letter.timestamp),
        dead_letter: letter.dead.as_ref().map(DeadReport::new),
        headers: letter.headers.as_ref().map(headers),
        sealed: letter.is_sealed,
        payload,
        payload_base64: payload.is_none().then(|| BASE64.encode(&letter.payload)),
    };
    json_line(&report)
}

/// More than fits a screen is for programs.
const LONGEST_PAYLOAD: usize = 500;

fn text(letter: &Letter) -> String {
    let mut text = format!(
        "{}:{}  {}\n",
        letter.partition,
        letter.offset,
        time(letter.timestamp)
    );
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("  {name:<8} {}\n", escape(value)));
    };
    match &letter.dead {
        Some(DeadLetter {
            stream,
            topic,
            partition,
            offset,
            error,
            attempts,
        }) => {
            line("from", &format!("{stream}/{topic} {partition}:{offset}"));
            let times = counted(u64::from(*attempts), "attempt");
            line("error", &format!("{error} ({times})"));
        }
        None => line("from", "unknown: it is no dead letter"),
    }
    for (name, value) in letter.headers.iter().flatten() {
        let name = name.to_string_value();
        if !name.starts_with("dead-letter-") || name.ends_with("-before") {
            line("header", &format!("{name}: {}", value.to_string_value()));
        }
    }
    line("payload", &payload(letter));
    text
}

fn payload(letter: &Letter) -> String {
    let bytes = &letter.payload;
    let size = counted(bytes.len() as u64, "byte");
    let Ok(text) = std::str::from_utf8(bytes) else {
        let what = match letter.is_sealed {
            true => "encrypted or compressed",
            false => "no text",
        };
        return format!("({size}, {what})");
    };
    if text.chars().count() <= LONGEST_PAYLOAD {
        return text.to_owned();
    }
    let begin: String = text.chars().take(LONGEST_PAYLOAD).collect();
    format!("{begin}… ({size})")
}
