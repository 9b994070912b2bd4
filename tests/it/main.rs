//! The integration suite, in one binary.

// It is for tests anyhow; said aloud, clippy lets helping functions unwrap as it lets tests.
#![cfg(test)]

mod authority;
mod command_line;
mod consumers;
mod cors;
mod crash;
mod demo;
mod deployment;
mod documents;
mod endpoints;
mod errors;
mod faults;
mod full_disk;
mod harness;
mod health;
mod hung_node;
mod live;
mod many;
mod notifications;
mod openapi;
mod orders;
mod pages;
mod partner_calls;
mod shutdown;
mod sse;
mod third_party_clients;
mod two_servers;
mod upgrade;
mod walks;
mod webhooks;
