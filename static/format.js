// How times, durations and money are written in both languages. Digits are Latin in both, as is usual in Jordan.

const LOCALES = { en: "en-US", ar: "ar-JO-u-nu-latn" };

const CURRENCIES = {
  JOD: "د.أ",
  KWD: "د.ك",
  BHD: "د.ب",
  OMR: "ر.ع.",
  SAR: "ر.س",
  AED: "د.إ",
  QAR: "ر.ق",
};

const MINUTES = {
  en: { one: "{n} min", other: "{n} min" },
  ar: { zero: "أقل من دقيقة", one: "دقيقة واحدة", two: "دقيقتان", few: "{n} دقائق", many: "{n} دقيقة", other: "{n} دقيقة" },
};

const cache = new Map();

// Building a formatter is slow and a kitchen screen asks every second.
function formatter(lang, options) {
  const key = lang + JSON.stringify(options);
  if (!cache.has(key)) cache.set(key, new Intl.DateTimeFormat(LOCALES[lang], options));
  return cache.get(key);
}

/** `7:42 PM`; with the day before it when that isn't today. */
export function clockTime(at, lang, today = new Date()) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  const time = formatter(lang, { hour: "numeric", minute: "2-digit" }).format(date);
  if (date.toDateString() === today.toDateString()) return time;
  return `${formatter(lang, { day: "numeric", month: "short" }).format(date)}, ${time}`.replace(",", lang === "ar" ? "،" : ",");
}

/** `18 min`, with the plural forms of Arabic. */
export function minutes(count, lang) {
  const form = new Intl.PluralRules(lang).select(count);
  const forms = MINUTES[lang];
  return (forms[form] ?? forms.other).replace("{n}", count);
}

/** A stopwatch: `4:07`, `1:12:30`. */
export function stopwatch(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A short age: `12 s`, `3:20 min`. */
export function age(milliseconds, lang) {
  const units = lang === "ar" ? ["ث", "د"] : ["s", "min"];
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  return seconds < 60 ? `${seconds} ${units[0]}` : `${stopwatch(milliseconds)} ${units[1]}`;
}

/** Money exactly as the server wrote it, with groups and the currency's name. No floating point touches it. */
export function money(value, lang) {
  if (!value) return "";
  const [whole, part] = String(value.decimal).split(".");
  const number = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : "");
  return lang === "ar" ? `${number} ${CURRENCIES[value.currency] ?? value.currency}` : `${value.currency} ${number}`;
}

/** The same currency and decimals with another amount of minor units. */
export function moneyOf(amount, like) {
  const digits = (String(like.decimal).split(".")[1] ?? "").length;
  const text = String(Math.abs(amount)).padStart(digits + 1, "0");
  const cut = text.length - digits;
  const decimal = digits ? `${text.slice(0, cut)}.${text.slice(cut)}` : text;
  return { amount, currency: like.currency, decimal: amount < 0 ? `-${decimal}` : decimal };
}

/** A name that comes in several languages, or as plain text. */
export function named(name, lang) {
  if (name === null || name === undefined) return "";
  if (typeof name === "string") return name;
  return name[lang] ?? name.en ?? name.ar ?? Object.values(name)[0] ?? "";
}
