// Small helpers to build elements. Text always goes in as text, so nothing an order carries can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Strokes of the icons, on a 24 by 24 grid. */
const ICONS = {
  bag: "M6 8h12l1 12H5L6 8Zm3 0V7a3 3 0 0 1 6 0v1",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15L6 16Zm4 4.5h4",
  bike: "M5.5 19a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm13 0a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM5.5 15.5 9 9h6l3.5 6.5M9 9l3.5 6.5L15 9m0 0-1-3h-2.5M7.5 9H10",
  check: "m5 12.5 4.5 4.5L19 7.5",
  checks: "m1.5 12.5 4.5 4.5L15 7.500M11 15.800l1.200 1.200 9.800-9.500",
  chat: "M4.5 19.500 6 15.500A8 8 0 1 1 9 18.500l-4.500 1Z",
  clock: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 7v5.2l3.2 2",
  close: "m6.5 6.5 11 11m0-11-11 11",
  flame: "M12 3c.5 3.5 5 5.5 5 10.5a5 5 0 0 1-10 0c0-2 1-3.2 2-4.2.2 1.6.8 2.4 1.6 2.7C10.3 9 10.5 5.5 12 3Z",
  home: "M4 11.5 12 5l8 6.5M6.5 10v9h11v-9M10.5 19v-5h3v5",
  link: "M10 14a4 4 0 0 0 6 .5l3-3A4 4 0 0 0 13.5 6L12 7.5M14 10a4 4 0 0 0-6-.5l-3 3A4 4 0 0 0 10.5 18l1.5-1.5",
  list: "M9 6.5h11M9 12h11M9 17.5h11M4.5 6.5h.01M4.5 12h.01M4.5 17.5h.01",
  map: "M12 21s6.5-5.700 6.5-11a6.5 6.5 0 0 0-13 0c0 5.300 6.5 11 6.5 11Zm0-8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  note: "M5 4.5h14v10l-5 5H5v-15Zm9 15v-5h5M8.5 9h7M8.5 12.5h4",
  phone: "M5 4.5h4l1.5 4.5-2.300 1.700a12 12 0 0 0 5.100 5.100L15 13.5l4.5 1.5v4a1.5 1.5 0 0 1-1.600 1.5C10.5 20 4 13.5 3.5 6.100A1.5 1.5 0 0 1 5 4.5Z",
  plate: "M7 4v6.5M4.5 4v4a2.5 2.5 0 0 0 5 0V4M7 10.5V20M17 20v-6.5h-2.5V8c0-2.5 1-4 2.5-4v9.5",
  play: "M8 5.5v13l10.5-6.5L8 5.5Z",
  receipt: "M6 3.5h12v17l-3-2-3 2-3-2-3 2v-17Zm3 5h6M9 12h6",
  server: "M4.5 5h15v5.500h-15V5Zm0 8.500h15V19h-15v-5.500ZM8 7.750h.01M8 16.250h.01",
  sound: "M4.5 10v4H8l4.5 3.5v-11L8 10H4.5Zm11-1.5a5 5 0 0 1 0 7M18 6a8.5 8.5 0 0 1 0 12",
  tray: "M4.5 13.500 7 5.500h10l2.500 8V19h-15v-5.500Zm0 0H9a3 3 0 0 0 6 0h4.500",
  undo: "M8.5 5 4.5 9l4 4M5 9h9a5 5 0 0 1 0 10h-4",
  warning: "M12 4.500 3.500 19h17L12 4.500Zm0 5.500v4m0 2.500v.01",
  wait: "M7 4h10M7 20h10M8 4c0 4 3 5.5 4 8-1 2.5-4 4-4 8m8-16c0 4-3 5.5-4 8 1 2.5 4 4 4 8",
};

/** An icon in the colour of the text around it. Decorative: the words beside it carry the meaning. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name] ?? ICONS.receipt);
  svg.append(path);
  return svg;
}

/** An element: `h("p", { class: "x", "data-y": 1 }, "text", child)`. Nothing is set for null. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    // `data-` and `aria-` attributes say true or false; the others are there or not.
    if (/^(data|aria)-/.test(name)) element.setAttribute(name, String(value));
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Rebuilds an element only when what it shows has changed, so that focus and screen readers stay at rest. */
export function paint(element, shown, build) {
  const key = JSON.stringify(shown);
  if (element.paintedFor === key) return false;
  element.paintedFor = key;
  element.replaceChildren(...[build()].flat(Infinity).filter(Boolean));
  return true;
}

/** Sets a text only when it differs. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
