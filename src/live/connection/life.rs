//! How far a connection has come.

use crate::live::Close;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Frames are taken.
    Open,
    /// A close frame is queued; nothing else is taken any more.
    Closing(Close),
    /// The connection's task knows of it.
    Leaving(Close),
    /// The close frame has left.
    Left,
    /// The socket takes nothing any more.
    Broken,
}

impl Life {
    /// Why it is closing, if it is.
    pub const fn close(self) -> Option<Close> {
        match self {
            Self::Closing(close) | Self::Leaving(close) => Some(close),
            Self::Open | Self::Left | Self::Broken => None,
        }
    }
}
