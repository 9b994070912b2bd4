//! A temporary folder that goes when its test goes.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

/// Exists as long as this value does.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new, empty folder; `label` tells people what left it behind, should a run be cut off.
    pub fn new(label: &str) -> Self {
        let path = std::env::temp_dir().join(format!("orderwire-{label}-{}", unique()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The children of a killed process may be writing their last.
        for _ in 0..50 {
            match fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    thread::sleep(Duration::from_millis(20));
                }
                _ => return,
            }
        }
    }
}

/// A word that no other test on this machine uses at the same time.
pub fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_all_that_is_in_it() {
        let folder = Folder::new("test");
        let path = folder.path().to_owned();
        fs::write(path.join("note"), "here").unwrap();
        assert_ne!(Folder::new("test").path(), path);
        drop(folder);
        assert!(!path.exists());
    }
}
