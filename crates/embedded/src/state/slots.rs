//! Named entries under numeric ids, where a freed id goes to the next entry.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use iggy_binary_protocol::WireIdentifier;

/// Something with a name that is unique among its siblings.
pub(crate) trait Named {
    /// The name, as sent by the client.
    fn name(&self) -> &str;
}

/// Entries by id and by name. The next id is the lowest free one, as the real
/// server assigns ids of streams, topics and users.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    entries: BTreeMap<u32, T>,
    by_name: HashMap<String, u32>,
    /// Ids below the highest ever used that are free; `entries` and `free`
    /// together are dense from 0.
    free: BTreeSet<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            by_name: HashMap::new(),
            free: BTreeSet::new(),
        }
    }
}

impl<T: Named> Slots<T> {
    /// Puts back entries that were stored under their ids.
    pub(crate) fn restore(entries: BTreeMap<u32, T>) -> Self {
        let end = entries.last_key_value().map_or(0, |(id, _)| id + 1);
        let free = (0..end).filter(|id| !entries.contains_key(id)).collect();
        let by_name = entries
            .iter()
            .map(|(id, entry)| (entry.name().to_owned(), *id))
            .collect();
        Self {
            entries,
            by_name,
            free,
        }
    }

    /// The id that the next entry gets.
    pub(crate) fn next_id(&self) -> u32 {
        match self.free.first() {
            Some(id) => *id,
            // Without a free id the entries are dense from 0, and limits keep
            // their number far below 2^32.
            None => u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
        }
    }

    /// Adds an entry under the next id. The caller has made sure that the name is
    /// free.
    pub(crate) fn insert(&mut self, entry: T) -> u32 {
        let id = self.next_id();
        self.free.remove(&id);
        self.by_name.insert(entry.name().to_owned(), id);
        self.entries.insert(id, entry);
        id
    }

    /// Removes an entry; its id is free from now on.
    pub(crate) fn remove(&mut self, id: u32) -> Option<T> {
        let entry = self.entries.remove(&id)?;
        self.by_name.remove(entry.name());
        self.free.insert(id);
        Some(entry)
    }

    /// Changes an entry, and follows its name if that changed.
    pub(crate) fn update(&mut self, id: u32, change: impl FnOnce(&mut T)) {
        if let Some(entry) = self.entries.get_mut(&id) {
            self.by_name.remove(entry.name());
            change(entry);
            self.by_name.insert(entry.name().to_owned(), id);
        }
    }

    /// The id behind what a client named, if it is there.
    pub(crate) fn resolve(&self, identifier: &WireIdentifier) -> Option<u32> {
        match identifier {
            WireIdentifier::Numeric(id) => self.entries.contains_key(id).then_some(*id),
            WireIdentifier::String(name) => self.id_of(name.as_str()),
        }
    }

    /// The id under a name.
    pub(crate) fn id_of(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        self.entries.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        self.entries.get_mut(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All entries in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// All entries in the order of their ids, to change anything but names.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.entries.iter_mut().map(|(id, entry)| (*id, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Entry(&'static str);

    impl Named for Entry {
        fn name(&self) -> &str {
            self.0
        }
    }

    #[test]
    fn the_lowest_free_id_is_reused() {
        let mut slots = Slots::default();
        for name in ["a", "b", "c", "d"] {
            slots.insert(Entry(name));
        }
        slots.remove(2);
        slots.remove(1);
        assert_eq!(slots.insert(Entry("e")), 1);
        assert_eq!(slots.insert(Entry("f")), 2);
        assert_eq!(slots.insert(Entry("g")), 4);
    }

    #[test]
    fn restored_slots_reuse_the_gaps() {
        let stored = BTreeMap::from([(1, Entry("b")), (3, Entry("d"))]);
        let mut slots = Slots::restore(stored);
        assert_eq!(slots.id_of("d"), Some(3));
        assert_eq!(slots.insert(Entry("x")), 0);
        assert_eq!(slots.insert(Entry("y")), 2);
        assert_eq!(slots.insert(Entry("z")), 4);
    }

    #[test]
    fn a_rename_frees_the_old_name() {
        let mut slots = Slots::default();
        let id = slots.insert(Entry("old"));
        slots.update(id, |entry| entry.0 = "new");
        assert_eq!(slots.id_of("old"), None);
        assert_eq!(slots.id_of("new"), Some(id));
    }
}
