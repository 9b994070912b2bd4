//! How people are written to: in which words, by which channel, and what the channel's answers mean. Pure: requests and answers go in and
//! out as values, and who sends them is somebody else's.

mod carrier;
mod carriers;
mod catalogue;
mod keyword;
mod local;
mod sms;
mod template;
pub mod whatsapp;

pub use self::{
    carrier::{Carrier, Content, Judgement, Message},
    carriers::{Carriers, Unusable},
    catalogue::{BadTemplates, Catalogue},
    keyword::{Keyword, keyword},
    template::{Template, Worded},
};

#[cfg(test)]
mod tests;
