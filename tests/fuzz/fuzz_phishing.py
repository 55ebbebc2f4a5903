"""Fuzz target for links: any text as a page, and as each side of a link, with lists that name what is in it."""

from freehold.engine.matchers.phishing import AddressList
from freehold.engine.normalise.addresses import compared, domain, host_range, real_form, shown_forms
from freehold.engine.normalise.links import links
from freehold.engine.normalise.safebrowsing import addresses, hashed_forms
from freehold.model.limits import Budget, Limits
from freehold.model.signature import AddressRule, Rejected
from freehold.signatures.languages.clamav_pdb import LANGUAGE

RULES = AddressList([("H", "bank.com", "a.pdb:1"), ("R", r".+\.net:.+\.org/", "a.pdb:2")])


def target(data: bytes) -> None:
    for link in links(data, Budget(Limits())):
        assert len(link.real) <= 1024
        assert len(link.shown) <= 1024
    assert len(list(hashed_forms(data))) <= 36
    assert all(len(address) <= 1024 for address in addresses(data))
    for suffix in (".gdb", ".pdb", ".wdb"):
        assert all(isinstance(one, AddressRule | Rejected) for one in LANGUAGE.parse(data, f"a{suffix}"))
    shown, before = shown_forms(data[:1024])
    start, end = host_range(shown)
    assert 0 <= start <= end <= len(shown)
    assert domain(shown[start:end]) in shown
    assert compared(shown, any_scheme=True) is None or shown.startswith(compared(shown, any_scheme=True) or "")
    RULES.host(shown[start:end], before[:end], start)
    RULES.pair(real_form(data[:1024]), shown)
