//! Counts of rare states. A simulator that never reaches them proves nothing about them, so a run
//! over many seeds asserts that each was reached.

macro_rules! rare {
    ($($(#[doc = $about:literal])* $name:ident,)*) => {
        /// Something rare that a run has to reach.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Rare { $($(#[doc = $about])* $name,)* }

        impl Rare {
            /// All of them.
            pub(crate) const ALL: &[Rare] = &[$(Rare::$name,)*];
        }
    };
}

rare! {
    /// A tab took the lead after another one.
    HandOver,
    /// A tab took the lead while events were on their way to the tab before or from it.
    HandOverWithEventsInFlight,
    /// A leader went away in a healed world.
    HandOverInHealedWorld,
    /// A leader was frozen in a healed world, without having been told.
    LeaderFrozenInHealedWorld,
    /// Missed events were sent after a reconnect.
    Recovered,
    /// Missed events could not be sent.
    RecoveryImpossible,
    /// An event came after a hole in the numbers.
    HoleInTheNumbers,
    /// An event came again.
    DuplicateEvent,
    /// A tab missed events and had to be told that it did.
    MissedEvents,
    /// A tab crashed between two outputs of its engine.
    CrashBetweenOutputs,
    /// A tab crashed while it led.
    LeaderCrashed,
    /// A tab was frozen while it led, without having been told.
    LeaderFrozenUntold,
    /// A tab was frozen after it was told.
    FrozenTold,
    /// A page that was frozen never got what it had been fetching.
    FetchHung,
    /// A thawed tab found messages that had queued.
    ThawedToABurst,
    /// A tab came back from the back/forward cache.
    BackFromCache,
    /// A computer slept and its monotonic clock stood still.
    SleptWithoutMono,
    /// A computer slept and its monotonic clock went on.
    SleptWithMono,
    /// The wall clock was set back.
    ClockSetBack,
    /// The wall clock was set forward.
    ClockSetForward,
    /// A timer of a hidden tab ran more than ten seconds late.
    ThrottledTimer,
    /// A frame was sent into nothing.
    SentIntoNothing,
    /// The server closed a session that did not answer its pings.
    ServerGaveUpOnSession,
    /// A page gave up on a server that did not answer.
    PageGaveUpOnServer,
    /// A dial led nowhere.
    DialHung,
    /// A dial was refused.
    DialRefused,
    /// The server restarted with a new epoch.
    RestartedNewEpoch,
    /// The server restarted with its epoch kept.
    RestartedSameEpoch,
    /// Something changed and no event told of it.
    SilentChange,
    /// The server closed a connection with a code of its own.
    Kicked,
    /// The server closed a connection for good.
    KickedForGood,
    /// The server said that it goes away.
    WentAway,
    /// The server closed each connection soon after it was made, for a while.
    Flapped,
    /// Frames waited for the end of a partition and came late, all at once.
    HeldByPartition,
    /// A frame of a socket arrived after the engine had closed it.
    LateFrame,
    /// The server sent what is not of the protocol.
    HostileFrame,
    /// Another script of the origin posted what is not ours.
    HostileTabMessage,
    /// A lock was taken by force.
    LockStolen,
    /// A fetch was asked for while one was under way.
    FetchOwed,
    /// A fetch failed.
    FetchFailed,
    /// A fetch was refused: not again for a while.
    FetchRefused,
    /// A fetch was cancelled by the app.
    FetchCancelled,
    /// A change was told by two layers.
    ToldByTwoLayers,
    /// A browser had no locks.
    NoLocks,
    /// A message between tabs took longer than a second.
    SlowBus,
    /// A leader was asked for a channel that only a follower watches.
    FollowersOwnChannel,
    /// A tab that leads read what was not true any more.
    StaleReadByLeader,
    /// A write found no room.
    QuotaRefused,
    /// An access to the storage threw.
    StorageThrew,
    /// A mutation was accepted that is in memory only.
    AcceptedInMemory,
    /// The storage was cleared while mutations waited.
    ClearedWhileQueued,
    /// A record was damaged.
    RecordDamaged,
    /// Other code left what looks like ours.
    JunkInStorage,
    /// The power was lost while mutations waited.
    PowerLostWhileQueued,
    /// Mutations of two tabs waited at the same time.
    TwoTabsQueueAtOnce,
    /// More mutations were made than may wait.
    QueueFull,
    /// A mutation was sent again.
    MutationSentAgain,
    /// The server knew the key that it was sent.
    KeyKnownToServer,
    /// The server did something and its answer was lost.
    AnswerLostAfterEffect,
    /// The server never answered a mutation.
    MutationHung,
    /// A tab ended after the server did what it had sent and before it heard.
    CrashBetweenCommitAndAnswer,
    /// A tab ended while it was sending a mutation.
    CrashWithMutationOnItsWay,
    /// Another tab ran the function for the one that leads.
    RunByAnotherTab,
    /// A page lost a function for mutations.
    FunctionGone,
    /// The server wanted a login for a mutation.
    MutationWantsLogin,
    /// The server asked to slow down.
    MutationSlowedDown,
    /// And did while several waited.
    DrainUnderSlowDown,
    /// A newer mutation replaced one that waited.
    Superseded,
    /// What the other side had was kept.
    OtherSideKept,
    /// A mutation was given up by a person.
    Discarded,
    /// A conflict waited for a person.
    ConflictForUser,
    /// A mutation failed for good.
    DeadLetter,
    /// A lane waited for a person.
    LaneHeldByConflict,
    /// A person tried one again.
    LetterRetried,
    /// A person changed one and tried it again.
    LetterEdited,
    /// A person settled a conflict.
    ConflictResolved,
    /// The answer to somebody who gave one up came.
    DiscardAnswered,
    /// The queue was saved to a file.
    QueueExported,
    /// And taken back.
    QueueImported,
    /// Somebody wanted all sent now.
    QueueFlushed,
    /// Somebody was there whom nobody shall know.
    SomebodyShown,
    /// Somebody was seen typing.
    TypingSeen,
    /// A signal was heard.
    SignalHeard,
    /// The server can not do all of it.
    RoomNotSupported,
    /// The server took nothing that was shown.
    PresenceLimited,
    /// And never will.
    PresenceForbidden,
    /// Everybody was told in several messages.
    CrowdInParts,
    /// Somebody was silent for too long, or away.
    SilentGone,
    /// A field was given to a tab.
    LeaseGranted,
    /// Somebody else had it.
    FieldTaken,
    /// The fence was of an older lease.
    LeaseTooOld,
    /// A lease went on that had ended.
    LeaseCameBack,
    /// A lease went on for another client of the same person.
    LeaseHandedOn,
    /// A client got a new lease of what it had.
    LeaseGivenAnew,
    /// A tab lost a field.
    LeaseLost,
    /// The server forgot who had which field.
    LeasesForgotten,
    /// A write was done under a lease.
    WrittenUnderLease,
    /// A write was refused because of its fence.
    StaleWriteRefused,
    /// A tab was closed that had asked for a field.
    ClosedWhileAsking,
    /// A tab that edits kept its field while others came and went.
    LeaseKeptOverDrill,
    /// A probe found that nothing changed.
    ProbeUnchanged,
    /// A probe was refused for want of a login.
    ProbeRefused,
    /// A probe was answered with a page to log in.
    ProbeLoginPage,
    /// The server wanted no probes for a while.
    ProbeBusy,
    /// It did, and what stands before it answered and did not say so.
    ProbeBusyUnsaid,
    /// A probe was never answered.
    ProbeHung,
    /// A probe was given up before it was answered.
    ProbeGivenUp,
    /// A probe was told "not modified" though it had nothing to compare with.
    ProbeBodyGone,
    /// The answer to a question came after it was given up.
    LateReply,
    /// A contract was found due.
    FoundDue,
    /// Somebody came back to a page, and old data was fetched.
    FetchedOnFocus,
    /// A page that was loaded anew fetched what was old.
    FetchedAfterReload,
    /// A page whose clocks jumped fetched everything.
    FetchedAfterSleep,
    /// The user wanted the newest.
    Refreshed,
    /// Contracts were off because a form was filled in.
    FormFilledIn,
    /// A tab crashed while it led, just when another one asked it to look.
    LeaderCrashedAsAsked,
    /// What was stored for a reload was not what had been stored.
    SessionLies,
    /// An app kept its data over a reload.
    DataKeptOverReload,
    /// A window broke for want of a network.
    BrokenOffline,
    /// A window broke because the browser woke the page too late.
    BrokenThrottled,
    /// A window broke because the page stood still.
    BrokenFrozen,
    /// A window broke because a fetch took too long.
    BrokenBySlowFetch,
    /// A window broke because the server failed.
    BrokenByServer,
}

/// The counts.
#[derive(Clone, Debug)]
pub(crate) struct Sometimes([u64; Rare::ALL.len()]);

impl Default for Sometimes {
    fn default() -> Self {
        Sometimes([0; Rare::ALL.len()])
    }
}

impl Sometimes {
    /// It happened.
    pub(crate) fn reached(&mut self, rare: Rare) {
        self.0[rare as usize] += 1;
    }

    /// Adds the counts of another world.
    pub(crate) fn add(&mut self, other: &Sometimes) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine += theirs;
        }
    }

    /// Each with its count.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Rare, u64)> {
        Rare::ALL.iter().map(|&rare| (rare, self.0[rare as usize]))
    }

    /// What was never reached.
    pub(crate) fn never(&self) -> Vec<Rare> {
        self.iter()
            .filter(|(_, count)| *count == 0)
            .map(|(rare, _)| rare)
            .collect()
    }
}
