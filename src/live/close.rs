//! Every reason for which this server closes a socket. Below 4500 the client comes back, from there on it does not.

/// Why a socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// The client has closed.
    Normal,
    /// What the client sent is against the protocol of WebSockets.
    Protocol,
    /// The client sent text that is not UTF-8.
    NotUtf8,
    /// This node is going away.
    Shutdown,
    /// The server failed.
    Internal,
    /// No fresh token came in time.
    TokenExpired,
    /// The client reads more slowly than its orders move.
    Slow,
    /// Events came faster than a snapshot could be read.
    PositionLost,
    /// The client was silent for too long.
    NoAnswer,
    /// Too many frames a second.
    Rate,
    /// The token of an `auth` frame was refused.
    BadToken,
    /// A binary or oversized frame.
    BadFrame,
    /// The caller lost its right to watch.
    Forbidden,
}

impl Close {
    /// The code on the wire (RFC 6455 section 7.4 has those below 4000 and leaves 4000 to 4999 to applications).
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Protocol => 1002,
            Self::NotUtf8 => 1007,
            Self::Shutdown => 4001,
            Self::Internal => 4003,
            Self::TokenExpired => 4005,
            Self::Slow => 4008,
            Self::PositionLost => 4010,
            Self::NoAnswer => 4012,
            Self::Rate => 4013,
            Self::BadToken => 4500,
            Self::BadFrame => 4501,
            Self::Forbidden => 4507,
        }
    }

    /// In words, for the close frame.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "",
            Self::Protocol => "protocol error",
            Self::NotUtf8 => "text must be UTF-8",
            Self::Shutdown => "shutdown",
            Self::Internal => "internal",
            Self::TokenExpired => "token expired",
            Self::Slow => "slow",
            Self::PositionLost => "position lost",
            Self::NoAnswer => "no answer",
            Self::Rate => "rate",
            Self::BadToken => "bad token",
            Self::BadFrame => "bad frame",
            Self::Forbidden => "forbidden",
        }
    }
}
