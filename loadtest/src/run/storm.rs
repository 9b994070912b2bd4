//! Everybody at once: connecting, coming back.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::{
    client::{Return, wait},
    drive::Load,
    machine,
    metrics::Metrics,
    report::{Report, Unit},
    run::stage::{PATIENCE, Stage},
};

/// The server's own count of orders that it read from the store.
const ORDER_READS: &str = "orderwire_order_reads_total";

/// All connect at one moment; who is refused comes back when the server says so.
pub fn connect(stage: Stage) -> anyhow::Result<Report> {
    let count = stage.plans.len();
    let cpu = machine::cpu(stage.server.pid());
    stage.client.set_return(Return::Always);
    let took = all_at_once(&stage)?;
    let cpu = machine::cpu(stage.server.pid()) - cpu;
    let tally = stage.client.swap();
    stage.progress.end();
    let mut report = stage.report;
    report.condition("load", format!("{count} sockets at one moment"));
    report.times("start → upgraded", "connected_", &tally.connected);
    report.times("start → subscribed", "subscribed_", &tally.subscribed);
    report.figure(
        "whole",
        took.as_micros() as f64,
        Unit::Micros,
        "until the last one was subscribed",
    );
    let each = cpu.total() / count as f64;
    report.figure("connect_cpu_us", each, Unit::Micros, "server's processor time for each socket");
    report.figure(
        "connects_per_second",
        count as f64 / took.as_secs_f64(),
        Unit::PerSecond,
        "sockets subscribed",
    );
    report.checks(&tally, 0);
    Ok(report)
}

/// All are cut off, changes go on, all come back at one moment.
pub fn reconnect(stage: Stage) -> anyhow::Result<Report> {
    stage.connect()?;
    let count = stage.plans.len();
    let side = stage.side();
    let load = stage.load_watched();
    let staff = || stage.staff();
    let mut changers = Vec::new();
    // Everybody has seen something.
    let before = side.slice(&load, &mut changers, staff, &stage.progress)?;
    stage.progress.begin("cut off");
    stage.client.cut(0..count);
    wait(PATIENCE, || stage.client.open() == 0);
    let first = load.count();
    let missed_from = stage.world.orders.iter().map(version).sum::<u64>();
    Load { first, ..load.clone() }.drive(&stage.world, &mut changers, staff, || {})?;
    let missed = stage.world.orders.iter().map(version).sum::<u64>() - missed_from;
    let metrics = Metrics::of(&stage.server);
    let cpu = machine::cpu(stage.server.pid());
    stage.client.set_return(Return::Always);
    drop(stage.client.swap());
    let frames = stage.client.frames();
    let took = all_at_once(&stage)?;
    let after = expected_after(&stage, missed);
    side.settle(frames + after);
    let cpu = machine::cpu(stage.server.pid()) - cpu;
    let metrics = (metrics, Metrics::of(&stage.server));
    let tally = stage.client.swap();
    // Once more: nobody may have missed anything, and nobody may hear anything twice.
    let proof = side.slice(
        &Load { first: 2 * first, ..load.clone() },
        &mut changers,
        staff,
        &stage.progress,
    )?;
    stage.progress.end();
    let lost = before.lost() + after.saturating_sub(tally.distinct()) + proof.lost();
    let mut report = stage.report;
    report.condition(
        "load",
        format!("{count} sockets at one moment, {missed} versions missed meanwhile"),
    );
    report.figure("whole", took.as_micros() as f64, Unit::Micros, "until the last one was back");
    let each = cpu.total() / count as f64;
    report.figure(
        "connect_cpu_us",
        each,
        Unit::Micros,
        "server's processor time for each socket that came back",
    );
    report.count("resumed", tally.resumed, "sockets that were given what they missed");
    report.count("missed_frames", after, "frames of changes made meanwhile");
    told_reads(&mut report, &metrics, load.orders.len());
    let most = tally.subscribed.at(0.99) as f64;
    report.figure("resumed_99_percent", most, Unit::Micros, "until 99 % of the sockets were back");
    report.times("start → upgraded", "connected_", &tally.connected);
    report.times("start → resumed", "subscribed_", &tally.subscribed);
    let (mut all, mut around) = (tally, before.tally);
    around.add(proof.tally);
    report.times("commit → frame received, before and after", "", &around.committed);
    all.add(around);
    report.checks(&all, lost);
    Ok(report)
}

/// What the storm made the server read from its store: in all, by kind, and for each order that is watched.
fn told_reads(report: &mut Report, (before, after): &(Metrics, Metrics), orders: usize) {
    let Some(reads) = after.rise(before, ORDER_READS) else {
        report.notes.push(format!("the server does not count its reads ({ORDER_READS})"));
        return;
    };
    let meaning = "orders and histories read from the store meanwhile, by the server's own count";
    report.figure("store_reads", reads, Unit::Count, meaning);
    let each = reads / orders.max(1) as f64;
    let meaning = "the same for each order that is watched";
    report.figure("store_reads_per_order", each, Unit::Ratio, meaning);
    for (labels, rise) in after.since(before, ORDER_READS) {
        let Some(what) = labels.strip_prefix("what=").map(|it| it.trim_matches('"')) else {
            continue;
        };
        report.figure(
            &format!("store_reads_{what}"),
            rise,
            Unit::Count,
            "of these, by what was read",
        );
    }
}

fn version(order: &crate::world::Order) -> u64 {
    order.version.load(std::sync::atomic::Ordering::Relaxed)
}

/// With order topics every version missed comes to each socket that watches its order; store topics give a snapshot.
fn expected_after(stage: &Stage, missed: u64) -> u64 {
    match stage.scenario.topic {
        crate::scenario::Topic::Order => {
            missed * (stage.plans.len() / stage.scenario.topics.max(1)) as u64
        }
        _ => 0,
    }
}

fn all_at_once(stage: &Stage) -> anyhow::Result<Duration> {
    let count = stage.plans.len();
    stage.progress.begin(&format!("{count} sockets at once"));
    let start = Instant::now();
    let now = machine::now();
    stage.client.connect((0..count).map(|it| (it, now)));
    let client = &stage.client;
    let all = wait(PATIENCE * 2, || {
        stage
            .progress
            .tell(|| format!("{} of {count} sockets are subscribed", client.subscribed()));
        client.subscribed() == count
    });
    all.then(|| start.elapsed()).with_context(|| {
        let (subscribed, tally) = (client.subscribed(), client.swap());
        format!(
            "after {} s {subscribed} of {count} sockets are subscribed; refused {:?}, failures {:?}, closed {:?}",
            (PATIENCE * 2).as_secs(),
            tally.refused,
            tally.failures,
            tally.closes
        )
    })
}
