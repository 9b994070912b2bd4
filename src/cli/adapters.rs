//! `adapters`: checks operators' own partners before the server takes them up.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    cli::output::say,
    partners::{Partner, check_file},
};

/// Check files of your own partners
#[derive(Debug, Args)]
pub struct Adapters {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say what is wrong with files of `adapters_dir`, and on which line
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

impl Adapters {
    /// Exits with 1 when a file has a fault.
    #[expect(clippy::unnecessary_wraps, reason = "as every command")]
    pub fn run(self) -> anyhow::Result<u8> {
        let What::Check { files } = self.what;
        let mut code = 0;
        for file in files {
            match check_file(&file) {
                Ok(partner) => told(&partner),
                Err(fault) => {
                    say(format_args!("FAIL  {fault}"));
                    code = 1;
                }
            }
        }
        Ok(code)
    }
}

fn told(partner: &Partner) {
    say(format_args!("ok    {}: POST /v1/webhooks/{}", partner.slug, partner.slug));
    if !partner.signs_bodies() {
        say(
            "note  its proof says nothing of the body: let the proxy in front accept its addresses only",
        );
    }
}
