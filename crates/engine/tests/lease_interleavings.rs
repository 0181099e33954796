//! Several processes that want the same lease, in every order of their requests, of the
//! ticks of the clock, and of what networks and processes can do to them: a reply that is
//! lost, a request that is lost or carried out late, a process that is killed, one that
//! stalls for as long as it likes and comes back, and a person who breaks a lease.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use iggyctl_core::ledger::Author;
use iggyctl_engine::lease::{
    Acquire, Acquired, Break, Epoch, Holder, Note, NoteId, Over, Release, Renew, Reply, Request,
    Standing, Step, StoredNote, standing,
};

/// A tick of the clock is a millisecond.
type Tick = u64;

/// The server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct World {
    now: Tick,
    group: Option<Epoch>,
    next_epoch: Epoch,
    notes: Vec<StoredNote>,
    /// Carried out whenever it likes; with the process that sent it.
    late: Vec<(u8, Request)>,
}

impl World {
    fn carry_out(&mut self, request: &Request) -> Reply {
        match request {
            Request::Create if self.group.is_some() => Reply::Taken,
            Request::Create => {
                let epoch = self.next_epoch;
                self.next_epoch += 1;
                self.group = Some(epoch);
                Reply::Created(epoch)
            }
            Request::Find => Reply::Found(self.group),
            Request::Note(id, note) => {
                self.notes.push(StoredNote {
                    id: *id,
                    // A place is named by what is there, so that notes can be left out.
                    offset: u64::try_from(*id).unwrap(),
                    at_micros: self.now * 1000,
                    note: note.clone(),
                });
                Reply::Noted
            }
            Request::Read { from } => Reply::Notes(self.notes_from(*from).to_vec()),
            Request::Delete(epoch) if self.group == Some(*epoch) => {
                self.group = None;
                Reply::Deleted
            }
            Request::Delete(_) => Reply::Absent,
        }
    }

    fn notes_from(&self, from: Option<u64>) -> &[StoredNote] {
        let first = from.map_or(0, |from| {
            let own = self.notes.iter().position(|note| note.offset == from);
            own.unwrap()
        });
        &self.notes[first..]
    }

    fn clock(&self) -> Duration {
        Duration::from_millis(self.now)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Doing {
    Acquiring(Acquire),
    Holding(Acquired),
    Renewing(Acquired, Renew),
    Releasing(Release),
    Breaking(Break),
    /// A person who has not looked yet.
    WantsToBreak,
    Ended,
    Killed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Process {
    run: u8,
    /// How long its lease lasts, in ticks.
    lasts: Tick,
    doing: Doing,
    next_id: NoteId,
    /// How often it still tries to get the lease, renews it.
    attempts: u32,
    renewals: u32,
    /// When it sent the note that is on its way.
    sent: Option<Tick>,
}

fn holder(run: u8, lasts: Tick) -> Holder {
    Holder {
        run: run.to_string(),
        command: String::new(),
        author: Author::default(),
        duration_millis: lasts,
    }
}

impl Process {
    fn new(run: u8, lasts: Tick, attempts: u32, renewals: u32) -> Self {
        let first = NoteId::from(run) * 1000;
        Self {
            run,
            lasts,
            doing: Doing::Acquiring(Acquire::new(holder(run, lasts), first)),
            next_id: first,
            attempts,
            renewals,
            sent: None,
        }
    }

    fn person(run: u8) -> Self {
        Self {
            doing: Doing::WantsToBreak,
            ..Self::new(run, 0, 0, 0)
        }
    }

    fn request(&self) -> Option<Request> {
        match &self.doing {
            Doing::Acquiring(acquire) => Some(acquire.request()),
            Doing::Renewing(_, renew) => Some(renew.request()),
            Doing::Releasing(release) => Some(release.request()),
            Doing::Breaking(breaking) => Some(breaking.request()),
            Doing::WantsToBreak => Some(Request::Find),
            Doing::Holding(_) | Doing::Ended | Doing::Killed => None,
        }
    }

    fn is_done(&self) -> bool {
        matches!(self.doing, Doing::Ended | Doing::Killed)
    }

    /// Under which epoch it may send something now.
    fn acts_under(&self, now: Tick) -> Option<Epoch> {
        let (Doing::Holding(held) | Doing::Renewing(held, _)) = &self.doing else {
            return None;
        };
        let in_time = Duration::from_millis(now) <= held.sent + Duration::from_millis(self.lasts);
        in_time.then_some(held.epoch)
    }

    /// The notes that it looks for, or may read from.
    fn keeps(&self) -> Vec<NoteId> {
        match &self.doing {
            Doing::Acquiring(acquire) => vec![acquire.next_id() - 1, acquire.next_id() - 2],
            Doing::Holding(held) => vec![held.offset.into()],
            Doing::Renewing(held, _) => vec![held.offset.into(), self.next_id],
            _ => Vec::new(),
        }
    }

    fn take_id(&mut self) -> NoteId {
        self.next_id += 1;
        self.next_id
    }

    /// What it does by itself: `release` instead of a renewal.
    fn go_on(&mut self, release: bool) {
        let Doing::Holding(held) = self.doing.clone() else {
            return;
        };
        let id = self.take_id();
        let holder = holder(self.run, self.lasts);
        self.doing = if release {
            Doing::Releasing(Release::new(held, &holder, id))
        } else {
            self.renewals -= 1;
            Doing::Renewing(held.clone(), Renew::new(held, holder, id))
        };
    }

    fn told(&mut self, reply: Reply, sent: Duration) {
        self.sent = None;
        match &mut self.doing {
            Doing::Acquiring(acquire) => {
                let step = acquire.reply(reply, sent);
                self.next_id = acquire.next_id();
                match step {
                    Step::Next => {}
                    Step::Done(Ok(acquired)) => self.doing = Doing::Holding(acquired),
                    Step::Done(Err(_)) if self.attempts > 1 => {
                        self.attempts -= 1;
                        let again = Acquire::new(holder(self.run, self.lasts), self.next_id);
                        self.doing = Doing::Acquiring(again);
                    }
                    Step::Done(Err(_)) | Step::Failed => self.doing = Doing::Ended,
                }
            }
            Doing::Renewing(held, renew) => match renew.reply(reply, sent) {
                Step::Next => {}
                Step::Done(Ok(renewed)) => self.doing = Doing::Holding(renewed),
                Step::Failed => self.doing = Doing::Holding(held.clone()),
                // Nobody is kept waiting by what is lost, so it is released, too.
                Step::Done(Err(_)) => {
                    let held = held.clone();
                    let id = self.take_id();
                    self.doing =
                        Doing::Releasing(Release::new(held, &holder(self.run, self.lasts), id));
                }
            },
            Doing::Releasing(release) => {
                if release.reply(&reply) != Step::Next {
                    self.doing = Doing::Ended;
                }
            }
            Doing::Breaking(breaking) => {
                if breaking.reply(reply) != Step::Next {
                    self.doing = Doing::Ended;
                }
            }
            Doing::WantsToBreak => {
                self.doing = match reply {
                    Reply::Found(Some(epoch)) => {
                        let id = self.take_id();
                        Doing::Breaking(Break::new(epoch, "a person".to_owned(), id))
                    }
                    _ => Doing::Ended,
                };
            }
            Doing::Holding(_) | Doing::Ended | Doing::Killed => {}
        }
    }
}

/// What may still go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Misfortune {
    faults: u32,
    kills: u32,
    /// Time passes while a note is on its way to the server.
    slow: bool,
}

const NONE: Misfortune = Misfortune {
    faults: 0,
    kills: 0,
    slow: false,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    world: World,
    processes: Vec<Process>,
    /// Whose an epoch ever was.
    owners: BTreeMap<Epoch, u8>,
    left: Misfortune,
    given: Misfortune,
    /// How long a lease lasts, in ticks.
    lasts: Tick,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Tick,
    /// The note of a process leaves it.
    Send(usize),
    /// The request of a process is carried out and it hears of it.
    Answer(usize),
    LoseReply(usize),
    LoseRequest(usize),
    Delay(usize),
    Kill(usize),
    Renew(usize),
    Release(usize),
    Late(usize),
}

fn is_change(request: &Request) -> bool {
    match request {
        Request::Create | Request::Note(..) | Request::Delete(_) => true,
        Request::Find | Request::Read { .. } => false,
    }
}

impl State {
    fn new(processes: Vec<Process>, left: Misfortune) -> Self {
        Self {
            world: World::default(),
            lasts: processes.iter().map(|it| it.lasts).max().unwrap_or(0),
            processes,
            owners: BTreeMap::new(),
            given: left.clone(),
            left,
        }
    }

    fn moves(&self, last_tick: Tick) -> Vec<Move> {
        let mut moves = Vec::new();
        let open = self.processes.iter().any(|process| !process.is_done());
        if open && self.world.now < last_tick {
            moves.push(Move::Tick);
        }
        for index in 0..self.world.late.len() {
            moves.push(Move::Late(index));
        }
        for (index, process) in self.processes.iter().enumerate() {
            if process.is_done() || self.waits_for_its_like(index) {
                continue;
            }
            if let Doing::Holding(_) = process.doing {
                moves.push(Move::Release(index));
                if process.renewals > 0 {
                    moves.push(Move::Renew(index));
                }
            }
            if let Some(request) = process.request() {
                // Only of this one it matters when it left.
                let is_held = matches!(request, Request::Note(_, Note::Held { .. }));
                if self.left.slow && is_held && process.sent.is_none() {
                    moves.push(Move::Send(index));
                } else {
                    moves.push(Move::Answer(index));
                    if self.left.faults > 0 && is_change(&request) {
                        moves.extend([
                            Move::LoseReply(index),
                            Move::LoseRequest(index),
                            Move::Delay(index),
                        ]);
                    }
                }
            }
            // Before a read or after it is the same to the others.
            let changes = process.request().is_none_or(|it| is_change(&it));
            if self.left.kills > 0 && changes {
                moves.push(Move::Kill(index));
            }
        }
        moves
    }

    /// Of two that are alike, the first one begins: the other way around is the same with
    /// other names.
    fn waits_for_its_like(&self, index: usize) -> bool {
        let [one, other] = match index.checked_sub(1) {
            None => return false,
            Some(before) => [&self.processes[before], &self.processes[index]],
        };
        let fresh = |it: &Process| *it == Process::new(it.run, it.lasts, it.attempts, it.renewals);
        let same = |it: &Process| (it.lasts, it.attempts, it.renewals);
        same(one) == same(other) && fresh(one) && fresh(other)
    }

    fn after(&self, step: Move) -> Self {
        let mut next = self.clone();
        match step {
            Move::Tick => next.world.now += 1,
            Move::Late(index) => {
                let (run, request) = next.world.late.remove(index);
                next.carry_out(run, &request);
            }
            Move::Send(index) => next.processes[index].sent = Some(next.world.now),
            Move::Renew(index) => next.processes[index].go_on(false),
            Move::Release(index) => next.processes[index].go_on(true),
            Move::Kill(index) => {
                next.left.kills -= 1;
                next.processes[index].doing = Doing::Killed;
            }
            Move::Answer(index) => {
                let request = next.processes[index].request().unwrap();
                let reply = next.carry_out(next.processes[index].run, &request);
                next.tell(index, reply);
            }
            Move::LoseReply(index) => {
                next.left.faults -= 1;
                let request = next.processes[index].request().unwrap();
                next.carry_out(next.processes[index].run, &request);
                next.tell(index, Reply::Unknown);
            }
            Move::LoseRequest(index) => {
                next.left.faults -= 1;
                next.tell(index, Reply::Unknown);
            }
            Move::Delay(index) => {
                next.left.faults -= 1;
                let request = next.processes[index].request().unwrap();
                let run = next.processes[index].run;
                next.world.late.push((run, request));
                next.tell(index, Reply::Unknown);
            }
        }
        if step != Move::Tick {
            next.forget();
        }
        next
    }

    /// Forgets what decides nothing any more, so that fewer states differ: how an epoch
    /// goes on depends on how it stands, and not on the notes that brought it there.
    fn forget(&mut self) {
        for process in self.processes.iter_mut().filter(|it| it.is_done()) {
            *process = Process {
                doing: process.doing.clone(),
                ..Process::new(process.run, 0, 0, 0)
            };
        }
        let kept: Vec<NoteId> = self.processes.iter().flat_map(Process::keeps).collect();
        let mut views = vec![None];
        views.extend(self.processes.iter().filter_map(|it| match &it.doing {
            Doing::Holding(held) | Doing::Renewing(held, _) => Some(Some(held.offset)),
            _ => None,
        }));
        let all = |world: &World| -> Vec<Standing> {
            let epochs = 0..world.next_epoch;
            let of = |from: &Option<u64>| {
                let notes = world.notes_from(*from);
                epochs.clone().map(|epoch| standing(epoch, notes))
            };
            views.iter().flat_map(of).collect()
        };
        let before = all(&self.world);
        let mut index = 0;
        while index < self.world.notes.len() {
            let note = self.world.notes.remove(index);
            if kept.contains(&note.id) || all(&self.world) != before {
                self.world.notes.insert(index, note);
                index += 1;
            }
        }
    }

    /// Only what is over is deleted, and by its owner what it gives up.
    fn carry_out(&mut self, run: u8, request: &Request) -> Reply {
        if let Request::Delete(epoch) = request
            && self.world.group == Some(*epoch)
        {
            let standing = standing(*epoch, &self.world.notes);
            let is_own = self.owners.get(epoch).is_none_or(|owner| *owner == run);
            assert!(
                matches!(standing, Standing::Over(_)) || is_own,
                "{run} deletes the group of {epoch}, which is {standing:?}: {self:#?}"
            );
        }
        self.world.carry_out(request)
    }

    fn tell(&mut self, index: usize, reply: Reply) {
        let process = &mut self.processes[index];
        let sent = process.sent.unwrap_or(self.world.now);
        process.told(reply, Duration::from_millis(sent));
        if let Doing::Holding(held) = &process.doing {
            let run = process.run;
            let owner = *self.owners.entry(held.epoch).or_insert(run);
            assert_eq!(owner, run, "two owners of one epoch: {self:#?}");
        }
    }

    /// Nobody acts beside another one, unless a person broke the lease of one of them.
    fn check_exclusion(&self) {
        let now = self.world.now;
        let acting = self.processes.iter().filter_map(|process| {
            let epoch = process.acts_under(now)?;
            let standing = standing(epoch, &self.world.notes);
            (!matches!(standing, Standing::Over(Over::Broken { .. }))).then_some(process.run)
        });
        let acting: Vec<u8> = acting.collect();
        assert!(acting.len() <= 1, "{acting:?} act at once: {self:#?}");
    }

    /// When all have ended, whoever comes next gets the lease after its duration at the
    /// latest, and at once when all went well.
    fn check_progress(&self) {
        let mut world = self.world.clone();
        for (_, request) in std::mem::take(&mut world.late) {
            world.carry_out(&request);
        }
        let comes = world.now;
        let lasts = self.lasts;
        let mut next = Process::new(99, lasts, u32::MAX, 0);
        loop {
            match &next.doing {
                Doing::Holding(_) => break,
                Doing::Acquiring(_) => {}
                other => panic!("{other:?} after {self:#?}"),
            }
            let attempts = next.attempts;
            let request = next.request().unwrap();
            let reply = world.carry_out(&request);
            next.told(reply, world.clock());
            if next.attempts < attempts {
                world.now += 1;
                assert!(
                    world.now <= comes + lasts + 1,
                    "still kept waiting: {self:#?}"
                );
            }
        }
        if self.processes.iter().all(|it| it.doing == Doing::Ended) && self.left == self.given {
            assert_eq!(world.now, comes, "kept waiting by nobody: {self:#?}");
        }
    }
}

/// What was seen on the way, to know that the interesting things happen at all.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    states: usize,
    ends: usize,
    /// Ends with this many epochs that had an owner.
    owners: BTreeMap<usize, usize>,
}

fn explore(first: State, last_tick: Tick) -> Tally {
    let mut tally = Tally::default();
    let mut seen = HashSet::new();
    let mut open = vec![first];
    while let Some(state) = open.pop() {
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        if !seen.insert(hasher.finish()) {
            continue;
        }
        tally.states += 1;
        state.check_exclusion();
        if state.processes.iter().all(Process::is_done) {
            tally.ends += 1;
            *tally.owners.entry(state.owners.len()).or_default() += 1;
            state.check_progress();
        }
        for step in state.moves(last_tick) {
            open.push(state.after(step));
        }
        assert!(tally.states < 2_000_000, "too many");
    }
    tally
}

fn run(processes: Vec<Process>, left: Misfortune, last_tick: Tick) -> Tally {
    explore(State::new(processes, left), last_tick)
}

#[test]
fn two_that_stall_and_come_back() {
    let two = vec![Process::new(1, 2, 2, 1), Process::new(2, 2, 2, 0)];
    let tally = run(two, NONE, 5);
    assert!(tally.owners[&2] > 0, "{tally:?}");
}

#[test]
fn two_of_which_one_is_killed() {
    let two = vec![Process::new(1, 2, 1, 1), Process::new(2, 2, 2, 0)];
    let tally = run(
        two,
        Misfortune {
            kills: 1,
            slow: true,
            ..NONE
        },
        4,
    );
    assert!(tally.owners[&2] > 0, "{tally:?}");
}

#[test]
fn two_on_a_bad_network() {
    let two = vec![Process::new(1, 1, 1, 1), Process::new(2, 1, 1, 0)];
    let tally = run(two, Misfortune { faults: 1, ..NONE }, 2);
    assert!(tally.owners[&2] > 0, "{tally:?}");
}

#[test]
fn three() {
    let three = [1, 2, 3].map(|run| Process::new(run, 1, 1, 0));
    let tally = run(three.into(), NONE, 2);
    assert!(tally.owners[&3] > 0, "{tally:?}");
}

#[test]
fn two_and_a_person_who_breaks_a_lease() {
    let three = vec![
        Process::new(1, 1, 1, 1),
        Process::new(2, 1, 1, 0),
        Process::person(3),
    ];
    let tally = run(three, NONE, 2);
    assert!(tally.owners[&2] > 0, "{tally:?}");
}
