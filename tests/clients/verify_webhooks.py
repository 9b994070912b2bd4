#!/usr/bin/env python3
"""Judges webhooks with the package `standardwebhooks` from PyPI.

In, a JSON list of `{"secret", "headers", "body"}`, the body in base64; out, whether the package believes each.
"""

import base64
import json
import sys

from standardwebhooks import Webhook


def believes(it):
    try:
        Webhook(it["secret"]).verify(base64.b64decode(it["body"]), it["headers"])
        return True
    except Exception:
        return False


json.dump([believes(it) for it in json.load(sys.stdin)], sys.stdout)
