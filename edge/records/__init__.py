"""The disk: the signed ledger, its clock and key, and who may open it."""
