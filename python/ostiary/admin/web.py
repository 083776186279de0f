"""The parts of aiohttp that serve, loaded without those that ask.

`import aiohttp` loads a client too: connections, cookies, forms, digest authentication. A gateway needs none of it,
and it is a tenth of its memory. So the package is entered into `sys.modules` with its own code not yet run, which the
server's modules do not mind, and is run when somebody else, such as a plugin with a hook, asks it for anything.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp.web_request import BaseRequest
    from aiohttp.web_response import Response
    from aiohttp.web_server import Server

__all__ = ["BaseRequest", "Response", "Server"]

_NAME = "aiohttp"


class _Unfinished(ModuleType):
    """A package whose own code is run when something in it is first asked for."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        _finish(self)
        return getattr(self, name)


def _finish(package: ModuleType) -> None:
    """Runs the package's own code, into the module that others hold already."""
    package.__class__ = ModuleType
    assert package.__spec__ is not None
    assert package.__spec__.loader is not None
    package.__spec__.loader.exec_module(package)


def _start() -> ModuleType | None:
    """The package without its code; None when somebody has loaded it."""
    if _NAME in sys.modules:
        return None
    spec = importlib.util.find_spec(_NAME)
    if spec is None:
        return None
    package = importlib.util.module_from_spec(spec)
    # All that the server's modules ask of the package itself; they tell it to whoever asks, and we do not.
    package.__dict__["__version__"] = ""
    sys.modules[_NAME] = package
    return package


if not TYPE_CHECKING:
    _package = _start()
    try:
        from aiohttp.web_request import BaseRequest
        from aiohttp.web_response import Response
        from aiohttp.web_server import Server
    except ImportError:
        # Another version of aiohttp, whose server asks the package for more.
        if _package is None:
            raise
        _finish(_package)
        from aiohttp.web_request import BaseRequest
        from aiohttp.web_response import Response
        from aiohttp.web_server import Server
    else:
        if _package is not None:
            _package.__class__ = _Unfinished
