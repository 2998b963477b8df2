//! The records and the events, kept by one thread of their own, because a database blocks. It is SQLite or
//! PostgreSQL, by the same statements.
//!
//! A write and its events are one transaction. The same thread hands the events on after the commit, one write
//! after the other: so they reach the hub in the order of their numbers, and only when they are true.

mod answers;
mod blocks;
mod database;
mod error;
mod feed;
mod history;
mod lease;
mod overview;
mod postgres;
mod postgres_tls;
mod rows;
mod sql;
mod sqlite;
mod stamps;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use everfresh::engine::hlc::Stamp;

use tokio::sync::{mpsc, oneshot};

use crate::access::UserName;
use crate::ids::{ChannelName, ClientId, Epoch, Millis, ProjectId, Seq, SessionKey, TaskId};
use crate::protocol::Event;
use crate::records::{Block, BlockId, NewBlock, NewEvent, NewTask, Span, Task, TaskChange};
pub(crate) use answers::Once;
use database::Database;
pub use error::StoreError;
pub(crate) use error::{DatabaseError, Trouble};
use feed::{Feed, Told};
pub(crate) use history::Change;
pub(crate) use lease::{Claim, Freed, Lease, LockAsk, Locked, Owner};
pub(crate) use overview::{Doing, Member, Tally};

/// Jobs that may wait for the store. Beyond it, requests wait before they get in line.
const WAITING_MAX: usize = 1024;

/// A channel as the store has it.
#[derive(Clone, Debug)]
pub(crate) struct ChannelLog {
    /// Its name.
    pub(crate) name: ChannelName,
    /// The number of its last event.
    pub(crate) head: Seq,
    /// Its last events, oldest first.
    pub(crate) events: Vec<Event>,
}

/// Bounds of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreLimits {
    /// Events kept of a channel.
    pub(crate) history_max: u64,
    /// How old a kept event gets, in milliseconds.
    pub(crate) age_ms_max: u64,
    /// Tasks.
    pub(crate) tasks_max: u64,
    /// Channels that ever had an event.
    pub(crate) channels_max: u64,
    /// Channels of people that ever had an event.
    pub(crate) users_max: u64,
    /// Fields that are known because somebody had a lease of them.
    pub(crate) leases_max: u64,
    /// Leases of one connection.
    pub(crate) leases_of_one_max: u64,
    /// Answers that are kept for writes that are sent again.
    pub(crate) answers_max: u64,
    /// How old they get, in milliseconds.
    pub(crate) answers_age_ms_max: u64,
    /// Versions of a record whose changes are kept.
    pub(crate) versions_max: u64,
    /// How old they get, in milliseconds.
    pub(crate) versions_age_ms_max: u64,
}

/// A write, apart from what it does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The tab that caused it.
    pub(crate) by: Option<ClientId>,
    /// The person, where the server knows one.
    pub(crate) user: Option<UserName>,
    /// When it was made, as whoever made it says.
    pub(crate) stamp: Option<Stamp>,
    /// The versions of the record that it may be made over. Any, if nothing.
    pub(crate) over: Option<Vec<u64>>,
    /// It was made from the version that it is made over.
    pub(crate) knows: bool,
    /// The leases that it was made under.
    pub(crate) claims: Vec<Claim>,
    /// The name that it gave itself.
    pub(crate) once: Option<Once>,
    /// When it is done.
    pub(crate) now: Millis,
}

/// Where the records are kept.
#[derive(Clone)]
pub(crate) enum Place {
    /// Nowhere: they end with the process.
    Memory,
    /// In a SQLite file.
    File(PathBuf),
    /// In PostgreSQL, at this address.
    Postgres(String),
}

/// An address may hold a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::File(file) => file.display().fmt(f),
            Self::Postgres(_) => f.write_str("PostgreSQL"),
        }
    }
}

/// The store has more to do than it can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

enum Job {
    Work(Box<dyn FnOnce(&mut Worker) + Send>),
    /// Close the file, then answer.
    Close(oneshot::Sender<()>),
}

/// How often a write is tried that came into the way of another one.
const TRIES: u32 = 5;

/// The store's own thread.
struct Worker {
    database: Database,
    announce: Box<dyn Fn(Vec<Event>) + Send>,
    /// Dropped with the worker, which ends it.
    _feed: Option<Feed>,
}

impl Worker {
    /// Writes, and tells of it when it is committed.
    fn write<T>(
        &mut self,
        work: impl Fn(&mut Database) -> Result<Written<T>, StoreError>,
    ) -> Result<T, StoreError> {
        let mut tries = 1;
        let written = loop {
            match work(&mut self.database) {
                // Nothing of it was done.
                Err(error) if error.is(Trouble::Again) && tries < TRIES => tries += 1,
                other => break other?,
            }
        };
        (self.announce)(written.events);
        Ok(written.answer)
    }
}

/// What a write did: its answer, and the events that were committed with it.
struct Written<T> {
    answer: T,
    events: Vec<Event>,
}

/// The store, as the rest of the server sees it. Cloning is cheap; the thread ends with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
    epoch: Epoch,
}

/// A store that is open but tells nobody of its events yet.
pub(crate) struct OpenStore {
    place: Place,
    database: Database,
    heads: BTreeMap<ChannelName, Seq>,
    first_session: u64,
}

impl OpenStore {
    /// Opens it. Blocks, and may not be called on a thread of the runtime.
    ///
    /// # Errors
    /// When the database cannot be opened, another process has the file, or it is of a later version.
    pub(crate) fn open(place: Place, limits: StoreLimits, now: Millis) -> Result<Self, StoreError> {
        let mut first_session = 1;
        let database = match &place {
            Place::Memory => sqlite::open(None, limits, now)?,
            Place::File(file) => sqlite::open(Some(file), limits, now)?,
            Place::Postgres(url) => {
                let mut database = postgres::open(url, limits, now)?;
                first_session = database.instance()? * postgres::SESSIONS_OF_ONE + 1;
                database
            }
        };
        Ok(Self {
            place,
            database,
            heads: BTreeMap::new(),
            first_session,
        })
    }

    /// The epoch: as old as the data.
    #[must_use]
    pub(crate) fn epoch(&self) -> &Epoch {
        self.database.epoch()
    }

    /// The number of the first connection. Servers that share a database share no numbers.
    #[must_use]
    pub(crate) fn first_session(&self) -> u64 {
        self.first_session
    }

    /// Whether no task was ever made.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn is_untouched(&mut self) -> Result<bool, StoreError> {
        Ok(self.database.tasks_version(None)? == 0)
    }

    /// Makes tasks before anybody listens.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn seed(&mut self, tasks: Vec<NewTask>, now: Millis) -> Result<(), StoreError> {
        let origin = Origin {
            now,
            ..Origin::default()
        };
        tasks
            .iter()
            .try_for_each(|task| self.database.create_task(task, &origin).map(drop))
    }

    /// Makes the blocks of a calendar that has none, before anybody listens.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn seed_blocks(
        &mut self,
        blocks: &[NewBlock],
        now: Millis,
    ) -> Result<(), StoreError> {
        if self.database.has_no_blocks()? {
            self.database.seed_blocks(blocks, now)?;
        }
        Ok(())
    }

    /// Every channel with its last events.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn channels(&mut self, events_max: usize) -> Result<Vec<ChannelLog>, StoreError> {
        let channels = self.database.channels(events_max)?;
        let heads = channels.iter().map(|log| (log.name.clone(), log.head));
        self.heads = heads.collect();
        Ok(channels)
    }

    /// Starts the thread. `announce` gets the events of each write after its commit, and where others write to the
    /// same database theirs too, up to the last `events_max` of what was missed of a channel.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(
        self,
        events_max: usize,
        announce: impl Fn(Vec<Event>) + Send + Sync + 'static,
    ) -> std::io::Result<Store> {
        let epoch = self.database.epoch().clone();
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING_MAX);
        let mut worker = match self.place {
            Place::Memory | Place::File(_) => Worker {
                database: self.database,
                announce: Box::new(announce),
                _feed: None,
            },
            Place::Postgres(url) => {
                let told = Arc::new(Told::new(self.heads, announce));
                let feed = Feed::start(url, Arc::clone(&told), events_max)?;
                Worker {
                    database: self.database,
                    announce: Box::new(move |events| told.wrote(events)),
                    _feed: Some(feed),
                }
            }
        };
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                while let Some(job) = waiting.blocking_recv() {
                    match job {
                        Job::Work(work) => work(&mut worker),
                        Job::Close(closed) => {
                            drop(worker);
                            let _nobody_waits = closed.send(());
                            return;
                        }
                    }
                }
            })?;
        Ok(Store { jobs, epoch })
    }
}

impl Store {
    /// The epoch of all event numbers.
    #[must_use]
    pub(crate) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Jobs that wait for the store's thread.
    pub(crate) fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// Counts the writes to the collection, or to a project's part of it.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn tasks_version(
        &self,
        project: Option<ProjectId>,
    ) -> Result<u64, StoreError> {
        self.read(move |database| database.tasks_version(project.as_ref()))
            .await
    }

    /// The tasks, and the version of the collection that they are.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn tasks(
        &self,
        project: Option<ProjectId>,
    ) -> Result<(u64, Vec<Task>), StoreError> {
        self.read(move |database| database.tasks(project.as_ref()))
            .await
    }

    /// The project that a task belongs to, or did when it was deleted. No id is used twice.
    ///
    /// # Errors
    /// When there is no such task, or the store fails.
    pub(crate) async fn project_of(&self, id: TaskId) -> Result<Option<ProjectId>, StoreError> {
        self.read(move |database| database.project_of(id)).await
    }

    /// A task.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub(crate) async fn task(&self, id: TaskId) -> Result<Task, StoreError> {
        self.read(move |database| database.task(id)).await
    }

    /// What was done to a task, the last first, up to before a version.
    ///
    /// # Errors
    /// When there is and was none, or the store fails.
    pub(crate) async fn history(&self, id: TaskId, before: u64) -> Result<Vec<Change>, StoreError> {
        self.read(move |database| database.history(id, before))
            .await
    }

    /// How far each project is, or one, and the version of the tasks that it is counted from.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn tallies(
        &self,
        project: Option<ProjectId>,
    ) -> Result<(u64, Vec<Tally>), StoreError> {
        self.read(move |database| database.tallies(project.as_ref()))
            .await
    }

    /// What was done last in a project, or in all, the last first.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn activity(
        &self,
        project: Option<ProjectId>,
    ) -> Result<(u64, Vec<Doing>), StoreError> {
        self.read(move |database| database.activity(project.as_ref()))
            .await
    }

    /// Who changed how much in a project, or in all.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn members(
        &self,
        project: Option<ProjectId>,
    ) -> Result<(u64, Vec<Member>), StoreError> {
        self.read(move |database| database.members(project.as_ref()))
            .await
    }

    /// Lets go what is too old.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn prune(&self, now: Millis) -> Result<(), StoreError> {
        self.read(move |database| database.prune(now)).await
    }

    /// Makes a task.
    ///
    /// # Errors
    /// When there are too many, or the store fails.
    pub(crate) async fn create_task(
        &self,
        task: NewTask,
        origin: Origin,
    ) -> Result<Task, StoreError> {
        self.write(move |database| database.create_task(&task, &origin))
            .await
    }

    /// Changes a task. What is already so is no change: no new version, no event.
    ///
    /// # Errors
    /// When there is no such task, it is another version than the one the change was made from, a lease that it was
    /// made under has ended, or the store fails.
    pub(crate) async fn update_task(
        &self,
        id: TaskId,
        change: TaskChange,
        origin: Origin,
    ) -> Result<Task, StoreError> {
        self.write(move |database| database.update_task(id, &change, &origin))
            .await
    }

    /// Deletes a task.
    ///
    /// # Errors
    /// When there is no such task, a lease that it was made under has ended, or the store fails.
    pub(crate) async fn delete_task(&self, id: TaskId, origin: Origin) -> Result<(), StoreError> {
        self.write(move |database| database.delete_task(id, &origin))
            .await
    }

    /// The blocks of which a part lies within a span.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn blocks(&self, within: Span) -> Result<Vec<Block>, StoreError> {
        self.read(move |database| database.blocks(within)).await
    }

    /// Moves a block.
    ///
    /// # Errors
    /// When there is no such block, another one has a part of that time, or the store fails.
    pub(crate) async fn move_block(
        &self,
        id: BlockId,
        to: Span,
        origin: Origin,
    ) -> Result<Block, StoreError> {
        self.write(move |database| database.move_block(id, to, &origin))
            .await
    }

    /// Publishes events, all or none, and returns the number of the last one.
    ///
    /// # Errors
    /// When there are too many channels, or the store fails.
    pub(crate) async fn publish(
        &self,
        events: Vec<NewEvent>,
        origin: Origin,
    ) -> Result<Seq, StoreError> {
        self.write(move |database| database.publish(&events, &origin))
            .await
    }

    /// Puts events in line to be published, all or none, and returns at once; `done` hears what became of them.
    ///
    /// # Errors
    /// When the store has more to do than it can take: `done` is then not called.
    pub(crate) fn publish_later(
        &self,
        events: Vec<NewEvent>,
        origin: Origin,
        done: impl FnOnce(Result<Seq, StoreError>) + Send + 'static,
    ) -> Result<(), Busy> {
        let work = move |worker: &mut Worker| {
            done(worker.write(|database| database.publish(&events, &origin)));
        };
        self.jobs
            .try_send(Job::Work(Box::new(work)))
            .map_err(|_full_or_closed| Busy)
    }

    /// Asks for a lease. `done` runs on the store's thread, so that what is told of leases comes in the order in
    /// which they were given.
    ///
    /// # Errors
    /// When the store has more to do than it can take.
    pub(crate) fn lock(
        &self,
        ask: LockAsk,
        now: Millis,
        done: impl FnOnce(&LockAsk, Result<Locked, StoreError>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.submit(move |database| {
            let locked = database.leases().lock(&ask, now);
            done(&ask, locked);
        })
    }

    /// Gives a lease back; `done` hears whether it was that client's to give.
    ///
    /// # Errors
    /// When the store has more to do than it can take.
    pub(crate) fn unlock(
        &self,
        claim: Claim,
        owner: Owner,
        now: Millis,
        done: impl FnOnce(&Claim, Result<bool, StoreError>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.submit(move |database| {
            let unlocked = database.leases().unlock(&claim, &owner, now);
            done(&claim, unlocked);
        })
    }

    /// The leases on a channel that somebody has.
    ///
    /// # Errors
    /// When the store has more to do than it can take.
    pub(crate) fn leases_on(
        &self,
        channel: ChannelName,
        now: Millis,
        done: impl FnOnce(&ChannelName, Result<Vec<Lease>, StoreError>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.submit(move |database| {
            let leases = database.leases().on(&channel, now);
            done(&channel, leases);
        })
    }

    /// A connection is lost: its leases end at a moment, unless somebody goes on with them.
    ///
    /// # Errors
    /// When the store has more to do than it can take. The leases then end by themselves.
    pub(crate) fn lose_leases(
        &self,
        session: SessionKey,
        until: Millis,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.submit(move |database| done(database.leases().lose(session, until)))
    }

    /// Ends the leases whose time is over. `done` hears which, and when the next one ends.
    ///
    /// # Errors
    /// When the store has more to do than it can take.
    pub(crate) fn expire_leases(
        &self,
        now: Millis,
        done: impl FnOnce(Result<(Vec<Freed>, Option<Millis>), StoreError>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.submit(move |database| {
            let mut leases = database.leases();
            let freed = leases.expire(now);
            done(freed.and_then(|freed| Ok((freed, leases.next_end()?))));
        })
    }

    fn submit(&self, work: impl FnOnce(&mut Database) + Send + 'static) -> Result<(), Busy> {
        let work = Box::new(move |worker: &mut Worker| work(&mut worker.database));
        self.jobs
            .try_send(Job::Work(work))
            .map_err(|_full_or_closed| Busy)
    }

    /// Closes the file after all that was asked before, so that the next server can open it. From then on
    /// every request fails.
    pub(crate) async fn close(&self) {
        let (closed, is_closed) = oneshot::channel();
        if self.jobs.send(Job::Close(closed)).await.is_ok() {
            let _closed = is_closed.await;
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(move |worker| work(&mut worker.database)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Database) -> Result<Written<T>, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(move |worker| worker.write(work)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Worker) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move |worker: &mut Worker| {
            // Whoever asked may have gone; what was written stays written, and announced.
            let _gone = answer.send(work(worker));
        });
        self.jobs
            .send(Job::Work(work))
            .await
            .map_err(|_closed| StoreError::Stopped)?;
        answered.await.map_err(|_closed| StoreError::Stopped)?
    }
}
