//! Any bytes as a manifest: nothing panics, no message steers a terminal, and
//! what was understood is written in a form that is understood again.
#![no_main]

use iggyctl_core::diagnostic::render_text;
use iggyctl_core::manifest::{
    DollarForm, Provenance, RenderFormat, SourceFile, Variables, compile, render_documents,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut variables = Variables::default();
    variables.set("env", "prod", Provenance::CommandLine);
    let sources = [SourceFile::new("fuzz.yaml", bytes)];
    match compile(&sources, &variables) {
        Ok(compiled) => {
            let text = render_documents(&sources, &variables, RenderFormat::Yaml, DollarForm::Escaped)
                .expect("what compiles is rendered")
                .text;
            let again = [SourceFile::new("again.yaml", text.clone())];
            let again = compile(&again, &Variables::default())
                .unwrap_or_else(|error| panic!("{text}\n{}", render_text(&error, &again, false)));
            assert_eq!(compiled.documents, again.documents);
        }
        Err(diagnostics) => {
            assert!(diagnostics.has_errors());
            let text = render_text(&diagnostics, &sources, false);
            assert!(
                !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'),
                "{text:?}"
            );
        }
    }
});
