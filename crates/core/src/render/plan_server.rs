use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The server that a plan was made on, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanServer {
    /// Its address without credentials, or what else it is called.
    pub name: String,
    /// The name of the context that named it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The user that read it; absent with an access token, of which nothing tells whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

impl fmt::Display for PlanServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            context,
            login,
        } = self;
        formatter.write_str(name)?;
        if let Some(context) = context {
            write!(formatter, " (context {context})")?;
        }
        match login {
            Some(login) => write!(formatter, ", as {login}"),
            None => formatter.write_str(", with an access token"),
        }
    }
}
