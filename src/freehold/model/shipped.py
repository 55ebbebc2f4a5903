"""Tables that are shipped beside the modules that read them."""

from importlib.machinery import ModuleSpec


def table_beside(spec: ModuleSpec | None, name: str) -> bytes:
    """Return a file beside the module with this ``__spec__``, through whatever loaded the module: a worker opens none.

    Raises:
        OSError: there is no such file.
    """
    assert spec is not None and spec.origin is not None  # noqa: S101, PT018 - modules that have files beside them
    directory = spec.origin.rpartition("/")[0]
    data: bytes = spec.loader.get_data(f"{directory}/{name}")  # type: ignore[union-attr]  # all loaders of files have it
    return data
