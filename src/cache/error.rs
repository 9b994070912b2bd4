//! Why Redis could not do what it was asked.

use std::time::Duration;

/// Why Redis is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The setting cannot be used. Does not quote it: it may hold a password.
    #[error(
        "cache.redis_url must look like redis://user:password@host:6379/0; rediss is not supported"
    )]
    Url,
    /// It failed.
    #[error("Redis failed: {0}")]
    Redis(#[from] ::redis::RedisError),
    /// It does not answer.
    #[error("Redis did not answer within {0:?}")]
    Timeout(Duration),
}
