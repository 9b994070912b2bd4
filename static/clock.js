// The server's clock, as well as this device can know it: tablets in kitchens are often minutes off.

let offset = 0;

/** Learns the difference from the `Date` header of any answer of our server. */
export function learn(response) {
  const told = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(told)) return;
  const difference = told + 500 - Date.now();
  // The header counts whole seconds and the answer took a while: small differences mean nothing.
  offset = Math.abs(difference) > 2000 ? difference : 0;
}

/** Milliseconds since the epoch by the server's clock. */
export function now() {
  return Date.now() + offset;
}
