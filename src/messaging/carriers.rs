//! The channels that this server can send by, as configured.

use std::sync::Arc;

use crate::{
    config::Config,
    domain::MessageChannel,
    messaging::{
        carrier::Carrier,
        local::LocalOutbox,
        sms::{BadGateway, Sms},
        whatsapp::{BadErrors, WhatsApp},
    },
};

/// The channels that this server can send by.
#[derive(Clone)]
pub struct Carriers {
    whatsapp: Arc<dyn Carrier>,
    sms: Option<Arc<dyn Carrier>>,
}

/// The channels cannot be used as configured. For the operator.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// WhatsApp.
    #[error(transparent)]
    WhatsApp(#[from] BadErrors),
    /// The gateway for text messages.
    #[error(transparent)]
    Sms(#[from] BadGateway),
}

impl Carriers {
    /// As configured. Without credentials WhatsApp messages are written down here, and go nowhere.
    pub fn new(config: &Config) -> Result<Self, Unusable> {
        let whatsapp: Arc<dyn Carrier> = match WhatsApp::new(&config.whatsapp)? {
            Some(whatsapp) => Arc::new(whatsapp),
            None => Arc::new(LocalOutbox),
        };
        let sms = Sms::new(&config.sms)?.map(|it| Arc::new(it) as Arc<dyn Carrier>);
        Ok(Self { whatsapp, sms })
    }

    /// The way to send by a channel; `None` when nobody has configured one.
    pub fn get(&self, channel: MessageChannel) -> Option<&Arc<dyn Carrier>> {
        match channel {
            MessageChannel::WhatsApp => Some(&self.whatsapp),
            MessageChannel::Sms => self.sms.as_ref(),
        }
    }
}
