"""Every target by its name, and the module that makes it.

A target's own process imports that module alone: the others would be loaded, and watched, for nothing.
"""

from importlib import import_module

from parts import Target

MODULES = ("devices", "contract", "papers", "files", "wires", "station", "days")


def modules() -> dict[str, str]:
    """The module of each target."""
    return {name: module for module in MODULES for name in import_module(module).MAKERS}


def made(module: str, name: str) -> Target:
    """A target, made when it is asked for; imports nothing else."""
    target: Target = import_module(module).MAKERS[name]()
    return target
