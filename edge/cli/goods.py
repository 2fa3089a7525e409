"""`marketedge goods`: the common goods that come with the station."""

import json

import click

from edge.between.words import text as words
from edge.config.goods import found


@click.command()
@click.argument("text", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@click.option("--toml", "as_toml", is_flag=True, help="Rows for station.toml, to fill in the prices.")
def goods(text: str, as_json: bool, as_toml: bool) -> None:
    """List common goods, or those that TEXT finds: a name, pinyin initials, a code or a group.

    A row of station.toml needs only the code of one and a price; `[goods] groups` takes whole groups.
    """
    rows = found(text)
    if as_json:
        click.echo(json.dumps([one._asdict() for one in rows], ensure_ascii=False, indent=2))
        return
    for one in rows:
        if as_toml:
            click.echo(f'[[product]]\ncode = "{one.code}"  # {one.name}\nprice = "0"\n')
            continue
        also = f"  ({'、'.join(one.also)})" if one.also else ""
        marks = [
            *(["by the piece"] if one.by == "piece" else []),
            *(["disturbs the enzyme test"] if one.enzyme else []),
        ]
        said = f"  [{', '.join(marks)}]" if marks else ""
        click.echo(
            f"{one.code}  {one.initials:6} {one.group:9} {words('group', one.group).zh}  "
            f"{one.name}  {one.name_en}{also}{said}"
        )
    if not rows:
        raise click.ClickException(f"no goods called {text[:40]}; write a row of your own in station.toml")
