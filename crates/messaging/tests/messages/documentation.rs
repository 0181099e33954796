//! `docs/messaging.md` says what the code does.

use std::collections::BTreeMap;
use std::path::Path;

use iggy::prelude::IggyError;
use iggyctl_messaging::{Reaction, classify, words};

const BEGIN: &str = "<!-- begin reactions";
const END: &str = "<!-- end reactions -->";

fn what(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Accept => "it was done; only the confirmation is missing",
        Reaction::Retry => "the same again after a pause",
        Reaction::Reconnect => "a new connection, then the same again",
        Reaction::DeadLetter => "this message never gets through: it fails, and others go on",
        Reaction::Stop => "repeating changes nothing: it fails",
    }
}

fn table() -> String {
    let mut by_reaction: BTreeMap<Reaction, Vec<String>> = BTreeMap::new();
    for code in 1..20_000 {
        let error = IggyError::from_code(code);
        // An unknown code becomes the first one; what HTTP says goes by its status.
        if error.as_code() != code || code == 300 {
            continue;
        }
        let named = format!("{code} {}", words(code));
        by_reaction.entry(classify(&error)).or_default().push(named);
    }
    let mut lines = vec![
        "| Reaction | What is done | Codes |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    for (reaction, codes) in by_reaction {
        let codes = match reaction {
            Reaction::Stop => "all others".to_owned(),
            _ => codes.join(", "),
        };
        lines.push(format!(
            "| {} | {} | {codes} |",
            reaction.name(),
            what(reaction)
        ));
    }
    lines.join("\n")
}

#[test]
fn documentation_of_errors_is_what_is_done() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/messaging.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let begin = text.find(BEGIN).unwrap();
    let begin = begin + text[begin..].find('\n').unwrap() + 1;
    let end = text.find(END).unwrap();
    let table = format!("\n{}\n\n", table());
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        let updated = format!("{}{table}{}", &text[..begin], &text[end..]);
        std::fs::write(&file, updated).unwrap();
        return;
    }
    assert_eq!(text[begin..end], table, "UPDATE_GENERATED=1 writes it anew");
}

#[test]
fn documentation_of_http_is_what_is_done() {
    let reaction = |status| classify(&IggyError::HttpResponseError(status, String::new()));
    assert_eq!(reaction(401), Reaction::Reconnect);
    for status in [408, 429, 500, 502, 503, 504] {
        assert_eq!(reaction(status), Reaction::Retry, "{status}");
    }
    for status in [400, 403, 404, 501] {
        assert_eq!(reaction(status), Reaction::Stop, "{status}");
    }
}
