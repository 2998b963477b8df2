//! What is known of each connection in the words of its protocol.
//!
//! There is one, but for the time in which a better transport is tried beside the connection that works: what is
//! said on the one is nothing on the other.

use super::ids::ConnId;
use crate::wire::Wire;

/// The wires of the connections that are open.
#[derive(Debug)]
pub(super) struct Wires {
    /// That of the link.
    pub(super) link: Wire,
    /// That of a connection that is tried beside it.
    tried: Option<(ConnId, Wire)>,
}

impl Wires {
    pub(super) fn new(link: Wire) -> Self {
        Wires { link, tried: None }
    }

    /// The wire of a connection.
    pub(super) fn of(&mut self, conn: ConnId) -> &mut Wire {
        match &mut self.tried {
            Some((tried, wire)) if *tried == conn => wire,
            _ => &mut self.link,
        }
    }

    /// A connection is tried beside that of the link. It begins with nothing: what takes up a session of the
    /// server's would take it from the connection that works.
    pub(super) fn try_beside(&mut self, conn: ConnId, wire: Wire) {
        self.tried = Some((conn, wire));
    }

    /// The server knows us on a connection: it is the link's from now on.
    pub(super) fn welcomed(&mut self, conn: ConnId) {
        if let Some((_, wire)) = self.tried.take_if(|(tried, _)| *tried == conn) {
            self.link = wire;
        }
    }

    /// Another person is there.
    pub(super) fn forget_user(&mut self) {
        self.tried = None;
        self.link.forget_user();
    }
}
