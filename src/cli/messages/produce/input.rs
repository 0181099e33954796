//! What to send: read by a thread of its own, since reading may wait for a person,
//! and a little ahead at most.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use iggyctl_messaging::producer::MAX_PAYLOAD_BYTES;
use tokio::sync::mpsc;

use crate::command_error::CommandError;
use crate::sources::STANDARD_INPUT;

/// A message to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) key: Option<Bytes>,
    pub(super) payload: Bytes,
}

/// Where messages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// One of this text.
    Text(String),
    /// One with what is in this file.
    Whole(PathBuf),
    /// One for each line of this file.
    Lines(PathBuf),
    /// So many of this size; without a number for ever.
    Generated { bytes: usize, count: Option<u64> },
}

impl Source {
    /// Whether it is standard input.
    fn is_standard_input(&self) -> bool {
        match self {
            Self::Whole(path) | Self::Lines(path) => is_standard_input(path),
            Self::Text(_) | Self::Generated { .. } => false,
        }
    }

    /// What is wrong is said before anything is sent.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        match self {
            Self::Whole(path) | Self::Lines(path) if !is_standard_input(path) => {
                let opened = File::open(path).and_then(|file| file.metadata());
                match opened {
                    Ok(found) if found.is_dir() => Err(CommandError::invalid_input(format!(
                        "--file {} is a folder",
                        path.display()
                    ))),
                    Ok(_) => Ok(()),
                    Err(error) => Err(cannot_read(path, &error)),
                }
            }
            Self::Text(text) if text.is_empty() => Err(CommandError::usage(
                "--message: a message needs a payload, and this one is empty",
            )),
            Self::Text(_) | Self::Whole(_) | Self::Lines(_) | Self::Generated { .. } => Ok(()),
        }
    }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

fn cannot_read(path: &Path, error: &io::Error) -> CommandError {
    CommandError::invalid_input(format!("cannot read {}: {error}", path.display()))
}

/// What came in.
pub(super) enum Intake {
    /// Messages, in order.
    Drafts(Vec<Draft>),
    /// A line without a payload, which no message can be of.
    EmptyLine,
}

/// Reads sources one after the other.
pub(super) struct Reader {
    /// Splits a line into key and payload.
    pub(super) key_separator: Option<String>,
}

/// As the official clients have it.
const LONGEST_KEY: usize = 255;

/// What is handed over at once: so many messages, or so many bytes.
const CHUNK_MESSAGES: usize = 500;
const CHUNK_BYTES: usize = 256 * 1024;

type Sender = mpsc::Sender<Result<Intake, CommandError>>;

/// Nobody listens any more.
struct Gone;

impl Reader {
    /// Begins to read; an error is the last thing that comes.
    pub(super) fn start(
        self,
        sources: Vec<Source>,
    ) -> mpsc::Receiver<Result<Intake, CommandError>> {
        let (sender, receiver) = mpsc::channel(2);
        // Not one of the runtime's threads: those are waited for at the end, and this
        // one may wait for a line that never comes.
        std::thread::spawn(move || {
            for source in sources {
                match self.read(source, &sender) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        // Nobody may be there to hear it.
                        let _ = sender.blocking_send(Err(error));
                        return;
                    }
                    Err(Gone) => return,
                }
            }
        });
        receiver
    }

    fn read(&self, source: Source, sender: &Sender) -> Result<Result<(), CommandError>, Gone> {
        let name = match &source {
            source if source.is_standard_input() => PathBuf::from("standard input"),
            Source::Whole(path) | Source::Lines(path) => path.clone(),
            Source::Text(_) | Source::Generated { .. } => PathBuf::new(),
        };
        match source {
            Source::Text(text) => {
                let draft = Draft {
                    key: None,
                    payload: Bytes::from(text),
                };
                give(sender, vec![draft])?;
                Ok(Ok(()))
            }
            Source::Generated { bytes, count } => {
                generate(sender, bytes, count)?;
                Ok(Ok(()))
            }
            Source::Whole(path) => {
                let read = match is_standard_input(&path) {
                    true => read_whole(io::stdin().lock()),
                    false => File::open(&path).and_then(read_whole),
                };
                let payload = match read {
                    Ok(payload) => payload,
                    Err(error) => return Ok(Err(cannot_read(&name, &error))),
                };
                if payload.is_empty() || payload.len() > MAX_PAYLOAD_BYTES {
                    let size = if payload.is_empty() {
                        "is empty"
                    } else {
                        "is too big"
                    };
                    return Ok(Err(CommandError::invalid_input(format!(
                        "{} {size}: a message has 1 to {MAX_PAYLOAD_BYTES} bytes",
                        name.display()
                    ))));
                }
                let draft = Draft { key: None, payload };
                give(sender, vec![draft])?;
                Ok(Ok(()))
            }
            Source::Lines(path) if is_standard_input(&path) => {
                self.lines(buffered(io::stdin().lock()), &name, sender)
            }
            Source::Lines(path) => match File::open(&path) {
                Ok(file) => self.lines(buffered(file), &name, sender),
                Err(error) => Ok(Err(cannot_read(&name, &error))),
            },
        }
    }

    fn lines(
        &self,
        mut input: BufReader<impl Read>,
        name: &Path,
        sender: &Sender,
    ) -> Result<Result<(), CommandError>, Gone> {
        let mut chunk = Vec::new();
        let mut bytes = 0;
        for number in 1_u64.. {
            let mut line = Vec::new();
            // One byte more than a message may have, its key, and its end.
            let key = self
                .key_separator
                .as_ref()
                .map_or(0, |it| LONGEST_KEY + it.len());
            let most = u64::try_from(MAX_PAYLOAD_BYTES + key + 2).unwrap_or(u64::MAX);
            let wrong = |reason: &str| {
                CommandError::invalid_input(format!("{}:{number}: {reason}", name.display()))
            };
            match (&mut input).take(most).read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    give(sender, chunk)?;
                    return Ok(Err(cannot_read(name, &error)));
                }
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            let draft = match self.draft(line) {
                Ok(draft) => draft,
                Err(reason) => {
                    give(sender, chunk)?;
                    return Ok(Err(wrong(&reason)));
                }
            };
            if draft.payload.len() > MAX_PAYLOAD_BYTES {
                give(sender, chunk)?;
                let reason = format!("a message has {MAX_PAYLOAD_BYTES} bytes at most");
                return Ok(Err(wrong(&reason)));
            }
            if draft.payload.is_empty() {
                send(sender, Intake::EmptyLine)?;
                continue;
            }
            bytes += draft.payload.len();
            chunk.push(draft);
            // A line that is not here yet may be long in coming.
            let is_last_at_hand = !input.buffer().contains(&b'\n');
            if chunk.len() >= CHUNK_MESSAGES || bytes >= CHUNK_BYTES || is_last_at_hand {
                give(sender, std::mem::take(&mut chunk))?;
                bytes = 0;
            }
        }
        give(sender, chunk)?;
        Ok(Ok(()))
    }

    fn draft(&self, line: Vec<u8>) -> Result<Draft, String> {
        let payload = Bytes::from(line);
        let Some(separator) = &self.key_separator else {
            return Ok(Draft { key: None, payload });
        };
        if payload.is_empty() {
            return Ok(Draft { key: None, payload });
        }
        let at = payload
            .windows(separator.len())
            .position(|window| window == separator.as_bytes())
            .ok_or("there is no --key-separator in this line")?;
        if !(1..=LONGEST_KEY).contains(&at) {
            return Err("a key has 1 to 255 bytes".to_owned());
        }
        Ok(Draft {
            key: Some(payload.slice(..at)),
            payload: payload.slice(at + separator.len()..),
        })
    }
}

fn buffered<R: Read>(input: R) -> BufReader<R> {
    BufReader::with_capacity(CHUNK_BYTES, input)
}

fn read_whole(input: impl Read) -> io::Result<Bytes> {
    let mut payload = Vec::new();
    let most = u64::try_from(MAX_PAYLOAD_BYTES + 1).unwrap_or(u64::MAX);
    input.take(most).read_to_end(&mut payload)?;
    Ok(Bytes::from(payload))
}

fn generate(sender: &Sender, bytes: usize, count: Option<u64>) -> Result<(), Gone> {
    let chunk = (CHUNK_BYTES / bytes.max(1)).clamp(1, CHUNK_MESSAGES);
    let mut numbers = 0..count.unwrap_or(u64::MAX);
    loop {
        let drafts: Vec<Draft> = numbers
            .by_ref()
            .take(chunk)
            .map(|number| Draft {
                key: None,
                payload: generated(number, bytes),
            })
            .collect();
        if drafts.is_empty() {
            return Ok(());
        }
        give(sender, drafts)?;
    }
}

/// The number of the message in 20 digits, then letters over and over; a shorter
/// message has the last digits. The same each time, so that a reader can tell what is
/// missing.
fn generated(number: u64, bytes: usize) -> Bytes {
    let digits = format!("{number:020}");
    let shown = &digits.as_bytes()[digits.len().saturating_sub(bytes)..];
    let letters = (b'a'..=b'z').cycle();
    shown.iter().copied().chain(letters).take(bytes).collect()
}

fn give(sender: &Sender, drafts: Vec<Draft>) -> Result<(), Gone> {
    if drafts.is_empty() {
        return Ok(());
    }
    send(sender, Intake::Drafts(drafts))
}

fn send(sender: &Sender, intake: Intake) -> Result<(), Gone> {
    sender.blocking_send(Ok(intake)).map_err(|_| Gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_messages_are_numbered_and_have_their_size() {
        assert_eq!(generated(7, 24), "00000000000000000007abcd");
        assert_eq!(generated(12, 1), "2");
        assert_eq!(generated(12, 3), "012");
        assert_eq!(generated(0, 1000).len(), 1000);
    }

    #[test]
    fn a_line_that_is_too_long_is_not_cut_off() {
        for (key, payload, fits) in [
            ("k", MAX_PAYLOAD_BYTES, true),
            ("k", MAX_PAYLOAD_BYTES + 1, false),
            ("k", MAX_PAYLOAD_BYTES + 1000, false),
            (&"k".repeat(255), MAX_PAYLOAD_BYTES, true),
            (&"k".repeat(255), MAX_PAYLOAD_BYTES + 1, false),
        ] {
            let reader = Reader {
                key_separator: Some(":".to_owned()),
            };
            let line = [key.as_bytes(), b":", &vec![b'x'; payload], b"\n"].concat();
            let (sender, mut receiver) = mpsc::channel(4);
            let read = reader.lines(BufReader::new(line.as_slice()), Path::new("f"), &sender);
            assert_eq!(matches!(read, Ok(Ok(()))), fits, "{payload}");
            drop(sender);
            let sent = match receiver.blocking_recv() {
                Some(Ok(Intake::Drafts(drafts))) => drafts[0].payload.len(),
                _ => 0,
            };
            assert_eq!(sent, if fits { payload } else { 0 });
        }
    }

    #[test]
    fn a_line_is_split_at_its_first_separator() {
        let reader = Reader {
            key_separator: Some("::".to_owned()),
        };
        let draft = |line: &str| reader.draft(line.as_bytes().to_vec());
        let split = draft("BTC::1::2").unwrap();
        assert_eq!(split.key.as_deref(), Some(&b"BTC"[..]));
        assert_eq!(split.payload, "1::2");
        assert!(draft("BTC 1").is_err());
        assert!(draft("::1").is_err());
        assert!(draft(&format!("{}::1", "k".repeat(256))).is_err());
    }
}
