// The page of papers: today is the day whose summary is usually wanted.

import "./live.js";

const now = new Date();
document.querySelector("#day").value = new Date(now - now.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
