// The status page: what was refused is sent to the city once more.

import { post, say, sorry, toast } from "./live.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-resend]");
  if (!button) return;
  button.disabled = true;
  try {
    await post("/api/ledger/resend", { first: Number(button.dataset.resend), last: Number(button.dataset.resendTo) });
    toast(say("sent_again"));
  } catch (error) {
    sorry(error);
  } finally {
    button.disabled = false;
  }
});
