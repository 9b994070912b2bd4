//! What processes do together through Redis: keep a pace, and know who watches what.

use std::time::Duration;

use redis::{Script, aio::MultiplexedConnection};

use crate::{
    base::mac,
    cache::{CacheError, Pace, Turn, keys, redis::Redis},
};

/// Gives turns, in microseconds from now; less than zero: ask again after so long, [`FULL`] more when it is not for this person. By Redis's own clock, which all share.
const TURNS: &str = r"
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
    local every, pair, horizon = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    local next = tonumber(redis.call('GET', KEYS[1]) or 0)
    local turns = {}
    for i = 2, #KEYS do
        local person = tonumber(redis.call('GET', KEYS[i]) or 0)
        local turn = math.max(now, next)
        if person > now then
            turns[i - 1] = now - person
        elseif turn - now > horizon then
            turns[i - 1] = now + horizon - turn - 1000000000000
        else
            next = turn + every
            turns[i - 1] = turn - now
            if pair > 0 then
                local free = turn + pair
                redis.call('SET', KEYS[i], string.format('%.0f', free), 'PX', math.ceil((free - now) / 1000))
            end
        end
    end
    if next > now then
        redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 1)
    end
    return turns
";

/// What tells a wait for a turn from a wait for a person: longer than any of these.
const FULL: i64 = -1_000_000_000_000;

/// Says what one process watches now: its members change, and it is there for another while.
const WATCH: &str = r"
    if ARGV[3] == '1' then redis.call('DEL', KEYS[1]) end
    local gone = tonumber(ARGV[4])
    for i = 5, #ARGV do
        redis.call(i < 5 + gone and 'SREM' or 'SADD', KEYS[1], ARGV[i])
    end
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
    return 1
";

/// Which of these anybody watches.
const WATCHED: &str = r"
    local found = {}
    for i = 1, #ARGV do found[i] = 0 end
    for _, node in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
        for i = 1, #ARGV do
            if redis.call('SISMEMBER', KEYS[2] .. node, ARGV[i]) == 1 then found[i] = 1 end
        end
    end
    return found
";

/// What one process watches, as far as it has changed.
#[derive(Clone, Debug, Default)]
pub struct Watching {
    /// Whether this is all of it.
    pub is_all: bool,
    /// Topics that are watched now.
    pub come: Vec<String>,
    /// Topics that are no more.
    pub gone: Vec<String>,
}

impl Redis {
    pub(in crate::cache) async fn turns(
        &self,
        number: &str,
        pace: Pace,
        people: &[&str],
    ) -> Result<Vec<Turn>, CacheError> {
        let micros = |it: Duration| u64::try_from(it.as_micros()).unwrap_or(u64::MAX);
        let script = Script::new(TURNS);
        let mut call = script.key(keys::turns(number));
        for person in people {
            // Numbers of people are nobody's business.
            let hash = hex::encode(mac::sha256(person.as_bytes()));
            call.key(keys::turn(number, &hash));
        }
        call.arg(micros(pace.every)).arg(micros(pace.pair_every)).arg(micros(pace.horizon));
        let turns: Vec<i64> =
            self.call(async |it: &mut MultiplexedConnection| call.invoke_async(it).await).await?;
        Ok(turns
            .into_iter()
            .map(|it| match it {
                0.. => Turn::After(Duration::from_micros(it.unsigned_abs())),
                ..=FULL => Turn::Full(Duration::from_micros((FULL - it).unsigned_abs())),
                _ => Turn::NotBefore(Duration::from_micros(it.unsigned_abs())),
            })
            .collect())
    }

    pub(in crate::cache) async fn watch(
        &self,
        node: &str,
        watching: &Watching,
        ttl: Duration,
    ) -> Result<(), CacheError> {
        let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let script = Script::new(WATCH);
        let mut call = script.key(keys::watched(node));
        call.key(keys::WATCHERS);
        call.arg(node).arg(ttl).arg(u8::from(watching.is_all)).arg(watching.gone.len());
        for topic in watching.gone.iter().chain(&watching.come) {
            call.arg(topic);
        }
        self.call(async |it: &mut MultiplexedConnection| call.invoke_async(it).await).await
    }

    pub(in crate::cache) async fn watched(
        &self,
        topics: &[String],
    ) -> Result<Vec<bool>, CacheError> {
        let script = Script::new(WATCHED);
        let mut call = script.key(keys::WATCHERS);
        call.key(keys::watched(""));
        for topic in topics {
            call.arg(topic);
        }
        let found: Vec<u8> =
            self.call(async |it: &mut MultiplexedConnection| call.invoke_async(it).await).await?;
        Ok(found.into_iter().map(|it| it == 1).collect())
    }
}
