// A message at the edge of the page.

import { h, icon } from "./dom.js";

/** A message that goes away by itself; pressing it removes it sooner. */
export function message(place, text) {
  const toast = h("button", { class: "toast", type: "button", "data-action": "close-message" }, text, icon("close"));
  toast.addEventListener("click", () => toast.remove());
  place.append(toast);
  setTimeout(() => toast.remove(), 12_000);
}
