//! All settings: the sections, and the rules between them.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use crate::config::{
    Auth, Bus, Cache, ConfigError, Database, Endpoints, Http, Live, Log, Notify, Orders, Outbound,
    Partner, Sms, WhatsApp, Workers,
    partners::PARTNER_SETTINGS,
    setting::{Setting, Shown},
};

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder of the database and the keys of an embedded server.
    pub data_dir: PathBuf,
    /// The HTTP listener.
    pub http: Http,
    /// Durable state.
    pub database: Database,
    /// The event transport.
    pub bus: Bus,
    /// Order snapshots.
    pub cache: Cache,
    /// Tokens.
    pub auth: Auth,
    /// The live sockets.
    pub live: Live,
    /// The rules of ordering.
    pub orders: Orders,
    /// The workers.
    pub workers: Workers,
    /// Requests to partners.
    pub outbound: Outbound,
    /// Webhooks to endpoints.
    pub endpoints: Endpoints,
    /// Notifications to people.
    pub notify: Notify,
    /// WhatsApp's Cloud API.
    pub whatsapp: WhatsApp,
    /// The gateway for text messages.
    pub sms: Sms,
    /// The log.
    pub log: Log,
    /// The folder of operators' own adapters, one TOML file each.
    pub adapters_dir: Option<PathBuf>,
    /// The settings of each partner, by its slug.
    pub partners: BTreeMap<String, Partner>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("orderwire-data"),
            http: Http::default(),
            database: Database::default(),
            bus: Bus::default(),
            cache: Cache::default(),
            auth: Auth::default(),
            live: Live::default(),
            orders: Orders::default(),
            workers: Workers::default(),
            outbound: Outbound::default(),
            endpoints: Endpoints::default(),
            notify: Notify::default(),
            whatsapp: WhatsApp::default(),
            sms: Sms::default(),
            log: Log::default(),
            adapters_dir: None,
            partners: BTreeMap::new(),
        }
    }
}

impl Config {
    /// The base URL of this server as clients and partners see it, without a slash at its end.
    pub fn public_url(&self) -> String {
        match &self.http.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.http.listen),
        }
    }

    /// Names every setting that is out of bounds.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Vec::new();
        self.http.check(&mut wrong);
        self.database.check(&mut wrong);
        self.bus.check(&mut wrong);
        self.cache.check(&mut wrong);
        self.auth.check(&mut wrong);
        self.live.check(&mut wrong);
        self.orders.check(&mut wrong);
        self.workers.check(&mut wrong);
        self.outbound.check(&mut wrong);
        self.endpoints.check_all(&mut wrong);
        self.notify.check(&mut wrong);
        self.whatsapp.check(&mut wrong);
        self.sms.check(&mut wrong);
        self.log.check(&mut wrong);
        let (low, high) = Partner::BOUNDS;
        for (slug, it) in &self.partners {
            for (name, span) in
                [("replay_window", it.replay_window), ("accept_within", it.accept_within)]
            {
                if let Some(span) = span.filter(|it| *it < low || high < *it) {
                    let must = format!("it must be between {low} and {high}");
                    wrong.push(format!("partners.{slug}.{name} is {span}; {must}"));
                }
            }
        }
        let Live { ping_every, idle_timeout, .. } = &self.live;
        if idle_timeout <= ping_every {
            wrong.push(format!(
                "live.idle_timeout is {idle_timeout}; it must be longer than live.ping_every, {ping_every}, or every socket is closed between two pings"
            ));
        }
        if wrong.is_empty() { Ok(()) } else { Err(ConfigError::OutOfBounds(wrong)) }
    }
}

/// Every setting, in the order of the sections.
pub fn settings() -> Vec<Setting> {
    let default = Config::default();
    let folder = |name: &str, default: String, doc: &str| Setting {
        name: name.to_owned(),
        default,
        allowed: None,
        doc: doc.to_owned(),
    };
    let mut settings = vec![
        folder(
            "data_dir",
            default.data_dir.shown(),
            "The folder of the database and the keys of an embedded server.",
        ),
        folder(
            "adapters_dir",
            default.adapters_dir.shown(),
            "The folder of your own adapters, one TOML file each, checked every 2 s. Default: none.",
        ),
    ];
    settings.extend(PARTNER_SETTINGS.map(|(name, default, doc)| Setting {
        name: format!("partners.<slug>.{name}"),
        default: default.to_owned(),
        allowed: None,
        doc: doc.to_owned(),
    }));
    Http::list(&mut settings);
    Database::list(&mut settings);
    Bus::list(&mut settings);
    Cache::list(&mut settings);
    Auth::list(&mut settings);
    Live::list(&mut settings);
    Orders::list(&mut settings);
    Workers::list(&mut settings);
    Outbound::list(&mut settings);
    Endpoints::list(&mut settings);
    Notify::list(&mut settings);
    WhatsApp::list(&mut settings);
    Sms::list(&mut settings);
    Log::list(&mut settings);
    settings
}
