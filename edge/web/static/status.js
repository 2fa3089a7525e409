import "./codes.js";
