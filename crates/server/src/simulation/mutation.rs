//! Rules that can be broken on purpose, to show that a world notices.
//!
//! Refuses to touch the shipped rules: what is broken is how the world around them uses them.

/// A rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutation {
    /// The store takes what an earlier owner says.
    IgnoreFence,
    /// A drive publishes before it has stored.
    PublishBeforeStore,
    /// What the bus says of the future is believed.
    BelieveGaps,
    /// Nobody asks the store what the bus has lost.
    NeverDoubt,
    /// Two nodes may count the commands of a vehicle at the same time.
    CountWithoutLock,
    /// A write whose node died goes back into the queue.
    ResendWrites,
    /// The connector says of a lost connection that nothing was sent.
    DenySending,
    /// A submission that comes again is a new one.
    ForgetKeys,
    /// A client is told before the command is stored.
    AcknowledgeEarly,
    /// What several nodes heard is recorded by each.
    RecordEveryHearing,
    /// A write is sent however long ago its lease lapsed.
    SendAfterTheLease,
}

impl Mutation {
    pub(super) const ALL: [Self; 11] = [
        Self::IgnoreFence,
        Self::PublishBeforeStore,
        Self::BelieveGaps,
        Self::NeverDoubt,
        Self::CountWithoutLock,
        Self::ResendWrites,
        Self::DenySending,
        Self::ForgetKeys,
        Self::AcknowledgeEarly,
        Self::RecordEveryHearing,
        Self::SendAfterTheLease,
    ];
}
