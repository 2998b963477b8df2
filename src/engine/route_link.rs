//! What the link and the other parts say to each other.

use super::Engine;
use super::ids::ConnId;
use super::input::SocketEvent;
use super::link;
use super::notice::FaultCode;
use super::output::Output;
use super::time::{Millis, Now};
use crate::wire::Heard;
use crate::wire::native;

impl Engine {
    /// Something happened to a socket.
    pub(super) fn on_socket(&mut self, now: Now, conn: ConnId, event: SocketEvent<'_>) {
        if !self.link.owns(conn) {
            return;
        }
        match event {
            SocketEvent::Opened => self.link.opened(conn),
            SocketEvent::Closed { code, reason } => {
                self.link.closed(now, conn, code, reason, &mut self.rng);
            }
            SocketEvent::Frame(bytes) => {
                self.link.heard(now);
                self.metrics.frame(now, bytes.len());
                let mut heard = Vec::new();
                native::read(bytes, &mut heard);
                self.on_heard(now, conn, heard);
            }
        }
    }

    fn on_heard(&mut self, now: Now, conn: ConnId, heard: Vec<Heard<'_>>) {
        let mut fresh = Vec::new();
        for said in heard {
            // What was heard before may have ended the connection.
            if !self.link.owns(conn) {
                break;
            }
            match said {
                Heard::Event(event) => {
                    if self.on_event(now, &event) {
                        fresh.push(event);
                    }
                }
                Heard::Subscribed {
                    channel,
                    position,
                    recovery,
                    ..
                } => self.on_subscribed(now, &channel, position, recovery),
                Heard::Unsubscribed { .. } | Heard::Unknown => {}
                Heard::Pong => self.metrics.answered(now.mono),
                Heard::Welcome {
                    ping_ms,
                    now: server,
                } => {
                    self.metrics.welcomed(now, server);
                    self.link.welcome(now, Millis(ping_ms));
                }
                Heard::Ping { number } => self.link.ping(number),
                Heard::GoAway { spread_ms } => {
                    self.link.go_away(now, Millis(spread_ms), &mut self.rng);
                }
                Heard::Refused(refusal) => self.on_refused(refusal),
                Heard::Malformed(what) => self.fault(FaultCode::BadFrame, what),
            }
            self.link_steps(now);
        }
        self.relay(fresh);
    }

    /// Says something to the server, if it can be heard.
    pub(super) fn send(&mut self, frame: String) {
        if let Some(conn) = self.link.live() {
            self.out.push_back(Output::SendFrame { conn, frame });
        }
    }

    /// Does what the link wants done.
    pub(super) fn link_steps(&mut self, now: Now) {
        while let Some(step) = self.link.poll() {
            match step {
                link::Step::Open(conn) => {
                    self.metrics.dials += 1;
                    self.out.push_back(Output::OpenSocket {
                        conn,
                        url: self.config.url.clone(),
                        protocol: native::SUBPROTOCOL,
                    });
                }
                link::Step::Close(conn) => self.out.push_back(Output::CloseSocket { conn }),
                link::Step::Hello(conn) => {
                    self.metrics.greeted(now.mono);
                    let frame = native::hello(&self.tabs.me().text(), None);
                    self.out.push_back(Output::SendFrame { conn, frame });
                }
                link::Step::Pong(conn, number) => {
                    let frame = native::pong(number);
                    self.out.push_back(Output::SendFrame { conn, frame });
                }
                link::Step::Ping(conn) => {
                    self.metrics.asked(now.mono);
                    let number = self.next_request().0;
                    let frame = native::ping(number);
                    self.out.push_back(Output::SendFrame { conn, frame });
                }
                link::Step::Up => {
                    let steps = self.channels.link_up();
                    self.channel_steps(now, steps);
                }
                link::Step::Down => self.channels.link_down(),
            }
        }
    }
}
