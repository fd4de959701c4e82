//! Questions that wait to be read: the own page's first, then in the order in which they were asked, each once.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;

use super::{Answer, Asked, NoAnswer, Question, live::PendingLive};
use crate::{domain::statistics::Query, store::Failure};

/// Questions that wait to be read, each once, with all who ask it.
#[derive(Default)]
pub(super) struct Pending {
    order: VecDeque<Query>,
    waiting: HashMap<Query, Waiting>,
    pub(super) live: PendingLive,
    pub(super) probes: Vec<oneshot::Sender<Result<(), Failure>>>,
}

/// Who waits for the same answer.
#[derive(Default)]
pub(super) struct Waiting {
    answers: Vec<oneshot::Sender<Answer>>,
    unanswered: Vec<oneshot::Sender<()>>,
}

impl Waiting {
    pub(super) fn tell(self, answer: &Answer) {
        for waiting in self.answers {
            let _ = waiting.send(answer.clone());
        }
    }
}

impl Pending {
    pub(super) fn add(&mut self, question: Question, own_page: &Query) {
        match question {
            Question::Ready(answer) => self.probes.push(answer),
            Question::Live(site, answer) => self.live.add(site, answer),
            Question::Statistics(Asked { query, answers, unanswered }) => {
                if !self.waiting.contains_key(&query) {
                    if query == *own_page {
                        self.order.push_front(query.clone());
                    } else {
                        self.order.push_back(query.clone());
                    }
                }
                let waiting = self.waiting.entry(query).or_default();
                waiting.answers.extend(answers);
                waiting.unanswered.extend(unanswered);
            }
        }
    }

    /// The next question that somebody still waits for.
    pub(super) fn next(&mut self) -> Option<(Query, Waiting)> {
        while let Some(query) = self.order.pop_front() {
            let mut waiting = self.waiting.remove(&query).unwrap_or_default();
            waiting.answers.retain(|answer| !answer.is_closed());
            if !waiting.answers.is_empty() {
                return Some((query, waiting));
            }
        }
        None
    }

    /// Tells everybody that the database is away.
    pub(super) fn refuse(&mut self, failure: &Failure) {
        self.order.clear();
        for (_, waiting) in self.waiting.drain() {
            waiting.tell(&Err(NoAnswer::Unavailable));
        }
        self.live.refuse();
        for answer in self.probes.drain(..) {
            let _ = answer.send(Err(failure.clone()));
        }
    }
}
