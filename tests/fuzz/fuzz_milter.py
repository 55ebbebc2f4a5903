"""Fuzz target: packets of the milter protocol, and what stands in them."""

from freehold.frontends.milter.packets import (
    LONGEST,
    WANTED,
    Actions,
    BadPacket,
    agreement,
    macros,
    read_offer,
    take,
    texts,
)


def target(data: bytes) -> None:
    buffer = bytearray(data)
    while buffer:
        before = len(buffer)
        try:
            packet = take(buffer)
        except BadPacket:
            break
        if packet is None:
            break
        assert len(buffer) == before - 5 - len(packet.data)
        assert len(packet.data) < LONGEST
        for read in (macros, texts):
            try:
                read(packet.data)
            except BadPacket:
                continue
        try:
            offer = read_offer(packet.data)
        except BadPacket:
            continue
        agreed = agreement(offer, Actions.ADD_FIELDS)
        assert not int.from_bytes(agreed[-4:]) & ~(offer.steps & WANTED)
