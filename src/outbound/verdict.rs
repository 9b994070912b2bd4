//! Whether a request is worth repeating, by what became of it.

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

/// The longest `Retry-After` that is taken at its word.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was done.
    Done,
    /// It may work later.
    Again {
        /// Not before this moment, where the other side said so.
        not_before: Option<Timestamp>,
    },
    /// It will never work like this.
    Never,
}

impl Verdict {
    /// What follows from an answer at `now`. A redirection is not followed: whoever moves must tell the operator.
    pub fn of(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Self {
        let again = status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
            );
        match () {
            () if status.is_success() => Self::Done,
            () if again => Self::Again { not_before: retry_after(headers, now) },
            () => Self::Never,
        }
    }
}

/// `Retry-After` (RFC 9110): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u32>() {
        Ok(seconds) => SignedDuration::from_secs(i64::from(seconds)),
        Err(_) => rfc2822::parse(text).ok()?.timestamp().duration_since(now),
    };
    now.checked_add(wait.clamp(SignedDuration::ZERO, LONGEST_WAIT)).ok()
}

#[cfg(test)]
mod tests {

    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T18:00:00Z".parse().unwrap()
    }

    fn verdict(status: u16, retry_after: Option<&str>) -> Verdict {
        let mut headers = HeaderMap::new();
        headers.extend(retry_after.map(|it| (RETRY_AFTER, it.parse().unwrap())));
        Verdict::of(StatusCode::from_u16(status).unwrap(), &headers, now())
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_is_wrong_is_not() {
        for status in [200, 202, 204] {
            assert_eq!(verdict(status, None), Verdict::Done, "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert_eq!(verdict(status, None), Verdict::Again { not_before: None }, "{status}");
        }
        for status in [301, 307, 400, 401, 403, 404, 409, 410, 422] {
            assert_eq!(verdict(status, None), Verdict::Never, "{status}");
        }
    }

    #[test]
    fn who_names_a_time_is_left_alone_until_then() {
        let wait = |text| match verdict(429, Some(text)) {
            Verdict::Again { not_before } => {
                not_before.map(|it| it.duration_since(now()).as_secs())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait("Fri, 20 Nov 2026 18:01:00 GMT"), Some(60));
        assert_eq!(wait("Fri, 20 Nov 2026 17:00:00 GMT"), Some(0));
        assert_eq!(wait("99999999"), Some(86_400));
        for odd in ["soon", "-5", "", "1.5"] {
            assert_eq!(wait(odd), None, "{odd}");
        }
        assert_eq!(verdict(200, Some("7")), Verdict::Done);
    }
}
