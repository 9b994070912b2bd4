//! The `traceparent` header of W3C Trace Context: which trace a request belongs to.

/// The name of the header.
pub const TRACEPARENT: &str = "traceparent";

/// The length of version 00; later versions may only add to it.
const LENGTH: usize = 55;

/// The only flag that every version has: the caller may have recorded the trace.
const SAMPLED: u8 = 1;

/// A valid `traceparent`, as version 00 writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traceparent(String);

impl Traceparent {
    /// Reads a header. What is malformed is as good as none.
    ///
    /// Of a version that is not known the parts of version 00 are taken, as the specification wants it, with the one flag that they
    /// share.
    pub fn parse(text: &str) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let mut parts = known.split('-');
        let (version, trace_id, parent_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_good = parts.next().is_none()
            && is_hex(version, 2)
            && version != "ff"
            && is_id(trace_id, 32)
            && is_id(parent_id, 16)
            && is_hex(flags, 2);
        if !is_good {
            return None;
        }
        if version == "00" {
            return rest.is_empty().then(|| Self(known.to_owned()));
        }
        let sampled = u8::from_str_radix(flags, 16).ok()? & SAMPLED;
        let is_separate = rest.is_empty() || rest.starts_with('-');
        is_separate.then(|| Self(format!("00-{trace_id}-{parent_id}-{sampled:02x}")))
    }

    /// The whole header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        trace_id(&self.0)
    }
}

/// The id of the trace in a header that was read before.
pub fn trace_id(traceparent: &str) -> &str {
    traceparent.get(3..35).unwrap_or_default()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|byte| byte != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parsed(text: &str) -> Option<String> {
        Traceparent::parse(text).map(|it| it.as_str().to_owned())
    }

    #[test]
    fn a_header_of_version_00_is_taken_as_it_is() {
        assert_eq!(parsed(GOOD).as_deref(), Some(GOOD));
        let trace = Traceparent::parse(GOOD).unwrap();
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn what_is_malformed_is_ignored() {
        for bad in [
            "",
            "00",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é",
        ] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_later_version_is_passed_on_as_version_00() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-what-the-future-says";
        assert_eq!(parsed(later).as_deref(), Some(GOOD));
        assert_eq!(parsed(&GOOD.replacen("00", "01", 1)).as_deref(), Some(GOOD));
    }
}
