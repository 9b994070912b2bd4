//! Who orders, and where the food goes.

use serde_json::{Value, json};

use crate::domain::Language;

/// Somebody who orders.
#[derive(Debug, PartialEq)]
pub struct Guest {
    /// The `sub` of their token.
    pub id: &'static str,
    /// As they want to be called.
    pub name: &'static str,
    /// In E.164.
    pub phone: &'static str,
    /// The language that they read.
    pub language: Language,
    /// Whether they have agreed to messages.
    pub wants_messages: bool,
    home: Home,
}

#[derive(Debug, PartialEq)]
struct Home {
    line: &'static str,
    area: &'static str,
    city: &'static str,
    instructions: &'static str,
    at: (f64, f64),
}

impl Guest {
    /// For `POST /v1/orders`. The id comes from the token.
    pub fn body(&self) -> Value {
        json!({"name": self.name, "phone": self.phone, "language": self.language})
    }

    /// For `POST /v1/orders`: what they have ticked, if they have.
    pub fn consent(&self) -> Option<Value> {
        let shown = match self.language {
            English => "Tell me on WhatsApp how my order is coming along.",
            Arabic => "أخبروني عبر واتساب بأخبار طلبي.",
        };
        self.wants_messages
            .then(|| json!({"decision": "granted", "source": "checkout", "shown": shown}))
    }

    /// What they write to hear no more, and to hear again.
    pub const fn keywords(&self) -> (&'static str, &'static str) {
        match self.language {
            English => ("STOP", "START"),
            Arabic => ("إيقاف", "ابدأ"),
        }
    }

    /// For `POST /v1/orders`.
    pub fn address(&self) -> Value {
        let Home { line, area, city, instructions, at: (latitude, longitude) } = &self.home;
        json!({
            "line": line, "area": area, "city": city, "instructions": instructions,
            "latitude": latitude, "longitude": longitude,
        })
    }
}

use Language::{Arabic, English};

/// Tonight's guests. The first one is there when the doors open.
pub const GUESTS: [Guest; 8] = [
    Guest {
        id: "sara",
        name: "Sara Haddad",
        phone: "+962790000001",
        language: English,
        wants_messages: true,
        home: Home {
            line: "12 Cairo Street, 3rd floor",
            area: "Abdoun",
            city: "Amman",
            instructions: "Please call, the bell is broken",
            at: (31.9497, 35.8806),
        },
    },
    Guest {
        id: "ahmad",
        name: "أحمد الخطيب",
        phone: "+962790000002",
        language: Arabic,
        wants_messages: true,
        home: Home {
            line: "شارع الرينبو ٤٥، الطابق الأول",
            area: "جبل عمّان",
            city: "عمّان",
            instructions: "مقابل الصيدلية",
            at: (31.9503, 35.9265),
        },
    },
    Guest {
        id: "maya",
        name: "Maya Qubain",
        phone: "+962790000003",
        language: English,
        wants_messages: true,
        home: Home {
            line: "7 Wakalat Street",
            area: "Sweifieh",
            city: "Amman",
            instructions: "Leave it with the doorman",
            at: (31.9587, 35.8620),
        },
    },
    Guest {
        id: "huda",
        name: "هدى المصري",
        phone: "+962790000004",
        language: Arabic,
        wants_messages: true,
        home: Home {
            line: "شارع عبد الحميد شومان ٨",
            area: "الشميساني",
            city: "عمّان",
            instructions: "الاتصال عند الوصول",
            at: (31.9719, 35.9018),
        },
    },
    Guest {
        id: "khaled",
        name: "Khaled Amin",
        phone: "+962790000005",
        language: English,
        wants_messages: true,
        home: Home {
            line: "31 Mecca Street, building C",
            area: "Khalda",
            city: "Amman",
            instructions: "Second entrance",
            at: (31.9906, 35.8482),
        },
    },
    Guest {
        id: "rania",
        name: "رانيا شاهين",
        phone: "+962790000006",
        language: Arabic,
        wants_messages: true,
        home: Home {
            line: "شارع المدينة المنورة ١٩",
            area: "تلاع العلي",
            city: "عمّان",
            instructions: "الطابق الرابع، المصعد على اليمين",
            at: (31.9921, 35.8690),
        },
    },
    Guest {
        id: "george",
        name: "George Sabella",
        phone: "+962790000007",
        language: English,
        wants_messages: false,
        home: Home {
            line: "5 Paris Square",
            area: "Jabal Al-Weibdeh",
            city: "Amman",
            instructions: "The blue door",
            at: (31.9575, 35.9203),
        },
    },
    Guest {
        id: "yousef",
        name: "يوسف العبادي",
        phone: "+962790000008",
        language: Arabic,
        wants_messages: true,
        home: Home {
            line: "شارع الملكة رانيا ٢٢",
            area: "دابوق",
            city: "عمّان",
            instructions: "البوابة الخضراء",
            at: (31.9839, 35.8103),
        },
    },
];
