use super::Approvals;
use crate::address::Address;
use crate::diff::BlockReason;
use crate::wording::counted;

/// What the reader can do about a blocked line.
pub(super) fn way_out(address: &Address, reason: &BlockReason, approvals: &Approvals) -> String {
    match reason {
        BlockReason::CreateOnly { field, from, .. } => format!(
            "the server takes {field} only when a topic is created: declare {from}, remove the \
             field, or declare a topic with another name and move the messages"
        ),
        BlockReason::UnknownSetting { field, .. } => {
            format!("remove {field} from the manifest, or upgrade the server")
        }
        BlockReason::BelowSegmentSize { segment_size, .. } => format!(
            "declare a maxTopicSize of at least {segment_size}, or give the topic a smaller \
             segmentSize when it is created"
        ),
        BlockReason::PreallocationTooLarge { .. } => {
            "declare fewer partitions, a smaller segmentSize, or preallocateSegments: false"
                .to_owned()
        }
        BlockReason::PartitionShrink { from, .. } => format!(
            "declare {}, or allow the loss with --allow-destroy {}",
            counted(*from, "partition"),
            shell_word(&address.to_string())
        ),
        BlockReason::ParentMissing { parent } => {
            format!("declare {parent}, create it first, or correct the name of the parent")
        }
        BlockReason::NotReadable { .. } => {
            "use a login that may read it, or repair what the server says".to_owned()
        }
        BlockReason::PasswordMissing => {
            "declare in `password` where the password of the new user comes from".to_owned()
        }
        BlockReason::PasswordUnknown {
            with_previous: false,
        } => "declare in `previousPassword` where the live password comes from, or correct \
              `password`"
            .to_owned(),
        BlockReason::PasswordUnknown {
            with_previous: true,
        } => "correct `password` or `previousPassword`: the server takes a new password only \
              from somebody who knows the live one"
            .to_owned(),
        BlockReason::GrantTargetMissing { target } => {
            format!("declare {target}, correct its name, or write `optional: true` beside it")
        }
        BlockReason::RootProtected { field } => format!(
            "remove `{field}` of the root user: the server changes only its name and its password"
        ),
        BlockReason::OwnLogin { .. } => format!(
            "apply with another login, or allow it with --allow-destroy {}",
            shell_word(&address.to_string())
        ),
        BlockReason::OwnLoginUndeclared if approvals.destroy => {
            "take it out of the manifests, or destroy with another login".to_owned()
        }
        BlockReason::OwnLoginUndeclared => {
            "declare it in `users`, take it out of `owns.users`, or \
             apply with another login"
                .to_owned()
        }
        BlockReason::StaleGrants { user } => format!(
            "declare the user with its permissions, or let what it holds of deleted streams and \
             topics be taken away with --allow-destroy {}",
            shell_word(&user.to_string())
        ),
        BlockReason::TokenNeedsPassword => "declare the user in `users`, with `password`: a token \
             can be created only by logging in as its user"
            .to_owned(),
        BlockReason::RotationImpossible { .. } => {
            "let iggyctl log in as the user, or take --rotate back: nothing was replaced".to_owned()
        }
        BlockReason::SinkUnusable { .. } => {
            "give the token another place in `writeTo`, one for each server, or move away what is there".to_owned()
        }
        BlockReason::HoldsData(_) | BlockReason::Retained { .. } => format!(
            "{} with --allow-destroy {}, or {}",
            match reason {
                BlockReason::HoldsData(_) => "allow the loss",
                _ => "let it go",
            },
            shell_word(&address.to_string()),
            match approvals.destroy {
                true => "take it out of the manifests",
                false => "declare it",
            }
        ),
        BlockReason::StillGranted { user } => format!(
            "take {address} out of the permissions of {user} first; of its own login iggyctl takes \
             nothing away, so for that use another one"
        ),
        BlockReason::DependsOnBlocked { address } => format!("resolve {address} first"),
    }
}

/// An argument as a POSIX shell has to be given it.
fn shell_word(text: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "/-_.,:%@+=".contains(character);
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn an_argument_can_be_copied_into_a_shell() {
        assert_eq!(shell_word("topic/a/b"), "topic/a/b");
        assert_eq!(shell_word("topic/a b/$(x)"), "'topic/a b/$(x)'");
        assert_eq!(shell_word("stream/it's"), r"'stream/it'\''s'");
    }
}
