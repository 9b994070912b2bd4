//! Words by which people say that they want no more messages, or want them again.

/// What somebody has said in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// No more.
    Stop,
    /// Again.
    Start,
}

/// In small letters, Arabic without its marks and with one form of alef.
const STOP: &[&str] = &[
    "stop",
    "stopall",
    "unsubscribe",
    "optout",
    "opt out",
    "ايقاف",
    "اوقف",
    "توقف",
    "الغاء",
    "الغاء الاشتراك",
];
const START: &[&str] =
    &["start", "unstop", "subscribe", "optin", "opt in", "ابدا", "بدء", "تفعيل", "اشتراك"];

/// The longest message that is looked at, in characters: whoever writes more than a word or two means something else.
const LONGEST: usize = 32;

/// Whether a message is one of these words, and nothing else.
pub fn keyword(message: &str) -> Option<Keyword> {
    if LONGEST < message.chars().count() {
        return None;
    }
    let plain: String = message.to_lowercase().chars().filter_map(plain).collect();
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.as_str() {
        it if STOP.contains(&it) => Some(Keyword::Stop),
        it if START.contains(&it) => Some(Keyword::Start),
        _ => None,
    }
}

/// Letters as they are compared; `None` for what says nothing.
fn plain(letter: char) -> Option<char> {
    match letter {
        'أ' | 'إ' | 'آ' | 'ٱ' => Some('ا'),
        'ى' => Some('ي'),
        // Tatweel, and the marks above and below.
        'ـ' | '\u{64b}'..='\u{652}' | '\u{670}' => None,
        it if it.is_alphanumeric() || it.is_whitespace() => Some(it),
        _ => None,
    }
}
