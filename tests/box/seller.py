"""In the guest: sells as often as asked, and prints each answer as soon as it is there."""

import json
import sys
import time
import urllib.request

PRODUCT = "01010101"
URL = "http://127.0.0.1:8080/api"


def ask(path: str, **body: object) -> dict[str, object]:
    request = urllib.request.Request(f"{URL}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


how, times = sys.argv[1], int(sys.argv[2])
for _ in range(times):
    what = {} if how == "weighed" else {"manual_g": 1500, "reason": "秤在检修"}
    sale = ask("/sales", scale="scale-1", product=PRODUCT, **what)
    print(json.dumps(sale), flush=True)
    time.sleep(0.02)
