//! Names come from a pull request and from a server that others write to. Whatever they
//! are, in each format they are only read.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use iggyctl_core::check::check;
use iggyctl_core::diff::diff;
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::{Approvals, plan};
use iggyctl_core::render::{
    PlanReport, ReviewSubject, TextOptions, TopologyChange, TopologyGraph, annotations_text,
};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::desired_user::NameOrPattern;
use iggyctl_core::state::observed::ObservedState;
use pulldown_cmark::{Event, Options, Parser, Tag};

const NAMES: [&str; 24] = [
    "<script>harm()</script>",
    "</script><script>harm()</script>",
    "</code></summary></details><img src=x onerror=harm()>",
    "\"><svg onload=harm()>",
    "' onmouseover='harm()",
    "]]></style><b>",
    "--><b>",
    "--!><b>",
    "\u{1b}[31mred\u{1b}[0m",
    "two\nlines",
    "two\r\n::error file=a::b",
    "\n\n# heading\n\n",
    "::error::x",
    "##[error]x",
    "%0A::error::x",
    "@team",
    "a@evil.example",
    "#123 GH-1 org/repo#1",
    "https://evil.example",
    "www.evil.example",
    "[a](https://evil.example) ![b](c)",
    "a|b||c\\|d",
    "`a` ``b`` *c* _d_ ~~e~~ $f$ :tada:",
    "\u{202e}gpj.exe\u{200b}",
];

const MANIFEST: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: harmless
      topics: [{ name: harmless, partitions: 3, maxTopicSize: 1GiB, consumerGroups: [harmless] }]
  users:
    - name: harmless
      password: { env: P }
      permissions: { allow: [manage_servers], streams: [{ name: harmless, allow: [poll_messages] }] }
";

/// One topology for each name: a stream, a topic, a group and a user of that name.
struct Case {
    name: &'static str,
    desired: DesiredState,
    report: PlanReport,
    subject: ReviewSubject,
}

fn cases() -> Vec<Case> {
    NAMES.into_iter().map(case).collect()
}

fn case(name: &'static str) -> Case {
    let sources = [SourceFile::new("a,b:c.yaml", MANIFEST.as_bytes())];
    let mut desired = compile(&sources, &Variables::default()).unwrap().state;
    // Manifests refuse control characters; a server may have them all the same.
    let old: ResourceName = "harmless".parse().unwrap();
    let new: ResourceName = name.parse().unwrap();
    let mut stream = desired.streams.remove(&old).unwrap();
    let mut topic = stream.topics.remove(&old).unwrap();
    let group = topic.groups.remove(&old).unwrap();
    topic.groups.insert(new.clone(), group);
    stream.topics.insert(new.clone(), topic);
    desired.streams.insert(new.clone(), stream);
    let mut user = desired.users.remove(&old).unwrap();
    for rule in &mut user.permissions.as_mut().unwrap().streams {
        rule.name = NameOrPattern::Name(new.clone());
    }
    desired.users.insert(new, user);
    let observed = ObservedState::default();
    let changes = diff(&desired, &observed);
    let findings = check(&changes, &desired, &observed);
    let plan = plan(&changes, &Approvals::default()).located(&desired);
    Case {
        name,
        report: PlanReport::new(&plan, &changes, &findings),
        desired,
        subject: ReviewSubject {
            project: Some(name.to_owned()),
            server: name.to_owned(),
        },
    }
}

#[test]
fn no_format_prints_what_moves_the_cursor_or_the_reader() {
    for case in cases() {
        let graph = TopologyGraph::of_manifests(&case.desired);
        let topology = topology(&case);
        let plain = TextOptions::default();
        for (format, text) in [
            ("text", case.report.to_text(plain)),
            ("json", case.report.to_json().unwrap()),
            ("markdown", case.report.to_markdown(&case.subject)),
            ("github", github(&case)),
            ("html", case.report.to_html(&case.subject, &topology)),
            ("graph html", graph.to_html(case.name)),
            ("svg", graph.to_svg()),
            ("mermaid", graph.to_mermaid()),
        ] {
            let found = text
                .chars()
                .find(|it| it.is_control() && *it != '\n' || "\u{202e}\u{200b}".contains(*it));
            // JSON has its own way to write them; who prints it decides.
            if format != "json" || found.is_some_and(char::is_control) {
                assert_eq!(found, None, "{format} of {:?}", case.name);
            }
            let has_line = text
                .lines()
                .any(|line| line.trim() == "::error::x" || line.starts_with("# heading"));
            assert!(!has_line, "{format} of {:?}", case.name);
        }
    }
}

#[test]
fn markdown_has_no_markup_of_a_name() {
    for case in cases() {
        let text = case.report.to_markdown(&case.subject);
        let mut headings = 0;
        let (mut in_html, mut html) = (false, String::new());
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_GFM) {
            match event {
                Event::Start(Tag::Heading { .. }) => headings += 1,
                Event::Start(Tag::HtmlBlock) => in_html = true,
                Event::End(pulldown_cmark::TagEnd::HtmlBlock) => in_html = false,
                Event::Start(
                    Tag::Link { .. }
                    | Tag::Image { .. }
                    | Tag::Emphasis
                    | Tag::Strikethrough
                    | Tag::List(_)
                    | Tag::BlockQuote(_),
                )
                | Event::FootnoteReference(_) => panic!("{event:?} of {:?}:\n{text}", case.name),
                Event::InlineHtml(tag) => assert_eq!(&*tag, "<br>", "{:?}", case.name),
                Event::Html(part) => {
                    assert!(in_html);
                    html.push_str(&part);
                }
                // GitHub looks in text, and only there, for what it makes links of.
                Event::Text(text) => {
                    let bad = ["@", "#", "://", "www.", "GH-", ":tada:", "harm"];
                    let found = bad.into_iter().find(|bad| text.contains(bad));
                    assert_eq!(found, None, "{text:?} of {:?}", case.name);
                }
                _ => {}
            }
        }
        assert!(headings <= 3, "{:?}:\n{text}", case.name);
        assert_eq!(html.matches("<!--").count(), 1, "{html}");
        assert_eq!(html.matches("-->").count(), 1, "{html}");
        for part in html.split('<').skip(1) {
            let tag = part.split(['>', ' ']).next().unwrap();
            let known = [
                "!--", "details", "summary", "code", "/code", "/summary", "/details",
            ];
            assert!(known.contains(&tag), "<{tag}> of {:?}", case.name);
        }
        for row in text.lines().filter(|line| line.starts_with('|')) {
            assert_eq!(row.matches('|').count(), 4, "{row}");
        }
    }
}

#[test]
fn an_annotation_is_one_command() {
    for case in cases() {
        let text = github(&case);
        for line in text.lines() {
            let rest = ["::error ", "::warning ", "::notice "]
                .into_iter()
                .find_map(|command| line.strip_prefix(command));
            let rest = rest.unwrap_or_else(|| panic!("{line}"));
            let (properties, _) = rest.split_once("::").unwrap();
            for property in properties.split(',') {
                let (key, _) = property.split_once('=').unwrap();
                assert!(["file", "line", "col", "title"].contains(&key), "{line}");
            }
            assert!(!line.contains("##["), "{line}");
        }
    }
}

#[test]
fn pictures_and_pages_have_no_elements_of_a_name() {
    let harmless = case("harmless");
    let tags = |text: &str| -> BTreeSet<String> {
        let parts = text.split('<').skip(1);
        parts
            .map(|part| part.split(['>', ' ', '\n']).next().unwrap().to_owned())
            .collect()
    };
    let of = |case: &Case| {
        let graph = TopologyGraph::of_manifests(&case.desired);
        [
            case.report.to_html(&case.subject, &topology(case)),
            graph.to_html(case.name),
            graph.to_svg(),
        ]
    };
    let expected = of(&harmless);
    for case in cases() {
        for (page, expected) in of(&case).iter().zip(&expected) {
            assert_eq!(tags(page), tags(expected), "{:?}", case.name);
            let count = |text: &str| text.matches('<').count();
            assert_eq!(count(page), count(expected), "{:?}", case.name);
            assert!(!page.contains(" onerror=\"") && !page.contains(" onload=\""));
        }
    }
}

#[test]
fn a_flowchart_has_names_only_in_labels() {
    for case in cases() {
        let chart = TopologyGraph::of_manifests(&case.desired).to_mermaid();
        for line in chart.lines().filter(|line| line.contains('"')) {
            assert_eq!(line.matches('"').count(), 2, "{line}");
            let label = line.split('"').nth(1).unwrap();
            let is_safe = |it: char| it.is_alphanumeric() || "#; …·–−".contains(it);
            assert!(label.chars().all(is_safe), "{label}");
        }
    }
}

fn github(case: &Case) -> String {
    let desired = &case.desired;
    annotations_text(case.report.annotations(|address| desired.origin(address)))
}

fn topology(case: &Case) -> TopologyChange {
    TopologyChange::of(&case.report, &case.desired, &ObservedState::default())
}
