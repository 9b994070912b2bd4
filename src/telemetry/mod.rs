//! What operators see: logs and metrics.

pub mod metric;

use std::{io::IsTerminal, sync::Arc};

use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tracing_subscriber::EnvFilter;

use crate::{
    base::tasks::Recorder,
    config::{Log, LogFormat},
};

/// Starts the log on standard error. Only the first call counts.
pub fn start_log(config: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|error| format!("setting `log.filter`: {error}"))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    // Somebody else in this process, a test perhaps, has started it before.
    drop(started);
    Ok(())
}

/// The metrics of one server. Several may run in one process, so none of them is the global recorder.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Metrics {
    /// Nothing counted yet, and every metric described.
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &metric::SECONDS)
            .unwrap_or_else(|_| PrometheusBuilder::new())
            .build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, metric::describe);
        Self { recorder: Arc::new(recorder), handle }
    }

    /// Where the tasks of the server record.
    pub fn recorder(&self) -> Recorder {
        Arc::<PrometheusRecorder>::clone(&self.recorder)
    }

    /// The text for Prometheus.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Moves what histograms have gathered into their buckets. Without it they grow until somebody renders.
    pub fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
