"""Fuzz target for Authenticode: the bytes as a program, and as the message in the certificate table of one."""

import struct

from tests.formats.programs import two_sections

from freehold.formats import authenticode, pe
from freehold.model.errors import FreeholdError
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView


def target(data: bytes) -> None:
    signed = two_sections(size=0xC00, directories={4: (0xC00, len(data) + 8)}).build()
    for program in (data, signed + struct.pack("<IHH", len(data) + 8, 0x200, 2) + data):
        view = BytesView(program)
        try:
            signature = authenticode.read(view, pe.read(view), Budget(Limits()))
        except FreeholdError:
            continue
        if signature is not None:
            assert all(isinstance(value, str) for _, value in signature.facts())
            assert signature.wrong or program is not data
