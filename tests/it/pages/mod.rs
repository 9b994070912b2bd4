//! The pages, in a browser, against the real server.

mod docs;
mod kitchen;
mod live_client;
mod ops;
mod tracking;

use std::{fs, path::PathBuf};

use crate::harness::{browser::Page, wait::PATIENCE};

impl Page {
    /// Waits for something that only takes long on a busy machine.
    pub async fn until(&self, condition: &str) {
        self.wait_for(condition, PATIENCE).await.unwrap();
    }

    /// Waits until an element that fits the selector is shown.
    pub async fn until_shown(&self, selector: &str) {
        let quoted = serde_json::Value::from(selector);
        self.until(&format!("document.querySelector({quoted})?.checkVisibility()")).await;
    }

    /// Leaves a picture for people, where builds leave their things.
    pub async fn keep_picture(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.png"));
        self.screenshot(&file).await.unwrap();
        eprintln!("a picture: {}", file.display());
    }

    /// Fails when anything is wider than the window, or was complained about.
    pub async fn assert_tidy(&self) {
        let fits = "document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(self.eval(fits).await.unwrap(), true, "it scrolls sideways");
        assert_eq!(self.console_errors(), Vec::<String>::new());
    }

    /// Fails when anything else was complained about than that the server was away.
    pub fn assert_only_network_errors(&self) {
        let is_network =
            |it: &String| it.contains("net::ERR_") || it.contains("WebSocket connection");
        let others: Vec<_> =
            self.console_errors().into_iter().filter(|it| !is_network(it)).collect();
        assert_eq!(others, Vec::<String>::new());
    }
}
