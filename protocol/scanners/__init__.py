"""Barcode scanners and card readers: one file per wire format."""
