//! Every partner: those that come with Orderwire, and those that operators add with a file each, while the server runs.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::{Mutex, RwLock};

use crate::{
    config::Config,
    partners::{Fault, Partner},
};

/// The partners that come with Orderwire: the name of the file, and what stands in it.
pub(crate) const KNOWN: &[(&str, &str)] = &[
    ("careem", include_str!("known/careem.toml")),
    ("checkout_com", include_str!("known/checkout_com.toml")),
    ("delivery_hero_rider", include_str!("known/delivery_hero_rider.toml")),
    ("deliverect", include_str!("known/deliverect.toml")),
    ("deliveroo", include_str!("known/deliveroo.toml")),
    ("doordash_drive", include_str!("known/doordash_drive.toml")),
    ("foodics", include_str!("known/foodics.toml")),
    (GENERIC, include_str!("known/generic.toml")),
    ("hyperpay", include_str!("known/hyperpay.toml")),
    ("otter", include_str!("known/otter.toml")),
    ("shopify", include_str!("known/shopify.toml")),
    ("square", include_str!("known/square.toml")),
    ("stripe", include_str!("known/stripe.toml")),
    ("talabat", include_str!("known/talabat.toml")),
    ("tap", include_str!("known/tap.toml")),
    ("uber_direct", include_str!("known/uber_direct.toml")),
    ("uber_eats", include_str!("known/uber_eats.toml")),
    ("whatsapp", include_str!("known/whatsapp.toml")),
];

/// Our own format, which nobody may redefine: its contract is ours.
const GENERIC: &str = "generic";

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

type BySlug = BTreeMap<String, Arc<Partner>>;

/// Every partner, by its slug.
#[derive(Debug)]
pub struct Partners {
    known: BySlug,
    /// Where operators put their files.
    folder: Option<PathBuf>,
    files: Mutex<BTreeMap<PathBuf, Adapter>>,
    active: RwLock<Arc<BySlug>>,
    accept_within: BTreeMap<String, Duration>,
}

/// A file of an operator.
#[derive(Debug, Default)]
struct Adapter {
    /// What stood in it when it was last looked at.
    text: String,
    /// The last version without a fault.
    partner: Option<Arc<Partner>>,
    /// What is wrong with the newest version.
    fault: Option<String>,
}

/// A file that defines no partner. For the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct BadAdapter {
    /// The file.
    pub path: String,
    /// What is wrong, and on which line.
    pub what: String,
}

/// What looking at the files has brought.
#[derive(Debug, Default)]
pub struct Changes {
    /// Partners that are new, or defined anew.
    pub defined: Vec<String>,
    /// Files whose newest version has a fault that was not there before.
    pub faults: Vec<BadAdapter>,
    /// Files that have a fault now.
    pub faulty: u32,
    /// How many files have gone.
    pub gone: usize,
}

/// The settings name a partner that nobody knows. For the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("setting `partners.{slug}`: there is no such partner; there are {}", known.join(", "))]
pub struct UnknownPartner {
    slug: String,
    known: Vec<String>,
}

impl Partners {
    /// Those that come with Orderwire, and those in the folder of the settings. Faults in that folder are told by the first
    /// [`Partners::look`], as they are later.
    pub fn new(config: &Config) -> Result<Self, BadAdapter> {
        let known = KNOWN.iter().map(|(name, text)| {
            let partner = define(Path::new(name), text)?;
            Ok((partner.slug.clone(), Arc::new(partner)))
        });
        let known: BySlug = known.collect::<Result<_, _>>()?;
        let within = |(slug, it): (&String, &crate::config::Partner)| {
            Some((slug.clone(), *it.accept_within?))
        };
        Ok(Self {
            active: RwLock::new(Arc::new(known.clone())),
            known,
            folder: config.adapters_dir.clone(),
            files: Mutex::default(),
            accept_within: config.partners.iter().filter_map(within).collect(),
        })
    }

    /// The partner of this name.
    pub fn find(&self, slug: &str) -> Option<Arc<Partner>> {
        self.all().get(slug).cloned()
    }

    /// Every partner, by its slug.
    pub fn all(&self) -> Arc<BySlug> {
        Arc::clone(&self.active.read())
    }

    /// How long a store may take to answer this partner's orders, where they do not say: as set, or as the partner has it.
    pub fn accept_within(&self, slug: &str) -> Option<Duration> {
        self.accept_within.get(slug).copied().or_else(|| self.find(slug)?.accept_within)
    }

    /// Finds a partner in the settings that nobody knows: its secrets would be waited for in vain. Where there is a folder of
    /// adapters, its file may come later.
    pub fn check(&self, config: &Config) -> Result<(), UnknownPartner> {
        let all = self.all();
        let unknown = config.partners.keys().find(|it| !all.contains_key(*it));
        match unknown.filter(|_| self.folder.is_none()) {
            None => Ok(()),
            Some(slug) => {
                Err(UnknownPartner { slug: slug.clone(), known: all.keys().cloned().collect() })
            }
        }
    }

    /// Looks whether operators' files have changed. A file with a fault leaves its last good version in force; a file that has gone
    /// takes its partner with it.
    pub fn look(&self) -> io::Result<Changes> {
        let Some(folder) = &self.folder else { return Ok(Changes::default()) };
        let found = texts(folder)?;
        let mut files = self.files.lock();
        let before = files.len();
        files.retain(|path, _| found.contains_key(path));
        let mut changes = Changes { gone: before - files.len(), ..Changes::default() };
        let mut active = self.known.clone();
        for (path, text) in found {
            let file = files.entry(path.clone()).or_default();
            let fault_before = file.fault.take();
            file.fault = match file.read(&path, text) {
                Ok(is_new) => {
                    if is_new {
                        changes.defined.extend(file.partner.iter().map(|it| it.slug.clone()));
                    }
                    None
                }
                Err(fault) => Some(fault.what),
            };
            if let Some(partner) = &file.partner {
                let slug = partner.slug.clone();
                if active.get(&slug).is_some_and(|it| !self.is_known(it)) {
                    file.fault = Some(format!("another file defines `{slug}` already"));
                } else {
                    active.insert(slug, Arc::clone(partner));
                }
            }
            if let Some(what) = &file.fault {
                changes.faulty += 1;
                if fault_before.as_ref() != Some(what) {
                    let path = path.display().to_string();
                    changes.faults.push(BadAdapter { path, what: what.clone() });
                }
            }
        }
        drop(files);
        *self.active.write() = Arc::new(active);
        Ok(changes)
    }

    fn is_known(&self, partner: &Arc<Partner>) -> bool {
        self.known.get(&partner.slug).is_some_and(|it| Arc::ptr_eq(it, partner))
    }
}

impl Adapter {
    /// Takes the newest version in; answers whether it is another one.
    fn read(&mut self, path: &Path, text: Result<String, String>) -> Result<bool, BadAdapter> {
        let text = text.map_err(|what| BadAdapter { path: path.display().to_string(), what })?;
        if self.text == text && self.partner.is_some() {
            return Ok(false);
        }
        let partner = adapter(path, &text)?;
        self.text = text;
        self.partner = Some(Arc::new(partner));
        Ok(true)
    }
}

/// Reads one file of an operator, and says what is wrong with it.
pub fn check_file(path: &Path) -> Result<Partner, BadAdapter> {
    let text = text(path);
    let bad = |what| BadAdapter { path: path.display().to_string(), what };
    adapter(path, &text.map_err(bad)?)
}

fn adapter(path: &Path, text: &str) -> Result<Partner, BadAdapter> {
    let partner = define(path, text)?;
    if partner.slug == GENERIC {
        let what = "`generic` is Orderwire's own format, which cannot be defined anew".to_owned();
        return Err(BadAdapter { path: path.display().to_string(), what });
    }
    Ok(partner)
}

fn define(path: &Path, text: &str) -> Result<Partner, BadAdapter> {
    Partner::define(text).map_err(|fault: Fault| BadAdapter {
        path: path.display().to_string(),
        what: fault.to_string(),
    })
}

/// The files of a folder with what stands in them, or why it cannot be read.
fn texts(folder: &Path) -> io::Result<BTreeMap<PathBuf, Result<String, String>>> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "toml") {
            let text = text(&path);
            texts.insert(path, text);
        }
    }
    Ok(texts)
}

fn text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|it| it.take(LARGEST_FILE + 1).read_to_string(&mut text));
    match read {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(bytes) if LARGEST_FILE < bytes as u64 => {
            Err(format!("is larger than {LARGEST_FILE} bytes"))
        }
        Ok(_) => Ok(text),
    }
}
