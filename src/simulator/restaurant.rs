//! Dr. Burger: its stores, its couriers.

/// The stations of both kitchens.
pub const STATIONS: [&str; 3] = ["grill", "fry", "drinks"];

/// One of its stores.
#[derive(Debug)]
pub struct Branch {
    /// Its name in English.
    pub en: &'static str,
    /// Its name in Arabic.
    pub ar: &'static str,
    /// What partners call it.
    pub code: &'static str,
    /// Whether the simulator leaves its kitchen to people for a while.
    pub is_yours: bool,
}

/// The store whose kitchen works by itself.
pub const ABDOUN: Branch =
    Branch {
        en: "Dr. Burger Abdoun", ar: "د. برغر عبدون", code: "abdoun", is_yours: false
    };

/// The store whose kitchen waits for people.
pub const JABAL_AMMAN: Branch = Branch {
    en: "Dr. Burger Jabal Amman",
    ar: "د. برغر جبل عمّان",
    code: "jabal-amman",
    is_yours: true,
};

/// Both stores.
pub const BRANCHES: [&Branch; 2] = [&ABDOUN, &JABAL_AMMAN];

/// Somebody who carries orders.
#[derive(Debug, PartialEq, Eq)]
pub struct Rider {
    /// The `sub` of their token, where they are the restaurant's own.
    pub id: &'static str,
    /// As customers may call them.
    pub name: &'static str,
    /// In E.164.
    pub phone: &'static str,
}

const fn rider(id: &'static str, name: &'static str, phone: &'static str) -> Rider {
    Rider { id, name, phone }
}

/// Those who ride tonight.
pub const RIDERS: [Rider; 8] = [
    rider("omar", "Omar Khatib", "+962790000101"),
    rider("samer", "Samer Nasser", "+962790000102"),
    rider("zaid", "Zaid Haddadin", "+962790000103"),
    rider("laith", "ليث العمري", "+962790000104"),
    rider("yazan", "Yazan Qasem", "+962790000105"),
    rider("rami", "Rami Saleh", "+962790000106"),
    rider("tareq", "طارق الزعبي", "+962790000107"),
    rider("lina", "Lina Masri", "+962790000108"),
];
