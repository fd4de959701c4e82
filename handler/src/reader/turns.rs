//! The order of waiting work, fair by caller. Pure code: the work itself, its callers' results and its cost are arguments.
//!
//! Each caller has a line of jobs. Callers take turns, and a turn ends when its work has cost [`TURN`]: a caller with expensive
//! jobs has shorter turns (deficit round robin: Shreedhar, Varghese 1995). Several callers can wait for the same job: it is then in
//! the line of each, and the earliest turn works on it.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use crate::domain::statistics::STATEMENT_DAYS;

/// The number of jobs that one caller may have brought and that still wait.
pub(super) const JOBS_OF_ONE_CALLER: usize = 8;

/// The cost of the work in one turn: that of one statement.
pub(super) const TURN: i64 = STATEMENT_DAYS;

/// Jobs `J`, each about a subject `S`, that callers `C` wait for.
pub(super) struct Turns<S, C, J> {
    jobs: HashMap<JobId, Entry<S, C, J>>,
    /// Jobs that have not begun. More callers can join them.
    open: HashMap<S, JobId>,
    lines: HashMap<C, Line>,
    /// Callers in the order of their turns.
    ring: VecDeque<C>,
    next_id: JobId,
    /// This caller has every second job.
    preferred: Option<C>,
    was_preferred: bool,
    /// Whether anybody still waits for a job.
    is_wanted: fn(&J) -> bool,
}

type JobId = u64;

struct Entry<S, C, J> {
    subject: S,
    brought_by: C,
    job: J,
}

#[derive(Default)]
struct Line {
    /// Jobs in order of arrival. Those that another caller's turn finished have no entry any more.
    jobs: VecDeque<JobId>,
    /// The rest of the caller's turn.
    credit: i64,
}

/// A job that is being worked on. If it is not put back, it is finished.
pub(super) struct Turn<S, C> {
    pub(super) subject: S,
    id: JobId,
    caller: C,
    brought_by: C,
}

impl<S: Clone + Eq + Hash, C: Copy + Eq + Hash, J> Turns<S, C, J> {
    pub(super) fn new(is_wanted: fn(&J) -> bool) -> Self {
        Self {
            jobs: HashMap::new(),
            open: HashMap::new(),
            lines: HashMap::new(),
            ring: VecDeque::new(),
            next_id: 0,
            preferred: None,
            was_preferred: false,
            is_wanted,
        }
    }

    /// Prefers a caller: every second job is from its line.
    pub(super) fn preferring(self, caller: C) -> Self {
        Self { preferred: Some(caller), ..self }
    }

    /// The job about a subject, for one more caller to wait for. Without such a job, the caller brings one. `None` if too many
    /// jobs wait that this caller has brought.
    pub(super) fn join(&mut self, subject: &S, caller: C, new: impl FnOnce() -> J) -> Option<&mut J> {
        let known = self.open.get(subject).copied();
        if known.is_none() && self.brought_by(caller) >= JOBS_OF_ONE_CALLER {
            return None;
        }
        let line = self.lines.entry(caller).or_insert_with(|| {
            if self.preferred != Some(caller) {
                self.ring.push_back(caller);
            }
            Line { credit: TURN, ..Line::default() }
        });
        let id = known.unwrap_or_else(|| {
            self.next_id += 1;
            self.open.insert(subject.clone(), self.next_id);
            self.jobs.insert(self.next_id, Entry { subject: subject.clone(), brought_by: caller, job: new() });
            self.next_id
        });
        if !line.jobs.contains(&id) {
            line.jobs.push_back(id);
        }
        self.jobs.get_mut(&id).map(|entry| &mut entry.job)
    }

    /// How many jobs wait that this caller has brought.
    fn brought_by(&self, caller: C) -> usize {
        let Some(line) = self.lines.get(&caller) else { return 0 };
        let is_own = |entry: &&Entry<S, C, J>| entry.brought_by == caller && (self.is_wanted)(&entry.job);
        line.jobs.iter().filter_map(|id| self.jobs.get(id)).filter(is_own).count()
    }

    /// The job whose turn it is. From now on, no caller can join it.
    pub(super) fn next(&mut self) -> Option<(Turn<S, C>, J)> {
        let others_first = std::mem::take(&mut self.was_preferred);
        let from_ring = if others_first { self.next_in_ring() } else { None };
        if from_ring.is_some() {
            return from_ring;
        }
        let preferred = self.preferred.and_then(|caller| self.take_from(caller));
        self.was_preferred = preferred.is_some();
        preferred.or_else(|| self.next_in_ring())
    }

    fn next_in_ring(&mut self) -> Option<(Turn<S, C>, J)> {
        while let Some(&caller) = self.ring.front() {
            match self.lines.get_mut(&caller) {
                Some(line) if line.credit <= 0 => {
                    line.credit += TURN;
                    self.ring.rotate_left(1);
                }
                _ => match self.take_from(caller) {
                    Some(taken) => return Some(taken),
                    None => drop(self.ring.pop_front()),
                },
            }
        }
        None
    }

    /// The first wanted job of a line. An empty line is removed.
    fn take_from(&mut self, caller: C) -> Option<(Turn<S, C>, J)> {
        while let Some(id) = self.lines.get_mut(&caller)?.jobs.pop_front() {
            let Some(Entry { subject, brought_by, job }) = self.jobs.remove(&id) else { continue };
            if self.open.get(&subject) == Some(&id) {
                self.open.remove(&subject);
            }
            if (self.is_wanted)(&job) {
                return Some((Turn { subject, id, caller, brought_by }, job));
            }
        }
        self.lines.remove(&caller);
        None
    }

    /// Charges the caller of a turn for work. When the turn is used up, the next caller follows.
    pub(super) fn charge(&mut self, turn: &Turn<S, C>, cost: i64) {
        if let Some(line) = self.lines.get_mut(&turn.caller) {
            line.credit -= cost;
        }
    }

    /// Puts a job back whose work is not finished. It stays the first of its line.
    pub(super) fn put_back(&mut self, turn: Turn<S, C>, job: J) {
        let Turn { subject, id, caller, brought_by } = turn;
        self.jobs.insert(id, Entry { subject, brought_by, job });
        if let Some(line) = self.lines.get_mut(&caller) {
            line.jobs.push_front(id);
        }
    }

    /// Removes all jobs.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = J> {
        self.open.clear();
        self.lines.clear();
        self.ring.clear();
        self.jobs.drain().map(|(_, entry)| entry.job)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Callers are letters, and jobs are lists of those that wait for them.
    type Letters = Turns<String, char, Vec<char>>;

    fn turns() -> Letters {
        Turns::new(|job| !job.is_empty())
    }

    /// Adds a caller to a job. False if the caller has brought too many.
    fn join(turns: &mut Letters, caller: char, subject: &str) -> bool {
        turns.join(&subject.to_owned(), caller, Vec::new).map(|job| job.push(caller)).is_some()
    }

    /// Works on jobs until none waits. Each turn costs `cost`. Returns the subjects in order.
    fn order(turns: &mut Letters, cost: i64) -> String {
        let mut subjects = Vec::new();
        while let Some((turn, _)) = turns.next() {
            turns.charge(&turn, cost);
            subjects.push(turn.subject);
        }
        assert!(turns.is_empty() && turns.lines.is_empty() && turns.ring.is_empty() && turns.open.is_empty());
        subjects.join(" ")
    }

    #[test]
    fn callers_take_turns_whatever_number_of_jobs_they_have() {
        let mut turns = turns();
        for (caller, subject) in [('a', "a1"), ('a', "a2"), ('a', "a3"), ('b', "b1"), ('c', "c1"), ('c', "c2")] {
            assert!(join(&mut turns, caller, subject));
        }
        assert_eq!(order(&mut turns, TURN), "a1 b1 c1 a2 c2 a3");
    }

    #[test]
    fn a_turn_has_as_many_jobs_as_their_cost_allows() {
        let mut turns = turns();
        for subject in ["a1", "a2", "a3", "a4"] {
            assert!(join(&mut turns, 'a', subject));
        }
        assert!(join(&mut turns, 'b', "b1"));
        assert_eq!(order(&mut turns, TURN / 2), "a1 a2 b1 a3 a4");
    }

    #[test]
    fn a_job_that_costs_several_turns_is_paid_for_before_the_next_one() {
        let mut turns = turns();
        for (caller, subject) in [('a', "a1"), ('a', "a2"), ('b', "b1"), ('b', "b2"), ('b', "b3"), ('b', "b4")] {
            assert!(join(&mut turns, caller, subject));
        }
        let mut subjects = Vec::new();
        while let Some((turn, _)) = turns.next() {
            turns.charge(&turn, if turn.caller == 'a' { 3 * TURN } else { TURN });
            subjects.push(turn.subject);
        }
        assert_eq!(subjects.join(" "), "a1 b1 b2 b3 a2 b4");
    }

    #[test]
    fn between_the_parts_of_a_job_others_have_their_turns() {
        let mut turns = turns();
        join(&mut turns, 'a', "long");
        join(&mut turns, 'a', "next");
        join(&mut turns, 'b', "b1");
        let mut seen = Vec::new();
        let mut parts_left = 3;
        while let Some((turn, job)) = turns.next() {
            turns.charge(&turn, TURN);
            seen.push(turn.subject.clone());
            if turn.subject == "long" && parts_left > 1 {
                parts_left -= 1;
                turns.put_back(turn, job);
                if seen.len() == 1 {
                    join(&mut turns, 'b', "b2");
                }
            }
        }
        assert_eq!(seen.join(" "), "long b1 long b2 long next");
    }

    #[test]
    fn a_caller_may_bring_four_jobs_and_another_still_brings_one() {
        let mut turns = turns();
        let admitted = (0..10).filter(|number| join(&mut turns, 'a', &number.to_string())).count();
        assert_eq!(admitted, JOBS_OF_ONE_CALLER);
        assert!(join(&mut turns, 'b', "b1"));
        // A finished job makes room for one more.
        drop(turns.next());
        assert!(join(&mut turns, 'a', "more") && !join(&mut turns, 'a', "too many"));
    }

    #[test]
    fn a_job_in_progress_counts_as_waiting() {
        let mut turns = turns();
        for number in 0..JOBS_OF_ONE_CALLER {
            assert!(join(&mut turns, 'a', &number.to_string()));
        }
        let (turn, job) = turns.next().unwrap();
        turns.put_back(turn, job);
        assert!(!join(&mut turns, 'a', "more"));
    }

    #[test]
    fn jobs_without_callers_are_dropped_and_do_not_count() {
        let mut turns = turns();
        for number in 0..JOBS_OF_ONE_CALLER {
            join(&mut turns, 'a', &number.to_string());
        }
        // The clients of all but the last hung up.
        for number in 1..JOBS_OF_ONE_CALLER {
            turns.join(&(number - 1).to_string(), 'a', Vec::new).unwrap().clear();
        }
        assert!(join(&mut turns, 'a', "more"));
        assert_eq!(order(&mut turns, TURN), format!("{} more", JOBS_OF_ONE_CALLER - 1));
    }

    #[test]
    fn equal_jobs_are_shared_and_do_not_count_for_callers_that_join() {
        let mut turns = turns();
        for subject in ["1", "2", "3", "4"] {
            assert!(join(&mut turns, 'a', subject) && join(&mut turns, 'b', subject) && join(&mut turns, 'a', subject));
        }
        for subject in ["5", "6", "7", "8"] {
            assert!(join(&mut turns, 'b', subject) && join(&mut turns, 'a', subject));
        }
        let (_, waiting) = turns.next().unwrap();
        assert_eq!(waiting, ['a', 'b', 'a']);
        // The turns of both callers work on the shared jobs, each of which runs once.
        assert_eq!(order(&mut turns, TURN), "2 3 4 5 6 7 8");
    }

    #[test]
    fn a_joined_job_is_not_behind_the_other_jobs_of_its_first_caller() {
        let mut turns = turns();
        for subject in ["a1", "a2", "a3", "shared"] {
            join(&mut turns, 'a', subject);
        }
        join(&mut turns, 'b', "shared");
        assert_eq!(order(&mut turns, TURN), "a1 shared a2 a3");
    }

    #[test]
    fn the_turn_of_each_caller_continues_a_shared_job() {
        let mut turns = turns();
        join(&mut turns, 'a', "shared");
        join(&mut turns, 'b', "shared");
        join(&mut turns, 'c', "c1");
        let mut callers = String::new();
        while let Some((turn, job)) = turns.next() {
            turns.charge(&turn, TURN);
            callers.push(turn.caller);
            if turn.subject == "shared" && callers.len() < 4 {
                turns.put_back(turn, job);
            }
        }
        assert_eq!(callers, "abca");
    }

    #[test]
    fn no_caller_joins_a_job_that_has_begun() {
        let mut turns = turns();
        join(&mut turns, 'a', "x");
        let (turn, job) = turns.next().unwrap();
        turns.put_back(turn, job);
        join(&mut turns, 'b', "x");
        let jobs: Vec<_> = std::iter::from_fn(|| turns.next()).map(|(_, job)| job).collect();
        assert_eq!(jobs, [['a'], ['b']]);
    }

    #[test]
    fn the_preferred_caller_has_every_second_job() {
        let mut turns = turns().preferring('p');
        for subject in ["a1", "a2"] {
            join(&mut turns, 'a', subject);
        }
        for subject in ["p1", "p2", "p3", "p4"] {
            join(&mut turns, 'p', subject);
        }
        join(&mut turns, 'b', "b1");
        assert_eq!(order(&mut turns, TURN), "p1 a1 p2 b1 p3 a2 p4");
    }
}
