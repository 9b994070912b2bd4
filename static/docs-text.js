// The little Markdown that descriptions use: paragraphs, lists, fenced blocks, `code`, **bold** and links.

import { h } from "./dom.js";

const INLINE = /(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)\s]+\))/;

function inline(text) {
  return text.split(INLINE).filter(Boolean).map((part) => {
    if (/^`[^`]+`$/.test(part)) return h("code", {}, part.slice(1, -1));
    if (/^\*\*[^*]+\*\*$/.test(part)) return h("strong", {}, part.slice(2, -2));
    const link = part.match(/^\[([^\]]+)\]\(([^)\s]+)\)$/);
    // Only ordinary addresses become links, whatever a description says.
    if (link && /^(https?:\/\/|\/|#)/i.test(link[2])) return h("a", { href: link[2], rel: "noopener noreferrer" }, link[1]);
    return part;
  });
}

function block(text) {
  const fence = text.match(/^```\w*\n([\s\S]*?)\n?```$/);
  if (fence) return h("pre", { class: "code" }, h("code", {}, fence[1]));
  const heading = text.match(/^#{1,6} +(.+)$/);
  if (heading) return h("p", { class: "text-heading" }, inline(heading[1]));
  const lines = text.split("\n");
  if (lines.every((line) => /^\s*[-*] /.test(line))) {
    return h("ul", { class: "bullets" }, lines.map((line) => h("li", {}, inline(line.replace(/^\s*[-*] /, "")))));
  }
  return h("p", {}, inline(lines.join(" ")));
}

/** Elements for a description. */
export function prose(text = "") {
  const blocks = text.replaceAll("\r", "").match(/```[\s\S]*?```|(?:(?!\n\s*\n|```)[\s\S])+/g) ?? [];
  return blocks.map((part) => part.trim()).filter(Boolean).map(block);
}
