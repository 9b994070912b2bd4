//! Whether the sealing keys are there, and open what the database holds.

use std::collections::BTreeMap;

use crate::{
    app::sealing::{self, LOST_KEY},
    auth::{Keys, keys},
    base::clock::Clock,
    cli::doctor::finding::{
        Finding::{self, Note, Well},
        ill,
    },
    config::Config,
    store::Database,
};

/// What was found, and how many credentials the database holds for each partner.
pub async fn sealing(
    config: &Config,
    keys: Option<&Keys>,
    db: Option<&Database>,
) -> (Finding, BTreeMap<String, usize>) {
    let none = BTreeMap::new();
    let Some(keys) = keys else {
        return (Note("sealing keys: not checked, for lack of keys".to_owned()), none);
    };
    let sealer = match keys.sealer() {
        Ok(sealer) => sealer,
        Err(error) => {
            let remedy =
                "Set `auth.sealing_keys` (ORDERWIRE_AUTH__SEALING_KEYS), the same on all servers.";
            return (ill(format!("sealing keys: {error}"), remedy), none);
        }
    };
    let file = config.data_dir.join(keys::FILE_NAME);
    let place = if config.auth.sealing_keys.is_empty() {
        format!("in {}", file.display())
    } else {
        "in `auth.sealing_keys`".to_owned()
    };
    let Some(db) = db else {
        return (Note(format!("sealing keys: {place}; not compared with the database")), none);
    };
    let found = match sealing::inspect(db, &sealer, &Clock::System).await {
        Ok(found) => found,
        Err(error) => return (ill(format!("sealing keys: {error}"), "See `database`."), none),
    };
    let remedy = format!("Add the key that sealed them, the same on all servers; {LOST_KEY}.");
    let finding = if !found.unreadable.is_empty() {
        ill(format!("sealing keys: {found}"), remedy)
    } else if !found.has_current_key {
        ill(
            format!("sealing keys: those {place} are not the ones that this database is used with"),
            remedy,
        )
    } else {
        Well(format!("sealing keys: {place}, and open all {} stored secrets", found.secrets))
    };
    (finding, found.credentials)
}
