//! What a connection brings: the answer to its upgrade, then frames.

use std::io::{self, Read};

use crate::{
    client::{
        frames::{self, CLOSE, PING, PONG, TEXT},
        poll::{End, Loop, NO_CODE},
        seat::Stage,
    },
    http::header,
    machine,
};

impl Loop {
    /// Reads until nothing is left.
    pub fn read(&mut self, at: usize, scratch: &mut [u8], to_the_end: bool) -> Result<(), End> {
        loop {
            let Some(seat) = self.seats.get_mut(at) else { return Ok(()) };
            let Some(connection) = &mut seat.connection else { return Ok(()) };
            let count = match connection.stream.read(scratch) {
                Ok(0) => return Err(End::Closed(NO_CODE)),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let now = machine::now();
            let fresh = scratch.get(..count).unwrap_or_default();
            if connection.carry.is_empty() {
                let used = self.take(at, fresh, now)?;
                let left = fresh.get(used..).unwrap_or_default();
                if let Some(connection) =
                    self.seats.get_mut(at).and_then(|it| it.connection.as_mut())
                {
                    connection.carry.extend_from_slice(left);
                }
            } else {
                let mut all = std::mem::take(&mut connection.carry);
                all.extend_from_slice(fresh);
                let used = self.take(at, &all, now)?;
                all.drain(..used);
                if let Some(connection) =
                    self.seats.get_mut(at).and_then(|it| it.connection.as_mut())
                {
                    // An empty buffer gives its memory back.
                    connection.carry = if all.is_empty() { Vec::new() } else { all };
                }
            }
            if count < scratch.len() && !to_the_end {
                return Ok(());
            }
        }
    }

    /// Takes what is whole. Answers how much that was.
    fn take(&mut self, at: usize, bytes: &[u8], now: u64) -> Result<usize, End> {
        let (Some(seat), Some(plan)) = (self.seats.get_mut(at), self.plans.get(at)) else {
            return Ok(0);
        };
        let mut rest = bytes;
        if let Some(connection) = &mut seat.connection
            && connection.stage == Stage::Upgrading
        {
            let Some(end) = memchr::memmem::find(rest, b"\r\n\r\n") else { return Ok(0) };
            let head = String::from_utf8_lossy(rest.get(..end).unwrap_or_default());
            let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
            if status != 101 {
                let after = header(&head, "retry-after").and_then(|it| it.parse::<u64>().ok());
                return Err(End::Refused { status, after });
            }
            self.hearing.tally.connected.between(seat.due, now);
            connection.subscribe(plan, &seat.seen)?;
            rest = rest.get(end + 4..).unwrap_or_default();
        }
        let mut brought = false;
        while let Some(frame) =
            frames::next(&mut rest).map_err(|_| End::Failed(io::ErrorKind::InvalidData.into()))?
        {
            match (frame.opcode, &mut seat.connection) {
                (TEXT, _) => brought |= self.hearing.text(seat, plan, frame.payload, now),
                (PING, Some(connection)) => connection.send(PONG, frame.payload)?,
                (CLOSE, Some(connection)) => {
                    // The server waits for it, but not we for the server.
                    let _: io::Result<()> = connection.send(CLOSE, frame.payload);
                    let code =
                        frame.payload.first_chunk().copied().map_or(1005, u16::from_be_bytes);
                    return Err(End::Closed(code));
                }
                _ => {}
            }
        }
        self.hearing.tally.reads += u64::from(brought);
        Ok(bytes.len() - rest.len())
    }
}
