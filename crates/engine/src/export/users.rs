//! Users: permissions by name in the server's words, and where to fill in the
//! passwords, which nobody can read.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use iggyctl_core::access::{Grants, StreamGrants};
use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::{Name, UserName};
use iggyctl_core::diff::live_grants;
use iggyctl_core::name::{NamePattern, ResourceName};
use iggyctl_core::render::escape;
use iggyctl_core::state::observed::AccessReading;
use iggyctl_core::state::observed_access::{ObservedAccess, ObservedUser};
use iggyctl_core::wording::counted;

use super::left_out::{LeftOut, NotExported, without_the_name};
use super::scalar;

/// Adds the users to the body of the manifest.
pub(super) fn write(
    access: &AccessReading,
    body: &mut String,
    left_out: &mut Vec<LeftOut>,
) -> fmt::Result {
    match access {
        AccessReading::NotNeeded => Ok(()),
        AccessReading::Refused { reason } => {
            left_out.push(LeftOut {
                what: NotExported::Users,
                reason: reason.clone(),
            });
            Ok(())
        }
        AccessReading::Read(access) => {
            let writer = Writer {
                access,
                body,
                left_out,
                variables: BTreeSet::new(),
            };
            writer.users()
        }
    }
}

struct Writer<'a> {
    access: &'a ObservedAccess,
    body: &'a mut String,
    left_out: &'a mut Vec<LeftOut>,
    /// Names of variables that stand for a password already.
    variables: BTreeSet<String>,
}

impl Writer<'_> {
    fn users(mut self) -> fmt::Result {
        let mut none = true;
        for (name, user) in &self.access.users {
            if user.is_root() {
                continue;
            }
            if let Err(reason) = name.as_str().parse::<UserName>() {
                let address = Address::User(name.clone());
                self.left_out.push(LeftOut::unnameable(address, &reason));
                continue;
            }
            if none {
                self.body.push_str(
                    "  # Without root (user 0): the server changes only its name and password.\n  \
                     # No password can be read. To manage one, say where it comes from.\n  \
                     users:\n",
                );
                none = false;
            }
            self.user(name, user)?;
        }
        Ok(())
    }

    fn user(&mut self, name: &ResourceName, user: &ObservedUser) -> fmt::Result {
        let ObservedUser {
            id: _,
            created_at_micros: _,
            status,
            grants,
            password: _,
            tokens: _,
        } = user;
        let variable = self.variable(name);
        writeln!(self.body, "    - name: {}", scalar::name(name.as_str()))?;
        writeln!(self.body, "      # password: {{ env: {variable} }}")?;
        writeln!(self.body, "      status: {status}")?;
        let address = Address::User(name.clone());
        let resolved = match live_grants(grants, self.access) {
            Ok(resolved) => resolved,
            Err(unread) => {
                let what = NotExported::Permissions(address);
                let stream = Address::Stream(unread.0);
                let reason = format!("some are on topics of {stream}, which could not be read");
                return self.without_permissions(what, reason);
            }
        };
        if let Some((target, reason)) = unspeakable(&resolved.grants) {
            let what = NotExported::Permissions(address);
            return self.without_permissions(what, format!("some are on {target}: {reason}"));
        }
        if resolved.gone() > 0 {
            let gone = counted(resolved.gone(), "resource");
            writeln!(
                self.body,
                "      # Applying this takes away what it holds on what was deleted ({gone})."
            )?;
            self.left_out.push(LeftOut {
                what: NotExported::StaleGrants(address),
                reason: "it has no name; whatever gets its number next is open to them".to_owned(),
            });
        }
        self.permissions(&resolved.grants)
    }

    fn without_permissions(&mut self, what: NotExported, reason: String) -> fmt::Result {
        writeln!(self.body, "      # permissions: {}", escape(&reason))?;
        self.left_out.push(LeftOut { what, reason });
        Ok(())
    }

    fn permissions(&mut self, grants: &Grants<ResourceName>) -> fmt::Result {
        let Grants { server, streams } = grants;
        if grants.is_empty() {
            return writeln!(self.body, "      permissions: {{}}");
        }
        writeln!(self.body, "      permissions:")?;
        if !server.is_empty() {
            writeln!(self.body, "        allow: [{}]", list(server))?;
        }
        if !streams.is_empty() {
            writeln!(self.body, "        streams:")?;
        }
        for (stream, StreamGrants { allow, topics }) in streams {
            let name = scalar::name(stream.as_str());
            writeln!(self.body, "          - name: {name}")?;
            if !allow.is_empty() {
                writeln!(self.body, "            allow: [{}]", list(allow))?;
            }
            if !topics.is_empty() {
                writeln!(self.body, "            topics:")?;
            }
            for (topic, allow) in topics {
                let name = scalar::name(topic.as_str());
                writeln!(self.body, "              - name: {name}")?;
                writeln!(self.body, "                allow: [{}]", list(allow))?;
            }
        }
        Ok(())
    }

    /// `SVC_ORDERS_PASSWORD` for `svc-orders`; users whose names differ only in
    /// what no variable can have get a number.
    fn variable(&mut self, name: &ResourceName) -> String {
        let mut word: String = name
            .as_str()
            .chars()
            .map(|character| match character.to_ascii_uppercase() {
                legal @ ('A'..='Z' | '0'..='9') => legal,
                _ => '_',
            })
            .collect();
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            word.insert(0, '_');
        }
        let mut variable = format!("{word}_PASSWORD");
        let mut number = 2_u32;
        while !self.variables.insert(variable.clone()) {
            variable = format!("{word}_{number}_PASSWORD");
            number += 1;
        }
        variable
    }
}

fn list(words: &BTreeSet<impl fmt::Display>) -> String {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    words.join(", ")
}

/// The first thing granted on that no manifest can name, and why. Without it
/// the others would not be all that the user has.
fn unspeakable(grants: &Grants<ResourceName>) -> Option<(Address, String)> {
    let reason = |name: &ResourceName| {
        if NamePattern::is_pattern(name.as_str()) {
            return Some("its name would be read as a pattern".to_owned());
        }
        let error = name.as_str().parse::<Name>().err()?;
        Some(without_the_name(&error))
    };
    grants.streams.iter().find_map(|(stream, granted)| {
        let on_stream = reason(stream).map(|reason| (Address::Stream(stream.clone()), reason));
        on_stream.or_else(|| {
            granted.topics.keys().find_map(|topic| {
                let address = Address::Topic(stream.clone(), topic.clone());
                reason(topic).map(|reason| (address, reason))
            })
        })
    })
}
