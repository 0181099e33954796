use super::sentence::entries;
use crate::address::Address;
use crate::diagnostic::Origin;
use crate::drift::{DriftClass, DriftReport};
use crate::render::plan_github::{Annotation, AnnotationLevel, nearest};

impl DriftReport {
    /// What differs, at the lines that `origin` gives, and a line that counts.
    #[must_use]
    pub fn annotations<'a>(
        &self,
        origin: impl Fn(&Address) -> Option<&'a Origin>,
    ) -> Vec<Annotation> {
        let mut annotations = Vec::new();
        for class in DriftClass::ALL {
            let (level, title) = match class {
                DriftClass::Drift => (AnnotationLevel::Error, "changed by hand"),
                DriftClass::Unreadable => (AnnotationLevel::Error, "not readable"),
                DriftClass::Undecided => (AnnotationLevel::Warning, "not to be told"),
                DriftClass::Ahead => (AnnotationLevel::Notice, "Git is ahead"),
                DriftClass::Information => continue,
            };
            for entry in entries(self, class) {
                annotations.push(Annotation {
                    level,
                    origin: nearest(entry.address, &origin),
                    title: format!("iggyctl: {title}"),
                    message: format!("{}: {}", entry.address, entry.sentences.join("; ")),
                });
            }
        }
        let message = format!("{} {}", self.footer(), self.subject());
        annotations.push(Annotation::notice("iggyctl drift", message.trim_end()));
        annotations
    }
}
