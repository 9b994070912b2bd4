//! Workers, each with a real application beneath.

mod dispatcher;
