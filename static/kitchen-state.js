// What a kitchen screen may show and do with an order. Pure functions: no page, no network.

export const OPEN = ["placed", "accepted", "preparing", "ready"];
export const ENDED = ["delivered", "picked_up", "served", "rejected", "expired", "cancelled", "failed"];
export const REASONS = ["item_unavailable", "too_busy", "closed", "no_courier", "address_problem", "technical", "test_order", "other"];
const HANDOVER = { delivery: "out_for_delivery", pickup: "picked_up", dine_in: "served" };
const COOKING = new Set(["accepted", "preparing"]);
/** Ends that mean: stop cooking. */
const STOPPED = new Set(["cancelled", "rejected", "expired", "failed"]);

/** The tickets this screen is responsible for. */
export function ticketsFor(order, station) {
  return (order.tickets ?? []).filter((ticket) => ticket.status !== "voided" && (!station || ticket.station === station));
}

export const isOpen = (ticket) => ticket.status !== "done";

/** Whether an order belongs on this screen now. A station's screen lets go of it when its own part is done. */
export function isShown(order, station) {
  if (!OPEN.includes(order.status)) return false;
  if (!station) return true;
  if (order.status === "ready") return false;
  return ticketsFor(order, station).some(isOpen);
}

/** An order that was being made has been called off: the cook must see it, it mustn't just vanish. */
export function wasStopped(before, after) {
  return before !== null && (COOKING.has(before.status) || before.status === "ready") && STOPPED.has(after.status);
}

export function itemsFor(order, station) {
  return (order.items ?? []).filter((item) => !station || item.station === station);
}

/** Items grouped by the station that makes them, in the order of the tickets. */
export function groups(order, station) {
  // The tickets of an order that was called off are void, but the cook must see what to stop.
  const tickets = STOPPED.has(order.status) ? (order.tickets ?? []) : ticketsFor(order, station);
  const known = new Set((order.tickets ?? []).map((ticket) => ticket.station));
  const listed = tickets.map((ticket) => ({ station: ticket.station, ticket, items: itemsFor(order, ticket.station) }));
  const rest = station ? [] : (order.items ?? []).filter((item) => !known.has(item.station));
  return rest.length > 0 ? [...listed, { station: null, ticket: null, items: rest }] : listed;
}

/** The main step of an order on this screen: `{ kind, status?, stations? }`, or null. */
export function mainStep(order, station) {
  if (order.status === "placed") return { kind: "accept", status: "accepted" };
  if (order.status === "ready") return { kind: "handover", status: HANDOVER[order.fulfilment] ?? "picked_up" };
  if (!COOKING.has(order.status)) return null;
  const open = ticketsFor(order, station).filter(isOpen).map((ticket) => ticket.station);
  if (open.length > 0) return { kind: "bump", stations: open };
  // A store without stations moves the order itself.
  return order.status === "accepted" ? { kind: "start", status: "preparing" } : { kind: "bump", status: "ready" };
}

/** "Start" is there until somebody has started: it tells the customer that the kitchen is at work. */
export function startStep(order, station) {
  const tickets = ticketsFor(order, station);
  const fresh = tickets.length > 0 && tickets.every((ticket) => ticket.status === "queued" || ticket.status === "recalled");
  return COOKING.has(order.status) && fresh ? { kind: "start", stations: tickets.map((ticket) => ticket.station) } : null;
}

/** What may be brought back: ready orders, own tickets that are done, and orders which have ended by hand. */
export function recallStep(order, station) {
  if (order.status === "ready") return { kind: "recall", stations: station ? [station] : null };
  const ownDone = station && ticketsFor(order, station).some((ticket) => ticket.status === "done");
  if (ownDone && COOKING.has(order.status)) return { kind: "recall", stations: [station] };
  return ENDED.includes(order.status) && order.status !== "rejected" && order.status !== "expired" ? { kind: "reopen" } : null;
}

/** Since when the present wait runs: a ready order waits since it is ready. */
export function waitsSince(order) {
  const ready = order.status === "ready" && order.timeline?.findLast((entry) => entry.status === "ready")?.at;
  return Date.parse(ready || order.placedAt);
}

/** The colour of a ticket by its age in minutes. */
export function heat(order, now, { warn, late }) {
  const minutes = (now - waitsSince(order)) / 60_000;
  if (minutes >= late) return "late";
  return minutes >= warn ? "warn" : "fresh";
}

/** When an order expires unless somebody answers it; `null` where nobody has to. */
export function answerBy(order) {
  return order.status === "placed" && order.acceptBy ? Date.parse(order.acceptBy) : null;
}

/** How close that is: `soon` in the last two minutes, or the last third of a shorter time. */
export function urgency(order, now) {
  const deadline = answerBy(order);
  if (deadline === null) return "none";
  const whole = deadline - Date.parse(order.placedAt);
  return deadline - now <= Math.min(120_000, whole / 3) ? "soon" : "later";
}

/** How many of each item are still to be made, most wanted first. */
export function allDay(orders, station) {
  const counts = new Map();
  for (const order of orders) {
    if (order.status === "ready") continue;
    for (const { ticket, items } of groups(order, station)) {
      if (ticket && !isOpen(ticket)) continue;
      for (const item of items) count(counts, item);
    }
  }
  return [...counts.values()].sort((a, b) => b.quantity - a.quantity);
}

function count(counts, item) {
  const key = item.sku ?? JSON.stringify(item.name);
  const entry = counts.get(key) ?? { sku: item.sku, name: item.name, quantity: 0 };
  entry.quantity += item.quantity;
  counts.set(key, entry);
}

// --- commands: what was true when a button was pressed, and whether it still is ---

const RANK = ["placed", "accepted", "preparing", "ready", "out_for_delivery", "delivered", "picked_up", "served"];

function ticketOf(order, station) {
  return order.tickets?.find((ticket) => ticket.station === station);
}

// A ticket's step doesn't care whether another station has moved the order from accepted to preparing.
const phase = (order, step) => (step.stations && COOKING.has(order.status) ? "cooking" : order.status);

/** A mark of everything a step relies on, taken when its button is pressed. */
export function markOf(order, step) {
  const tickets = (step.stations ?? []).map((name) => [name, ticketMark(order, name)]);
  return { phase: phase(order, step), tickets: Object.fromEntries(tickets) };
}

function ticketMark(order, station) {
  const ticket = ticketOf(order, station);
  return `${ticket?.status}@${ticket?.changedAt}`;
}

/** The stations of a step whose tickets are not where it wants them. */
function stationsLeft(order, step) {
  const wanted = step.kind === "start" ? ["in_progress", "done"] : ["done"];
  return step.stations.filter((name) => !wanted.includes(ticketOf(order, name)?.status));
}

/** Whether a tap still means what it meant when it was made. */
export function stillStands(order, { step, mark }) {
  if (phase(order, step) !== mark.phase) return false;
  const stations = step.kind === "recall" ? step.stations ?? [] : step.stations && stationsLeft(order, step);
  return (stations ?? []).every((name) => ticketMark(order, name) === mark.tickets[name]);
}

/** Whether what a step wants has already happened, by us (a lost answer) or by somebody else. */
export function isSatisfied(order, step) {
  if (step.kind === "recall" || step.kind === "reopen") return order.status === "preparing";
  if (step.kind === "reject") return order.status === "rejected";
  if (step.status) return RANK.indexOf(order.status) >= RANK.indexOf(step.status);
  return RANK.indexOf(order.status) >= RANK.indexOf("ready") || stationsLeft(order, step).length === 0;
}

/** The request of a step. `order`: the newest state known, so that what is done already isn't asked for again. */
export function requestOf({ orderId, step }, order) {
  const path = `/v1/orders/${encodeURIComponent(orderId)}`;
  if (step.kind === "reopen") return { method: "POST", path: `${path}/reopen`, body: { reason: { code: "other" } } };
  if (step.kind === "recall") {
    const station = step.stations ? { station: step.stations[0] } : {};
    return { method: "POST", path: `${path}/recall`, body: { ...station, reason: { code: "other" } } };
  }
  const reason = step.reason ? { reason: { code: step.reason } } : {};
  if (step.status) return { method: "PATCH", path, body: { status: step.status, ...reason } };
  const stations = order ? stationsLeft(order, step) : step.stations;
  const status = step.kind === "start" ? "in_progress" : "done";
  return { method: "PATCH", path, body: { tickets: stations.map((station) => ({ station, status })) } };
}
