use crate::delivery::TokenSinks;
use crate::secrets::Secrets;

/// What steps need that is not in a plan.
#[derive(Debug)]
pub struct Supplies<'a, S> {
    /// The secrets of the steps.
    pub secrets: &'a Secrets,
    /// Where the values of tokens go.
    pub sinks: &'a S,
    /// Which server this is, as iggyctl was told where to find it: noted beside
    /// the values of tokens.
    pub server: Option<&'a str>,
}

// Derived, both would ask the same of `S`.
impl<S> Clone for Supplies<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Supplies<'_, S> {}

impl<'a, S: TokenSinks> Supplies<'a, S> {
    /// Both.
    #[must_use]
    pub fn new(secrets: &'a Secrets, sinks: &'a S) -> Self {
        Self {
            secrets,
            sinks,
            server: None,
        }
    }

    /// Says which server it is.
    #[must_use]
    pub fn of_server(self, server: &'a str) -> Self {
        Self {
            server: Some(server),
            ..self
        }
    }
}
