"""The headers of a request, read once: Starlette's own look through all of them for each name, and all that stands
before an answer asks for a dozen."""

from starlette.types import Scope

_READ = "marketedge.headers"  # of a scope


def headers_of(scope: Scope) -> dict[str, str]:
    """By their names in small letters; of one that stands there twice the first."""
    found: dict[str, str] | None = scope.get(_READ)
    if found is None:
        read = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in reversed(scope["headers"]))
        found = scope[_READ] = dict(read)
    return found
