// Judges webhooks with the package `standardwebhooks` from npm, found by NODE_PATH.
//
// In, a JSON list of `{"secret", "headers", "body"}`, the body in base64; out, whether the package believes each.
const {readFileSync} = require('node:fs');
const {Webhook} = require('standardwebhooks');

const believes = (it) => {
  try {
    new Webhook(it.secret).verify(Buffer.from(it.body, 'base64'), it.headers);
    return true;
  } catch {
    return false;
  }
};

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0)).map(believes)));
