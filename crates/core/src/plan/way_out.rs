use crate::address::Address;
use crate::diff::BlockReason;
use crate::wording::counted;

/// What the reader can do about a blocked line.
pub(super) fn way_out(address: &Address, reason: &BlockReason) -> String {
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
