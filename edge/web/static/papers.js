// The page of papers: a slip that is scanned is shown. Without a date, the day is the station's own.

import { end, onCode, point, tell } from "./codes.js";
import { say } from "./live.js";
import "./prints.js";

onCode({
  slip(code) {
    const found = code && document.querySelector(`.sheet .code[title="${code}"]`);
    if (!found) return tell(say("scan_old_slip", { code: end(code) }), true);
    point(found.closest(".sheet"));
    tell(`${say("slip")} ${end(code)}`);
  },
});
