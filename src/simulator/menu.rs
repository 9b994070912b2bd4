//! What Dr. Burger sells, in English and Arabic, priced in thousandths of a dinar.

use serde_json::{Value, json};

use crate::{domain::Language, simulator::dice::Dice};

struct Dish {
    sku: &'static str,
    en: &'static str,
    ar: &'static str,
    station: &'static str,
    fils: i64,
}

const fn dish(
    sku: &'static str,
    (en, ar): (&'static str, &'static str),
    station: &'static str,
    fils: i64,
) -> Dish {
    Dish { sku, en, ar, station, fils }
}

const MAINS: [Dish; 6] = [
    dish("double-smash", ("Double smash burger", "دبل سماش برغر"), "grill", 4250),
    dish("classic", ("Classic beef burger", "برغر لحم كلاسيك"), "grill", 3500),
    dish(
        "mushroom-swiss",
        ("Mushroom Swiss burger", "برغر الفطر والجبنة السويسرية"),
        "grill",
        4750,
    ),
    dish("halloumi", ("Grilled halloumi burger", "برغر حلوم مشوي"), "grill", 3650),
    dish("shish-tawook", ("Shish tawook sandwich", "ساندويش شيش طاووق"), "grill", 3250),
    dish("crispy-chicken", ("Crispy chicken burger", "برغر دجاج مقرمش"), "fry", 3950),
];

const SIDES: [Dish; 4] = [
    dish("fries", ("French fries", "بطاطا مقلية"), "fry", 1250),
    dish("cheese-fries", ("Loaded cheese fries", "بطاطا بالجبنة"), "fry", 2350),
    dish("onion-rings", ("Onion rings", "حلقات بصل"), "fry", 1750),
    dish("tenders", ("Chicken tenders", "أصابع دجاج مقرمشة"), "fry", 3450),
];

const DRINKS: [Dish; 3] = [
    dish("lemon-mint", ("Lemon with mint", "ليمون بالنعناع"), "drinks", 1650),
    dish("cola", ("Cola", "كولا"), "drinks", 750),
    dish("milkshake", ("Vanilla milkshake", "ميلك شيك فانيلا"), "drinks", 2450),
];

/// What may come with a main dish, and for how much.
const EXTRAS: [(&str, &str, i64); 4] = [
    ("Extra cheese", "جبنة إضافية", 350),
    ("Extra pickles", "مخلل إضافي", 150),
    ("Spicy sauce", "صلصة حارة", 0),
    ("Gluten-free bun", "خبز خالٍ من الغلوتين", 500),
];

/// For the station: `[English, Arabic]`.
const WISHES: [[&str; 2]; 4] = [
    ["no onions", "بدون بصل"],
    ["well done", "مستوٍ جيدًا"],
    ["sauce on the side", "الصلصة على جنب"],
    ["no tomato", "بدون بندورة"],
];

/// How much is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appetite {
    /// A main dish and perhaps something with it.
    Usual,
    /// Something from every station.
    FromEveryStation,
}

/// What was chosen: lines for `POST /v1/orders`, and the stations that make them.
#[derive(Debug, PartialEq)]
pub struct Basket {
    /// The lines.
    pub items: Vec<Value>,
    /// The stations, each once, in the order of the lines.
    pub stations: Vec<&'static str>,
}

/// Chooses from the menu.
pub fn choose(dice: &Dice, appetite: Appetite, language: Language) -> Basket {
    let all = appetite == Appetite::FromEveryStation;
    let main = if all { MAINS.first().unwrap_or(dice.pick(&MAINS)) } else { dice.pick(&MAINS) };
    let mut dishes = vec![main];
    if dice.one_in(4) {
        dishes.push(dice.pick(&MAINS));
    }
    if all || dice.one_in(2) {
        dishes.push(dice.pick(&SIDES));
    }
    if all || dice.one_in(2) {
        dishes.push(dice.pick(&DRINKS));
    }
    dishes.dedup_by_key(|it| it.sku);
    let mut stations: Vec<&'static str> = Vec::new();
    for dish in &dishes {
        if !stations.contains(&dish.station) {
            stations.push(dish.station);
        }
    }
    Basket { items: dishes.into_iter().map(|it| line(dice, it, language)).collect(), stations }
}

fn line(dice: &Dice, dish: &Dish, language: Language) -> Value {
    let is_main = MAINS.iter().any(|it| it.sku == dish.sku);
    let mut fils = dish.fils;
    let mut options = Vec::new();
    if is_main && dice.one_in(3) {
        let (en, ar, more) = dice.pick(&EXTRAS);
        fils += more;
        options.push(json!({"name": {"en": en, "ar": ar}}));
    }
    let mut line = json!({
        "sku": dish.sku,
        "name": {"en": dish.en, "ar": dish.ar},
        "quantity": if dice.one_in(3) { 2 } else { 1 },
        "unitPrice": {"amount": fils, "currency": "JOD"},
        "station": dish.station,
        "options": options,
    });
    if is_main && dice.one_in(4) {
        let [en, ar] = dice.pick(&WISHES);
        let wish = if language == Language::Arabic { ar } else { en };
        line.as_object_mut().map(|it| it.insert("note".to_owned(), json!(wish)));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::restaurant::STATIONS;

    #[test]
    fn every_dish_has_both_names_a_price_and_a_station_of_the_kitchen() {
        for it in MAINS.iter().chain(&SIDES).chain(&DRINKS) {
            assert!(!it.en.is_empty() && !it.ar.is_ascii() && 0 < it.fils, "{}", it.sku);
            assert!(STATIONS.contains(&it.station), "{}", it.sku);
        }
    }

    #[test]
    fn a_large_appetite_keeps_every_station_busy() {
        for seed in 0..50 {
            let basket = choose(&Dice::seeded(seed), Appetite::FromEveryStation, Language::English);
            assert_eq!(basket.stations, STATIONS);
        }
    }
}
