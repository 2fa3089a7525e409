"""What an address's function takes, read from its signature: the same whether it serves or is described.

    async def find(text: Annotated[str, Query(max_length=300)] = "", before: Annotated[int | None, Query(ge=1)] = None)
    async def show(request: Request, seq: Annotated[Number, Path()], body: SignBody, word: Approval = "")

A parameter is the request; a value of ``Path``, ``Query``, ``Header`` or ``Cookie``; a model of the whole query
(``Annotated[Wanted, Query()]``); a model alone, which is the body; or, without a word, a value of the path.  What the
words take are pydantic's constraints, ``alias``, ``description`` and ``examples``.  FastAPI takes the same words
(``described.py``); a station that serves does without it: it is 6 MiB and a tenth of a start.
"""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from edge.between.commands import built

TOLD = ("alias", "description", "examples")  # of a value's options what says nothing of what it may be


class Word:
    """Where a value stands, and what it may be."""

    where: ClassVar[str]

    def __init__(self, **options: Any) -> None:
        self.options = options


class Path(Word):
    where = "path"


class Query(Word):
    where = "query"


class Header(Word):
    where = "header"


class Cookie(Word):
    where = "cookie"


class Mistaken(Exception):
    """A request that is not understood: ``mistakes`` as pydantic has them, each with its place first in ``loc``."""

    def __init__(self, mistakes: list[Mapping[str, Any]]) -> None:
        super().__init__(mistakes)
        self.mistakes = mistakes


class Taken:
    """What ``function`` takes. Raises TypeError for a parameter that is none of the known kinds."""

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = get_type_hints(function, include_extras=True)
        readers = [_reader(one, hints[one.name]) for one in inspect.signature(function).parameters.values()]
        self._readers = [reader for reader in readers if not isinstance(reader, _Body)]
        self._bodies = [reader for reader in readers if isinstance(reader, _Body)]

    async def of(self, request: Request) -> dict[str, Any]:
        """The arguments for this request; raises Mistaken, and HTTPException for what no JSON reader takes."""
        given: dict[str, Any] = {}
        wrong: list[Mapping[str, Any]] = []
        said = await body_of(request) if self._bodies else {}
        for reader in (*self._readers, *self._bodies):
            try:
                given[reader.name] = reader.read(request, said)
            except ValidationError as error:
                wrong += [{**one, "loc": (*reader.place, *one["loc"])} for one in error.errors()]
            except _Missing:
                wrong.append(mistake("missing", reader.place))
        if wrong:
            raise Mistaken(wrong)
        return given


async def body_of(request: Request) -> dict[str, Any]:
    """The fields of the body; raises Mistaken, and HTTPException for what no JSON reader takes."""
    return fields_of(await request.body())


def fields_of(raw: bytes) -> dict[str, Any]:
    """Those of a whole body, as ``body_of``."""
    if not raw:
        raise Mistaken([mistake("missing", ("body",))])
    try:
        said = json.loads(raw)
    except json.JSONDecodeError as error:
        raise Mistaken([mistake("json_invalid", ("body", error.pos))]) from None
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(said, dict):
        raise Mistaken([mistake("dict_type", ("body",))])
    return said


_ENGLISH = {
    "string_too_long": "String should have at most {max_length} characters",
    "extra_forbidden": "Extra inputs are not permitted",
    "missing": "Field required",
    "json_invalid": "JSON decode error",
    "dict_type": "Input should be an object",
}


def mistake(kind: str, loc: tuple[int | str, ...], **values: Any) -> Mapping[str, Any]:
    """As pydantic would have it."""
    return {"type": kind, "loc": loc, "msg": _ENGLISH[kind].format(**values), "ctx": values}


def words(hint: Any) -> Iterator[Word]:
    """Those that stand at a type."""
    if get_origin(hint) is Annotated:
        yield from (one for one in get_args(hint)[1:] if isinstance(one, Word))


def in_words_of(hint: Any, translate: Callable[[Word], Any]) -> Any:
    """The same type with each of our words said by ``translate``."""
    if get_origin(hint) is not Annotated:
        return hint
    kind, *rest = get_args(hint)
    return Annotated[(kind, *(translate(one) if isinstance(one, Word) else one for one in rest))]


class _Missing(Exception):
    pass


class _Request:
    """The request itself."""

    place: tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, request: Request, _: Mapping[str, Any]) -> Any:
        return request


class _Body:
    """A model of the body."""

    place = ("body",)

    def __init__(self, name: str, model: type[BaseModel]) -> None:
        self.name, self._model = name, built(model)

    def read(self, _: Request, said: Mapping[str, Any]) -> Any:
        return self._model.model_validate(said)


class _WholeQuery:
    """A model of all that the query says."""

    place = ("query",)

    def __init__(self, name: str, model: type[BaseModel]) -> None:
        self.name, self._model = name, built(model)

    def read(self, request: Request, _: Mapping[str, Any]) -> Any:
        return self._model.model_validate(dict(request.query_params))


class _Value:
    """One value."""

    def __init__(self, name: str, hint: Any, word: Word, default: Any) -> None:
        self.name = name
        self._alias = word.options.get("alias", name)
        self._default = default
        self._of = {"path": _of_path, "query": _of_query, "header": _of_headers, "cookie": _of_cookies}[word.where]
        self.place = (word.where, self._alias)
        self._many = get_origin(get_args(hint)[0] if get_origin(hint) is Annotated else hint) is tuple
        self._adapter: TypeAdapter[Any] = TypeAdapter(in_words_of(hint, _constraints))

    def read(self, request: Request, _: Mapping[str, Any]) -> Any:
        if self._many:
            found: Any = request.query_params.getlist(self._alias) or None
        else:
            found = self._of(request, self._alias)
        if found is not None:
            return self._adapter.validate_python(found)
        if self._default is inspect.Parameter.empty:
            raise _Missing
        return self._default


def _reader(parameter: inspect.Parameter, hint: Any) -> "_Request | _Body | _WholeQuery | _Value":
    if hint is Request:
        return _Request(parameter.name)
    word = next(words(hint), None)
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return (_WholeQuery if isinstance(word, Query) else _Body)(parameter.name, kind)
    return _Value(parameter.name, hint, word or Path(), parameter.default)


def _constraints(word: Word) -> Any:
    return Field(**{name: value for name, value in word.options.items() if name not in TOLD})


def _of_path(request: Request, name: str) -> Any:
    return request.path_params.get(name)


def _of_query(request: Request, name: str) -> Any:
    return request.query_params.get(name)


def _of_headers(request: Request, name: str) -> Any:
    return request.headers.get(name)


def _of_cookies(request: Request, name: str) -> Any:
    return request.cookies.get(name)
