//! What a protocol can.

/// Which promises a protocol can carry by itself. What the engine does about what is missing is in
/// `docs/decisions/0008-wires.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// How what was missed can be had.
    pub resume: Resume,
    /// Who asks for signs of life.
    pub heartbeat: Heartbeat,
    /// Everything that we ask is answered, under its number.
    pub acks: bool,
    /// The server tells its time.
    pub clock: bool,
    /// A new token can be given on a connection that goes on.
    pub renews: bool,
    /// Who is there and who may edit what can be said in it.
    pub room: RoomCan,
}

/// How missed events can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Not at all.
    No,
    /// By a mark of the server's own. Events have no numbers, and those that were missed come before the
    /// answer to our question.
    Mark,
    /// By position. Events are numbered, so that a hole is seen.
    Positions,
}

/// Who asks for signs of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// The server, and nobody else may.
    Server,
    /// We do, and have to.
    Us,
    /// The server does, and we may at any time.
    Either,
}

/// How far it can be said who is there. Each can what those before it can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// Not at all.
    #[default]
    None,
    /// The server says it of those whom it knows, for as long as they are there. A page shows nothing of itself.
    Others,
    /// A page shows itself too, and a few times a minute something else: too seldom for who types.
    Seldom,
    /// A page shows itself as often as something changes, and again for as long as it is there.
    Often,
}

impl Presence {
    /// Does the server itself know when somebody is gone? Who is there belongs to a channel that is had then,
    /// and the wire knows it.
    pub fn is_kept(self) -> bool {
        matches!(self, Presence::Others | Presence::Seldom)
    }
}

/// What can be had of the room: of a protocol, or of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomCan {
    /// Who is there.
    pub presence: Presence,
    /// What is said for the moment.
    pub signals: bool,
    /// Fields that one at a time may edit.
    pub leases: bool,
}

impl RoomCan {
    /// All of it.
    pub const ALL: RoomCan = RoomCan {
        presence: Presence::Often,
        signals: true,
        leases: true,
    };

    /// Nothing of it.
    pub const NONE: RoomCan = RoomCan {
        presence: Presence::None,
        signals: false,
        leases: false,
    };

    /// What can be had when both can do it.
    #[must_use]
    pub fn and(self, other: RoomCan) -> RoomCan {
        RoomCan {
            presence: self.presence.min(other.presence),
            signals: self.signals && other.signals,
            leases: self.leases && other.leases,
        }
    }
}
