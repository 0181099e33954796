use super::paint::paint;
use super::plan_body::{Line, finding_lines};
use super::{TextOptions, escape};
use crate::address::Address;
use crate::check::Findings;
use crate::diagnostic::Origin;

/// Findings that stand alone, each under its resource and where that is
/// declared.
#[must_use]
pub fn findings_text<'a>(
    findings: &Findings,
    origin: impl Fn(&Address) -> Option<&'a Origin>,
    options: TextOptions,
) -> String {
    let mut text = String::new();
    let mut last = None;
    for finding in &findings.findings {
        let address = &finding.address;
        if last != Some(address) {
            let place = origin(address).map_or_else(String::new, |origin| {
                format!(", {}:{}", origin.file, origin.line)
            });
            text.push_str(&format!("  {}\n", escape(&format!("{address}{place}"))));
            last = Some(address);
        }
        push_finding(&mut text, finding_lines(finding), options);
    }
    text
}

fn push_finding(text: &mut String, lines: Vec<Line>, options: TextOptions) {
    for Line {
        role,
        depth,
        text: line,
    } in lines
    {
        text.push_str(&"  ".repeat(depth - 1));
        text.push_str(&paint(options.color, role, escape(&line)));
        text.push('\n');
    }
}
