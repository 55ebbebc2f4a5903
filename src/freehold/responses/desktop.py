"""A notification on the desktop of the user whose session is there, by the Desktop Notifications Specification 1.2."""

import os
from pathlib import Path

from freehold.model.errors import UsageError
from freehold.model.report import Report
from freehold.responses.summary import Run, Summary
from freehold.responses.wording import count_text, printable

_PATIENCE = 2.0
_SHOWN = 3
_CRITICAL = 2


class DesktopNotice:
    """A report writer that notifies when something was found; without a session it does nothing.

    Attributes:
        trouble: why nobody could be notified though there is a session, "" otherwise.

    Raises:
        UsageError: the library that speaks D-Bus is missing.
    """

    def __init__(self) -> None:
        try:
            import jeepney.io.blocking as jeepney  # noqa: F401 - missing is to be said before the scan
        except ImportError as error:
            raise UsageError("--notify needs a library: pip install 'freehold[desktop]'") from error
        self.trouble = ""
        self._names: list[str] = []

    def file(self, path: bytes, report: Report) -> None:
        """See ``ReportWriter``."""
        if report.detections and len(self._names) < _SHOWN:
            self._names.append(f"{report.detections[0].name} in {os.fsdecode(path.rpartition(b'/')[2])}")

    def end(self, _run: Run, summary: Summary) -> None:
        """See ``ReportWriter``; never raises."""
        bus = _bus()
        if not summary.found or not bus:
            return
        names = self._names + (["…"] if summary.found > len(self._names) else [])
        text = "\n".join(map(printable, names))
        try:
            _notify(bus, f"Freehold found something in {count_text(summary.found, 'file')}", text)
        except Exception as error:  # noqa: BLE001 - whatever a desktop does, the scan counts
            self.trouble = f"no notification could be shown: {error or type(error).__name__}"


def _bus() -> str:
    """Return the address of the session's bus, "" when there is no session."""
    address = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    socket = Path(f"/run/user/{os.getuid()}/bus")
    return address or (f"unix:path={socket}" if socket.exists() else "")


def _notify(bus: str, title: str, text: str) -> None:
    from jeepney import DBusAddress, new_method_call
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    name = "org.freedesktop.Notifications"
    address = DBusAddress("/org/freedesktop/Notifications", bus_name=name, interface=name)
    hints = {"urgency": ("y", _CRITICAL), "category": ("s", "device.error")}
    # The body is markup to some desktops, and names come from strangers.
    body = text.replace("&", "&amp;").replace("<", "&lt;")
    call = new_method_call(
        address, "Notify", "susssasa{sv}i", ("Freehold", 0, "security-high", title, body, [], hints, -1)
    )
    with open_dbus_connection(bus=bus) as connection:
        unwrap_msg(connection.send_and_get_reply(call, timeout=_PATIENCE))
