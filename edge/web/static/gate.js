// The gate: goods are registered; results come by themselves.

import { lotOf, onCode, point, tell } from "./codes.js";
import "./bench.js";
import "./entry.js";
import "./holds.js";
import { lotName, say } from "./live.js";
import { showLotRow } from "./lots.js";
import "./prints.js";
import "./results.js";

// --- scans ------------------------------------------------------------------------------------------------------------

/** A sample's label: its lot is shown. */
function showLot(code) {
  const lot = lotOf(code);
  if (!lot) return tell(say("scan_unknown_lot", { code }), true);
  showLotRow(lot.test_code, point);
  tell(`${say("sample")} ${lot.sample} · ${lotName(lot)}`);
}

onCode({ test: showLot });
