// The API reference: Swagger UI with the description of this server. Its requests go to this server, with the token given to "Authorize".

const content = document.getElementById("content");

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

/** Every word must occur in the path, the tags or the texts of an operation. Swagger UI itself looks at tags only. */
function opsFilter(groups, phrase) {
  const words = phrase.toLowerCase().split(/\s+/);
  const fits = (entry) => {
    const { path, method, operation } = entry.toJS();
    const { operationId, tags, summary, description } = operation;
    const text = [path, method, operationId, ...tags, summary, description].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return groups
    .map((group) => group.update("operations", (entries) => entries.filter(fits)))
    .filter((group) => group.get("operations").size > 0);
}

window.SwaggerUIBundle({
  url: "/openapi.json",
  domNode: content,
  deepLinking: true,
  filter: true,
  plugins: [{ fn: { opsFilter } }],
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: () => { content.dataset.page = "ready"; },
});
