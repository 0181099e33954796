//! A document that may not get longer than a platform takes.

/// In bytes. GitHub takes 65,536 characters for a comment; the rest is for what a workflow
/// puts around it.
pub(super) const LIMIT: usize = 60_000;

/// Kept free for the line that says what is left out.
const RESERVE: usize = 400;

/// Text with a limit, and how many rows did not fit.
pub(in crate::render) struct Page {
    text: String,
    left_out: usize,
}

impl Page {
    pub(in crate::render) fn new(head: String) -> Self {
        Self {
            text: head,
            left_out: 0,
        }
    }

    /// Rows between `head` and `tail`, as many as fit; without one that fits, nothing.
    pub(in crate::render) fn block(&mut self, head: &str, rows: &[String], tail: &str) {
        let around = head.len() + tail.len();
        let mut room = LIMIT
            .saturating_sub(RESERVE)
            .saturating_sub(self.text.len() + around);
        // A row that is too long for what is left may be followed by one that is not.
        let mut fitting = rows.iter().filter(|row| {
            let fits = row.len() <= room;
            if fits {
                room -= row.len();
            }
            fits
        });
        let Some(first) = fitting.next() else {
            self.left_out += rows.len();
            return;
        };
        self.text.push_str(head);
        self.text.push_str(first);
        let mut written = 1;
        for row in fitting {
            self.text.push_str(row);
            written += 1;
        }
        self.text.push_str(tail);
        self.left_out += rows.len() - written;
    }

    /// The document, with what is not in it, and a sentence about where all of it is.
    pub(in crate::render) fn finish(mut self, whole: &str) -> String {
        if self.left_out > 0 {
            let rows = match self.left_out {
                1 => "1 row".to_owned(),
                more => format!("{more} rows"),
            };
            self.text.push_str(&format!(
                "\n**{rows} left out**, since a comment takes no more. {whole}\n"
            ));
        }
        self.text
    }
}
