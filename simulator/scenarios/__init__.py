"""The library of scenarios that ``marketsim play`` knows by name; recorded sessions lie beside them."""
