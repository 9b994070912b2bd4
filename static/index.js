// Shows on the landing page whether this server is ready.

const place = document.getElementById("health");

function show(health, text) {
  place.dataset.health = health;
  document.getElementById("health-text").textContent = text;
}

fetch("/readyz", { cache: "no-store" }).then(
  (response) => (response.ok ? show("ready", "This server is ready.") : show("down", "This server runs, but is not ready.")),
  () => show("down", "This server can’t be reached."),
);
