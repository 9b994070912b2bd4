//! Folders of our own: what lies in them names people, or opens doors.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

/// What [`check_writable`] writes.
static SAMPLE: [u8; 64 * 1024] = [0; 64 * 1024];

/// Makes a folder that only this user may enter, and whatever leads to it. One that is there stays as it is.
pub fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes something in a folder and removes it again. The error says why that cannot be done: no space, no right, no such folder.
pub fn check_writable(path: &Path) -> io::Result<()> {
    let file = path.join(format!(".writable-{}", std::process::id()));
    let written = File::create(&file).and_then(|mut sample| {
        sample.write_all(&SAMPLE)?;
        sample.sync_all()
    });
    let removed = fs::remove_file(&file);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn nobody_else_may_enter() {
        let root = std::env::temp_dir().join(format!("orderwire-folder-{}", std::process::id()));
        let path = root.join("inner");
        make_private(&path).unwrap();
        make_private(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::remove_dir_all(root).unwrap();
    }
}
