// The page of papers. Without a date, the day is the station's own.

import "./live.js";
