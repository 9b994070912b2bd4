//! What this machine tells: the time, the limits, what a process has used.

use std::{fs, path::Path, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Nanoseconds since 1970: the clock that the server's timestamps are compared with.
#[expect(clippy::disallowed_methods, reason = "the only place of this tool that asks for the time")]
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |it| it.as_nanos() as u64)
}

/// Sleeps until that moment.
pub fn sleep_until(moment: u64) {
    let left = moment.saturating_sub(now());
    if 0 < left {
        std::thread::sleep(Duration::from_nanos(left));
    }
}

/// Reads `2026-11-20T18:30:00.123456Z`.
pub fn moment(text: &[u8]) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let mut number = 0;
        for byte in text.get(range)? {
            number = number * 10 + i64::from(char::from(*byte).to_digit(10)?);
        }
        Some(number)
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let seconds = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let mut nanos = 0;
    if text.get(19) == Some(&b'.') {
        let digits = text.get(20..)?.iter().take_while(|it| it.is_ascii_digit()).count().min(9);
        nanos = number(20..20 + digits)? * 10_i64.pow(9 - digits as u32);
    }
    let total = (days(year, month, day) * 86_400 + seconds) * 1_000_000_000 + nanos;
    u64::try_from(total).ok().filter(|_| text.last() == Some(&b'Z'))
}

/// Days since 1970 (H. Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if 2 < month { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Writes a moment with six decimals.
pub fn written(nanos: u64) -> String {
    let (days, second) = (nanos / 1_000_000_000 / 86_400, nanos / 1_000_000_000 % 86_400);
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let slot = (5 * of_year + 2) / 153;
    let (day, month) =
        (of_year - (153 * slot + 2) / 5 + 1, if slot < 10 { slot + 3 } else { slot - 9 });
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, micros) = (second / 3600, second / 60 % 60, nanos / 1000 % 1_000_000);
    let second = second % 60;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// Raises this process's limit of open files as far as it goes, and says how far.
pub fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // Root may raise the hard limit too; where that is refused, the soft one goes up to the hard one.
    for wanted in [Some(1_048_576), limit.maximum] {
        let maximum = wanted.max(limit.maximum);
        if setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum }).is_ok() {
            break;
        }
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Processor time that a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// In user space, in microseconds.
    pub user: f64,
    /// In the kernel, in microseconds.
    pub system: f64,
    /// Both together, by a finer count that forgets threads which have ended.
    fine: f64,
}

/// The counts of user and kernel time go in steps of ten milliseconds; the fine one is believed when it is as near as this.
const COARSE: f64 = 40_000.0;

impl Cpu {
    /// Of two parts, in microseconds.
    pub fn of(user: f64, system: f64) -> Self {
        Self { user, system, fine: user + system }
    }

    /// Both together.
    pub fn total(self) -> f64 {
        self.user + self.system
    }
}

impl std::ops::Sub for Cpu {
    type Output = Self;

    /// What was used between two readings.
    fn sub(self, earlier: Self) -> Self {
        let (user, system) = (self.user - earlier.user, self.system - earlier.system);
        let (coarse, fine) = (user + system, self.fine - earlier.fine);
        if COARSE < (fine - coarse).abs() || fine < 0.0 {
            return Self::of(user, system);
        }
        let in_user = if coarse == 0.0 { 0.0 } else { user / coarse };
        Self::of(fine * in_user, fine * (1.0 - in_user))
    }
}

impl std::ops::AddAssign for Cpu {
    fn add_assign(&mut self, more: Self) {
        *self = Self::of(self.user + more.user, self.system + more.system);
    }
}

/// What a process has used so far. A server out of reach has used nothing that we could see.
pub fn cpu(pid: Option<u32>) -> Cpu {
    let Some(pid) = pid else { return Cpu::default() };
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; the numbers come after it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|it| it.parse().ok()).collect();
    let micros = 1e6 / rustix::param::clock_ticks_per_second() as f64;
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = threads.filter_map(|it| {
        let text = fs::read_to_string(it.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    let fine = nanos.sum::<f64>() / 1000.0;
    match ticks.as_slice() {
        [user, system] => Cpu { user: user * micros, system: system * micros, fine },
        _ => Cpu::default(),
    }
}

/// Resident memory of a process, in bytes.
pub fn resident(pid: Option<u32>) -> u64 {
    pid.map_or(0, |it| kilobytes(Path::new(&format!("/proc/{it}/status")), "VmRSS:"))
}

/// Files and sockets that a process has open.
pub fn open_files(pid: Option<u32>) -> usize {
    let files = pid.and_then(|it| fs::read_dir(format!("/proc/{it}/fd")).ok());
    files.map_or(0, Iterator::count)
}

/// What the kernel holds: (its object caches, TCP buffers), in bytes, of the whole machine.
pub fn kernel_memory() -> (u64, u64) {
    let caches = kilobytes(Path::new("/proc/meminfo"), "Slab:");
    let sockets = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let pages = sockets.lines().find(|it| it.starts_with("TCP:"));
    let pages = pages.and_then(|it| it.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
    (caches, pages * rustix::param::page_size() as u64)
}

/// How busy the machine is with others: a figure is worth less when this is high.
pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0.0)
}

fn kilobytes(file: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|it| it.strip_prefix(name));
    line.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fine_count_is_believed_unless_a_thread_took_its_time_along() {
        let reading = |user, system, fine| Cpu { user, system, fine };
        let close = |used: Cpu, user: f64, system: f64| {
            (used.user - user).abs() < 1e-6 && (used.system - system).abs() < 1e-6
        };
        let before = reading(10_000.0, 30_000.0, 45_000.0);
        assert!(close(reading(20_000.0, 60_000.0, 89_000.0) - before, 11_000.0, 33_000.0));
        assert!(close(reading(20_000.0, 60_000.0, 15_000.0) - before, 10_000.0, 30_000.0));
        assert!(close(reading(10_000.0, 30_000.0, 49_000.0) - before, 0.0, 4_000.0));
    }

    #[test]
    fn moments_are_read_as_they_are_written() {
        for nanos in
            [0, 951_782_400_000_001_000, 1_795_199_400_123_456_000, 4_102_444_799_999_999_000]
        {
            assert_eq!(moment(written(nanos).as_bytes()), Some(nanos));
        }
        assert_eq!(written(1_795_199_400_123_456_000), "2026-11-20T18:30:00.123456Z");
        assert_eq!(moment(b"2026-11-20T18:30:00Z"), Some(1_795_199_400_000_000_000));
        assert_eq!(moment(b"2026-11-20"), None);
    }
}
