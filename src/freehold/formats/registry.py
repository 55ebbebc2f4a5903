"""The formats that the engine opens, by file type."""

from freehold.model.interfaces import Format

FORMATS: tuple[Format, ...] = ()

BY_TYPE: dict[str, Format] = {type_: format_ for format_ in FORMATS for type_ in format_.types}
