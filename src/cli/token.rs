//! `token`: mints a token with this server's own key.

use clap::Args;

use crate::{
    auth::{Grant, Role, Scope, ScopeSet, Stores, Tokens, keys},
    base::{clock::Clock, mint::Mint},
    cli::{
        options::Common,
        output::{note, say},
    },
    config::Span,
    domain::{OrderId, StoreId},
};

/// Mint a token for development
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orderwire token --role service --all-stores --scope orders:read,orders:write,stores:write
  orderwire token --role service --all-stores --scope webhooks:read,webhooks:write
  orderwire token --role staff --store str_0198… --subject sara
  orderwire token --role customer --subject cus-77
  orderwire token --role tracking --order ord_0198…")]
pub struct Token {
    #[command(flatten)]
    common: Common,
    /// customer, staff, service, courier or tracking
    #[arg(long)]
    role: Role,
    /// Who bears it: the `sub`
    #[arg(long, default_value = "development")]
    subject: String,
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', help = scopes_help())]
    scopes: Vec<Scope>,
    /// A store that it reaches; may be repeated
    #[arg(
        long = "store",
        value_name = "STORE",
        value_delimiter = ',',
        conflicts_with = "all_stores"
    )]
    stores: Vec<StoreId>,
    /// It reaches every store
    #[arg(long)]
    all_stores: bool,
    /// The order of a tracking link
    #[arg(long, required_if_eq("role", "tracking"))]
    order: Option<OrderId>,
    /// How long it is valid; left out: `auth.token_ttl`
    #[arg(long)]
    ttl: Option<Span>,
}

impl Token {
    /// Prints the token, and nothing else.
    pub fn run(self) -> anyhow::Result<u8> {
        let config = self.common.load(&[])?;
        let keys = keys::load_or_make(&config, &Mint::system())?;
        let tokens = Tokens::new(&config.auth, &keys.token_secrets, Clock::System)?;
        if let Some(path) = &keys.made {
            note(format_args!(
                "made new keys in {}; a server with another data folder or other `auth.secrets` refuses this token",
                path.display()
            ));
        }
        let grant = match self.order {
            Some(order) if self.role == Role::Tracking => Grant::tracking(order),
            _ => Grant {
                role: self.role,
                subject: self.subject,
                scopes: self.scopes.into_iter().collect::<ScopeSet>(),
                stores: if self.all_stores { Stores::All } else { Stores::Only(self.stores) },
                order: None,
            },
        };
        if matches!(grant.role, Role::Staff | Role::Service)
            && matches!(&grant.stores, Stores::Only(stores) if stores.is_empty())
        {
            note("this token reaches no store; see --store and --all-stores");
        }
        let ttl = self.ttl.unwrap_or(config.auth.token_ttl);
        let (token, _) = tokens.mint(&grant, *ttl);
        say(token);
        Ok(0)
    }
}

/// Lists every scope that the parser takes.
fn scopes_help() -> String {
    let words: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    format!("What it allows, separated by commas: {}", words.join(", "))
}
