"""The Debian package, its apt repository and an image of a whole box, built from the source tree."""
