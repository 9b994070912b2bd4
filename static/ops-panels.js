// Beside the messages: the server's health, stopped templates, calls that were given up, partners.

import { now } from "./clock.js";
import { h, icon, paint } from "./dom.js";
import { age, clockTime } from "./format.js";
import { MOST_CALLS } from "./ops-feed.js";

/** A wait that somebody should look at, in seconds. */
const LONG = 60;

/** A card: its title, what stands beside that, and its body; or why there is none. */
function card(place, { title, data, shown, beside, build, say }) {
  const key = data?.forbidden ? "forbidden" : data ? shown : null;
  paint(place, [key, say.lang], () => {
    const head = h("div", { class: "card-head" }, h("h2", {}, say(title)), key && key !== "forbidden" && beside?.());
    if (data?.forbidden) return [head, h("p", { class: "none" }, say("ops.forbidden"))];
    return [head, data ? build() : h("p", { class: "none" }, say("ops.missing"))];
  });
}

const badge = (tone, text) => h("span", { class: "badge", "data-tone": tone }, text);
const isEmpty = (list) => list.length === 0;

export function showServer(place, data, say) {
  // A proxy that keeps /readyz to itself answers something else.
  const known = data && "ready" in data ? data : null;
  place.dataset.ready = known?.ready ?? "unknown";
  card(place, {
    title: "ops.server", data, shown: known ?? "hidden", say,
    beside: () => known && badge(known.ready ? "good" : "bad", say(known.ready ? "server.ready" : "server.notReady")),
    build: () => known ? [
      h("dl", { class: "facts" }, ["store", "bus", "cache"].map((part) => h("div", { "data-part": part, "data-ok": known[part].ok },
        h("dt", {}, say(`server.${part}`)), h("dd", {}, h("span", { class: "dot" }), known[part].ok ? say("server.ok") : known[part].trouble))),
      h("div", {}, h("dt", {}, say("server.sockets")), h("dd", {}, known.sockets))),
      known.draining && h("p", { class: "none" }, say("server.draining")),
    ] : h("p", { class: "none" }, say("server.hidden")),
  });
}

export function showTemplates(place, data, busy, say) {
  const templates = data?.templates ?? [];
  const stopped = templates.filter((template) => !isEmpty(template.stopped));
  place.dataset.stopped = stopped.length;
  card(place, {
    title: "ops.templates", data, shown: [stopped, templates.length, [...busy]], say,
    beside: () => !isEmpty(stopped) && badge("bad", `${say("template.stopped")}: ${stopped.length}`),
    build: () => isEmpty(stopped)
      ? h("p", { class: "none" }, say("template.fine", { n: templates.length }))
      : h("ul", { class: "rows" }, stopped.map((template) => h("li", { class: "row", "data-template": template.name },
        h("div", { class: "row-what" }, h("strong", {}, h("bdi", {}, template.name)), template.stopped.map(({ language, reason, at }) =>
          h("p", {}, h("code", { dir: "ltr" }, language), " ", h("bdi", {}, reason), " ", h("span", { class: "soft" }, say("ops.since", { time: clockTime(at, say.lang) }))))),
        action("release", template.name, busy, say("template.release"), say)))),
  });
}

function action(what, id, busy, word, say) {
  const isBusy = busy.has(id);
  return h("button", { class: "action", type: "button", "data-action": what, "data-id": id, disabled: isBusy },
    icon(isBusy ? "wait" : "undo"), isBusy ? say("kitchen.sending") : word);
}

const many = (page) => `${page.calls.length}${page.nextCursor ? "+" : ""}`;

/** `dead` and `parked`: pages of the inbox. */
export function showInbox(place, { dead, parked }, busy, say) {
  const data = dead?.forbidden ? dead : dead && parked ? { dead, parked } : null;
  place.dataset.dead = dead?.calls?.length ?? 0;
  card(place, {
    title: "ops.inbox", data, shown: [dead, parked, [...busy]], say,
    beside: () => !isEmpty(dead.calls) && badge("bad", `${say("inbox.dead")}: ${many(dead)}`),
    build: () => [["dead", dead], ["parked", parked]].map(([state, page]) => [
      h("h3", {}, say(`inbox.${state}`), h("b", {}, many(page))),
      isEmpty(page.calls)
        ? h("p", { class: "none" }, say(`inbox.${state}None`))
        : h("ul", { class: "rows" }, page.calls.slice(0, MOST_CALLS).map((call) => callRow(call, state, busy, say))),
    ]),
  });
}

function callRow(call, state, busy, say) {
  return h("li", { class: "row", "data-call": call.id, "data-state": state },
    h("div", { class: "row-what" },
      h("p", {}, h("strong", {}, say.named("source", call.partner)), " ", call.outcome && badge("", say.named("outcome", call.outcome)), " ",
        h("time", { class: "soft", datetime: call.receivedAt }, clockTime(call.receivedAt, say.lang))),
      call.externalId && h("p", {}, h("code", { dir: "ltr" }, call.externalId)),
      call.note && h("p", { class: "soft", dir: "auto" }, call.note),
      call.attempts > 1 && h("p", { class: "soft" }, say("msg.tries", { n: call.attempts }))),
    action("replay", call.id, busy, say("inbox.replay"), say));
}

export function showPartners(place, data, say) {
  const partners = data?.partners ?? [];
  const isKnown = ({ heard, told }) => heard.lastSeenAt || told.due > 0 || told.lastError || !isEmpty(told.hosts);
  const known = partners.filter(isKnown);
  const others = partners.filter((partner) => !isKnown(partner)).map(({ partner }) => `\u2068${say.named("source", partner)}\u2069`);
  const time = Math.floor(now() / 1000);
  const shown = [known, others, known.map((partner) => since(partner.heard.lastSeenAt, time))];
  card(place, {
    title: "ops.partners", data, shown, say,
    build: () => [
      isEmpty(known) ? h("p", { class: "none" }, say("partner.none")) : h("ul", { class: "rows" }, known.map((partner) => partnerRow(partner, time, say))),
      !isEmpty(others) && h("p", { class: "none" }, say("partner.never", { names: others.join(say.lang === "ar" ? "، " : ", ") })),
    ],
  });
}

/** Seconds since then. */
const since = (at, time) => (at ? Math.max(0, time - Math.floor(Date.parse(at) / 1000)) : null);

function partnerRow({ partner, heard, told }, time, say) {
  const seen = since(heard.lastSeenAt, time);
  const lags = [heard.lagSeconds, told.lagSeconds].filter((seconds) => seconds > LONG);
  return h("li", { class: "row partner", "data-partner": partner },
    h("div", { class: "row-what" },
      h("p", { class: "partner-head" }, h("strong", {}, say.named("source", partner)),
        h("span", { class: "soft" }, seen !== null && say("ops.ago", { age: age(seen * 1000, say.lang) }))),
      tally("partner.lastHour", heard.lastHour, say), told.configured && tally("partner.told", told.lastHour, say),
      lags.map((seconds) => h("p", { class: "bad" }, say("partner.lag", { age: age(seconds * 1000, say.lang) }))),
      told.due > 0 && h("p", {}, say("partner.due", { n: told.due })),
      told.hosts.map(({ host, breaker }) => h("p", {}, h("code", { dir: "ltr" }, host), " ", badge(breaker === "open" ? "bad" : "warn", say.named("breaker", breaker)))),
      told.lastError && h("p", { class: "soft" }, say("partner.error", {
        time: clockTime(told.lastError.at, say.lang), what: `\u2068${told.lastError.status ?? told.lastError.error ?? ""}\u2069`,
      }))));
}

function tally(title, counts, say) {
  const rows = Object.entries(counts);
  if (isEmpty(rows)) return null;
  return h("p", { class: "tally" }, h("span", { class: "soft" }, say(title)),
    rows.map(([outcome, count]) => h("span", { class: "badge", "data-tone": tone(outcome), "data-outcome": outcome }, say.named("outcome", outcome), h("b", {}, count))));
}

const BAD = new Set(["failed", "unreadable", "unusable_order", "unknown_status"]);
const tone = (outcome) => (BAD.has(outcome) ? "bad" : "");
