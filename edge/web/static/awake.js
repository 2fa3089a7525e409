// The screen of a handheld stays lit while a sale is open. Browsers allow that in a secure context alone; elsewhere
// nothing else is missing. A lock is gone whenever the page is out of sight, and is taken anew when it is back.

let open = false;
let lock = null;
let asking = false;

async function settle() {
  if (asking || !navigator.wakeLock) return;
  asking = true;
  try {
    while (Boolean(lock && !lock.released) !== (open && document.visibilityState === "visible")) {
      if (lock && !lock.released) {
        await lock.release();
        lock = null;
      } else {
        lock = await navigator.wakeLock.request("screen");
      }
    }
  } catch {
    lock = null; // an empty battery, for one: the system's word counts
  } finally {
    asking = false;
  }
}

/** Whether somebody is about to sell. */
export function stayAwake(now) {
  if (now === open) return;
  open = now;
  settle();
}

document.addEventListener("visibilitychange", settle);
