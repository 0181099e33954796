use super::heading;
use super::sentence::entries;
use crate::drift::{DriftClass, DriftReport, DriftVerdict};
use crate::render::ReviewSubject;
use crate::render::github_text::{address_code, clipped, prose};
use crate::render::plan_markdown::Page;

impl DriftReport {
    /// As GitHub's markdown, of at most 60,000 bytes; what does not fit is counted.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let subject = ReviewSubject {
            project: self.project.clone(),
            server: self.server.clone(),
        };
        let sign = match self.verdict {
            DriftVerdict::None => "✅",
            DriftVerdict::Ahead => "📋",
            DriftVerdict::Undecided => "❔",
            DriftVerdict::Unreadable | DriftVerdict::Drift => "⚠️",
        };
        let mut page = Page::new(format!(
            "{}\n## {sign} Drift of {}\n\n**{}**\n\n{}\n",
            subject.marker("drift"),
            subject.title(),
            prose(&self.footer()),
            prose(&self.subject()),
        ));
        for class in DriftClass::ALL {
            let rows: Vec<String> = entries(self, class)
                .iter()
                .map(|entry| {
                    let said: Vec<String> = entry
                        .sentences
                        .iter()
                        .map(|sentence| prose(&clipped(sentence, 500)))
                        .collect();
                    let address = address_code(entry.address);
                    format!("| {} | {address} | {} |\n", entry.sign, said.join("<br>"))
                })
                .collect();
            let heading = heading(class);
            let columns = "\n\n| | Resource | What |\n|---|---|---|\n";
            match class {
                DriftClass::Information => {
                    let head = format!("\n<details><summary>{heading}</summary>{columns}");
                    page.block(&head, &rows, "\n</details>\n");
                }
                _ => page.block(&format!("\n### {heading}{columns}"), &rows, ""),
            }
        }
        let notes: Vec<String> = self
            .notes
            .iter()
            .map(|note| format!("- {}\n", prose(&clipped(note, 500))))
            .collect();
        page.block("\n", &notes, "");
        page.finish("The whole report: `-o text --verbose` or `-o json`.")
    }
}
