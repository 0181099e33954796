//! What every page has: its style, its script, and a policy that lets nothing else run or
//! load, so that a name that got through all escaping could still do nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::render::graph;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A page that needs nothing else.
pub(super) fn page(title: &str, body: &Markup) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let style = format!("{STYLE}{}", graph::STYLE);
    let policy = format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'; \
         base-uri 'none'; form-action 'none'",
        hash(&style),
        hash(SCRIPT)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(&style)) }
            }
            body {
                (body)
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

/// The bar with the filter; shown by the script, since without it nothing would happen.
pub(super) fn controls(kinds: &[(&str, &str)]) -> Markup {
    html! {
        div #controls hidden role="search" {
            input #filter type="search" placeholder="Filter: a name, a setting, a code…  ( / )" aria-label="Filter rows"
                autocomplete="off" spellcheck="false";
            @for (value, label) in kinds {
                label { input type="checkbox" name="kind" value=(value) checked; " " (label) }
            }
            span #shown aria-live="polite" {}
            button #expand type="button" { "Expand all" }
            button #collapse type="button" { "Collapse all" }
        }
    }
}

/// The keys, for those who look for them.
pub(super) fn keys() -> Markup {
    html! {
        p.keys.faint {
            kbd { "/" } " filter, " kbd { "Esc" } " clear, " kbd { "j" } " " kbd { "k" } " next and previous section, "
            kbd { "e" } " expand all, " kbd { "c" } " collapse all"
        }
    }
}
