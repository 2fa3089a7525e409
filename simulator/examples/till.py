"""A cash register sells by the station's API: it shows what lies on the scale, sells it, and knows its slip.

    python till.py http://127.0.0.1:8080 --product 01040201 --lot 41010800130100000018 --receipt K1-000123

Nothing but Python is needed. ``--receipt`` is the till's own number of this sale: asked with it again, the station
answers as the first time, so an answer that was lost on the way is no second sale. ``--token`` is a program's token
(`marketedge tokens add till --role operator`); as long as nobody has a name at the box, programs on it need none.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

TRIES, PAUSE, PATIENCE = 10, 1.0, 10.0


class Refused(Exception):
    """The station will not: nothing was recorded. The text is for the seller."""


class Station:
    def __init__(self, address: str, token: str = "") -> None:
        self._address = address.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> dict[str, Any]:
        return self._ask(urllib.request.Request(self._address + path, headers=self._headers))

    def order(self, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Until it is known what became of it. 409 is a refusal; 503 or no answer says nothing: ask again, same key."""
        for _ in range(TRIES):
            headers = {**self._headers, "Idempotency-Key": key}
            try:
                return self._ask(
                    urllib.request.Request(self._address + path, json.dumps(body).encode(), headers, method="POST")
                )
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    said = json.loads(error.read())
                    raise Refused(f"{said['code']}: {said['message_zh']} / {said['message_en']}") from None
            except OSError:
                pass  # the box restarts, the cable is out
            time.sleep(PAUSE)
        raise Refused("the station does not answer: look at its page before this is sold again")

    def _ask(self, request: urllib.request.Request) -> dict[str, Any]:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            said: dict[str, Any] = json.loads(answer.read())
            return said


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("station")
    words.add_argument("--product", required=True)
    words.add_argument("--lot", required=True)
    words.add_argument("--receipt", required=True)
    words.add_argument("--scale", default="scale-1")
    words.add_argument("--token", default="")
    given = words.parse_args()
    station = Station(given.station, given.token)
    scale = next(one for one in station.get("/api/board")["board"]["scales"] if one["name"] == given.scale)
    if not scale["sellable"] and scale["why"] != "sold":  # that may have been this receipt: it is answered again
        print(f"nothing to sell: {scale['why']}", file=sys.stderr)
        return 1
    sold = {"scale": given.scale, "product": given.product, "lot": given.lot, "seen_g": scale["net_g"]}
    try:
        sale = station.order("/api/sales", given.receipt, sold)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    # What a till keeps: the transaction code, grams, fen, and what the QR code on its own receipt would say.
    print(json.dumps({name: sale[name] for name in ("tx", "net_g", "amount_fen", "url")}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
