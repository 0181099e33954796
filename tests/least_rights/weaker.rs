use iggyctl_core::access::{Grants, ServerPermission, StreamPermission, TopicPermission};

/// The grants with the next weaker ones in the place of one word, for each word
/// that has some.
pub(crate) fn with_one_word_weaker(grants: &Grants<u32>) -> Vec<Grants<u32>> {
    let mut all = Vec::new();
    for word in &grants.server {
        for weaker in weaker_on_server(*word) {
            let mut less = grants.clone();
            less.server.remove(word);
            if less.server.insert(*weaker) {
                all.push(less);
            }
        }
    }
    for (stream, granted) in &grants.streams {
        for word in &granted.allow {
            for weaker in weaker_on_stream(*word) {
                let mut less = grants.clone();
                let granted = less.streams.get_mut(stream).unwrap();
                granted.allow.remove(word);
                if granted.allow.insert(*weaker) {
                    all.push(less);
                }
            }
        }
        for (topic, words) in &granted.topics {
            for word in words {
                for weaker in weaker_on_topic(*word) {
                    let mut less = grants.clone();
                    let granted = less.streams.get_mut(stream).unwrap();
                    let words = granted.topics.get_mut(topic).unwrap();
                    words.remove(word);
                    if words.insert(*weaker) {
                        all.push(less);
                    }
                }
            }
        }
    }
    all
}

fn weaker_on_server(word: ServerPermission) -> &'static [ServerPermission] {
    use ServerPermission as Word;
    match word {
        Word::ManageServers => &[Word::ReadServers],
        Word::ManageUsers => &[Word::ReadUsers],
        Word::ManageStreams => &[Word::ManageTopics, Word::ReadStreams],
        Word::ReadStreams | Word::ManageTopics => &[Word::ReadTopics],
        Word::ReadTopics => &[Word::PollMessages],
        Word::ReadServers | Word::ReadUsers | Word::PollMessages | Word::SendMessages => &[],
    }
}

fn weaker_on_stream(word: StreamPermission) -> &'static [StreamPermission] {
    use StreamPermission as Word;
    match word {
        Word::ManageStream => &[Word::ManageTopics, Word::ReadStream],
        Word::ReadStream | Word::ManageTopics => &[Word::ReadTopics],
        Word::ReadTopics => &[Word::PollMessages],
        Word::PollMessages | Word::SendMessages => &[],
    }
}

fn weaker_on_topic(word: TopicPermission) -> &'static [TopicPermission] {
    use TopicPermission as Word;
    match word {
        Word::ManageTopic => &[Word::ReadTopic],
        Word::ReadTopic => &[Word::PollMessages],
        Word::PollMessages | Word::SendMessages => &[],
    }
}
