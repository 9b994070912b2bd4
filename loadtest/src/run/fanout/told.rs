//! What a fan-out's turns come to, in figures.

use crate::{
    machine::Cpu,
    record::Tally,
    report::{Report, Unit},
    run::{fanout::turns::Turns, slice::Slice},
};

fn raw(slice: &Slice) -> Cpu {
    let frames = slice.tally.frames.max(1) as f64;
    Cpu::of(slice.cpu.user / frames, slice.cpu.system / frames)
}

/// The server's side.
pub fn server(report: &mut Report, server: &Turns, measured: bool) {
    let watched = &server.watched;
    report.times("commit → frame received", "", &watched.tally.committed);
    report.times("change due → frame received", "due_", &watched.tally.due);
    report.times("change due → answered", "answered_", &watched.driven.answered);
    report.times("driver's own delay", "late_", &watched.driven.late);
    let rate = watched.driven.changes as f64 / watched.driven.seconds;
    report.figure("changes_per_second", rate, Unit::PerSecond, "changes answered");
    let rate = watched.tally.frames as f64 / watched.driven.seconds;
    report.figure("frames_per_second", rate, Unit::PerSecond, "frames received");
    report.count("events", watched.events, "events of watched orders");
    report.count("change_failures", watched.driven.failed, "changes that failed");
    report
        .notes
        .extend(watched.driven.failure.as_ref().map(|it| format!("the first failed change: {it}")));
    report.checks(&watched.tally, watched.lost());
    told_merging(report, "", &watched.tally);
    if measured {
        report.cpu("raw_", raw(watched), "server's processor time for each frame, events and all");
        report.cpu("net_", server.total(), "the same without what making the events takes");
        report.figure(
            "net_cpu_error_us",
            server.error(),
            Unit::Micros,
            "standard error of net_cpu_us over the rounds",
        );
        let each = server.unwatched.cpu.total() / server.unwatched.driven.changes.max(1) as f64;
        report.figure(
            "change_cpu_us",
            each,
            Unit::Micros,
            "server's processor time for one change that nobody watches",
        );
    }
}

/// The floor's side, and how the server compares.
pub fn floor(report: &mut Report, server: &Turns, floor: &Turns) {
    report.times("floor: written → frame received", "floor_", &floor.watched.tally.committed);
    report.count("floor_lost", floor.watched.lost(), "frames that the floor's sockets miss");
    told_merging(report, "floor_", &floor.watched.tally);
    report.cpu("floor_raw_", raw(&floor.watched), "the floor's processor time for each frame");
    report.cpu("floor_net_", floor.total(), "the same without what hearing of the events takes");
    report.figure(
        "floor_net_cpu_error_us",
        floor.error(),
        Unit::Micros,
        "its standard error over the rounds",
    );
    let ratio = server.total().total() / floor.total().total();
    report.figure(
        "ratio",
        ratio,
        Unit::Ratio,
        "net processor time for each frame, server to floor",
    );
    let ratios: Vec<f64> =
        server.net.iter().zip(&floor.net).map(|(a, b)| a.total() / b.total()).collect();
    let shown: Vec<String> = ratios.iter().map(|it| format!("{it:.2}")).collect();
    report.notes.push(format!("ratio of each round: {}", shown.join(", ")));
}

fn told_merging(report: &mut Report, prefix: &str, tally: &Tally) {
    let merged = tally.frames as f64 / tally.reads.max(1) as f64;
    let size = tally.bytes as f64 / tally.frames.max(1) as f64;
    report.figure(
        &format!("{prefix}frames_per_read"),
        merged,
        Unit::Ratio,
        "frames that one read brings",
    );
    report.figure(&format!("{prefix}frame_bytes"), size, Unit::Bytes, "size of one frame");
}
